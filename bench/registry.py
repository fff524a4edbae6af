"""Which benchmarks there are, what each has to reach, and how long it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from bench import access, counting, ingest, memory, reads, renewals


@dataclass(frozen=True)
class Benchmark:
    """A program that prints what it sees and returns one figure, and the bound of that figure."""

    program: Callable[[], float]
    relation: Literal["≥", "≤"]
    bound: float
    seconds: int

    def is_reached_by(self, value: float) -> bool:
        """Tell whether a figure is good enough."""
        return value >= self.bound if self.relation == "≥" else value <= self.bound


BENCHMARKS: Final = {
    "ingest_single": Benchmark(ingest.ingest_single, "≥", 0.6, seconds=60),
    "ingest_single_pg": Benchmark(ingest.ingest_single_pg, "≥", 0.6, seconds=75),
    "ingest_naive": Benchmark(ingest.ingest_naive, "≥", 15, seconds=90),
    "ingest_batch": Benchmark(ingest.ingest_batch, "≥", 0.3, seconds=60),
    "drain": Benchmark(counting.drain, "≥", 0.4, seconds=60),
    "usage_flat": Benchmark(counting.usage_flat, "≤", 1.3, seconds=60),
    "memory": Benchmark(memory.memory, "≤", 1.3, seconds=900),
    "invoice_run": Benchmark(renewals.invoice_run, "≥", 5, seconds=60),
    "invoice_flat": Benchmark(renewals.invoice_flat, "≤", 1.3, seconds=60),
    "access_check": Benchmark(access.access_check, "≥", 0.3, seconds=75),
    "access_flat": Benchmark(access.access_flat, "≤", 1.3, seconds=60),
    "read_nested": Benchmark(reads.read_nested, "≥", 3, seconds=60),
    "read_light": Benchmark(reads.read_light, "≥", 4, seconds=60),
}

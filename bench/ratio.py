"""Comparing two processes: the same work by turns, and the median of what one took against the other."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import psutil


@dataclass(frozen=True)
class Side:
    """A server process and one unit of work for it."""

    name: str
    pid: int
    work: Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """Seconds of one unit of work."""

    cpu: float
    wall: float


def compare(product: Side, baseline: Side, units: int, rounds: int) -> float:
    """Return how many times the product's CPU the baseline takes; print both, and the same of wall time."""
    for side in (product, baseline):
        _spent(side, max(1, units // 4))  # caches fill, statements are compiled
    pairs = [(_spent(product, units), _spent(baseline, units)) for _ in range(rounds)]
    for name, costs in zip((product.name, baseline.name), zip(*pairs, strict=True), strict=True):
        cpu, wall = (1000 * median(getattr(cost, kind) for cost in costs) for kind in ("cpu", "wall"))
        print(f"  {name}: {cpu:.2f} ms CPU, {wall:.2f} ms wall each")
    ratios = sorted(theirs.cpu / ours.cpu for ours, theirs in pairs)
    walls = median(theirs.wall / ours.wall for ours, theirs in pairs)
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(f"  {rounds} rounds of {units} by turns: CPU ratio {spread}, median wall ratio {walls:.2f}")
    return median(ratios)


def _spent(side: Side, units: int) -> Cost:
    process = psutil.Process(side.pid)
    cpu, wall = _cpu_seconds(process), time.perf_counter()
    for _ in range(units):
        side.work()
    return Cost((_cpu_seconds(process) - cpu) / units, (time.perf_counter() - wall) / units)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system

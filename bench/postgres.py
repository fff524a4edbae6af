"""A PostgreSQL of the benchmarks' own, with its disk writes as they are by default; or the one at TEST_DATABASE_URL."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.migrate import upgrade
from tests.support import postgres


@dataclass(frozen=True)
class Database:
    """A migrated database, and the server's processes where it is our own."""

    url: str
    scratch: Path

    def cpu_seconds(self) -> float:
        """Return what the server's processes have used, those that ended aside; 0 for a server elsewhere."""
        pid_file = self.scratch / "data/postmaster.pid"
        if not pid_file.exists():
            return 0.0
        parent = psutil.Process(int(pid_file.read_text().split()[0]))
        total = 0.0
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@contextlib.contextmanager
def database() -> Iterator[Database]:
    """Start a server, migrate a database on it, and stop it when the block ends."""
    scratch, lifeline = postgres.make_scratch()
    try:
        (scratch / postgres.DURABLE_MARK).touch()
        url = postgres.create_empty(scratch, "bench")
        upgrade(url)
        yield Database(url, scratch)
    finally:
        postgres.remove_scratch(scratch, lifeline)

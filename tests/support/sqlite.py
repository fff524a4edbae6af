"""SQLite files for tests: one is migrated in a session, every test gets a copy."""

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from tests.support.session import locked, migrate


def copy_template(scratch: Path, target: Path) -> str:
    """Put a migrated database at `target` and return its URL."""
    template = scratch / "template.db"
    with locked(scratch / "sqlite.lock"):
        if not template.exists():
            _migrate(template)
    shutil.copyfile(template, target)
    return url(target)


def url(path: Path) -> str:
    """The URL of the SQLite file at `path`."""
    return f"sqlite+aiosqlite:///{path}"


def join_failed_connections() -> None:
    """Wait for the threads of connections that could not be opened: they report to the loop, which is soon closed."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(5)


def _migrate(template: Path) -> None:
    unfinished = template.with_name("unfinished.db")
    unfinished.unlink(missing_ok=True)
    migrate(url(unfinished))
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a copy takes the main file only
    unfinished.rename(template)

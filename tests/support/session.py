"""What the workers of one test session need of each other, and of their threads."""

import asyncio
import fcntl
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock; the kernel lets go of it for a worker that dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def apart(call: Callable[[], T]) -> T:
    """Call in another thread: an event loop in this one would meet the one pytest-asyncio keeps here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, apart."""
    return apart(lambda: asyncio.run(work))


def migrate(url: str) -> None:
    """Bring a database's schema up to date, apart."""
    from app.migrate import upgrade

    apart(lambda: upgrade(url))

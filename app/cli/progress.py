"""How far a long command is: a bar on a terminal, a line now and then elsewhere. On stderr, as stdout may be data."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from app.cli.terminal import say, text

SECONDS_BETWEEN_LINES = 5


class Progress:
    """Counts steps towards a total, and says what is done in words."""

    def __init__(self, total: int | None) -> None:
        """Take how many steps there are; None where nobody knows."""
        self._console = Console(stderr=True)
        columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bar = Bar(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("", total=total)
        self._said_at = time.monotonic()

    def __enter__(self) -> Self:
        """Show the bar, where there is one."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()

    def advance(self, steps: int, done: str) -> None:
        """Go on by some steps; `done` says what all of them make."""
        self._bar.update(self._task, advance=steps, description=text(done).plain)
        if not self._console.is_terminal and time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            say(done)

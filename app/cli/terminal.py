"""What a person reads: sentences on stderr, tables and progress lines on stdout."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, NoReturn

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from app.cli.target import CommandError

#: Where nobody looks on, tables are as wide as a sentence of an explanation needs.
WIDTH_WITHOUT_TERMINAL = 140
#: Control characters but for the line feed, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
console = Console()


def say(message: str) -> None:
    """Print a sentence beside the output; what it quotes can't move the cursor."""
    typer.echo(_UNPRINTABLE.sub(" ", message), err=True)


def standard_input() -> IO[bytes]:
    """Return the bytes of stdin; raise CommandError where it is closed."""
    if sys.stdin is None:
        raise CommandError("Standard input is closed.")
    return sys.stdin.buffer


def standard_output() -> IO[bytes]:
    """Return stdout for bytes; raise CommandError where it is closed."""
    if sys.stdout is None:
        raise CommandError("Standard output is closed.")
    return sys.stdout.buffer


def fail(message: str) -> NoReturn:
    """Print why the command can't go on, and end it."""
    say(message)
    raise typer.Exit(1)


def line(message: str) -> None:
    """Print one line of progress; what it quotes can't move the cursor."""
    console.print(text(message), soft_wrap=True, highlight=False)


def table(title: str, left: Sequence[str], right: Sequence[str] = ()) -> Table:
    """Return an empty table; its columns break what is too long for them, and cut nothing off."""
    made = Table(title=text(title), title_justify="left")
    for name in left:
        made.add_column(name, overflow="fold")
    for name in right:
        made.add_column(name, overflow="fold", justify="right")
    return made


def show(shown: RenderableType) -> None:
    """Print a table."""
    (console if console.is_terminal else Console(width=WIDTH_WITHOUT_TERMINAL)).print(shown)


@contextmanager
def working_on(what: str) -> Iterator[None]:
    """Show on a terminal what is being done."""
    with console.status(text(what)):
        yield


def text(value: object) -> Text:
    """Return a foreign value as mere text, without markup, escape sequences or line breaks; None is nothing."""
    return Text(_UNPRINTABLE.sub(" ", "" if value is None else str(value)).replace("\n", " "))

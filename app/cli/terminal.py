"""What a person reads: sentences on stderr, tables on stdout."""

from typing import NoReturn

import typer
from rich.console import Console

console = Console()


def say(message: str) -> None:
    """Print a sentence beside the output."""
    typer.echo(message, err=True)


def fail(message: str) -> NoReturn:
    """Print why the command can't go on, and end it."""
    say(message)
    raise typer.Exit(1)

"""What a user types: the commands of domain.md section 11."""

import sys
from typing import NoReturn

import typer

from app.cli.catalog import catalog_cli
from app.cli.demo import demo
from app.cli.due import due_cli
from app.cli.events import events_cli
from app.cli.keys import keys_cli
from app.cli.server import cli as server_cli
from app.cli.target import CommandError
from app.cli.terminal import say
from app.cli.usage import usage_cli
from app.cli.worker import worker

cli = typer.Typer(
    help="Billgraph: an open GraphQL billing API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(server_cli)
cli.add_typer(keys_cli, name="keys")
cli.add_typer(events_cli, name="events")
cli.add_typer(catalog_cli, name="catalog")
cli.add_typer(usage_cli, name="usage")
cli.add_typer(due_cli, name="due")
cli.command()(worker)
cli.command()(demo)


def main() -> None:
    """Run a command; what keeps it from its work is said in a sentence."""
    try:
        try:
            cli()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except CommandError as error:
        _end(str(error))
    except OSError as error:
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        _end(f"{': '.join([*names, error.strerror or str(error) or type(error).__name__])}.")


def _end(message: str) -> NoReturn:
    say(message)
    sys.exit(1)

"""What a user types: the commands of domain.md section 11."""

import sys

import typer

from app.cli.catalog import catalog_cli
from app.cli.demo import demo
from app.cli.events import events_cli
from app.cli.keys import keys_cli
from app.cli.server import cli as server_cli
from app.cli.target import CommandError
from app.cli.terminal import say
from app.db import database_failed

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
cli.command()(demo)


def main() -> None:
    """Run a command; a database that does not answer is said in a sentence."""
    try:
        cli()
    except CommandError as error:
        say(str(error))
        sys.exit(1)
    except Exception as error:  # only a database that is away becomes a sentence; the rest is raised
        if not database_failed(error):
            raise
        say(f"The database does not answer: {type(error).__name__}. BILLGRAPH_DATABASE_URL names it.")
        sys.exit(1)

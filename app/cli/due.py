"""billgraph due: the work that failed."""

from typing import Annotated

import typer

from app.cli.database import run, speaking_to_database
from app.cli.terminal import fail
from app.services.due_registry import parked_items, unpark

due_cli = typer.Typer(no_args_is_help=True, help="Work that fell due and failed: parked, retry.")


@due_cli.command(name="parked")
def parked() -> None:
    """List the work that failed and waits, with why: its id, kind, subject, when it fell due, and the error."""
    with speaking_to_database():
        rows = run(lambda session, _now: parked_items(session))
    for row in rows:
        typer.echo(f"{row.id}  {row.kind}  {row.subject_id}  {row.due_at.isoformat()}  {row.parked_because}")
    if not rows:
        typer.echo("nothing is parked")


@due_cli.command(name="retry")
def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(help="What to try again, by its id; all that is parked without.")
    ] = None,
) -> None:
    """Let work that failed be tried again by whoever bills next."""
    with speaking_to_database():
        found = run(lambda session, _now: unpark(session, ids or None))
    if ids and found < len(set(ids)):
        fail(f"{found} of {len(set(ids))} were parked and are tried again; the others name nothing that is parked.")
    typer.echo(f"{found} to be tried again")


@due_cli.callback()
def due() -> None:
    """Work that fell due and failed."""

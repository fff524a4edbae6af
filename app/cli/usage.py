"""billgraph usage rebuild."""

import asyncio

import typer

from app.cli.database import speaking_to_database
from app.cli.environment import read_settings
from app.clock import SystemClock
from app.db import Sessions, open_engine
from app.metering.rebuild import Rebuilt, rebuild_counters

usage_cli = typer.Typer(no_args_is_help=True, help="What was counted: rebuild.")


@usage_cli.command(name="rebuild")
def rebuild() -> None:
    """Compute all counters of usage again from the events, and say how many came to something else."""

    async def work() -> Rebuilt:
        sessions = Sessions(open_engine(read_settings().database_url), SystemClock(), "cli")
        try:
            return await rebuild_counters(sessions)
        finally:
            await sessions.engine.dispose()

    with speaking_to_database():
        rebuilt = asyncio.run(work())
    typer.echo(f"{rebuilt.counter_count} counters, {rebuilt.changed_count} came to something else and were mended")


@usage_cli.callback()
def usage() -> None:
    """What was counted."""

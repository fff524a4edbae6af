"""billgraph init, serve, migrate, export-schema."""

import json
import sys
from datetime import datetime
from typing import Annotated

import typer
import uvicorn
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uvicorn.config import STARTUP_FAILURE

from app import models
from app.billing.access import Scope
from app.billing.catalog import MerchantDraft
from app.cli.bounded_server import OPTIONS, BoundedServer
from app.cli.database import run, speaking_to_database
from app.cli.environment import read_settings
from app.cli.limits import Limits, allow_open_files
from app.cli.processes import serve_in_processes
from app.cli.terminal import fail
from app.migrate import is_current, upgrade
from app.models import table_of
from app.services.keys import create_key
from app.services.merchants import create_merchant
from app.settings import Profile

cli = typer.Typer()


@cli.command()
def init(
    name: Annotated[str, typer.Option(help="What the merchant is called.")] = "My company",
    currency: Annotated[str, typer.Option(help="Default currency, ISO 4217.")] = "USD",
    timezone: Annotated[str, typer.Option(help="IANA time zone in which periods end.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Create the database, a merchant and an API key, and print the key: it is not shown again."""
    with speaking_to_database():
        upgrade(read_settings().database_url)
    draft = MerchantDraft(name=name, default_currency=currency, timezone=timezone)
    merchant_id, secret = run(lambda session, now: _found(session, now, draft))
    if as_json:
        typer.echo(json.dumps({"merchantId": merchant_id, "apiKey": secret}))
    else:
        typer.echo(f"merchant {merchant_id}\nAPI key  {secret}   (keep it: it is not shown again)")


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; more than one needs PostgreSQL.")] = 1,
) -> None:
    """Serve the API; each process also does what falls due. An empty database gets a merchant and a key first."""
    url = read_settings().database_url
    if url.startswith("sqlite"):
        if workers > 1:
            fail("SQLite is served by one process. For more, set BILLGRAPH_DATABASE_URL to a PostgreSQL database.")
        with speaking_to_database():
            upgrade(url)
    elif not _is_current(url):
        fail("The database's schema is not up to date. Run: billgraph migrate")
    _welcome(f"http://{host}:{port}")
    # Loading the application takes a second, which no other command needs to wait for.
    from app.main import app_from_environment  # noqa: PLC0415

    config = uvicorn.Config(app_from_environment, factory=True, host=host, port=port, **OPTIONS)
    limits = Limits.of(read_settings())
    allow_open_files(limits.connections)
    if workers > 1:
        serve_in_processes(config, limits, workers)
    else:
        _serve_alone(config, limits)


def _serve_alone(config: uvicorn.Config, limits: Limits) -> None:
    server = BoundedServer(config, limits)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    with speaking_to_database():
        upgrade(read_settings().database_url)
    typer.echo("the database is up to date")


@cli.command(name="export-schema")
def export_schema() -> None:
    """Print the GraphQL schema, as it is in schema.graphql."""
    # Making the schema takes a second, which no other command needs to wait for.
    from app.graphql import export_schema as exported_schema  # noqa: PLC0415

    typer.echo(exported_schema(), nl=False)


def _is_current(url: str) -> bool:
    with speaking_to_database():
        return is_current(url)


def _welcome(base: str) -> None:
    founded = run(_found_first)
    typer.echo(f"Billgraph serves {base}/graphql (sandbox: {base}/sandbox/graphql) and {base}/v0/events")
    if read_settings().profile is Profile.DEVELOPMENT:
        typer.echo(f"GraphiQL is at {base}/graphiql")
    if founded is not None:
        typer.echo(f"A new database: merchant {founded[0]}, API key {founded[1]}   (keep it: it is not shown again)")


async def _found_first(session: AsyncSession, now: datetime) -> tuple[str, str] | None:
    if await session.scalar(select(table_of(models.Merchant).c.id).limit(1)) is not None:
        return None
    return await _found(session, now, MerchantDraft(name="My company"))


async def _found(session: AsyncSession, now: datetime, draft: MerchantDraft) -> tuple[str, str]:
    merchant = await create_merchant(session, now, draft)
    _, secret = await create_key(session, merchant.id, now, "first key", [Scope.ALL], None)
    return merchant.id, secret

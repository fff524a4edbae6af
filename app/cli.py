"""What a user types: billgraph init, serve, migrate, keys, export-schema (domain.md section 11)."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, NoReturn, TypeVar

import typer
import uvicorn
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.billing.catalog import MerchantDraft
from app.billing.errors import ErrorCode, Refused, UserError
from app.clock import SystemClock
from app.db import Sessions, database_failed, open_engine
from app.graphql import export_schema as exported_schema
from app.migrate import is_current, upgrade
from app.models import table_of
from app.services.audit import start_recording
from app.services.keys import create_key, revoke_key
from app.services.merchants import create_merchant
from app.settings import Profile, Settings

T = TypeVar("T")
cli = typer.Typer(
    help="Billgraph: an open GraphQL billing API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys_cli = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
cli.add_typer(keys_cli, name="keys")
console = Console()
_MerchantOption = Annotated[str | None, typer.Option("--merchant", help="Merchant id; not needed where there is one.")]


@cli.command()
def init(
    name: Annotated[str, typer.Option(help="What the merchant is called.")] = "My company",
    currency: Annotated[str, typer.Option(help="Default currency, ISO 4217.")] = "USD",
    timezone: Annotated[str, typer.Option(help="IANA time zone in which periods end.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Create the database, a merchant and an API key, and print the key: it is not shown again."""
    upgrade(Settings().database_url)
    draft = MerchantDraft(name=name, default_currency=currency, timezone=timezone)
    merchant_id, secret = _run(lambda session, now: _found(session, now, draft))
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
    url = Settings().database_url
    if url.startswith("sqlite"):
        if workers > 1:
            _fail("SQLite is served by one process. For more, set BILLGRAPH_DATABASE_URL to a PostgreSQL database.")
        upgrade(url)
    elif not is_current(url):
        _fail("The database's schema is not up to date. Run: billgraph migrate")
    _welcome(f"http://{host}:{port}")
    uvicorn.run(
        "app.main:app_from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_level="warning",
    )


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    upgrade(Settings().database_url)
    typer.echo("the database is up to date")


@cli.command(name="export-schema")
def export_schema() -> None:
    """Print the GraphQL schema, as it is in schema.graphql."""
    typer.echo(exported_schema(), nl=False)


@keys_cli.command(name="create")
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    scope: Annotated[list[Scope] | None, typer.Option(help="May be repeated; all unless given.")] = None,
    expires: Annotated[datetime | None, typer.Option(help="When it stops working, UTC.")] = None,
    merchant: _MerchantOption = None,
) -> None:
    """Create an API key and print its secret: it is not shown again."""

    async def work(session: AsyncSession, now: datetime) -> tuple[str, str]:
        owner = await _merchant(session, merchant)
        expiry = expires and expires.replace(tzinfo=now.tzinfo)
        key, secret = await create_key(session, owner.id, now, name, scope or [Scope.ALL], expiry)
        return key.id, secret

    key_id, secret = _run(work)
    typer.echo(f"{key_id}\n{secret}")


@keys_cli.command(name="list")
def list_keys(merchant: _MerchantOption = None) -> None:
    """List a merchant's keys; the secrets are known to nobody but their holders."""

    async def work(session: AsyncSession, _now: datetime) -> list[models.ApiKey]:
        owner = await _merchant(session, merchant)
        mine = table_of(models.ApiKey).c.merchant_id == owner.id
        return list(await session.scalars(select(models.ApiKey).where(mine).order_by(table_of(models.ApiKey).c.id)))

    table = Table("id", "name", "ends in", "scopes", "state", box=None)
    for key in _run(work):
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
        table.add_row(key.id, key.name, key.hint, " ".join(key.scopes), state)
    console.print(table)


@keys_cli.command()
def revoke(key_id: str, merchant: _MerchantOption = None) -> None:
    """Revoke a key, from now on and for good."""

    async def work(session: AsyncSession, now: datetime) -> str:
        return (await revoke_key(session, (await _merchant(session, merchant)).id, now, key_id)).id

    typer.echo(f"revoked {_run(work)}")


def _welcome(base: str) -> None:
    founded = _run(_found_first)
    typer.echo(f"Billgraph serves {base}/graphql (sandbox: {base}/sandbox/graphql) and {base}/v0/events")
    if Settings().profile is Profile.DEVELOPMENT:
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


async def _merchant(session: AsyncSession, merchant_id: str | None) -> models.Merchant:
    merchants = list(await session.scalars(select(models.Merchant).limit(2)))
    if merchant_id is not None:
        merchants = [found] if (found := await session.get(models.Merchant, merchant_id)) else []
    if len(merchants) != 1:
        message = (
            "no such merchant; run billgraph init" if not merchants else "several merchants: name one by --merchant"
        )
        raise Refused((UserError(ErrorCode.NOT_FOUND, "--merchant", message),))
    return merchants[0]


def _run(work: Callable[[AsyncSession, datetime], Awaitable[T]]) -> T:
    """Run one transaction on the configured database, as the actor "cli"."""

    async def transaction() -> T:
        start_recording()
        sessions = Sessions(open_engine(Settings().database_url), SystemClock(), actor="cli")
        try:
            async with sessions.begin() as session:
                return await work(session, sessions.clock.now())
        finally:
            await sessions.engine.dispose()

    try:
        return asyncio.run(transaction())
    except Refused as refused:
        _fail("\n".join(f"{error.field}: {error.message}" for error in refused.errors))


def main() -> None:
    """Run a command; a database that does not answer is said in a sentence."""
    try:
        cli()
    except Exception as error:  # only a database that is away becomes a sentence; the rest is raised
        if not database_failed(error):
            raise
        _say(f"The database does not answer: {type(error).__name__}. BILLGRAPH_DATABASE_URL names it.")
        sys.exit(1)


def _fail(message: str) -> NoReturn:
    _say(message)
    raise typer.Exit(1)


def _say(message: str) -> None:
    typer.echo(message, err=True)

"""billgraph keys create, list, rotate, revoke."""

from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Column, Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.cli.database import find_merchant, run
from app.cli.terminal import console
from app.models import table_of
from app.services.key_rotation import DEFAULT_OVERLAP, rotate_key
from app.services.keys import create_key, revoke_key

keys_cli = typer.Typer(no_args_is_help=True, help="API keys: create, list, rotate, revoke.")
MerchantOption = Annotated[str | None, typer.Option("--merchant", help="Merchant id; not needed where there is one.")]


@keys_cli.command(name="create")
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    scope: Annotated[list[Scope] | None, typer.Option(help="May be repeated; all unless given.")] = None,
    expires: Annotated[datetime | None, typer.Option(help="When it stops working, UTC.")] = None,
    merchant: MerchantOption = None,
) -> None:
    """Create an API key and print its secret: it is not shown again."""

    async def work(session: AsyncSession, now: datetime) -> tuple[str, str]:
        owner = await find_merchant(session, merchant)
        expiry = expires and expires.replace(tzinfo=now.tzinfo)
        key, secret = await create_key(session, owner.id, now, name, scope or [Scope.ALL], expiry)
        return key.id, secret

    key_id, secret = run(work)
    typer.echo(f"{key_id}\n{secret}")


@keys_cli.command(name="list")
def list_keys(merchant: MerchantOption = None) -> None:
    """List a merchant's keys; the secrets are known to nobody but their holders."""

    async def work(session: AsyncSession, now: datetime) -> list[tuple[models.ApiKey, str]]:
        owner = await find_merchant(session, merchant)
        mine = table_of(models.ApiKey).c.merchant_id == owner.id
        keys = await session.scalars(select(models.ApiKey).where(mine).order_by(table_of(models.ApiKey).c.id))
        return [(key, _state(key, now)) for key in keys]

    table = Table(Column("id", no_wrap=True), "name", "ends in", "scopes", "state", box=None)
    for key, state in run(work):
        table.add_row(key.id, key.name, key.hint, " ".join(key.scopes), state)
    console.print(table)


def _state(key: models.ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "valid"
    return f"{'expired' if key.expires_at <= now else 'until'} {key.expires_at:%Y-%m-%d %H:%M}"


@keys_cli.command()
def rotate(
    key_id: str,
    overlap: Annotated[int, typer.Option(help="For how many seconds the old key stays valid, at most 30 days.")] = int(
        DEFAULT_OVERLAP.total_seconds()
    ),
    expires: Annotated[datetime | None, typer.Option(help="When the new one stops working, UTC.")] = None,
    merchant: MerchantOption = None,
) -> None:
    """Let another key take the place of one, and print its secret: it is not shown again."""

    async def work(session: AsyncSession, now: datetime) -> tuple[str, str]:
        owner = await find_merchant(session, merchant)
        expiry = expires and expires.replace(tzinfo=now.tzinfo)
        made, _, secret = await rotate_key(session, owner.id, now, key_id, timedelta(seconds=overlap), expiry)
        return made.id, secret

    new_id, secret = run(work)
    typer.echo(f"{new_id}\n{secret}")


@keys_cli.command()
def revoke(key_id: str, merchant: MerchantOption = None) -> None:
    """Revoke a key, from now on and for good."""

    async def work(session: AsyncSession, now: datetime) -> str:
        return (await revoke_key(session, (await find_merchant(session, merchant)).id, now, key_id)).id

    typer.echo(f"revoked {run(work)}")

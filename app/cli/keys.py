"""billgraph keys create, list, revoke."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.cli.database import find_merchant, run
from app.cli.terminal import console
from app.models import table_of
from app.services.keys import create_key, revoke_key

keys_cli = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
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

    async def work(session: AsyncSession, _now: datetime) -> list[models.ApiKey]:
        owner = await find_merchant(session, merchant)
        mine = table_of(models.ApiKey).c.merchant_id == owner.id
        return list(await session.scalars(select(models.ApiKey).where(mine).order_by(table_of(models.ApiKey).c.id)))

    table = Table("id", "name", "ends in", "scopes", "state", box=None)
    for key in run(work):
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
        table.add_row(key.id, key.name, key.hint, " ".join(key.scopes), state)
    console.print(table)


@keys_cli.command()
def revoke(key_id: str, merchant: MerchantOption = None) -> None:
    """Revoke a key, from now on and for good."""

    async def work(session: AsyncSession, now: datetime) -> str:
        return (await revoke_key(session, (await find_merchant(session, merchant)).id, now, key_id)).id

    typer.echo(f"revoked {run(work)}")

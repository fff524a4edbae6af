"""The commands' way to the database itself, without a server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.attempts import until_won
from app.billing.errors import ErrorCode, Refused, UserError
from app.cli.environment import read_settings
from app.cli.target import CommandError
from app.cli.terminal import fail
from app.clock import SystemClock
from app.db import Sessions, database_failed, open_engine
from app.services.audit import start_recording

T = TypeVar("T")


@contextmanager
def speaking_to_database() -> Iterator[None]:
    """Say in a sentence that the database does not answer."""
    try:
        yield
    except Exception as error:  # what does not come from its being away is raised
        if not database_failed(error):
            raise
        message = f"The database does not answer: {type(error).__name__}. BILLGRAPH_DATABASE_URL names it."
        raise CommandError(message) from error


def run(work: Callable[[AsyncSession, datetime], Awaitable[T]]) -> T:
    """Run one transaction on the configured database, as the actor "cli"."""

    async def transaction() -> T:
        start_recording()
        sessions = Sessions(open_engine(read_settings().database_url), SystemClock(), actor="cli")
        try:
            return await until_won(lambda: _once(sessions, work))
        finally:
            await sessions.engine.dispose()

    try:
        with speaking_to_database():
            return asyncio.run(transaction())
    except Refused as refused:
        fail("\n".join(f"{error.field}: {error.message}" for error in refused.errors))


async def _once(sessions: Sessions, work: Callable[[AsyncSession, datetime], Awaitable[T]]) -> T:
    async with sessions.begin() as session:
        return await work(session, sessions.clock.now())


async def find_merchant(session: AsyncSession, merchant_id: str | None) -> models.Merchant:
    """Return the merchant with this id, or the only one there is."""
    merchants = list(await session.scalars(select(models.Merchant).limit(2)))
    if merchant_id is not None:
        merchants = [found] if (found := await session.get(models.Merchant, merchant_id)) else []
    if len(merchants) != 1:
        message = (
            "no such merchant; run billgraph init" if not merchants else "several merchants: name one by --merchant"
        )
        raise Refused((UserError(ErrorCode.NOT_FOUND, "--merchant", message),))
    return merchants[0]

"""Events as a first version would take them in: one SQLModel session, one add and one commit for each."""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.baselines.raw_asgi import accept, read_body


class NaiveEvent(SQLModel, table=True):
    """One event."""

    __tablename__ = "naive_event"

    idempotency_key: str = Field(primary_key=True)
    type: str
    source: str
    subject: str | None = None
    timestamp: str | None = None
    data: str


_engine = create_async_engine(os.environ["BASELINE_DATABASE_URL"], pool_size=10, max_overflow=20)
_session = async_sessionmaker(_engine, class_=AsyncSession, expire_on_commit=False)


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Store every event, then answer."""
    if scope["type"] != "http":
        return
    body = await read_body(receive)
    if body:
        await _store(json.loads(body))
    await accept(send)


async def _store(event: dict[str, Any]) -> None:
    async with _session() as session:
        session.add(
            NaiveEvent(
                idempotency_key=event["idempotencyKey"],
                type=event["type"],
                source=event["source"],
                subject=event["externalSubject"],
                timestamp=event["timestamp"],
                data=json.dumps(event["data"]),
            )
        )
        await session.commit()

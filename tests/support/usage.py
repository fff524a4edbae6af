"""Usage that is reported to a merchant of the API."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app import models
from app.billing.errors import Refused
from app.metering.allowance import Allowance
from app.metering.metric_usage import MetricUsage, MetricUsageQuery, metric_usages
from app.models import EnvironmentKind
from tests.support.api import Api
from tests.support.storing import catch_up, store
from tests.support.world import JANUARY_31


async def report(api: Api, kind: str, at: datetime, data: dict[str, Any], **subject: str) -> None:
    """Store an event in the environment that the API speaks in, as if it had come in time."""
    wanted = EnvironmentKind.SANDBOX if api.path.startswith("/sandbox") else EnvironmentKind.LIVE
    [environment] = [row for row in await api.rows(models.Environment) if row.kind is wanted]
    envelope = {"type": kind, "source": "test", "timestamp": at.isoformat(), "data": data, **subject}
    async with api.sessions.begin() as session:
        await store(session, environment.id, envelope, JANUARY_31)


async def everything(api: Api) -> dict[str, list[Any]]:
    """Return all rows of all tables, to be compared with those of another instant. What has to be counted is, first."""
    await catch_up(api.sessions)
    named = [getattr(models, name) for name in models.__all__ if name[0].isupper()]
    nouns = [noun for noun in named if issubclass(noun, SQLModel)]
    return {noun.__name__: [row.model_dump() for row in await api.rows(noun)] for noun in nouns}


def allow(owed: list[int]) -> Allowance:
    """Return what a request may read, which notes what it owes for that, and always can."""

    async def pay_debt() -> None:
        """Nothing is asked for."""

    return Allowance(owed.append, pay_debt)


async def metric_usage(
    session: AsyncSession, environment_id: str, query: MetricUsageQuery, allowance: Allowance | None = None
) -> MetricUsage:
    """Return the usage of one metric, as a request of its own would; raise what it is refused for."""
    allowance = allowance or allow([])
    [answer] = await metric_usages(session, environment_id, [query], allowance)
    if isinstance(answer, Refused):
        raise answer
    return answer

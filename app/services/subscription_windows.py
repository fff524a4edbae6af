"""The windows that run in a subscription, brought to what it agrees to after a change, or as its end was moved."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.due import schedule
from app.metering.deciding import period_key
from app.metering.jobs import schedule_job
from app.metering.usage import set_ends
from app.models import UsageJobKind, table_of
from app.services.agreements import Agreement, agreements_of
from app.services.changing import Changing
from app.services.charges import arrears_at, next_boundary
from app.services.phases import calendar_of
from app.services.renewals import RENEWING
from app.services.starts import boundary_of, open_windows


async def fit_windows(session: AsyncSession, changing: Changing) -> None:
    """Let the windows that run end when they do now, and events be counted again that were counted for others.

    The next boundary is never later than it was while something that is billed at it waits for it.
    """
    subscription, now = changing.subscription, changing.now
    environment_id = subscription.environment_id
    agreements = await agreements_of(session, subscription)
    if subscription.status in RENEWING:
        await _fit_rows(session, subscription, now)
        await _fit_boundary(session, changing, agreements)
    await set_ends(session, environment_id, dict(_counter_ends(subscription.id, agreements, now)))
    await schedule_job(session, environment_id, UsageJobKind.SUBSCRIPTION, subscription.id, now)


async def cut_windows(session: AsyncSession, subscription: models.Subscription, now: datetime) -> None:
    """Let all windows that run end now, as periods are counted from another anchor from here on."""
    periods = table_of(models.SubscriptionPeriod)
    mine = (
        periods.c.environment_id == subscription.environment_id,
        periods.c.subscription_id == subscription.id,
        periods.c.calendar_number == subscription.calendar_number,
        periods.c.end_at > now,
    )
    await session.flush()
    await session.execute(update(periods).where(*mine).values(end_at=now))


def begin_windows(
    session: AsyncSession, subscription: models.Subscription, agreements: Sequence[Agreement], now: datetime
) -> None:
    """Begin the windows of a subscription whose periods are counted from now on: a boundary that has passed."""
    subscription.last_boundary_at = now
    open_windows(session, subscription, agreements, now, now)


async def _fit_rows(session: AsyncSession, subscription: models.Subscription, now: datetime) -> None:
    periods, calendar = table_of(models.SubscriptionPeriod).c, calendar_of(subscription)
    running = select(models.SubscriptionPeriod).where(
        periods.environment_id == subscription.environment_id,
        periods.subscription_id == subscription.id,
        periods.calendar_number == subscription.calendar_number,
        periods.start_at <= now,
        periods.end_at > now,
    )
    for period in await session.scalars(running):
        since = replace(calendar, started_at=period.start_at)
        period.end_at = since.window(period.cadence, period.start_at).part.end
    await session.flush()


async def _fit_boundary(session: AsyncSession, changing: Changing, agreements: Sequence[Agreement]) -> None:
    subscription, ending_at = changing.subscription, changing.subscription.ending_at
    if ending_at is not None and ending_at <= changing.now:
        return
    subscription.next_boundary_at = boundary_to_come(subscription, agreements, changing.now)
    await session.flush()
    due = [boundary_of(subscription, changing.customer)]
    await schedule(session, subscription.environment_id, due, changing.now)


def boundary_to_come(subscription: models.Subscription, agreements: Sequence[Agreement], now: datetime) -> datetime:
    """Return the next boundary by what is agreed now.

    It is no later than it was while arrears wait for it: of a window that a change has cut short.
    """
    boundary = next_boundary(subscription, agreements, now)
    before = subscription.next_boundary_at
    if before is None or not now < before < boundary:
        return boundary
    waiting = arrears_at(subscription, agreements, before, subscription.last_boundary_at)
    return before if waiting else boundary


def _counter_ends(
    subscription_id: str, agreements: Iterable[Agreement], now: datetime
) -> Iterator[tuple[str, datetime]]:
    """Yield the keys of the counters of the windows that run, or end now, and when they end."""
    for agreement in agreements:
        calendar = agreement.calendar
        find = calendar.window if calendar.covers(now) else calendar.window_before
        if not calendar.covers(now) and calendar.ended_at != now:
            continue
        for term in agreement.terms:
            if term.metering is not None and term.interval is not None:
                window = find(term.interval, now).part
                yield f"{period_key(subscription_id, term.price_id, window.start)}/0", window.end

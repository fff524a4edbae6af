"""Using units of a metered feature: checked and recorded at once, past the log of events."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.aggregation import Aggregation
from app.billing.catalog.features import check_units
from app.billing.decimals import exact_difference, plain
from app.billing.entitlements import FeatureKind
from app.billing.errors import ErrorCode, Problems
from app.ids import new_idempotency_key
from app.metering.codec import InvalidEvent, decode_event
from app.metering.counting import count_received
from app.metering.facts import LightRow, load_events
from app.metering.received import ReceivedEvent, identify
from app.models import table_of
from app.services.customer_time import customers_now
from app.services.customers import find_customer
from app.services.idempotency import MAX_KEY_LENGTH
from app.services.lookup import find, must_lock, require
from app.services.principal import Principal
from app.services.standings import Asked, Standing, access_now, standings

#: What the events of a use say where they come from.
SOURCE: Final = "entitlementConsume"
#: How far clocks of processes, and waiting for each other, put uses ahead of each other.
SKEW: Final = timedelta(minutes=5)
#: Events of one use, where each counts for one.
MOST_EVENTS: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsumptionDraft:
    """A use as a caller asks for it: of a customer, by its id or your own id of it, and of a feature, by id or key.

    `data` is put into the event besides the amount, for the metric's dimensions.
    """

    customer: str | None = None
    external_id: str | None = None
    feature: str
    amount: Decimal
    data: Any = field(default_factory=dict)


async def consume(
    session: AsyncSession, principal: Principal, now: datetime, key: str | None, draft: ConsumptionDraft
) -> tuple[LightRow, ...]:
    """Use units now, if there are as many left or the limit is soft; return the events that say so.

    Of two callers each sees what the other left, as both lock the customer.
    """
    environment_id, problems = principal.environment_id, Problems()
    customer = await find_customer(session, problems, environment_id, draft.customer, draft.external_id)
    feature = await require(session, problems, "featureKey", models.Feature, environment_id, draft.feature)
    check_units(draft.amount, problems, "amount")
    metric = None
    if feature is not None and feature.kind is not FeatureKind.METERED:
        problems.add(ErrorCode.INVALID, "featureKey", f"the feature is {feature.kind}; only metered ones have units")
    elif feature is not None:
        metric = await find(session, models.BillableMetric, environment_id, feature.billable_metric_id or "")
        if metric is not None and not problems.errors:
            _check_countable(metric, draft, problems)
    problems.raise_if_any()
    assert customer is not None
    assert feature is not None
    assert metric is not None
    at = await customers_now(session, customer, now)
    await must_lock(session, models.Customer, environment_id, customer.id)
    if customer.test_clock_id is None:
        at = await _last_use(session, environment_id, customer.id, metric.event_type, at)
    [standing] = await standings(session, environment_id, [Asked(customer.id, feature.id, at)])
    assert standing is not None
    _check_left(standing, draft, problems)
    problems.raise_if_any()
    key = key or new_idempotency_key()
    received = list(_events(environment_id, customer, metric, draft, key, at, now))
    return await _record(session, environment_id, received)


async def _last_use(
    session: AsyncSession, environment_id: str, customer_id: str, event_type: str, now: datetime
) -> datetime:
    """Return when a customer used something last, where that is a little ahead of now, else now.

    Whoever had the customer's lock before may have begun later, or have a clock that is ahead: what was used then must
    not be overlooked.
    """
    events = table_of(models.MeterEvent).c
    mine = (events.environment_id == environment_id, events.customer_id == customer_id, events.type == event_type)
    ahead = (events.timestamp > now, events.timestamp <= now + SKEW)
    last: datetime | None = await session.scalar(select(func.max(events.timestamp)).where(*mine, *ahead))
    return last or now


async def standing_after(
    session: AsyncSession, principal: Principal, now: datetime, draft: ConsumptionDraft, events: Iterable[LightRow]
) -> Standing:
    """Return how the customer of a use stands with its feature now, or when it was used where that is a little ahead.

    Who repeats a use may have begun before the one that waited for it, and who waited for others is put behind them.
    """

    async def standing(at: datetime | None) -> Standing:
        named = (draft.customer, draft.external_id)
        return await access_now(session, Problems(), principal.environment_id, named, draft.feature, at, now)

    found = await standing(None)
    used_at = max((event.timestamp for event in events), default=found.asked.at)
    # What was amended to a later time is no news of now.
    return await standing(used_at) if found.asked.at < used_at <= found.asked.at + SKEW else found


def _check_countable(metric: models.BillableMetric, draft: ConsumptionDraft, problems: Problems) -> None:
    if metric.aggregation is Aggregation.COUNT and not (draft.amount % 1 == 0 and draft.amount <= MOST_EVENTS):
        message = f"The metric counts events, so give a whole number up to {MOST_EVENTS:,}."
        problems.add(ErrorCode.OUT_OF_RANGE, "amount", message)
    if not isinstance(draft.data, dict):
        problems.add(ErrorCode.INVALID, "data", "Must be an object.")
    elif not problems.errors:
        try:
            decode_event(_body("x", metric, draft, "x"))
        except (InvalidEvent, TypeError) as error:  # the latter where no object is where the amount is to be put
            problems.add(ErrorCode.INVALID, "data", f"Does not make an event: {error}")


def _check_left(standing: Standing, draft: ConsumptionDraft, problems: Problems) -> None:
    if not standing.entitlements:
        problems.add(ErrorCode.NOT_ENTITLED, "featureKey", "the customer has no entitlement to the feature now")
        return
    balance = standing.balance or Decimal(0)
    if not standing.is_soft and draft.amount > balance:
        message = f"{plain(balance)} are left, {plain(exact_difference(draft.amount, balance))} less than that"
        problems.add(ErrorCode.BALANCE_EXCEEDED, "amount", message)


def _events(
    environment_id: str,
    customer: models.Customer,
    metric: models.BillableMetric,
    draft: ConsumptionDraft,
    key: str,
    at: datetime,
    now: datetime,
) -> Iterator[ReceivedEvent]:
    count = int(draft.amount) if metric.aggregation is Aggregation.COUNT else 1
    for place in range(count):
        name = f"{SOURCE}/{place}/{key}"
        if len(name) > MAX_KEY_LENGTH:
            name = f"{SOURCE}/{place}/{hashlib.sha256(key.encode()).hexdigest()}"
        body = _body(customer.id, metric, draft, name)
        event = decode_event(body)
        event.timestamp = at
        yield identify(environment_id, event, now)


def _body(subject: str, metric: models.BillableMetric, draft: ConsumptionDraft, key: str) -> bytes:
    """Return an event of a use as it would be sent."""
    data: dict[str, Any] = json.loads(json.dumps(draft.data, default=str))
    if metric.aggregation is not Aggregation.COUNT:
        *path, last = (metric.value_property or "$").split(".")[1:]
        inner = data
        for name in path:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise TypeError(f"{name} must be an object")
        inner[last] = plain(draft.amount)
    named = {"type": metric.event_type, "source": SOURCE, "subject": subject, "idempotencyKey": key}
    return json.dumps({**named, "data": data}).encode()


async def _record(session: AsyncSession, environment_id: str, received: list[ReceivedEvent]) -> tuple[LightRow, ...]:
    """Store and count the events; refused where one with such a key is there already."""
    await count_received(session, received, received[0].received_at)
    events = await load_events(session, environment_id, [event.id for event in received])
    if any(event.created_at != received[0].received_at for event in events):
        problems = Problems()
        problems.add(ErrorCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey", "another event has this key")
        problems.raise_if_any()
    return tuple(events)

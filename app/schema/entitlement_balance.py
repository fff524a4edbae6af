"""What is left of the units of entitlements, and how that came about."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info, Parent

from app import models
from app.billing.access import Scope
from app.billing.balance_entries import Entry, EntryKind
from app.billing.periods import Period
from app.context import Context
from app.db import Sessions
from app.loaders.owner import Owner
from app.metering.waiting import wait_until_counted
from app.schema.client_error import ClientError
from app.schema.declarations import edge, field, value
from app.schema.enums import describe
from app.services.standings import EARLIEST, history_of, left_of

if TYPE_CHECKING:
    from app.schema.entitlement import Grant

describe(
    EntryKind,
    "What changed a balance, or what no grant covers.",
    {
        EntryKind.GRANTED: "Units were given, by a grant or by the entitlement itself.",
        EntryKind.BURNED: "Units were used; above zero where usage was taken back.",
        EntryKind.OVERAGE: "Units were used that no grant covered.",
        EntryKind.OVERAGE_COVERED: "Units that were given covered what none had covered before.",
        EntryKind.EXPIRED: "A grant expired with units left.",
        EntryKind.VOIDED: "A grant was taken back with units left.",
        EntryKind.RESET: "A usage period ended with units left.",
        EntryKind.RESUMED: "What was left of what the subscription gave before, or was used beyond it, goes on here.",
        EntryKind.ROLLED_OVER: "Units were carried over into the next usage period.",
        EntryKind.OVERAGE_RESET: "What no grant covered was settled, at a reset or at the end.",
        EntryKind.ENDED: "The entitlement ended with units left.",
    },
)
NOW = 'What is left of its units. Example: `"250"`.'
OVER = 'What was used that no grant covers. Beside it no units are left. Example: `"0"`.'


@value("What is left of an entitlement's units.", access=Scope.ENTITLEMENTS_READ)
class EntitlementBalance:
    """Resolvers return pairs of the balance and the overage."""

    balance: Decimal = field(NOW, of=lambda pair: pair[0])
    overage: Decimal = field(OVER, of=lambda pair: pair[1])


@value("A change of an entitlement's balance, or of what no grant covers.", access=Scope.ENTITLEMENTS_READ)
class BalanceEntry:
    """Resolvers return `billing.burn_down.Entry`."""

    at: datetime = field("When it happened; of what was used, the end of the span it was used in.")
    since: datetime | None = field("The start of the span that units were used in; null for all else.")
    kind: EntryKind = field("What happened.")
    balance_change: Decimal = field('By how much the balance changed. Example: `"-40"`.')
    overage_change: Decimal = field('By how much the overage changed. Example: `"0"`.')
    balance: Decimal = field(NOW)
    overage: Decimal = field(OVER)
    grant: Annotated["Grant", strawberry.lazy("app.schema.entitlement")] | None = edge(
        "The grant that it was of; null for what the entitlement gave itself, and for overage.",
        models.Grant,
        "grant_id",
    )


async def balance_by_entitlement(
    sessions: Sessions, owner: Owner, entitlement_ids: Sequence[str]
) -> list[tuple[Decimal, Decimal] | None]:
    """Return what is left of each metered entitlement, and what no grant covers of it."""
    await wait_until_counted(sessions)
    async with sessions.read() as session:
        found = await left_of(session, owner.environment_id, entitlement_ids, sessions.clock.now())
    return [found.get(entitlement_id) for entitlement_id in entitlement_ids]


async def _history_by_entitlement(
    sessions: Sessions, owner: Owner, start: datetime, end: datetime, entitlement_ids: Sequence[str]
) -> list[list[Entry]]:
    await wait_until_counted(sessions)
    async with sessions.read() as session:
        span = Period(start, end)
        found = await history_of(session, owner.environment_id, entitlement_ids, span, sessions.clock.now())
    return [found.get(entitlement_id, []) for entitlement_id in entitlement_ids]


async def resolve_history(
    root: Parent[Any],
    info: Info[Context, None],
    start: Annotated[
        datetime,
        strawberry.argument(name="from", description="The first instant. Example: `2026-08-01T00:00:00Z`."),
    ],
    end: Annotated[
        datetime,
        strawberry.argument(
            name="to", description="The last instant, at most 2 years ahead. Example: `2026-09-01T00:00:00Z`."
        ),
    ],
) -> Any:
    """Return the entries of a span."""
    if end <= start:
        raise ClientError("`to` must be later than `from`.")
    if start < EARLIEST:
        raise ClientError("`from` must not be before the year 2000.")
    return await info.context.loaders.of(_history_by_entitlement, start, end).load(root.id)

"""What gives units of a metered feature: entitlements with their usage periods, and the grants under them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from app.billing.calendars import Calendar
from app.billing.entitlements import DEFAULT_PRIORITY, MeteredTerms
from app.billing.periods import BillingInterval, Period

NONE: Final = Decimal(0)
NEVER: Final = datetime.max.replace(tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class MeteredEntitlement:
    """An entitlement to units of a feature while [started_at, ended_at) lasts.

    Usage periods are counted from `anchor_at`. Each begins with a grant of what the terms issue; the first with
    `first_issue` where that is another amount. `subscription_id` is None for what is issued by hand.
    """

    id: str
    terms: MeteredTerms
    started_at: datetime
    ended_at: datetime | None
    anchor_at: datetime
    timezone: str
    first_issue: Decimal | None = None
    subscription_id: str | None = None

    @property
    def calendar(self) -> Calendar:
        """Its usage periods."""
        return Calendar(self.anchor_at, self.started_at, self.timezone, self.ended_at)

    @property
    def bills_overage(self) -> bool:
        """Whether what no grant covers is owed in money, at once: units that are given later do not cover it."""
        return self.terms.is_soft_limit and not self.terms.preserve_overage_at_reset

    def issue(self, at: datetime) -> Decimal:
        """Return what it gives itself at its start or at a reset."""
        if at == self.started_at and self.first_issue is not None:
            return self.first_issue
        return self.terms.issue_after_reset or NONE

    def is_active(self, instant: datetime) -> bool:
        """Tell whether it gives access to anything at an instant."""
        return self.calendar.covers(instant)

    def period(self, instant: datetime) -> Period | None:
        """Return the usage period that an instant falls into; None where it never ends."""
        if self.terms.usage_period is None:
            return None
        return self.calendar.window(self.terms.usage_period, instant).part

    @property
    def endless(self) -> "MeteredEntitlement":
        """The same, as if it did not end."""
        return replace(self, ended_at=None)

    def begun(self, instant: datetime) -> datetime:
        """Return when it gave the units of the usage period of an instant, though it may have ended since."""
        period = self.endless.period(instant)
        return self.started_at if period is None else period.start

    def has_periods_of(self, other: "MeteredEntitlement") -> bool:
        """Tell whether its usage periods are those of another."""
        same = self.terms.usage_period is other.terms.usage_period
        return same and (self.terms.usage_period is None or self.anchor_at == other.anchor_at)

    def resets(self, until: datetime) -> list[datetime]:
        """Return the ends of usage periods up to an instant at which another begins."""
        if self.terms.usage_period is None or until <= self.started_at:
            return []
        windows = self.calendar.windows_within(self.terms.usage_period, Period(self.started_at, until))
        ends = [window.part.end for window in windows if window.part.end == window.whole.end]
        return [end for end in ends if end <= until and not self.calendar.is_over(end)]


@dataclass(frozen=True, slots=True)
class GivenGrant:
    """Units that are given from an instant on, until they expire or are voided; again at each recurrence until then."""

    id: str
    entitlement_id: str
    amount: Decimal
    effective_at: datetime
    expires_at: datetime | None = None
    priority: int = DEFAULT_PRIORITY
    recurrence: BillingInterval | None = None
    voided_at: datetime | None = None

    @property
    def ended_at(self) -> datetime:
        """When what is left of it is gone. What is used at the instant at which it is voided was used before."""
        voided = NEVER if self.voided_at is None else self.voided_at + TICK
        return min(self.expires_at or NEVER, voided)

    def is_over(self, instant: datetime) -> bool:
        """Tell whether, with all that was used at an instant, what is left of it is gone."""
        return self.ended_at <= instant or (self.voided_at is not None and self.voided_at <= instant)

    def given(self, timezone: str, until: datetime) -> list[datetime]:
        """Return the instants up to another at which it gives its amount: the first, and each recurrence once."""
        if self.effective_at > until or self.ended_at <= self.effective_at:
            return []
        if self.recurrence is None:
            return [self.effective_at]
        calendar = Calendar(self.effective_at, self.effective_at, timezone)
        starts, at = [], self.effective_at
        while at <= until and at < self.ended_at:
            starts.append(at)
            at = calendar.window(self.recurrence, at).part.end
        return starts


def resumes(later: MeteredEntitlement, former: MeteredEntitlement) -> bool:
    """Tell whether an entitlement takes over what one before it of the same subscription left when it ended.

    It does at the end of the other and later, while the usage period runs, or would, in which the other ended.
    """
    if later.first_issue is None or later.subscription_id is None or later.subscription_id != former.subscription_id:
        return False
    ended_at = former.ended_at
    if ended_at is None or not former.started_at < ended_at <= later.started_at:
        return False
    return former.begun(later.started_at) < ended_at


def next_change(
    entitlements: Sequence[MeteredEntitlement], grants: Sequence[GivenGrant], at: datetime
) -> datetime | None:
    """Return the first instant after another at which something happens by itself; None where nothing ever does."""
    instants: list[datetime | None] = []
    for one in entitlements:
        instants += [one.started_at, one.ended_at]
        if one.terms.usage_period is not None and one.is_active(at):
            instants.append(one.calendar.window(one.terms.usage_period, at).part.end)
    zones = {one.id: one.timezone for one in entitlements}
    for grant in grants:
        instants += [grant.effective_at, grant.expires_at]
        if grant.recurrence is not None and grant.effective_at <= at < grant.ended_at:
            calendar = Calendar(grant.effective_at, grant.effective_at, zones[grant.entitlement_id])
            instants.append(calendar.window(grant.recurrence, at).part.end)
    return min((instant for instant in instants if instant is not None and instant > at), default=None)


def forgotten_until(entitlements: Sequence[MeteredEntitlement], until: datetime) -> datetime | None:
    """Return the last reset up to an instant that leaves nothing of what was before it; None where there is none."""
    found = None
    for one in entitlements:
        terms, others = one.terms, [other for other in entitlements if other is not one]
        if terms.preserve_overage_at_reset or terms.reset_max_rollover != NONE:
            continue
        for at in reversed(one.resets(until)):
            if not any(other.started_at < at and not _is_forgotten(other, entitlements, at) for other in others):
                found = at if found is None else max(found, at)
                break
    return found


def _is_forgotten(one: MeteredEntitlement, entitlements: Sequence[MeteredEntitlement], at: datetime) -> bool:
    """Tell whether nothing that an entitlement gave before an instant is there from then on."""
    return one.calendar.is_over(at) and not any(
        later.started_at >= at and resumes(later, one) for later in entitlements
    )

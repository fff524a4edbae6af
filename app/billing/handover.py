"""What becomes of units at a change: what was given for usage periods that still run stays, and is not given again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from app.billing.decimals import exact_difference, exact_sum
from app.billing.grants import NONE, MeteredEntitlement, resumes


@dataclass(frozen=True, slots=True)
class Handover:
    """What a metered entitlement begins with, None for all that its terms issue, and when the ones before it end.

    An end of None is never.
    """

    first_issue: Decimal | None
    ends: dict[str, datetime | None]


def hand_over(formers: Sequence[MeteredEntitlement], new: MeteredEntitlement, at: datetime) -> Handover:
    """Say how an entitlement takes over at an instant from those that the same subscription gave before, in order.

    One with the same usage periods stays until the running one ends; another ends at once, and the burn-down resumes
    what it leaves. So it does with what ended earlier in a usage period that would still run. Nothing of that is given
    again (decision 0026).
    """
    heir, ends, given = replace(new, started_at=at, first_issue=NONE), {}, _Given(formers)
    for former in reversed(formers):
        if former.ended_at is not None and former.ended_at < at:
            if resumes(heir, former):
                given.count(former, at)
            continue
        begun = former.begun(at)
        if begun < at:
            given.count(former, at)
        period = former.endless.period(at)
        stays = begun < at and former.has_periods_of(new)
        ends[former.id] = at if not stays else None if period is None else period.end
    if not given.counted:
        return Handover(None, ends)
    return Handover(max(exact_difference(new.terms.issue_after_reset or NONE, exact_sum(given.units)), NONE), ends)


class _Given:
    """What entitlements gave for usage periods that still run, and what they resumed, each counted once."""

    def __init__(self, formers: Sequence[MeteredEntitlement]) -> None:
        self._formers = formers
        self.counted: set[str] = set()
        self.units: list[Decimal] = []

    def count(self, one: MeteredEntitlement, at: datetime) -> None:
        waiting = [(one, at)]
        while waiting:
            former, at = waiting.pop()
            if former.id in self.counted:
                continue
            self.counted.add(former.id)
            begun = former.begun(at)
            self.units.append(former.issue(begun))
            if begun == former.started_at:
                waiting += [(earlier, begun) for earlier in self._formers if resumes(former, earlier)]

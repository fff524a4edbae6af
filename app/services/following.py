"""What a boundary bills where a subscription goes over to a phase that was planned for it."""

from collections.abc import Sequence
from datetime import datetime

from app.services.agreements import Agreement, kept
from app.services.charges import Charge, Subscribed, charges_at_boundary, charges_once
from app.services.phases import NextPhase


def charges_with_phase(
    subscription: Subscribed,
    agreements: Sequence[Agreement],
    phase: NextPhase | None,
    boundary: datetime,
    since: datetime | None,
) -> list[Charge]:
    """Return what a boundary bills, with what a phase of another plan that begins there charges once."""
    charges = charges_at_boundary(subscription, agreements, boundary, since)
    if phase is None or phase.start_at != boundary or not phase.is_other_plan:
        return charges
    before = (one for one in agreements if one.calendar.runs_before(boundary))
    held = {kept(term) for one in before for term in one.terms}
    return charges + charges_once(subscription, held, agreements, boundary, phase.billing_interval)

"""What is left of a line that was charged in advance when its price stops in the middle of its period."""

from dataclasses import replace
from datetime import datetime

from app.billing.line_inputs import LineInputs
from app.billing.periods import Period
from app.billing.pricing import price_line
from app.billing.proration import Share, seconds


def used_inputs(inputs: LineInputs, period: Period, at: datetime) -> LineInputs:
    """Return the inputs of a line of a period as if its price had been agreed until an instant in it only.

    The part's share is that of the whole period which contains the line's own, so that parts add up however often a
    period is cut.
    """
    whole = seconds(period) if inputs.share is None else inputs.share.whole
    return replace(inputs, share=Share(seconds(Period(period.start, at)), whole))


def unused_minor(inputs: LineInputs, period: Period, at: datetime, *, charged_minor: int, credited_minor: int) -> int:
    """Return what to credit for a line when its price stops at an instant of its period, in minor units.

    That is what was charged, less what is credited already, less the used part rounded: what was charged and what is
    credited always add up (domain.md section 5). It is never below zero. A fee that is an obligation is owed whole.
    """
    if inputs.is_obligation:
        return 0
    used_minor = price_line(used_inputs(inputs, period, at)).amount_minor
    return max(charged_minor - credited_minor - used_minor, 0)

"""What a user may want to become of a subscription."""

from dataclasses import dataclass

from app.billing.lifecycle import ChangeTime


@dataclass(frozen=True, kw_only=True, slots=True)
class TerminationDraft:
    """The end of a subscription as a user wants it. `credit_unused` gives back what it paid in advance beyond now."""

    subscription: str
    at: ChangeTime = ChangeTime.PERIOD_END
    credit_unused: bool = False

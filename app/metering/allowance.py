"""How many events one request may have read for its figures."""

from collections.abc import Callable
from typing import Final

from app.billing.errors import ErrorCode, Refused, UserError

#: For all figures of a request together.
MAX_EVENTS: Final = 500_000
#: What reading one costs.
POINTS_OF_AN_EVENT: Final = 3


class Allowance:
    """What is left of MAX_EVENTS; one for a request."""

    def __init__(self, owe: Callable[[int], None]) -> None:
        """Take whom to tell what the events cost that are going to be read."""
        self.left = MAX_EVENTS
        self._owe = owe

    def take(self, count: int) -> None:
        """Take so many events before they are read; Refused, and nothing taken, where there is not so much left."""
        if count > self.left:
            message = f"More than {MAX_EVENTS:,} events would have to be read, for all that is asked in one request."
            raise Refused((UserError(ErrorCode.OUT_OF_RANGE, "to", f"{message} Ask for less time, or one customer."),))
        self.left -= count
        self._owe(count * POINTS_OF_AN_EVENT)

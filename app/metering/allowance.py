"""How many events one request may have read for its figures."""

from collections.abc import Awaitable, Callable
from typing import Final

from app.billing.errors import ErrorCode, Refused, UserError

#: For all figures of a request together.
MAX_EVENTS: Final = 500_000
#: What reading one costs, and of how many it costs a point to find out that there are too many.
POINTS_OF_AN_EVENT: Final = 3
EVENTS_OF_A_POINT: Final = 10


class Allowance:
    """What is left of MAX_EVENTS; one for a request."""

    def __init__(self, owe: Callable[[int], None], pay_debt: Callable[[], Awaitable[None]]) -> None:
        """Take whom to tell what the events cost that are going to be read, and what pays that, or raises."""
        self.left = MAX_EVENTS
        self._owe = owe
        #: To be called before anything is read, as others may have read for the same caller meanwhile.
        self.pay_debt = pay_debt

    def take(self, count: int) -> None:
        """Take so many events before they are read; Refused, and nothing left, where there is not so much.

        To count them takes time too, so a request has it done in vain but once.
        """
        if count > self.left:
            self.left = 0
            self._owe(count // EVENTS_OF_A_POINT)
            message = f"More than {MAX_EVENTS:,} events would have to be read, for all that is asked in one request."
            raise Refused((UserError(ErrorCode.OUT_OF_RANGE, "to", f"{message} Ask for less time, or one customer."),))
        self.left -= count
        self._owe(count * POINTS_OF_AN_EVENT)

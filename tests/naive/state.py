"""What has happened so far in a replay: of subscriptions, of invoices, and what falls due."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from tests.naive.agreed import Charge, Life, born
from tests.naive.arithmetic import half_up
from tests.naive.history import Credit, History, Typed
from tests.naive.invoices import CreditNote, Invoice, Reason
from tests.naive.totals import Taken
from tests.naive.windows import end_of_day

BOUNDARY, CLOSE, EXPIRE, SUPPLEMENT, START = range(5)


class Due(NamedTuple):
    """What falls due, in the order of its fields: when, boundaries first, then what was noted first."""

    at: datetime
    kind: int
    noted: int
    place: int
    boundary: datetime


@dataclass
class Billed:
    """A window that a price was billed for, with which events; what was charged so far, and taken off that."""

    charge: Charge
    keys: frozenset[str]
    charged_minor: int
    taken: tuple[Taken, ...]


@dataclass
class Draft:
    """An invoice that waits for the end of the grace time. Drafts and invoices are numbered as they are made."""

    made: int
    reason: Reason
    charges: list[Charge]


class Parts(NamedTuple):
    """A line's amount, and its shares of discounts and of tax."""

    amount: int
    discount: int
    tax: int

    def total(self, *, inclusive: bool) -> int:
        return self.amount - self.discount + (0 if inclusive else self.tax)

    def less(self, other: "Parts") -> "Parts":
        return Parts(self.amount - other.amount, self.discount - other.discount, self.tax - other.tax)


NOTHING = Parts(0, 0, 0)


@dataclass
class Booked:
    """A line of an issued invoice, what was credited of it, and whether a change has given back what was not used."""

    charge: Charge | None
    charged: Parts
    credited: Parts = NOTHING
    is_given_back: bool = False

    @property
    def left(self) -> Parts:
        return self.charged.less(self.credited)

    def piece(self, amount: int) -> Parts:
        """What crediting so much of its amount takes: each share is that of all that is credited, less what was."""
        until = self.credited.amount + amount
        share = Fraction(until, self.charged.amount)
        return Parts(until, half_up(self.charged.discount * share), half_up(self.charged.tax * share)).less(
            self.credited
        )


@dataclass
class Account:
    """What became of an issued invoice."""

    made: int
    place: int
    lines: list[Booked]
    total: int
    carried: int
    applied: int
    inclusive: bool
    paid: int = 0
    refunded: int = 0
    reduced: int = 0
    noted: int = 0
    is_void: bool = False

    @property
    def due(self) -> int:
        return 0 if self.is_void else self.total - self.applied - self.paid - self.reduced


@dataclass
class State:
    """What has happened so far. `credit` is a list of currencies and what is left, the oldest first."""

    history: History
    lives: list[Life]
    now: datetime
    due: list[Due] = field(default_factory=list)
    drafts: dict[tuple[int, datetime], Draft] = field(default_factory=dict)
    invoices: list[Invoice] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    notes: list[CreditNote] = field(default_factory=list)
    credit: list[tuple[str, int]] = field(default_factory=list)
    pending: set[int] = field(default_factory=set)
    returned: list[Credit] = field(default_factory=list)
    billed: dict[int, list[Billed]] = field(default_factory=dict)
    typed: list[Typed] = field(default_factory=list)
    noted: int = 0
    made: int = 0

    def give_back(self, currency: str, minor: int) -> None:
        """Note credit that comes of an invoice which was not paid in time, or was voided."""
        if minor:
            self.credit.append((currency, minor))
            self.returned.append(Credit(currency, minor))

    def note(self, at: datetime, kind: int, place: int, boundary: datetime) -> None:
        """Note that something falls due."""
        self.noted += 1
        self.due.append(Due(at, kind, self.noted, place, boundary))

    def note_supplement(self, place: int) -> None:
        """Let what comes late for a subscription that has ended be billed when the day is over."""
        at = end_of_day(self.now, self.lives[place].subscription.zone)
        self.note(at, SUPPLEMENT, place, at)

    def make(self) -> int:
        """The number of the next draft or invoice."""
        self.made += 1
        return self.made

    def first_account(self, place: int) -> Account:
        """The account of a subscription's first invoice."""
        return next(one for one in self.accounts if one.place == place)


def begin(history: History) -> State:
    """Before anything happens."""
    credit = [(one.currency, one.amount_minor) for one in history.credit]
    return State(history, [born(one) for one in history.subscriptions], history.stops()[0], credit=credit)

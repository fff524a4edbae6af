"""What happened to a customer, as plain data: the catalog, the subscriptions, the events, and when each came.

Nothing here knows the product. Amounts of money are in major units, those that end in `_minor` in minor ones.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

Interval = Literal["WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY"]
Aggregation = Literal["COUNT", "SUM", "MAX", "UNIQUE_COUNT"]
GRACE, EXPIRY = timedelta(hours=1), timedelta(days=7)
MINOR_DIGITS = {"JPY": 0, "USD": 2, "KWD": 3, "CLF": 4}


class Tier(NamedTuple):
    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal | None


@dataclass(frozen=True)
class Standard:
    unit_price: Decimal


@dataclass(frozen=True)
class Dynamic:
    min_price: Decimal
    max_price: Decimal
    unit_price_property: str


@dataclass(frozen=True)
class Percentage:
    percentage: Decimal
    fixed_charge: Decimal | None
    min_charge: Decimal | None
    max_charge: Decimal | None
    per_event: bool


@dataclass(frozen=True)
class Volume:
    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Graduated:
    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Package:
    package_size: Decimal
    package_price: Decimal
    free_units: Decimal | None


Model = Standard | Dynamic | Percentage | Volume | Graduated | Package


@dataclass(frozen=True)
class Metric:
    name: str
    event_type: str
    aggregation: Aggregation
    value_property: str | None
    group_by: tuple[tuple[str, str], ...]
    event_from: datetime | None


class Condition(NamedTuple):
    dimension: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Price:
    """A price of a metric, or of a fee where that is None. `cadence` None is the interval of the plan."""

    name: str
    metric: Metric | None
    model: Model
    in_advance: bool = False
    quantity: Decimal | None = None
    conditions: tuple[Condition, ...] = ()
    cadence: Interval | Literal["ONE_TIME"] | None = None
    is_obligation: bool = False
    period_minimum: Decimal | None = None
    period_maximum: Decimal | None = None


class Anchor(NamedTuple):
    """The weekday (0 is Monday), the day, or the day and the month on which periods begin."""

    weekday: int | None = None
    day: int | None = None
    month: int | None = None


@dataclass(frozen=True)
class Plan:
    name: str
    interval: Interval
    anchor: Anchor | None
    currency: str
    tax_inclusive: bool
    prices: tuple[Price, ...]

    def interval_of(self, price: Price) -> Interval | None:
        """How long the windows of a price are; None for what is charged once."""
        return None if price.cadence == "ONE_TIME" else price.cadence or self.interval


@dataclass(frozen=True)
class Catalog:
    metrics: tuple[Metric, ...]
    plans: tuple[Plan, ...]


@dataclass(frozen=True)
class Discount:
    """Of one subscription, by its place, or of the customer. Either a percentage or an amount in a currency.

    One `at_once` is made with its subscription, before Invoice 0; others of a subscription right after.
    """

    subscription: int | None
    percentage: Decimal | None
    amount_minor: int | None
    currency: str | None
    starts_at: datetime
    ends_at: datetime | None
    at_once: bool = False


class Credit(NamedTuple):
    currency: str
    amount_minor: int


@dataclass(frozen=True)
class Subscription:
    """The customer's subscription of a place, counted from 0 in the order of creation.

    `paid_at` is when Invoice 0 is paid, if it is and there is one; `quantities` are of fees, by the price's name.
    A trial lasts `trial_days`; `ending_at` is when it is to end from the beginning.
    """

    place: int
    plan: Plan
    zone: str
    started_at: datetime
    paid_at: datetime | None
    quantities: tuple[tuple[str, Decimal], ...] = ()
    trial_days: int | None = None
    ending_at: datetime | None = None


@dataclass(frozen=True)
class Change:
    """That somebody wants a subscription to go over to a plan, with some quantities of fees, at once or later.

    Later is at the end of the plan's period. What makes no sense is refused: see `naive.changing`.
    """

    subscription: int
    at: datetime
    plan: Plan
    quantities: tuple[tuple[str, Decimal], ...]
    at_period_end: bool


@dataclass(frozen=True)
class End:
    """That somebody wants a subscription to end, at once or at the end of the plan's period."""

    subscription: int
    at: datetime
    at_period_end: bool
    credit_unused: bool


@dataclass(frozen=True)
class Resume:
    """That somebody wants a subscription which is to end to go on."""

    subscription: int
    at: datetime


@dataclass(frozen=True)
class Pay:
    """That all is paid that an invoice of a subscription has due: the one of a number, counted round."""

    subscription: int
    at: datetime
    invoice: int


@dataclass(frozen=True)
class Annul:
    """That an invoice of a subscription is voided."""

    subscription: int
    at: datetime
    invoice: int


@dataclass(frozen=True)
class Note:
    """That somebody wants a credit note: of all of an invoice, of a total of it, or of one of its lines, counted round.

    `amount_minor` None is all that is left.
    """

    subscription: int
    at: datetime
    invoice: int
    line: int | None
    amount_minor: int | None
    refund: bool


Act = Change | End | Resume | Pay | Annul | Note


@dataclass(frozen=True)
class Typed:
    """A line that somebody types by hand at an instant, if the invoice of a subscription's boundary is a draft then."""

    subscription: int
    boundary: datetime
    at: datetime
    description: str
    amount_minor: int
    taxable: bool


Who = Literal["CUSTOMER", "STRANGER"] | None


@dataclass(frozen=True)
class Event:
    """An event as it is sent, `data` being JSON. Of events with the same key the first that arrives counts."""

    key: str
    type: str
    subject: Who
    external_subject: Who
    timestamp: datetime
    arrives_at: datetime
    data: str


class Void(NamedTuple):
    """That the event of a key is withdrawn at an instant, for good: what comes under the key later changes nothing."""

    key: str
    at: datetime


@dataclass(frozen=True)
class History:
    """What happened until an instant, in the customer's time. Discounts and credit are in the order of creation.

    At an instant, first all that falls due until then is done; then subscriptions start, events arrive, some are
    withdrawn, lines are typed and first payments come in; then come `acts`, in their order.
    """

    seed: int
    catalog: Catalog
    tax_rate: Decimal | None
    tax_exemption: str | None
    discounts: tuple[Discount, ...]
    credit: tuple[Credit, ...]
    subscriptions: tuple[Subscription, ...]
    events: tuple[Event, ...]
    voids: tuple[Void, ...]
    typed: tuple[Typed, ...]
    until: datetime
    acts: tuple[Act, ...] = ()

    def stops(self) -> list[datetime]:
        """The instants at which something is done from outside, and the end."""
        instants = {self.until}
        for subscription in self.subscriptions:
            instants.add(subscription.started_at)
            if subscription.paid_at is not None:
                instants.add(subscription.paid_at)
        instants |= {void.at for void in self.voids} | {act.at for act in self.acts}
        instants |= {event.arrives_at for event in self.events} | {line.at for line in self.typed}
        return sorted(instants)

"""What a pricing model is applied to, and what the models share: checking, storing, charging events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from app.billing.decimals import canonical, parse_plain, plain, within_bounds
from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.steps import Step, StepOperation, as_decimal, spell_money, spell_result

WHOLE = Fraction(1)


class TallyKind(StrEnum):
    """What a model that looks at each event does with one: its own price, the least, the most, or no price carried."""

    WITHIN = "WITHIN"
    AT_MINIMUM = "AT_MINIMUM"
    AT_MAXIMUM = "AT_MAXIMUM"
    UNPRICED = "UNPRICED"


@dataclass(frozen=True, slots=True)
class TallyGroup:
    """The events that a model treats alike: how many, the sum of their values, and what they cost where it varies.

    `amount` is the sum of value times price of events that carry prices of their own; None for all others.
    """

    kind: TallyKind
    event_count: int
    value: Decimal
    amount: Decimal | None = None


#: All that a model which looks at each event has to know of any number of them.
EventTally = tuple[TallyGroup, ...]


@dataclass(frozen=True, slots=True)
class Charged:
    """What is to be priced: a quantity that is not negative, in a currency, with the tally where the model needs one.

    `scale` is the share of a period by which all that a model has per period is multiplied: 1 for a whole one.
    """

    quantity: Decimal
    currency: str
    unit: str | None = None
    tally: EventTally | None = None
    scale: Fraction = WHOLE


def charge_of_events(
    charged: Charged, priced: Iterable[tuple[TallyGroup, Fraction, str]]
) -> tuple[Fraction, tuple[Step, ...]]:
    """Return what groups of events cost together, exactly and in major units, with a step for each group.

    Each group comes with its amount and the words for it. Unless it is the only one, a last step says the sum.
    """
    total, steps = Fraction(0), []
    for group, amount, words in priced:
        description = f"{words} {spell_result(amount, charged.currency)}"
        steps.append(Step(StepOperation.PRICE, description, canonical(group.value), as_decimal(amount)))
        total += amount
    if len(steps) != 1:
        description = f"Charge of all events: {spell_money(total, charged.currency)}"
        steps.append(Step(StepOperation.PRICE, description, canonical(charged.quantity), as_decimal(total)))
    return total, tuple(steps)


def tally_to_json(tally: EventTally | None) -> list[dict[str, Any]] | None:
    """Return the stored form of a tally."""
    if tally is None:
        return None
    return [
        {
            "kind": group.kind.value,
            "eventCount": group.event_count,
            "value": plain(group.value),
            "amount": None if group.amount is None else plain(group.amount),
        }
        for group in tally
    ]


def tally_from_json(data: Iterable[Mapping[str, Any]] | None) -> EventTally | None:
    """Read what `tally_to_json` wrote. InvariantBroken when it is something else."""
    if data is None:
        return None
    try:
        return tuple(
            TallyGroup(
                TallyKind(item["kind"]),
                int(item["eventCount"]),
                parse_plain(item["value"]),
                None if item["amount"] is None else parse_plain(item["amount"]),
            )
            for item in data
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvariantBroken("The stored tally of events can't be read.") from error


def check_amount(problems: Problems, field: str, value: Decimal | None, *, above_zero: bool = False) -> bool:
    """Note a problem if a parameter is negative (or zero, where it must be above) or has too many digits.

    None is fine. Say whether there was no problem.
    """
    if value is None:
        return True
    if not within_bounds(value):
        message = "Must have at most 20 digits before and 18 after the point."
    elif above_zero and value <= 0:
        message = "Must be above zero."
    elif value < 0:
        message = "Must not be negative."
    else:
        return True
    problems.add(ErrorCode.OUT_OF_RANGE, field, message)
    return False


def check_range(problems: Problems, field: str, low: Decimal | None, high: Decimal | None, low_name: str) -> None:
    """Note a problem at the upper end of a range if it lies below the lower one, whose parameter is named."""
    if low is not None and high is not None and low > high:
        problems.add(ErrorCode.OUT_OF_RANGE, field, f"Must not be below {low_name}.")


def number_of(data: Mapping[str, object], name: str) -> Decimal:
    """Read a decimal of a stored model. InvariantBroken when it is none."""
    found = data.get(name)
    try:
        if isinstance(found, str):
            return parse_plain(found)
    except ValueError as error:
        raise InvariantBroken(f"The stored {name} is not a decimal.") from error
    raise InvariantBroken(f"The stored {name} is not a decimal.")


def optional_number_of(data: Mapping[str, object], name: str) -> Decimal | None:
    """Read a decimal of a stored model, which may be missing."""
    return None if data.get(name) is None else number_of(data, name)


def written(**parameters: Decimal | str | Sequence[Mapping[str, object]] | None) -> dict[str, object]:
    """Return the stored form of parameters: decimals as plain text, without those that are None."""
    return {
        name: plain(value) if isinstance(value, Decimal) else value
        for name, value in parameters.items()
        if value is not None
    }

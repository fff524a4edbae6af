"""Credit notes: how much of a line is credited, so that pieces of it add up exactly to what it was charged at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.billing.allocation import spread
from app.billing.decimals import half_up
from app.billing.errors import InvariantBroken
from app.billing.tax import TaxBehavior


@dataclass(frozen=True, slots=True)
class Parts:
    """What a line, or a piece of one, is made of, in minor units: its amount, and its shares of discounts and tax."""

    amount_minor: int = 0
    discount_minor: int = 0
    tax_minor: int = 0

    def total_minor(self, behavior: TaxBehavior) -> int:
        """Return what it comes to: with the tax on top, unless prices hold it."""
        net = self.amount_minor - self.discount_minor
        return net + self.tax_minor if behavior is TaxBehavior.EXCLUSIVE else net

    def plus(self, other: "Parts") -> "Parts":
        """Return both together."""
        return Parts(
            self.amount_minor + other.amount_minor,
            self.discount_minor + other.discount_minor,
            self.tax_minor + other.tax_minor,
        )

    def minus(self, other: "Parts") -> "Parts":
        """Return what is left of it without another."""
        return self.plus(Parts(-other.amount_minor, -other.discount_minor, -other.tax_minor))


NOTHING = Parts()


@dataclass(frozen=True, slots=True)
class CreditableLine:
    """A line above zero of an issued invoice: what was charged, and what earlier credit notes took of it."""

    id: str
    charged: Parts
    behavior: TaxBehavior
    credited: Parts = NOTHING

    @property
    def left_minor(self) -> int:
        """What is left of its amount."""
        return self.charged.amount_minor - self.credited.amount_minor

    @property
    def total_left_minor(self) -> int:
        """What is left of its total."""
        return self.charged.minus(self.credited).total_minor(self.behavior)


@dataclass(frozen=True, slots=True)
class PredictedCreditNote:
    """What a credit note comes to: of each line, in all, and what of it is taken off what the invoice has due.

    `beyond_due_minor` is the rest of the total, which is the customer's: its credit, or money to be refunded.
    """

    lines: Mapping[str, Parts]
    sum: Parts
    total_minor: int
    reduces_due_minor: int
    beyond_due_minor: int


def credit_amount(line: CreditableLine, amount_minor: int) -> Parts:
    """Return what crediting so much of a line's amount takes: that, and its shares of discounts and tax.

    Each share is what it is of all that was credited up to now, rounded once, less what earlier credit notes took.
    InvariantBroken for more than is left.
    """
    if not 0 <= amount_minor <= line.left_minor:
        raise InvariantBroken(f"{amount_minor} can't be credited of a line of which {line.left_minor} is left.")
    return _up_to(line, line.credited.amount_minor + amount_minor).minus(line.credited)


def credit_total(line: CreditableLine, total_minor: int) -> Parts:
    """Return what of a line comes to exactly this total, of what is left of it.

    The amount is the least that comes to it. Where no amount does, as its tax goes up by a whole unit, the tax is as
    much lower, and the next credit of the line has it. InvariantBroken for more than is left.
    """
    if not 0 <= total_minor <= line.total_left_minor:
        raise InvariantBroken(f"A total of {total_minor} can't be credited of {line.total_left_minor}.")
    if total_minor == line.total_left_minor:
        return line.charged.minus(line.credited)
    wanted = line.credited.total_minor(line.behavior) + total_minor
    low, high = line.credited.amount_minor, line.charged.amount_minor
    while low < high:
        middle = (low + high) // 2
        if _up_to(line, middle).total_minor(line.behavior) < wanted:
            low = middle + 1
        else:
            high = middle
    piece = _up_to(line, low).minus(line.credited)
    return replace(piece, tax_minor=piece.tax_minor - (piece.total_minor(line.behavior) - total_minor))


def credit_whole(lines: Sequence[CreditableLine], total_minor: int) -> dict[str, Parts]:
    """Spread a total over what is left of lines, by the largest remainder; return what it takes of each.

    InvariantBroken for more than is left of them together.
    """
    left = [line.total_left_minor for line in lines]
    if total_minor == sum(left):
        taken = {line.id: line.charged.minus(line.credited) for line in lines}
    else:
        shares = zip(lines, spread(total_minor, left), strict=True)
        taken = {line.id: credit_total(line, share) for line, share in shares if share}
    return {identifier: parts for identifier, parts in taken.items() if parts != NOTHING}


def predict_credit_note(
    lines: Mapping[str, CreditableLine], credits: Mapping[str, int], due_minor: int
) -> PredictedCreditNote:
    """Return what crediting so much of the amounts of some lines of an invoice comes to, by the ids of the lines.

    `due_minor` is what the invoice has left to pay. InvariantBroken for a line that can't be credited, or not so much.
    """
    unknown = credits.keys() - lines.keys()
    if unknown:
        raise InvariantBroken(f"These lines can't be credited: {', '.join(sorted(unknown))}.")
    taken = {identifier: credit_amount(lines[identifier], amount) for identifier, amount in credits.items()}
    return sum_up(lines, taken, due_minor)


def sum_up(lines: Mapping[str, CreditableLine], taken: Mapping[str, Parts], due_minor: int) -> PredictedCreditNote:
    """Return what pieces of lines come to together, and what becomes of that. What is due is reduced first."""
    together = _sum(taken.values())
    total = sum(parts.total_minor(lines[identifier].behavior) for identifier, parts in taken.items())
    reduces = min(total, max(due_minor, 0))
    return PredictedCreditNote(taken, together, total, reduces, total - reduces)


def _sum(pieces: Iterable[Parts]) -> Parts:
    together = NOTHING
    for parts in pieces:
        together = together.plus(parts)
    return together


def _up_to(line: CreditableLine, amount_minor: int) -> Parts:
    """Return what is credited of a line in all, once so much of its amount is."""
    share = Fraction(amount_minor, line.charged.amount_minor)
    return Parts(amount_minor, half_up(line.charged.discount_minor * share), half_up(line.charged.tax_minor * share))

"""Late usage on invoices: a closed period rated again with all its events, less what earlier lines charged for it.

So are the closed periods whose units grants cover otherwise since, where that changes what they cost.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.adjustments import stored_tax
from app.billing.decimals import exact_difference
from app.billing.discounts import discount_from_json
from app.billing.errors import InvariantBroken
from app.billing.invoicing import AssessedLine, Correction, DiscountSoFar
from app.billing.lifecycle import PaymentTerm
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.measuring import Measured, metering_from_json
from app.billing.money import minor_to_decimal
from app.billing.periods import Period
from app.billing.pricing import PricedLine, price_line
from app.metering.late_usage import LateUsage, close_late_usage, find_late_usage, measure_periods
from app.models import table_of
from app.services.covering import CoverAsked, units_not_billed
from app.services.rating import is_coverable
from app.services.shifted_lines import shifted_periods

_lines = table_of(models.InvoiceLine)
_invoices = table_of(models.Invoice)
_OF_INVOICE = ("summary", "tax_behavior", "subscription_id", "customer_id")
#: So many subscriptions are looked at together: each may have hundreds of closed periods, and a statement takes only so
#: many parameters.
AT_ONCE: Final = 20


class Subscribed(Protocol):
    """A subscription and its customer, be it a model or a light row."""

    id: str
    customer_id: str


@dataclass(frozen=True)
class LateLine:
    """A line for late usage, as an invoice or a preview shows it; `first` is the row of the line that it corrects.

    `is_shifted` says that nothing came late for the period itself.
    """

    first: Row[Any]
    inputs: LineInputs
    priced: PricedLine
    correction: Correction
    usage_counter_id: int
    is_shifted: bool = False

    @property
    def rules_version(self) -> int:
        """The rules by which the period was priced first."""
        return int(self.first.rules_version)

    @property
    def metering(self) -> dict[str, Any]:
        """How the period's events are found and read, as it is stored."""
        return dict(self.first.metering)

    @property
    def taxable(self) -> bool:
        """Whether tax is charged on it."""
        return bool(self.first.taxable)

    @property
    def price_id(self) -> str:
        """The price that is charged."""
        return str(self.first.price_id)

    @property
    def description(self) -> str:
        """What the line is called."""
        return f"{self.first.description} ({'after late usage' if self.is_shifted else 'late usage'})"

    @property
    def payment_term(self) -> PaymentTerm:
        """Whether the period is billed at its start or at its end."""
        term: PaymentTerm = self.first.payment_term
        return term

    @property
    def period(self) -> Period:
        """The closed period."""
        return Period(self.first.period_start, self.first.period_end)

    @property
    def quantity(self) -> Decimal:
        """How much the whole period comes to."""
        return self.inputs.quantity

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.inputs.currency

    @property
    def amount_minor(self) -> int:
        """What is charged beyond the earlier lines, in minor units; below zero where less is owed."""
        return self.priced.amount_minor

    @property
    def exact_amount(self) -> Decimal:
        """The amount before rounding, in major units with 18 places."""
        return self.priced.exact_amount

    @property
    def assessed(self) -> AssessedLine:
        """The line as the totals see it: with the discounts and the tax of the line that it corrects."""
        return AssessedLine(self.amount_minor, None, self.taxable, self.correction)

    @property
    def corrects_line_id(self) -> str:
        """The line that the period was billed by first."""
        return str(self.first.id)


async def late_lines(
    session: AsyncSession, environment_id: str, subscriptions: Iterable[Subscribed], closed_at: datetime | None = None
) -> dict[str, list[LateLine]]:
    """Return the lines for the late usage of subscriptions, by subscription, in the order of the periods.

    With `closed_at` they are to be billed: what comes later will be on another line. The number of statements is the
    same for any number of subscriptions up to AT_ONCE with late usage, and one or two where nothing is late.
    """
    customers = {one.id: one.customer_id for one in subscriptions}
    late = await find_late_usage(session, environment_id, list(customers.values()), list(customers))
    if closed_at is not None and late:
        await close_late_usage(session, late, closed_at)
    by_owner: defaultdict[str, list[LateUsage]] = defaultdict(list)
    for one in late:
        by_owner[one.subscription_id].append(one)
    owners, found = list(by_owner), {}
    for start in range(0, len(owners), AT_ONCE):
        some = [one for owner in owners[start : start + AT_ONCE] for one in by_owner[owner]]
        found.update(await _rated_again(session, environment_id, some, customers))
    return found


async def _rated_again(
    session: AsyncSession, environment_id: str, late: Sequence[LateUsage], customers: Mapping[str, str]
) -> dict[str, list[LateLine]]:
    billed = await _billed(session, environment_id, late)
    shifted = await shifted_periods(session, environment_id, billed.firsts.values())
    if shifted:
        billed = await _billed(session, environment_id, [*late, *shifted])
    moved = set(shifted)
    asked = {}
    for one in (*late, *shifted):
        first = billed.first(one)
        metering, inputs = metering_from_json(first.metering), line_inputs_from_json(first.inputs)
        asked[one] = (metering.metric, inputs.model)
    measured = await measure_periods(session, environment_id, asked)
    not_billed = await _not_billed(session, environment_id, billed, measured, customers)
    found: defaultdict[str, list[LateLine]] = defaultdict(list)
    for one in sorted(asked, key=billed.place):
        first, whole = billed.first(one), measured[one]
        inputs = replace(
            line_inputs_from_json(first.inputs),
            quantity=whole.quantity,
            event_count=whole.event_count,
            tally=whole.tally,
            charged_before=minor_to_decimal(billed.charged_minor[first.id], first.currency),
            uncovered=max(exact_difference(whole.quantity, not_billed[one]), Decimal(0)) if one in not_billed else None,
        )
        priced = price_line(inputs, first.rules_version)
        if one in moved and not priced.amount_minor:
            continue
        line = LateLine(first, inputs, priced, billed.correction_of(first), one.counter_id, is_shifted=one in moved)
        found[one.subscription_id].append(line)
    return found


async def _not_billed(
    session: AsyncSession,
    environment_id: str,
    billed: "_Billed",
    measured: Mapping[LateUsage, Measured],
    customers: Mapping[str, str],
) -> dict[LateUsage, Decimal]:
    """Return how many units of which periods are not billed, where any are."""
    asked = {}
    for one, whole in measured.items():
        first = billed.first(one)
        if is_coverable(replace(line_inputs_from_json(first.inputs), quantity=whole.quantity)):
            metering, window = metering_from_json(first.metering), Period(first.period_start, first.period_end)
            asked[one] = CoverAsked(one.subscription_id, customers[one.subscription_id], metering, window)
    units = await units_not_billed(session, environment_id, list(asked.values())) if asked else []
    return {one: some for one, some in zip(asked, units, strict=True) if some}


@dataclass(frozen=True)
class _Billed:
    """What was billed before: the first lines of periods by their counters, and what came of them and their discounts.

    `charged_minor` is by the id of the first line, whatever invoices it and its corrections are on.
    """

    firsts: Mapping[int, Row[Any]]
    charged_minor: Mapping[str, int]
    discounts: Mapping[str, Mapping[str, DiscountSoFar]]

    def first(self, late: LateUsage) -> Row[Any]:
        """Return the line that a period was billed by first."""
        if late.first_counter_id not in self.firsts:
            raise InvariantBroken(f"The closed period {late.base} was billed by no line.")
        return self.firsts[late.first_counter_id]

    def place(self, late: LateUsage) -> tuple[datetime, datetime, int]:
        """Return where the line of a period stands among others."""
        first = self.first(late)
        return first.period_end, first.period_start, first.position

    def correction_of(self, first: Row[Any]) -> Correction:
        """Return what a line that corrects another takes over from it."""
        # Lines that were made before there were discounts and taxes have none stored.
        taken = first.adjustments.get("discounts", ())
        own = [discount_from_json(item).id for item in taken if item["shareMinor"] is not None]
        discounts = tuple(self.discounts[first.invoice_id][identifier] for identifier in own)
        return Correction(first.invoice_id, discounts, stored_tax(first.adjustments, first.tax_behavior))


async def _billed(session: AsyncSession, environment_id: str, late: Sequence[LateUsage]) -> _Billed:
    """Read what was billed for some periods. Two statements."""
    columns = _lines.c
    counters = {one.first_counter_id for one in late}
    of_invoice = (_invoices.c.environment_id == columns.environment_id) & (_invoices.c.id == columns.invoice_id)
    firsts = (
        await session.execute(
            select(_lines, *(_invoices.c[name] for name in _OF_INVOICE))
            .join(_invoices, of_invoice)
            .where(columns.environment_id == environment_id, columns.usage_counter_id.in_(counters))
            .where(columns.corrects_line_id.is_(None))
        )
    ).all()
    charged = {row.id: row.amount_minor for row in firsts}
    for row in await _covered(session, environment_id, charged):
        charged[row.covers_line_id] += row.amount_minor
    discounts = {row.invoice_id: _discounts_of(row.summary) for row in firsts}
    for row in await _corrections(session, environment_id, discounts):
        if row.corrects_line_id in charged:
            charged[row.corrects_line_id] += row.amount_minor
        _go_on(discounts[row.corrected_invoice_id], row.adjustments)
    return _Billed({row.usage_counter_id: row for row in firsts}, charged, discounts)


async def _covered(session: AsyncSession, environment_id: str, line_ids: Iterable[str]) -> Sequence[Any]:
    """Return what was taken off some lines for units that were not billed."""
    columns = _lines.c
    mine = (columns.environment_id == environment_id, columns.covers_line_id.in_(set(line_ids)))
    return (await session.execute(select(columns.covers_line_id, columns.amount_minor).where(*mine))).all()


async def _corrections(session: AsyncSession, environment_id: str, invoice_ids: Iterable[str]) -> Sequence[Row[Any]]:
    """Return all lines that correct lines of some invoices, with the invoice that each corrects."""
    first = _lines.alias()
    corrects = (first.c.environment_id == _lines.c.environment_id) & (first.c.id == _lines.c.corrects_line_id)
    statement = (
        select(_lines, first.c.invoice_id.label("corrected_invoice_id"))
        .join(first, corrects)
        .where(first.c.environment_id == environment_id, first.c.invoice_id.in_(set(invoice_ids)))
    )
    return (await session.execute(statement)).all()


def _discounts_of(summary: Mapping[str, Any]) -> dict[str, DiscountSoFar]:
    terms = [(discount_from_json(item), item) for item in summary.get("discounts", ())]
    return {one.id: DiscountSoFar(one, item["baseMinor"], item["takenMinor"]) for one, item in terms}


def _go_on(discounts: dict[str, DiscountSoFar], adjustments: Mapping[str, Any]) -> None:
    """Add what a correction changed of the discounts of the invoice that it corrects."""
    for item in adjustments["discounts"]:
        before = discounts[item["id"]]
        base = before.base_minor + item["baseMinor"] - item["baseBeforeMinor"]
        discounts[item["id"]] = DiscountSoFar(before.terms, base, before.taken_minor + item["shareMinor"])

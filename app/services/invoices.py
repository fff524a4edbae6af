"""Invoices: opened as drafts with their lines, issued once under a gapless number."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.adjustments import invoice_summary, line_adjustments
from app.billing.invoicing import AssessedLine, Correction, Series, invoice_number
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, move_invoice
from app.db import insert_if_absent
from app.due import Due, DueKind, schedule
from app.ids import new_id
from app.models import EnvironmentKind, table_of
from app.services.adjusting import Adjusting, adjusting_by_subscription
from app.services.billing_parties import copy_parties
from app.services.credit import settle_with_credit
from app.services.late_lines import LateLine
from app.services.rating import RatedLine


class Opening(NamedTuple):
    """An invoice to be opened for a cause, of which there is no second one.

    `boundary_at` is the boundary it bills; `late` are its lines for usage that came late.
    """

    subscription: models.Subscription
    customer: models.Customer
    reason: InvoiceReason
    cause: str
    lines: Sequence[RatedLine]
    boundary_at: datetime | None = None
    late: Sequence[LateLine] = ()


class Issuing(NamedTuple):
    """A draft to be issued, with its customer, and when it is to be paid."""

    invoice: models.Invoice
    customer: models.Customer
    due_at: datetime


def cause_at(subscription: models.Subscription, instant: datetime) -> str:
    """Return the cause of an invoice that bills what happens to a subscription at an instant."""
    return f"{subscription.id}@{instant.isoformat()}"


async def open_invoices(
    session: AsyncSession, environment_id: str, openings: Sequence[Opening], now: datetime
) -> list[models.Invoice]:
    """Write drafts. A second for the same cause breaks a constraint. So many statements for any number of them."""
    owner = await owner_of(session, environment_id)
    subscriptions = [one.subscription for one in openings]
    adjusting = await adjusting_by_subscription(session, environment_id, subscriptions)
    invoices = [_draft(one, owner, now) for one in openings]
    session.add_all(invoices)
    await session.flush()
    for one, invoice in zip(openings, invoices, strict=True):
        rows = [new_line(invoice, position, line, now) for position, line in enumerate(one.lines)]
        session.add_all(rows)
        covered = add_covered_lines(session, invoice, len(rows), zip(rows, one.lines, strict=True), now)
        late, corrections = add_late_lines(session, invoice, len(rows) + len(covered), one.late, now)
        total_up(invoice, [*rows, *covered, *late], adjusting[one.subscription.id], corrections)
    await session.flush()
    return invoices


def add_late_lines(
    session: AsyncSession, invoice: models.Invoice, position: int, late: Sequence[LateLine], now: datetime
) -> tuple[list[models.InvoiceLine], dict[str, Correction]]:
    """Put lines for late usage onto a draft, from a position on; return them, and what each takes over, by its id."""
    rows = [new_line(invoice, place, line, now, line.usage_counter_id) for place, line in enumerate(late, position)]
    session.add_all(rows)
    return rows, {row.id: line.correction for row, line in zip(rows, late, strict=True)}


def add_covered_lines(
    session: AsyncSession,
    invoice: models.Invoice,
    position: int,
    lines: Iterable[tuple[models.InvoiceLine, RatedLine]],
    now: datetime,
) -> list[models.InvoiceLine]:
    """Put what is taken off lines for units that are not billed onto a draft, from a position on; return it."""
    pairs = [(row, line.covered) for row, line in lines if line.covered is not None]
    rows = []
    for place, (row, covered) in enumerate(pairs, position):
        rows.append(new_line(invoice, place, covered, now))
        rows[-1].covers_line_id = row.id
    session.add_all(rows)
    return rows


def _draft(opening: Opening, owner: "Owner", now: datetime) -> models.Invoice:
    subscription, customer = opening.subscription, opening.customer
    invoice = models.Invoice(
        environment_id=subscription.environment_id,
        id=new_id("inv"),
        created_at=now,
        customer_id=customer.id,
        subscription_id=subscription.id,
        reason=opening.reason,
        cause=opening.cause,
        status=InvoiceStatus.DRAFT,
        series=_series(owner, customer),
        currency=subscription.currency,
        tax_behavior=subscription.tax_behavior,
        billed_to={},
        billed_from={},
        boundary_at=opening.boundary_at,
        paid_minor=0,
        subtotal_minor=0,
        tax_minor=0,
        total_minor=0,
    )
    copy_parties(invoice, customer, owner.merchant)
    return invoice


async def lines_by_invoice(
    session: AsyncSession, environment_id: str, invoice_ids: Collection[str]
) -> dict[str, list[models.InvoiceLine]]:
    """Return the lines of some invoices, each invoice's in their order. One statement."""
    columns = table_of(models.InvoiceLine).c
    mine = (columns.environment_id == environment_id, columns.invoice_id.in_(invoice_ids))
    found: defaultdict[str, list[models.InvoiceLine]] = defaultdict(list)
    for line in await session.scalars(select(models.InvoiceLine).where(*mine).order_by(columns.position)):
        found[line.invoice_id].append(line)
    return found


async def drafted_subscriptions(
    session: AsyncSession, environment_id: str, subscription_ids: Collection[str]
) -> set[str]:
    """Return which subscriptions have a draft, which takes all late usage when it is issued."""
    invoices = table_of(models.Invoice).c
    mine = (invoices.environment_id == environment_id, invoices.subscription_id.in_(subscription_ids))
    draft = (invoices.status == InvoiceStatus.DRAFT, invoices.boundary_at.is_not(None))
    return set(await session.scalars(select(invoices.subscription_id).where(*mine, *draft)))


async def lines_of(session: AsyncSession, invoice: models.Invoice) -> Sequence[models.InvoiceLine]:
    """Return an invoice's lines in their order."""
    return (await lines_by_invoice(session, invoice.environment_id, [invoice.id])).get(invoice.id, [])


def rewrite_lines(lines: Sequence[models.InvoiceLine], rated: Sequence[RatedLine]) -> None:
    """Bring a draft's lines to what was rated last; `rated` stands in the order of `lines`."""
    for line, fresh in zip(lines, rated, strict=True):
        line.sqlmodel_update(_rated_columns(fresh))


def total_up(
    invoice: models.Invoice,
    lines: Sequence[models.InvoiceLine],
    adjusting: Adjusting,
    corrections: Mapping[str, Correction] = {},
) -> None:
    """Bring a draft's totals, and the lines' shares of discounts and tax, to what its lines come to now.

    `corrections` is what lines that correct others take over from these, by the ids of the former.
    """
    assessment = adjusting.assess([assessed(line, corrections.get(line.id)) for line in lines])
    for place, line in enumerate(lines):
        line.adjustments = line_adjustments(assessment, place)
    invoice.subtotal_minor = assessment.subtotal_minor
    invoice.discount_minor = assessment.discount_minor
    invoice.tax_minor = assessment.tax_minor
    invoice.carried_to_credit_minor = assessment.carried_to_credit_minor
    invoice.total_minor = assessment.total_minor
    invoice.summary = invoice_summary(assessment)


def assessed(line: models.InvoiceLine, correction: Correction | None = None) -> AssessedLine:
    """Return what the totals need of a line. One typed by hand is what it says: no discount takes from it."""
    start = None if line.price_id is None or correction is not None else line.period_start
    return AssessedLine(line.amount_minor, start, line.taxable, correction)


async def issue_invoices(session: AsyncSession, environment_id: str, issuing: Sequence[Issuing], now: datetime) -> None:
    """Issue drafts in their order: from now on they never change but for being paid. With nothing to pay they are paid.

    What the customer and the merchant are called, and where they are, is copied here, and the customer's credit is
    applied. Numbers are taken last, so that their row is locked briefly.
    """
    owner = await owner_of(session, environment_id)
    for invoice, customer, due_at in issuing:
        copy_parties(invoice, customer, owner.merchant)
        invoice.status = move_invoice(invoice.status, InvoiceStatus.ISSUED)
        invoice.issued_at, invoice.due_at = now, due_at
    await settle_with_credit(session, environment_id, [one.invoice for one in issuing], now)
    for one in issuing:
        mark_paid_if_settled(one.invoice, now)
    await session.flush()
    overdue = [
        Due(DueKind.INVOICE_OVERDUE, invoice.id, due_at, customer.test_clock_id)
        for invoice, customer, due_at in issuing
        if invoice.status is InvoiceStatus.ISSUED and invoice.reason is not InvoiceReason.SUBSCRIPTION_START
    ]
    await schedule(session, environment_id, overdue, now)
    for series in sorted({one.invoice.series for one in issuing}):
        mine = [one.invoice for one in issuing if one.invoice.series is series]
        first = await _take_numbers(session, environment_id, series, len(mine), now)
        for number, invoice in enumerate(mine, first):
            invoice.number = invoice_number(owner.merchant.invoice_number_prefix, series, number)
    await session.flush()


def mark_paid_if_settled(invoice: models.Invoice, now: datetime) -> None:
    """Turn an issued invoice with nothing left to pay into a paid one."""
    if invoice.due_minor == 0:
        invoice.status = move_invoice(invoice.status, InvoiceStatus.PAID)
        invoice.paid_at = now


async def _take_numbers(session: AsyncSession, environment_id: str, series: Series, count: int, now: datetime) -> int:
    """Take so many numbers of a series, one after the other; return the first."""
    table = table_of(models.InvoiceSequence)
    start = {"environment_id": environment_id, "id": series, "created_at": now, "last_number": 0}
    await insert_if_absent(session, table, start)
    mine = (table.c.environment_id == environment_id, table.c.id == series)
    last = table.c.last_number
    taken = update(table).where(*mine).values(last_number=last + count).returning(last)
    number: int = (await session.execute(taken)).scalar_one()
    return number - count + 1


class Owner(NamedTuple):
    """The merchant that an environment belongs to, and which of its two it is."""

    merchant: models.Merchant
    kind: EnvironmentKind


async def owner_of(session: AsyncSession, environment_id: str) -> Owner:
    """Return whose an environment is."""
    environment = await session.get_one(models.Environment, environment_id)
    return Owner(await session.get_one(models.Merchant, environment.merchant_id), environment.kind)


def _series(owner: Owner, customer: models.Customer) -> Series:
    if customer.test_clock_id is not None:
        return Series.TEST
    return Series.SANDBOX if owner.kind is EnvironmentKind.SANDBOX else Series.LIVE


def new_line(
    invoice: models.Invoice,
    position: int,
    line: RatedLine | LateLine,
    now: datetime,
    usage_counter_id: int | None = None,
) -> models.InvoiceLine:
    """Return the row of a line, with the counter that it is billed from once its period is closed."""
    return models.InvoiceLine(
        environment_id=invoice.environment_id,
        id=new_id("li"),
        created_at=now,
        invoice_id=invoice.id,
        position=position,
        price_id=line.price_id,
        description=line.description,
        payment_term=line.payment_term,
        period_start=line.period.start,
        period_end=line.period.end,
        currency=line.currency,
        metering=line.metering,
        usage_counter_id=usage_counter_id,
        taxable=line.taxable,
        corrects_line_id=line.corrects_line_id,
        **_rated_columns(line),
    )


def _rated_columns(line: RatedLine | LateLine) -> dict[str, Any]:
    return {
        "quantity": line.quantity,
        "amount_minor": line.amount_minor,
        "exact_amount": line.exact_amount,
        "inputs": line.inputs.to_json(),
        "rules_version": line.rules_version,
    }

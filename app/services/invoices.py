"""Invoices: opened as drafts with their lines, issued once under a gapless number."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.adjustments import invoice_summary, line_adjustments
from app.billing.invoicing import AssessedLine, Correction, Series, invoice_number
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, move_invoice
from app.billing.pricing import RULES_VERSION
from app.db import insert_if_absent
from app.ids import new_id
from app.models import EnvironmentKind, table_of
from app.services.adjusting import Adjusting, adjusting_of
from app.services.billing_parties import copy_parties
from app.services.credit import settle_with_credit
from app.services.due import DueKind, schedule
from app.services.rating import RatedLine


async def open_invoice(
    session: AsyncSession,
    subscription: models.Subscription,
    now: datetime,
    reason: InvoiceReason,
    cause_at: datetime,
    lines: Sequence[RatedLine],
    boundary_at: datetime | None = None,
) -> models.Invoice:
    """Write a draft for a cause: a subscription at an instant. A second for the same cause breaks a constraint."""
    customer = await session.get_one(models.Customer, (subscription.environment_id, subscription.customer_id))
    invoice = models.Invoice(
        environment_id=subscription.environment_id,
        id=new_id("inv"),
        created_at=now,
        customer_id=customer.id,
        subscription_id=subscription.id,
        reason=reason,
        cause=f"{subscription.id}@{cause_at.isoformat()}",
        status=InvoiceStatus.DRAFT,
        series=await _series(session, customer),
        currency=subscription.currency,
        tax_behavior=subscription.tax_behavior,
        billed_to={},
        billed_from={},
        boundary_at=boundary_at,
        paid_minor=0,
        subtotal_minor=0,
        tax_minor=0,
        total_minor=0,
    )
    copy_parties(invoice, customer, (await owner_of(session, invoice.environment_id))[0])
    session.add(invoice)
    await session.flush()
    rows = [_line(invoice, position, line, now) for position, line in enumerate(lines)]
    session.add_all(rows)
    total_up(invoice, rows, await adjusting_of(session, subscription))
    await session.flush()
    return invoice


async def lines_of(session: AsyncSession, invoice: models.Invoice) -> Sequence[models.InvoiceLine]:
    """Return an invoice's lines in their order."""
    columns = table_of(models.InvoiceLine).c
    mine = (columns.environment_id == invoice.environment_id, columns.invoice_id == invoice.id)
    return (await session.scalars(select(models.InvoiceLine).where(*mine).order_by(columns.position))).all()


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


async def issue_invoice(session: AsyncSession, invoice: models.Invoice, now: datetime, due_at: datetime) -> None:
    """Issue a draft: from now on it never changes but for being paid. With nothing to pay it is paid at once.

    What the customer and the merchant are called, and where they are, is copied here, and the customer's credit is
    applied. The number is taken last, so that its row is locked briefly.
    """
    customer = await session.get_one(models.Customer, (invoice.environment_id, invoice.customer_id))
    copy_parties(invoice, customer, (await owner_of(session, invoice.environment_id))[0])
    invoice.status = move_invoice(invoice.status, InvoiceStatus.ISSUED)
    invoice.issued_at, invoice.due_at = now, due_at
    await settle_with_credit(session, invoice, now)
    mark_paid_if_settled(invoice, now)
    await session.flush()
    if invoice.status is InvoiceStatus.ISSUED and invoice.reason is not InvoiceReason.SUBSCRIPTION_START:
        clock_id, kind = customer.test_clock_id, DueKind.INVOICE_OVERDUE
        await schedule(session, invoice.environment_id, kind, invoice.id, due_at, clock_id, now)
    invoice.number = await _take_number(session, invoice, now)
    await session.flush()


def mark_paid_if_settled(invoice: models.Invoice, now: datetime) -> None:
    """Turn an issued invoice with nothing left to pay into a paid one."""
    if invoice.due_minor == 0:
        invoice.status = move_invoice(invoice.status, InvoiceStatus.PAID)
        invoice.paid_at = now


async def _take_number(session: AsyncSession, invoice: models.Invoice, now: datetime) -> str:
    table = table_of(models.InvoiceSequence)
    start = {"environment_id": invoice.environment_id, "id": invoice.series, "created_at": now, "last_number": 0}
    await insert_if_absent(session, table, start)
    mine = (table.c.environment_id == invoice.environment_id, table.c.id == invoice.series)
    taken = update(table).where(*mine).values(last_number=table.c.last_number + 1).returning(table.c.last_number)
    number = (await session.execute(taken)).scalar_one()
    merchant, _ = await owner_of(session, invoice.environment_id)
    return invoice_number(merchant.invoice_number_prefix, invoice.series, number)


async def owner_of(session: AsyncSession, environment_id: str) -> tuple[models.Merchant, EnvironmentKind]:
    """Return the merchant that an environment belongs to, and which of its two it is."""
    environment = await session.get_one(models.Environment, environment_id)
    return await session.get_one(models.Merchant, environment.merchant_id), environment.kind


async def _series(session: AsyncSession, customer: models.Customer) -> Series:
    if customer.test_clock_id is not None:
        return Series.TEST
    _, kind = await owner_of(session, customer.environment_id)
    return Series.SANDBOX if kind is EnvironmentKind.SANDBOX else Series.LIVE


def _line(invoice: models.Invoice, position: int, line: RatedLine, now: datetime) -> models.InvoiceLine:
    metering = line.charge.term.metering
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
        metering=None if metering is None else metering.to_json(),
        **_rated_columns(line),
    )


def _rated_columns(line: RatedLine) -> dict[str, Any]:
    return {
        "quantity": line.quantity,
        "amount_minor": line.amount_minor,
        "exact_amount": line.exact_amount,
        "inputs": line.inputs.to_json(),
        "rules_version": RULES_VERSION,
    }

"""Credit notes that people ask for: of lines, of a total, or of all that is left of an invoice."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.corrections import CreditNoteDraft, check_credit_note, minor_of
from app.billing.crediting import CreditableLine, Parts, PredictedCreditNote, credit_amount, credit_whole, sum_up
from app.billing.errors import ErrorCode, Problems
from app.billing.money import minor_to_decimal
from app.models import table_of
from app.services.crediting import CREDITABLE, creditable_lines, write_predicted
from app.services.customer_time import customers_now
from app.services.invoices import lines_of
from app.services.late_purchases import credit_late_purchase
from app.services.lookup import must_lock, require
from app.services.principal import Principal
from app.services.refunds import payments_of


async def create_credit_note(
    session: AsyncSession, principal: Principal, now: datetime, draft: CreditNoteDraft
) -> models.CreditNote:
    """Credit an issued invoice. What is due is reduced first, the rest becomes credit or, if asked, is refunded.

    Of credit notes and payments that race, each sees what the ones before it left.
    """
    environment_id, problems = principal.environment_id, Problems()
    peek = await require(session, problems, "invoiceId", models.Invoice, environment_id, draft.invoice)
    check_credit_note(draft, problems)
    problems.raise_if_any()
    assert peek is not None
    customer = await session.get_one(models.Customer, (environment_id, peek.customer_id))
    now = await customers_now(session, customer, now)
    await must_lock(session, models.Subscription, environment_id, peek.subscription_id)
    invoice = await must_lock(session, models.Invoice, environment_id, peek.id)
    if invoice.status not in CREDITABLE:
        message = f"the invoice is {invoice.status}; only one that is ISSUED, PAID or UNCOLLECTIBLE can be credited"
        problems.add(ErrorCode.INVOICE_NOT_CREDITABLE, "invoiceId", message)
        problems.raise_if_any()
    predicted = await _predicted(session, problems, invoice, draft)
    if draft.refund:
        await _check_refundable(session, problems, predicted, invoice)
    problems.raise_if_any()
    note = await write_predicted(session, invoice, predicted, draft.reason, now, refund=draft.refund)
    await credit_late_purchase(session, invoice, now)
    return note


async def _predicted(
    session: AsyncSession, problems: Problems, invoice: models.Invoice, draft: CreditNoteDraft
) -> PredictedCreditNote:
    """Return what is asked for; nothing, where that is refused."""
    lines = await creditable_lines(session, invoice)
    left_minor = await _left_minor(session, invoice)
    if draft.lines is None:
        left_minor = min(sum(line.total_left_minor for line in lines.values()), left_minor)
        return sum_up(lines, _of_total(problems, lines, left_minor, draft, invoice.currency), invoice.due_minor)
    known = {line.id for line in await lines_of(session, invoice)}
    predicted = sum_up(lines, _of_lines(problems, lines, known, draft, invoice.currency), invoice.due_minor)
    if predicted.total_minor > left_minor:
        _refuse_more(problems, "lines", left_minor, invoice.currency)
    return predicted


async def _left_minor(session: AsyncSession, invoice: models.Invoice) -> int:
    """Return what credit notes left of an invoice as a whole. Lines below zero make it less than its lines."""
    notes = table_of(models.CreditNote).c
    mine = (notes.environment_id == invoice.environment_id, notes.invoice_id == invoice.id)
    credited: int = sum((await session.scalars(select(notes.total_minor).where(*mine))).all())
    return max(invoice.total_minor - invoice.carried_to_credit_minor - credited, 0)


def _of_lines(
    problems: Problems, lines: Mapping[str, CreditableLine], known: Collection[str], draft: CreditNoteDraft, code: str
) -> dict[str, Parts]:
    """Return what is asked for of some lines of an invoice, all of which are known."""
    taken = {}
    for place, asked in enumerate(draft.lines or ()):
        path = f"lines.{place}"
        if asked.line not in lines:
            _refuse_line(problems, f"{path}.lineId", is_known=asked.line in known)
            continue
        line = lines[asked.line]
        amount_minor = line.left_minor
        if asked.amount is not None:
            amount_minor = minor_of(asked.amount, code, f"{path}.amount", problems)
        if amount_minor > line.left_minor or not line.left_minor:
            left = minor_to_decimal(line.left_minor, code)
            message = f"only {left} {code} of the line's amount are not credited yet"
            problems.add(ErrorCode.CREDIT_EXCEEDS_LEFT, f"{path}.amount", message)
            continue
        taken[line.id] = credit_amount(line, amount_minor)
    return taken


def _refuse_line(problems: Problems, path: str, *, is_known: bool) -> None:
    if is_known:
        problems.add(ErrorCode.INVALID, path, "only a line above zero can be credited")
    else:
        problems.add(ErrorCode.NOT_FOUND, path, "names no line of this invoice")


def _of_total(
    problems: Problems, lines: Mapping[str, CreditableLine], left_minor: int, draft: CreditNoteDraft, code: str
) -> dict[str, Parts]:
    """Return what a total takes of which lines: what is asked for, or all that is left."""
    total_minor = left_minor if draft.amount is None else minor_of(draft.amount, code, "amount", problems)
    if total_minor > left_minor or not left_minor:
        _refuse_more(problems, "amount", left_minor, code)
        return {}
    return credit_whole(list(lines.values()), total_minor)


def _refuse_more(problems: Problems, path: str, left_minor: int, code: str) -> None:
    message = f"only {minor_to_decimal(left_minor, code)} {code} of the invoice are not credited yet"
    problems.add(ErrorCode.CREDIT_EXCEEDS_LEFT, path, message)


async def _check_refundable(
    session: AsyncSession, problems: Problems, predicted: PredictedCreditNote, invoice: models.Invoice
) -> None:
    payments = await payments_of(session, invoice.environment_id, invoice.id)
    left_minor = sum(payment.amount_minor - payment.refunded_minor for payment in payments)
    if predicted.beyond_due_minor > left_minor:
        beyond, left = (minor_to_decimal(m, invoice.currency) for m in (predicted.beyond_due_minor, left_minor))
        message = (
            f"{beyond} {invoice.currency} would be refunded, and only {left} {invoice.currency} of the invoice's"
            " payments are not refunded yet; without refund it becomes the customer's credit"
        )
        problems.add(ErrorCode.REFUND_EXCEEDS_PAYMENT, "refund", message)

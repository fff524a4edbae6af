"""Lines typed by hand: put onto a draft and taken off again. What is issued never changes."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.invoices import InvoiceLineDraft, check_invoice_line
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.lifecycle import InvoiceStatus, PaymentTerm
from app.billing.price_models import StandardPrice
from app.billing.pricing import RULES_VERSION, LineInputs, price_line
from app.ids import new_id
from app.services.adjusting import adjusting_of
from app.services.customer_time import customers_now
from app.services.invoices import lines_of, total_up
from app.services.lookup import find, locked, must_lock, require
from app.services.principal import Principal

MAX_LINES = 100


async def add_line(
    session: AsyncSession, principal: Principal, now: datetime, draft: InvoiceLineDraft
) -> tuple[models.InvoiceLine, models.Invoice]:
    """Put a line onto a draft. No discount takes from it, and it is taxed unless it says not."""
    problems = Problems()
    peek = await require(session, problems, "invoiceId", models.Invoice, principal.environment_id, draft.invoice)
    check_invoice_line(draft, problems)
    problems.raise_if_any()
    assert peek is not None
    customer = await session.get_one(models.Customer, (peek.environment_id, peek.customer_id))
    now = await customers_now(session, customer, now)
    subscription, invoice = await _lock(session, peek)
    lines = list(await lines_of(session, invoice))
    if invoice.status is not InvoiceStatus.DRAFT:
        problems.add(ErrorCode.INVOICE_NOT_DRAFT, "invoiceId", _not_draft(invoice))
    elif sum(line.price_id is None for line in lines) >= MAX_LINES:
        message = f"an invoice takes at most {MAX_LINES} lines typed by hand"
        problems.add(ErrorCode.OUT_OF_RANGE, "invoiceId", message)
    problems.raise_if_any()
    line = _typed(invoice, lines, draft, now)
    session.add(line)
    total_up(invoice, [*lines, line], await adjusting_of(session, subscription))
    await session.flush()
    return line, invoice


async def remove_line(session: AsyncSession, principal: Principal, now: datetime, line_id: str) -> models.Invoice:
    """Take a line that was typed by hand off its draft; return the draft."""
    line = await find(session, models.InvoiceLine, principal.environment_id, line_id)
    if line is None:
        raise _no_line()
    if line.price_id is not None:
        raise Refused((UserError(ErrorCode.INVALID, "id", "only a line that was typed by hand can be taken off"),))
    peek = await session.get_one(models.Invoice, (line.environment_id, line.invoice_id))
    customer = await session.get_one(models.Customer, (peek.environment_id, peek.customer_id))
    await customers_now(session, customer, now)
    subscription, invoice = await _lock(session, peek)
    if invoice.status is not InvoiceStatus.DRAFT:
        raise Refused((UserError(ErrorCode.INVOICE_NOT_DRAFT, "id", _not_draft(invoice)),))
    # While this waited for its turn, another caller may have taken it off.
    if await locked(session, models.InvoiceLine, line.environment_id, line.id) is None:
        raise _no_line()
    await session.delete(line)
    rest = [other for other in await lines_of(session, invoice) if other.id != line.id]
    total_up(invoice, rest, await adjusting_of(session, subscription))
    await session.flush()
    return invoice


async def _lock(session: AsyncSession, peek: models.Invoice) -> tuple[models.Subscription, models.Invoice]:
    """Lock in the order of all that change invoices: an invoice that is being issued is issued first."""
    subscription = await must_lock(session, models.Subscription, peek.environment_id, peek.subscription_id)
    return subscription, await must_lock(session, models.Invoice, peek.environment_id, peek.id)


def _typed(
    invoice: models.Invoice, lines: list[models.InvoiceLine], draft: InvoiceLineDraft, now: datetime
) -> models.InvoiceLine:
    """Return the line behind the others, over the period of the first of them."""
    inputs = LineInputs(StandardPrice(draft.unit_price), invoice.currency, draft.quantity, None, None, 0)
    priced = price_line(inputs)
    return models.InvoiceLine(
        environment_id=invoice.environment_id,
        id=new_id("li"),
        created_at=now,
        invoice_id=invoice.id,
        position=lines[-1].position + 1,
        description=draft.description,
        payment_term=PaymentTerm.IN_ARREARS,
        period_start=lines[0].period_start,
        period_end=lines[0].period_end,
        quantity=draft.quantity,
        currency=invoice.currency,
        amount_minor=priced.amount_minor,
        exact_amount=priced.exact_amount,
        inputs=inputs.to_json(),
        rules_version=RULES_VERSION,
        taxable=draft.taxable,
    )


def _no_line() -> Refused:
    return Refused((UserError(ErrorCode.NOT_FOUND, "id", "id names nothing that exists here"),))


def _not_draft(invoice: models.Invoice) -> str:
    return f"the invoice is {invoice.status}; only a DRAFT changes"

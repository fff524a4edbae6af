"""Erasing the personal data of a customer, in its row and in all that the audit log says of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.customer_tokens import CustomerTokenTarget
from app.billing.erasure import CUSTOMER_FIELDS, erased_customer
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import InvoiceStatus, SubscriptionStatus
from app.models import table_of
from app.services.customer_tokens import revoke_customer_tokens
from app.services.lookup import locked_all, to_change
from app.services.principal import Principal

#: How many of what is in the way are named.
_NAMED: Final = 10


async def erase_customer(
    session: AsyncSession, principal: Principal, now: datetime, customer_id: str
) -> models.Customer:
    """Erase a customer's personal data for good; one that is erased already stays as it is.

    Refused with IN_USE while a subscription runs or an invoice is a draft: that is still to be written to somebody.
    Issued invoices keep whom they were issued to, as documents that the law wants kept. Its tokens are revoked.
    """
    subscriptions, invoices = table_of(models.Subscription), table_of(models.Invoice)
    mine = (subscriptions.c.environment_id == principal.environment_id, subscriptions.c.customer_id == customer_id)
    # Who issues an invoice holds its subscription, and may have read whom it is to be issued to.
    ids = (await session.scalars(select(subscriptions.c.id).where(*mine))).all()
    await locked_all(session, models.Subscription, principal.environment_id, ids)
    # Whoever subscribes or changes this customer at the same time waits here, and then sees that it is erased.
    customer = await to_change(session, models.Customer, principal.environment_id, customer_id)
    if customer.erased_at is not None:
        return customer
    problems = Problems()
    running = subscriptions.c.status != SubscriptionStatus.TERMINATED
    await _refuse_any(session, problems, customer, subscriptions, running, "subscriptions that run", "end them first")
    draft = invoices.c.status == InvoiceStatus.DRAFT
    await _refuse_any(
        session, problems, customer, invoices, draft, "invoices that are drafts", "they must be issued first"
    )
    problems.raise_if_any()
    fields = {name: getattr(customer, name) for name in CUSTOMER_FIELDS}
    customer.sqlmodel_update(erased_customer(fields) | {"erased_at": now})
    await revoke_customer_tokens(session, principal, now, CustomerTokenTarget(customer=customer.id))
    await session.flush()  # which leaves an entry of its own, whose values go with the others
    personal = table_of(models.AuditPersonalData)
    own = (personal.c.environment_id == customer.environment_id, personal.c.customer_id == customer.id)
    await session.execute(delete(personal).where(*own))
    return customer


async def _refuse_any(
    session: AsyncSession,
    problems: Problems,
    customer: models.Customer,
    table: Any,
    condition: ColumnElement[bool],
    which: str,
    advice: str,
) -> None:
    columns = table.c
    mine = (columns.environment_id == customer.environment_id, columns.customer_id == customer.id, condition)
    found: Sequence[str] = (
        await session.scalars(select(columns.id).where(*mine).order_by(columns.id).limit(_NAMED))
    ).all()
    if found:
        problems.add(ErrorCode.IN_USE, "id", f"it has {which}: {', '.join(found)}; {advice}")

"""Customers: whom the merchant bills."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import CustomerDraft, address_from_json, address_to_json, check_customer
from app.billing.errors import ErrorCode, Problems
from app.ids import new_id
from app.metering.jobs import schedule_job
from app.models import UsageJobKind, table_of
from app.services.erased import refuse_erased
from app.services.lookup import locked, require, to_change
from app.services.places import refuse_unknown_places
from app.services.principal import Principal

MAX_CUSTOMERS_PER_CLOCK = 100


async def create_customer(
    session: AsyncSession, principal: Principal, now: datetime, draft: CustomerDraft
) -> models.Customer:
    """Create a customer, for good in real time or on the test clock named."""
    problems = Problems()
    check_customer(draft, problems)
    refuse_unknown_places(problems, draft.address, draft.locale)
    await _refuse_taken_external_id(session, problems, principal.environment_id, draft.external_id)
    clock = await _join_clock(session, problems, principal.environment_id, draft.test_clock)
    problems.raise_if_any()
    customer = models.Customer(
        environment_id=principal.environment_id,
        id=new_id("cus"),
        created_at=clock.now if clock else now,
        test_clock_id=clock.id if clock else None,
        **_columns(draft),
    )
    session.add(customer)
    await session.flush()
    await schedule_job(session, customer.environment_id, UsageJobKind.CUSTOMER, customer.id, now)
    return customer


async def update_customer(
    session: AsyncSession, principal: Principal, customer_id: str, changes: Mapping[str, Any]
) -> models.Customer:
    """Change a customer. Issued invoices keep the name and address they were issued to, and their tax."""
    problems = Problems()
    customer = await to_change(session, models.Customer, principal.environment_id, customer_id)
    refuse_erased(problems, "id", customer)
    problems.raise_if_any()
    current = CustomerDraft(
        external_id=customer.external_id,
        name=customer.name,
        email=customer.email,
        address=address_from_json(customer.address),
        tax_id=customer.tax_id,
        locale=customer.locale,
        tax_rate=customer.tax_rate,
        tax_exemption=customer.tax_exemption,
        test_clock=None,
        metadata=customer.details,
    )
    draft = replace(current, **changes)
    check_customer(draft, problems)
    refuse_unknown_places(problems, draft.address, draft.locale)
    await _refuse_taken_external_id(session, problems, principal.environment_id, draft.external_id, customer.id)
    problems.raise_if_any()
    is_renamed = draft.external_id != customer.external_id
    customer.sqlmodel_update(_columns(draft))
    await session.flush()
    if is_renamed:
        now = session.info["at"]
        await schedule_job(session, customer.environment_id, UsageJobKind.CUSTOMER, customer.id, now)
    return customer


async def _join_clock(
    session: AsyncSession, problems: Problems, environment_id: str, clock_id: str | None
) -> models.TestClock | None:
    if clock_id is None:
        return None
    clock = await locked(session, models.TestClock, environment_id, clock_id)
    if clock is None:
        problems.add(ErrorCode.NOT_FOUND, "testClockId", "testClockId names no test clock")
        return None
    columns = table_of(models.Customer).c
    mine = (columns.environment_id == environment_id, columns.test_clock_id == clock.id)
    if (await session.scalar(select(func.count()).where(*mine)) or 0) >= MAX_CUSTOMERS_PER_CLOCK:
        message = f"a test clock holds at most {MAX_CUSTOMERS_PER_CLOCK} customers"
        problems.add(ErrorCode.CLOCK_FULL, "testClockId", message)
    return clock


async def _refuse_taken_external_id(
    session: AsyncSession, problems: Problems, environment_id: str, external_id: str | None, own_id: str = ""
) -> None:
    columns = table_of(models.Customer).c
    other = (columns.environment_id == environment_id, columns.external_id == external_id, columns.id != own_id)
    if external_id is not None and await session.scalar(select(columns.id).where(*other)) is not None:
        problems.add(ErrorCode.TAKEN, "externalId", f'another customer has the external id "{external_id}"')


def _columns(draft: CustomerDraft) -> dict[str, Any]:
    return {
        "external_id": draft.external_id,
        "name": draft.name,
        "email": draft.email,
        "address": address_to_json(draft.address),
        "tax_id": draft.tax_id,
        "locale": draft.locale,
        "tax_rate": draft.tax_rate,
        "tax_exemption": draft.tax_exemption,
        "details": draft.metadata,
    }


async def find_customer(
    session: AsyncSession, problems: Problems, environment_id: str, identifier: str | None, external_id: str | None
) -> models.Customer | None:
    """Return the customer that is named by exactly one of two ways, noting what is wrong with that."""
    if (identifier is None) == (external_id is None):
        problems.add(ErrorCode.INVALID, "customerId", "Give either customerId or externalId.")
        return None
    if identifier is not None:
        return await require(session, problems, "customerId", models.Customer, environment_id, identifier)
    columns = table_of(models.Customer).c
    mine = (columns.environment_id == environment_id, columns.external_id == external_id)
    customer = await session.scalar(select(models.Customer).where(*mine))
    if customer is None:
        problems.add(ErrorCode.NOT_FOUND, "externalId", "externalId names nothing that exists here")
    return customer

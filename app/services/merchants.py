"""Merchants: founded by `billgraph init`, changed by their own keys."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import MerchantDraft, address_from_json, address_to_json, check_merchant
from app.billing.errors import Problems
from app.ids import new_id
from app.models import EnvironmentKind
from app.services.places import refuse_unknown_places
from app.services.principal import Principal

DEFAULT_GRACE_SECONDS = 3600


async def create_merchant(session: AsyncSession, now: datetime, draft: MerchantDraft) -> models.Merchant:
    """Found a merchant with its two environments."""
    problems = Problems()
    check_merchant(draft, problems)
    refuse_unknown_places(problems, draft.address, draft.locale)
    problems.raise_if_any()
    merchant = models.Merchant(id=new_id("org"), created_at=now, **_columns(draft))
    session.add(merchant)
    await session.flush()
    session.add_all(
        models.Environment(id=new_id("env"), merchant_id=merchant.id, kind=kind) for kind in EnvironmentKind
    )
    await session.flush()
    return merchant


async def update_merchant(session: AsyncSession, principal: Principal, changes: Mapping[str, Any]) -> models.Merchant:
    """Change a merchant's settings. What runs already keeps what it copied: zones, currencies, numbers."""
    merchant = await get_merchant(session, principal.merchant_id)
    current = MerchantDraft(
        name=merchant.name,
        default_currency=merchant.default_currency,
        timezone=merchant.timezone,
        invoice_number_prefix=merchant.invoice_number_prefix,
        grace_seconds=merchant.grace_seconds,
        initial_payment_days=merchant.initial_payment_days,
        address=address_from_json(merchant.address),
        tax_id=merchant.tax_id,
        locale=merchant.locale,
    )
    draft = replace(current, **changes)
    problems = Problems()
    check_merchant(draft, problems)
    refuse_unknown_places(problems, draft.address, draft.locale)
    problems.raise_if_any()
    merchant.sqlmodel_update(_columns(draft))
    await session.flush()
    return merchant


async def get_merchant(session: AsyncSession, merchant_id: str) -> models.Merchant:
    """Return the merchant of a checked key."""
    merchant = await session.get(models.Merchant, merchant_id)
    assert merchant is not None, f"merchant {merchant_id} is gone"
    return merchant


def _columns(draft: MerchantDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "default_currency": draft.default_currency,
        "timezone": draft.timezone,
        "invoice_number_prefix": draft.invoice_number_prefix,
        "grace_seconds": draft.grace_seconds,
        "initial_payment_days": draft.initial_payment_days,
        "address": address_to_json(draft.address),
        "tax_id": draft.tax_id,
        "locale": draft.locale,
    }

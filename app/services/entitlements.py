"""Entitlements that are issued by hand, and the units that are granted under any."""

from datetime import datetime
from typing import Final

from dateutil.relativedelta import relativedelta
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog.features import EntitlementDraft, GrantDraft, check_grant, check_kind, check_terms
from app.billing.entitlements import FeatureKind, terms_to_json
from app.billing.errors import ErrorCode, Problems
from app.ids import new_id
from app.services.customer_time import customers_now
from app.services.erased import refuse_erased
from app.services.lookup import must_lock, require, require_open
from app.services.merchants import get_merchant
from app.services.principal import Principal

#: How far back, and how far ahead, an entitlement or a grant may begin.
LONGEST_AGO: Final = relativedelta(months=12)
FURTHEST_AHEAD: Final = relativedelta(years=2)


async def create_entitlement(
    session: AsyncSession, principal: Principal, now: datetime, draft: EntitlementDraft
) -> models.Entitlement:
    """Let a customer use a feature, whatever it subscribes to. Its usage periods are counted from its start."""
    environment_id, problems = principal.environment_id, Problems()
    customer = await require(session, problems, "customerId", models.Customer, environment_id, draft.customer)
    feature = await require_open(session, problems, "featureId", models.Feature, environment_id, draft.feature)
    check_terms(draft.terms, problems, "terms")
    if feature is not None:
        check_kind(draft.terms, feature.kind, problems, "terms")
    if customer is not None:
        now = await customers_now(session, customer, now)
        await must_lock(session, models.Customer, environment_id, customer.id)
        refuse_erased(problems, "customerId", customer)
    started_at = draft.starts_at or now
    _check_begin(started_at, now, problems, "startsAt")
    if draft.ends_at is not None and draft.ends_at <= started_at:
        problems.add(ErrorCode.OUT_OF_RANGE, "endsAt", "Must lie after the start.")
    problems.raise_if_any()
    assert customer is not None
    assert feature is not None
    entitlement = models.Entitlement(
        environment_id=environment_id,
        id=new_id("ent"),
        created_at=now,
        customer_id=customer.id,
        feature_id=feature.id,
        terms=terms_to_json(draft.terms),
        started_at=started_at,
        ended_at=draft.ends_at,
        anchor_at=started_at,
        timezone=(await get_merchant(session, principal.merchant_id)).timezone,
    )
    session.add(entitlement)
    await session.flush()
    return entitlement


async def end_entitlement(
    session: AsyncSession, principal: Principal, now: datetime, identifier: str, ends_at: datetime | None
) -> models.Entitlement:
    """End an entitlement that was issued by hand, now or later. What a subscription gives ends with that."""
    problems = Problems()
    entitlement, now = await _locked(session, problems, principal, now, "id", identifier)
    problems.raise_if_any()
    assert entitlement is not None
    ends_at = ends_at or now
    if entitlement.subscription_id is not None:
        message = f"{entitlement.subscription_id} gives it: change or end that"
        problems.add(ErrorCode.INVALID, "id", message)
    elif entitlement.ended_at is not None and entitlement.ended_at <= ends_at:
        message = f"it ends at {entitlement.ended_at.isoformat()} already"
        problems.add(ErrorCode.NOTHING_CHANGES, "endsAt", message)
    elif ends_at < max(now, entitlement.started_at):
        problems.add(ErrorCode.OUT_OF_RANGE, "endsAt", "Must not lie before now, nor before the start.")
    problems.raise_if_any()
    entitlement.ended_at = ends_at
    await session.flush()
    return entitlement


async def create_grant(session: AsyncSession, principal: Principal, now: datetime, draft: GrantDraft) -> models.Grant:
    """Give units under a metered entitlement, from some time back or ahead on. Units used meanwhile are taken out."""
    problems = Problems()
    entitlement, now = await _locked(session, problems, principal, now, "entitlementId", draft.entitlement)
    check_grant(draft, problems)
    effective_at = draft.effective_at or now
    if draft.expires_at is not None and draft.expires_at <= effective_at:
        problems.add(ErrorCode.OUT_OF_RANGE, "expiresAt", "Must lie after effectiveAt.")
    _check_begin(effective_at, now, problems, "effectiveAt")
    if entitlement is not None:
        _check_open(entitlement, effective_at, now, problems)
    problems.raise_if_any()
    assert entitlement is not None
    grant = models.Grant(
        environment_id=entitlement.environment_id,
        id=new_id("grt"),
        created_at=now,
        entitlement_id=entitlement.id,
        amount=draft.amount,
        priority=draft.priority,
        effective_at=effective_at,
        expires_at=draft.expires_at,
        recurrence=draft.recurrence,
        details=draft.metadata,
    )
    session.add(grant)
    await session.flush()
    return grant


async def void_grant(session: AsyncSession, principal: Principal, now: datetime, identifier: str) -> models.Grant:
    """Take back what is left of a grant, and all that it would give later. What was used of it stays used."""
    problems = Problems()
    grant = await require(session, problems, "id", models.Grant, principal.environment_id, identifier)
    problems.raise_if_any()
    assert grant is not None
    _, now = await _locked(session, problems, principal, now, "id", grant.entitlement_id)
    grant = await must_lock(session, models.Grant, principal.environment_id, identifier)
    if grant.effective_at is None:
        problems.add(ErrorCode.INVALID, "id", f"it waits for the payment of {grant.invoice_id}: void that instead")
    elif grant.voided_at is not None:
        problems.add(ErrorCode.NOTHING_CHANGES, "id", "the grant is void already")
    elif grant.expires_at is not None and grant.expires_at <= now:
        problems.add(ErrorCode.NOTHING_CHANGES, "id", "the grant has expired")
    problems.raise_if_any()
    grant.voided_at = now
    await session.flush()
    return grant


async def _locked(
    session: AsyncSession, problems: Problems, principal: Principal, now: datetime, field: str, identifier: str
) -> tuple[models.Entitlement | None, datetime]:
    """Return an entitlement and its customer's time, with the customer locked: whoever uses units waits here."""
    environment_id = principal.environment_id
    entitlement = await require(session, problems, field, models.Entitlement, environment_id, identifier)
    if entitlement is None:
        return None, now
    customer = await session.get_one(models.Customer, (environment_id, entitlement.customer_id))
    now = await customers_now(session, customer, now)
    await must_lock(session, models.Customer, environment_id, customer.id)
    return await must_lock(session, models.Entitlement, environment_id, entitlement.id), now


def _check_open(entitlement: models.Entitlement, effective_at: datetime, now: datetime, problems: Problems) -> None:
    if FeatureKind(entitlement.terms["kind"]) is not FeatureKind.METERED:
        problems.add(ErrorCode.INVALID, "entitlementId", "only a metered entitlement has units")
    if entitlement.ended_at is not None and entitlement.ended_at <= max(effective_at, now):
        message = f"the entitlement ends at {entitlement.ended_at.isoformat()}"
        problems.add(ErrorCode.ENTITLEMENT_ENDED, "entitlementId", message)
    if effective_at < entitlement.started_at:
        message = f"Must not lie before the entitlement's start, {entitlement.started_at.isoformat()}."
        problems.add(ErrorCode.OUT_OF_RANGE, "effectiveAt", message)


def _check_begin(begin: datetime, now: datetime, problems: Problems, field: str) -> None:
    if begin < now - LONGEST_AGO:
        problems.add(ErrorCode.OUT_OF_RANGE, field, "Must lie at most 12 months back.")
    elif begin > now + FURTHEST_AHEAD:
        problems.add(ErrorCode.OUT_OF_RANGE, field, "Must lie at most 2 years ahead.")

"""Rows of entitlements and grants as the burn-down takes them."""

from typing import Any

from app.billing.entitlements import MeteredTerms, terms_from_json
from app.billing.grants import GivenGrant, MeteredEntitlement


def metered_of(row: Any) -> MeteredEntitlement:
    """Return a metered entitlement, of a model or of a light row."""
    terms = terms_from_json(row.terms)
    assert isinstance(terms, MeteredTerms), "only metered entitlements burn down"
    return MeteredEntitlement(
        id=row.id,
        terms=terms,
        started_at=row.started_at,
        ended_at=row.ended_at,
        anchor_at=row.anchor_at,
        timezone=row.timezone,
        first_issue=row.first_issue,
        subscription_id=row.subscription_id,
    )


def grant_of(row: Any) -> GivenGrant:
    """Return a grant, of a model or of a light row."""
    return GivenGrant(
        id=row.id,
        entitlement_id=row.entitlement_id,
        amount=row.amount,
        effective_at=row.effective_at,
        expires_at=row.expires_at,
        priority=row.priority,
        recurrence=row.recurrence,
        voided_at=row.voided_at,
    )

"""Customer tokens: what a browser may show one customer with, made, revoked and checked."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.billing.catalog.customer_tokens import CustomerTokenDraft, CustomerTokenTarget
from app.billing.errors import Problems
from app.db import Sessions
from app.ids import hash_secret, new_customer_token, new_id
from app.models import EnvironmentKind, table_of
from app.services.erased import refuse_erased
from app.services.lookup import locked_all, require
from app.services.principal import Principal

#: What a token can pass on of the scopes of the key that made it: nothing but reading.
PASSED_ON: Final = frozenset({Scope.CATALOG_READ, Scope.CUSTOMERS_READ, Scope.BILLING_READ, Scope.ENTITLEMENTS_READ})
#: Expired tokens are kept so long, for those who ask again with the same idempotency key.
KEPT_FOR: Final = timedelta(days=1)
#: More than one, so that their number falls even where each new one is followed by another.
SWEPT_AT_ONCE: Final = 20


async def create_customer_token(
    session: AsyncSession, principal: Principal, now: datetime, draft: CustomerTokenDraft
) -> tuple[models.CustomerToken, str]:
    """Make a token; return it with its secret, which is not stored and can't be shown again.

    Refused with NOT_FOUND for a customer that is none, and with what is wrong with the draft. Some tokens that
    expired long ago are deleted on the way.
    """
    problems = Problems()
    customer = await require(session, problems, "customerId", models.Customer, principal.environment_id, draft.customer)
    draft.check(problems)
    if customer is not None:
        # Whoever erases this customer at the same time waits for the token, and revokes it.
        customer = (await locked_all(session, models.Customer, principal.environment_id, [customer.id]))[customer.id]
        refuse_erased(problems, "customerId", customer)
    problems.raise_if_any()
    assert customer is not None
    await _sweep(session, principal.environment_id, now)
    secret = new_customer_token()
    token = models.CustomerToken(
        environment_id=principal.environment_id,
        id=new_id("ctok"),
        created_at=now,
        customer_id=customer.id,
        api_key_id=principal.api_key_id,
        secret_hash=hash_secret(secret),
        expires_at=now + timedelta(seconds=draft.ttl),
    )
    session.add(token)
    await session.flush()
    return token, secret


async def revoke_customer_tokens(
    session: AsyncSession, principal: Principal, now: datetime, target: CustomerTokenTarget
) -> int:
    """Revoke one token, or all that a customer has, from now on; return how many were valid until now.

    Refused with NOT_FOUND for what names nothing here, with INVALID unless exactly one of the two is named.
    """
    problems = Problems()
    target.check(problems)
    problems.raise_if_any()
    columns = table_of(models.CustomerToken).c
    if target.token is not None:
        await require(session, problems, "id", models.CustomerToken, principal.environment_id, target.token)
        meant = columns.id == target.token
    else:
        named = target.customer or ""
        await require(session, problems, "customerId", models.Customer, principal.environment_id, named)
        meant = columns.customer_id == named
    problems.raise_if_any()
    valid = (columns.revoked_at.is_(None), columns.expires_at > now)
    mine = select(models.CustomerToken).where(columns.environment_id == principal.environment_id, meant, *valid)
    tokens = (await session.scalars(mine.order_by(columns.id).with_for_update())).all()
    for token in tokens:
        token.revoked_at = now
    await session.flush()
    return len(tokens)


async def _sweep(session: AsyncSession, environment_id: str, now: datetime) -> None:
    """Delete some that expired long ago. No audit entry: it is no change that anybody made."""
    columns = table_of(models.CustomerToken).c
    over = (columns.environment_id == environment_id, columns.expires_at < now - KEPT_FOR)
    found = select(columns.id).where(*over).order_by(columns.expires_at).limit(SWEPT_AT_ONCE)
    some = (await session.scalars(found.with_for_update(skip_locked=True))).all()
    if some:
        await session.execute(delete(table_of(models.CustomerToken)).where(over[0], columns.id.in_(some)))


async def check_token(sessions: Sessions, secret: str, kind: EnvironmentKind, now: datetime) -> Principal | None:
    """Return the caller behind a customer token, or None where it is not valid now in this kind of environment.

    It is valid while the key is that made it. The look-up is by hash, so its time tells nothing about the secret.
    """
    found = await sessions.rows(_valid_token(), {"secret_hash": hash_secret(secret), "kind": kind}, at_once=True)
    if not found:
        return None
    row = found[0]
    ends = row.expires_at if row.key_expires_at is None else min(row.expires_at, row.key_expires_at)
    if ends <= now:
        return None
    granted = {Scope(scope) for scope in row.scopes}
    scopes = PASSED_ON if Scope.ALL in granted else PASSED_ON & granted
    return Principal(
        row.api_key_id, row.merchant_id, row.environment_id, kind, scopes, ends,
        customer_id=row.customer_id, customer_token_id=row.id,
    )  # fmt: skip


async def known_feature(session: AsyncSession, environment_id: str, customer_id: str, reference: str) -> str | None:
    """Return the id of a feature, given by its id or key, that a customer may use, could once, or will; else None."""
    features, entitlements = table_of(models.Feature).c, table_of(models.Entitlement).c
    theirs = select(entitlements.feature_id).where(
        entitlements.environment_id == environment_id, entitlements.customer_id == customer_id
    )
    named = (features.id == reference) | (features.key == reference)
    found: str | None = await session.scalar(
        select(features.id).where(features.environment_id == environment_id, named, features.id.in_(theirs))
    )
    return found


@cache
def _valid_token() -> Select[Any]:
    tokens, keys = table_of(models.CustomerToken).c, table_of(models.ApiKey).c
    environments = table_of(models.Environment).c
    return (
        select(
            *(tokens.id, tokens.environment_id, tokens.customer_id, tokens.api_key_id, tokens.expires_at),
            *(keys.merchant_id, keys.scopes, keys.expires_at.label("key_expires_at")),
        )
        .join(models.ApiKey, keys.id == tokens.api_key_id)
        .join(models.Environment, environments.id == tokens.environment_id)
        .where(
            tokens.secret_hash == bindparam("secret_hash"),
            tokens.revoked_at.is_(None),
            keys.revoked_at.is_(None),
            environments.kind == bindparam("kind"),
        )
    )

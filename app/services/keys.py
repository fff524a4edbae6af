"""API keys: made, revoked and checked."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope, allows
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.billing.text import check_name
from app.db import Sessions
from app.ids import hash_secret, new_id, new_secret
from app.models import EnvironmentKind, table_of
from app.services.principal import Principal

#: How often "last used" is written at most.
LAST_USED_EVERY = timedelta(minutes=1)


async def create_key(
    session: AsyncSession,
    merchant_id: str,
    now: datetime,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime | None,
    granted: Collection[Scope] = frozenset({Scope.ALL}),
) -> tuple[models.ApiKey, str]:
    """Make a key; return it with its secret, which is not stored and can't be shown again.

    Nobody can give a scope that is not among the `granted` ones of their own.
    """
    problems = Problems()
    check_name(problems, "name", name)
    if not scopes:
        problems.add(ErrorCode.BLANK, "scopes", "a key needs at least one scope")
    for position, scope in enumerate(scopes):
        if not allows(granted, scope):
            message = f"a key without the scope {scope} can't make one that has it"
            problems.add(ErrorCode.INVALID, f"scopes.{position}", message)
    if expires_at is not None and expires_at <= now:
        problems.add(ErrorCode.OUT_OF_RANGE, "expiresAt", "a key can't expire before it is made")
    problems.raise_if_any()
    return await store_key(session, merchant_id, now, name, scopes, expires_at)


async def store_key(
    session: AsyncSession,
    merchant_id: str,
    now: datetime,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime | None,
) -> tuple[models.ApiKey, str]:
    """Write a key that was checked; return it with its secret."""
    secret = new_secret()
    key = models.ApiKey(
        id=new_id("key"),
        created_at=now,
        merchant_id=merchant_id,
        name=name,
        secret_hash=hash_secret(secret),
        hint=secret[-4:],
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    session.add(key)
    await session.flush()
    return key, secret


async def revoke_key(session: AsyncSession, merchant_id: str, now: datetime, key_id: str) -> models.ApiKey:
    """Revoke a key from now on; one that is revoked already stays as it is."""
    key = await locked_key(session, merchant_id, key_id)
    key.revoked_at = key.revoked_at or now
    await session.flush()
    return key


async def locked_key(session: AsyncSession, merchant_id: str, key_id: str) -> models.ApiKey:
    """Return a key of a merchant, locked; refuse an id that names none."""
    owned = select(models.ApiKey).where(table_of(models.ApiKey).c.merchant_id == merchant_id)
    key = await session.scalar(owned.where(table_of(models.ApiKey).c.id == key_id).with_for_update())
    if key is None:
        raise Refused((UserError(ErrorCode.NOT_FOUND, "id", "id names no key of this merchant"),))
    return key


async def check_secret(
    sessions: Sessions, secret: str, kind: EnvironmentKind, now: datetime
) -> tuple[Principal, bool] | None:
    """Return the caller behind a secret, and whether its "last used" is due to be written; None for no valid key.

    The look-up is by hash, so its time tells nothing about the secret.
    """
    found = await sessions.rows(_valid_key(), {"secret_hash": hash_secret(secret), "kind": kind}, at_once=True)
    if not found or ((row := found[0]).expires_at is not None and row.expires_at <= now):
        return None
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    stale = row.last_used_at is None or now - row.last_used_at >= LAST_USED_EVERY
    return Principal(row.id, row.merchant_id, row.environment, kind, scopes, row.expires_at), stale


@cache
def _valid_key() -> Select[Any]:
    keys, environments = table_of(models.ApiKey).c, table_of(models.Environment).c
    return (
        select(
            keys.id,
            keys.merchant_id,
            keys.scopes,
            keys.expires_at,
            keys.last_used_at,
            environments.id.label("environment"),
        )
        .join(models.Environment, environments.merchant_id == keys.merchant_id)
        .where(
            keys.secret_hash == bindparam("secret_hash"),
            keys.revoked_at.is_(None),
            environments.kind == bindparam("kind"),
        )
    )


async def note_use(session: AsyncSession, key_id: str, now: datetime) -> None:
    """Write when a key was last used. No audit entry: it is no change that anybody made."""
    keys = table_of(models.ApiKey).c
    due = keys.last_used_at.is_(None) | (keys.last_used_at <= now - LAST_USED_EVERY)
    await session.execute(update(models.ApiKey).where(keys.id == key_id, due).values(last_used_at=now))

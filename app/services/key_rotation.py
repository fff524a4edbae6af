"""Rotating API keys: another takes the place of one, which stays valid for a while and then expires by itself."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope, allows
from app.billing.errors import ErrorCode, Problems
from app.services.keys import locked_key, store_key

#: How long both keys are valid, unless said otherwise: time to deploy the new one.
DEFAULT_OVERLAP: Final = timedelta(days=1)
LONGEST_OVERLAP: Final = timedelta(days=30)
#: No instant of the API lies later, so no key lives longer.
LATEST: Final = datetime(2500, 1, 1, tzinfo=UTC)


async def rotate_key(
    session: AsyncSession,
    merchant_id: str,
    now: datetime,
    key_id: str,
    overlap: timedelta,
    expires_at: datetime | None,
    granted: Collection[Scope] = frozenset({Scope.ALL}),
) -> tuple[models.ApiKey, models.ApiKey, str]:
    """Make a key with the name and scopes of another, which expires after the overlap; return new, old and the secret.

    Without `expires_at` the new key lives as long as the old one was made to. Nobody can rotate a key that has a scope
    which is not among the `granted` ones of their own: they would learn a secret that can do more than theirs.
    """
    problems = Problems()
    key = await locked_key(session, merchant_id, key_id)
    _check_valid(problems, key, now)
    for scope in key.scopes:
        if not allows(granted, Scope(scope)):
            message = f"a key without the scope {scope} can't rotate one that has it"
            problems.add(ErrorCode.INVALID, "id", message)
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        message = f"Must be 0 to {int(LONGEST_OVERLAP.total_seconds())} seconds."
        problems.add(ErrorCode.OUT_OF_RANGE, "overlapSeconds", message)
    if expires_at is not None and expires_at <= now:
        problems.add(ErrorCode.OUT_OF_RANGE, "expiresAt", "a key can't expire before it is made")
    problems.raise_if_any()
    if expires_at is None and key.expires_at is not None:
        expires_at = now + min(key.expires_at - key.created_at, LATEST - now)
    scopes = [Scope(scope) for scope in key.scopes]
    made, secret = await store_key(session, merchant_id, now, key.name, scopes, expires_at)
    key.replaced_by_id = made.id
    key.expires_at = now + overlap if key.expires_at is None else min(key.expires_at, now + overlap)
    await session.flush()
    return made, key, secret


def _check_valid(problems: Problems, key: models.ApiKey, now: datetime) -> None:
    if key.revoked_at is not None:
        message = f"the key was revoked at {key.revoked_at.isoformat()}"
    elif key.expires_at is not None and key.expires_at <= now:
        message = f"the key expired at {key.expires_at.isoformat()}"
    elif key.replaced_by_id is not None:
        message = f"{key.replaced_by_id} has taken its place already: rotate that"
    else:
        return
    problems.add(ErrorCode.KEY_NOT_VALID, "id", message)

"""Who is calling: the bearer secret of a request, checked in the database each time, so that revoking works at once."""

import re
from datetime import datetime
from functools import partial

from starlette.datastructures import Headers

from app.attempts import until_won
from app.clock import Clock
from app.db import Sessions
from app.ids import CUSTOMER_TOKEN
from app.models import EnvironmentKind
from app.services import customer_tokens, keys
from app.services.principal import Principal

# RFC 6750, with a bound: no secret of ours is longer, and hashing megabytes is a gift to nobody.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,256}=*)", re.ASCII | re.IGNORECASE)


async def authenticate(sessions: Sessions, headers: Headers, kind: EnvironmentKind, clock: Clock) -> Principal | None:
    """Return the caller behind the Authorization header, or None where there is not exactly one, with a valid key.

    Writes when the key was last used, at most once a minute. Errors of the database are the caller's to answer.
    A customer token is no key: what takes those says so by `authenticate_any`.
    """
    secret = _bearer(headers)
    return None if secret is None else await _behind_key(sessions, secret, kind, clock.now())


async def authenticate_any(
    sessions: Sessions, headers: Headers, kind: EnvironmentKind, clock: Clock
) -> Principal | None:
    """Return the caller as `authenticate` does, or the customer behind a customer token."""
    secret = _bearer(headers)
    if secret is None or not secret.startswith(CUSTOMER_TOKEN):
        return None if secret is None else await _behind_key(sessions, secret, kind, clock.now())
    return await customer_tokens.check_token(sessions, secret, kind, clock.now())


def _bearer(headers: Headers) -> str | None:
    given = headers.getlist("authorization")
    match = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 else None
    return None if match is None else match.group(1)


async def _behind_key(sessions: Sessions, secret: str, kind: EnvironmentKind, now: datetime) -> Principal | None:
    found = await keys.check_secret(sessions, secret, kind, now)
    if found is None:
        return None
    principal, is_stale = found
    if is_stale:
        await until_won(partial(_note_use, sessions, principal.api_key_id, now))
    return principal


async def _note_use(sessions: Sessions, key_id: str, now: datetime) -> None:
    async with sessions.begin() as session:
        await keys.note_use(session, key_id, now)

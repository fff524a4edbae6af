"""Who is calling: the bearer key of a request, checked in the database each time, so that revoking works at once."""

import re
from datetime import datetime
from functools import partial

from starlette.datastructures import Headers

from app.attempts import until_won
from app.clock import Clock
from app.db import Sessions
from app.models import EnvironmentKind
from app.services import keys
from app.services.principal import Principal

# RFC 6750, with a bound: no secret of ours is longer, and hashing megabytes is a gift to nobody.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,256}=*)", re.ASCII | re.IGNORECASE)


async def authenticate(sessions: Sessions, headers: Headers, kind: EnvironmentKind, clock: Clock) -> Principal | None:
    """Return the caller behind the Authorization header, or None where there is not exactly one, with a valid key.

    Writes when the key was last used, at most once a minute. Errors of the database are the caller's to answer.
    """
    given = headers.getlist("authorization")
    match = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 else None
    if match is None:
        return None
    now = clock.now()
    found = await keys.check_secret(sessions, match.group(1), kind, now)
    if found is None:
        return None
    principal, is_stale = found
    if is_stale:
        await until_won(partial(_note_use, sessions, principal.api_key_id, now))
    return principal


async def _note_use(sessions: Sessions, key_id: str, now: datetime) -> None:
    async with sessions.begin() as session:
        await keys.note_use(session, key_id, now)

"""Keys that were looked up a moment ago, so that not every event costs a look-up.

What is stored under one is confirmed in the transaction that stores it, so a key that is revoked stores nothing more.
"""

from datetime import datetime, timedelta
from typing import Final

from starlette.datastructures import Headers

from app.api.authentication import authenticate
from app.api.refusal import Refusal
from app.billing.access import Scope, allows
from app.db import Sessions
from app.models import EnvironmentKind
from app.services.principal import Principal

#: How long a look-up is good for, which also bounds how seldom "last used" is written.
GOOD_FOR: Final = timedelta(minutes=1)
MOST: Final = 10_000


class KnownKeys:
    """The callers of one environment kind by the text of their Authorization header."""

    def __init__(self, sessions: Sessions, kind: EnvironmentKind) -> None:
        """Look up with these sessions."""
        self._sessions = sessions
        self._kind = kind
        self._known: dict[bytes, tuple[Principal, datetime]] = {}

    def recall(self, authorization: bytes, now: datetime) -> Principal | None:
        """Return who was behind a header a moment ago."""
        known = self._known.get(authorization)
        return None if known is None or now >= known[1] else known[0]

    async def look_up(self, headers: Headers) -> Principal:
        """Return who is behind the headers now, and remember it. Refusal 401 for no valid key, 403 for the scope."""
        principal = await authenticate(self._sessions, headers, self._kind, self._sessions.clock)
        authorization = headers.get("authorization", "").encode("latin-1")
        if principal is None:
            self._known.pop(authorization, None)
            raise unauthorized()
        if not allows(principal.scopes, Scope.EVENTS_CREATE):
            raise Refusal(403, "FORBIDDEN", f"The key lacks the scope {Scope.EVENTS_CREATE}.")
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[authorization] = (principal, self._sessions.clock.now() + GOOD_FOR)
        return principal


def unauthorized() -> Refusal:
    """Return the answer to whoever has no valid key."""
    message = "Send a valid API key as Authorization: Bearer sk_..."
    return Refusal(401, "UNAUTHORIZED", message, headers={"www-authenticate": "Bearer"})

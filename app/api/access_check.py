"""`GET /v0/entitlements/check`: plain ASGI, as it stands in the path of every request of somebody's product.

What was answered is answered again while nothing was written: SQLite says whether anything was, by a number. Answers
that time alone would change are kept until then. On PostgreSQL, which has no such number, each check is computed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.entitlements import Checked, EntitlementsEndpoint, written
from app.api.refusal import HEADERS, Refusal, encoder, json_response
from app.db import Sessions

#: How long an answer is kept at most, so that "last used" of keys is still noted, and how many are.
GOOD_FOR: Final = timedelta(minutes=1)
MOST: Final = 10_000
#: Stands where the instant of an answer is put.
_NOW: Final = "now"
_START: Final = [
    (b"content-type", b"application/json"),
    *((name.encode(), value.encode()) for name, value in HEADERS.items()),
]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, in two parts around the instant that it is of; until when it holds."""

    head: bytes
    tail: bytes | None
    until: datetime


class AccessCheck:
    """Answers checks of one environment kind."""

    def __init__(self, sessions: Sessions, endpoint: EntitlementsEndpoint) -> None:
        """Compute by the endpoint what is not known already."""
        self._sessions, self._clock, self._endpoint = sessions, sessions.clock, endpoint
        self._version: int | None = None
        self._kept: dict[tuple[bytes, bytes], Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        version, now = self._sessions.version(), self._clock.now()
        if version is None or version != self._version:
            self._kept.clear()
            self._version = version
        # Two headers of the name are two different things to say, and so another key than either.
        given = b"\n".join(value for name, value in scope["headers"] if name == b"authorization")
        name = (given, scope["query_string"])
        kept = self._kept.get(name) if scope["method"] == "GET" else None
        if kept is not None and now < kept.until:
            await _send(kept, now, send)
            return
        response = await self._answer(scope, receive, name)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, name: tuple[bytes, bytes]) -> Response:
        """Compute an answer, and keep it. What was written since the version was read makes it go at once."""
        if scope["method"] != "GET":
            return Refusal(405, "METHOD_NOT_ALLOWED", "Use GET.", headers={"allow": "GET"}).response()
        version = self._version
        checked = await self._endpoint.check(Request(scope, receive))
        if isinstance(checked, Response):
            return checked
        if version is not None and version == self._version:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[name] = _kept(checked, self._clock.now() + GOOD_FOR)
        return json_response(200, checked.shown)


def _kept(checked: Checked, latest: datetime) -> Kept:
    until = latest if checked.until is None else min(latest, checked.until)
    if checked.now is None:
        return Kept(encoder.encode(checked.shown), None, until)
    head, _, tail = encoder.encode({**checked.shown, "at": _NOW}).partition(f'"at":"{_NOW}"'.encode())
    return Kept(head + b'"at":"', b'"' + tail, until)


async def _send(kept: Kept, now: datetime, send: Send) -> None:
    body = kept.head if kept.tail is None else kept.head + written(now).encode() + kept.tail
    headers = [*_START, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

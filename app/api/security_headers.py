"""What every answer tells a browser: to guess nothing, to run nothing, to frame nothing and to tell nobody."""

from collections.abc import Mapping
from typing import Any, Final

#: Of any answer but a page, which has a policy of its own.
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
#: Of an answer with data, which no cache is to keep.
DATA_HEADERS: Final[Mapping[str, str]] = {"cache-control": "no-store", **HEADERS}
_ENCODED: Final = [(name.encode(), value.encode()) for name, value in DATA_HEADERS.items()]


class SecurityHeaders:
    """An application whose every answer has these headers, whoever made it; what it says itself stays."""

    def __init__(self, app: Any) -> None:
        """Wrap an ASGI application."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = [header for header in _ENCODED if header[0] not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)

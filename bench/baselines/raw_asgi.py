"""As little as an ASGI application can do with a request: read its body and answer 202."""

from collections.abc import Awaitable, Callable
from typing import Any

BODY = b'{"object":"event"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer every request."""
    if scope["type"] != "http":
        return
    await read_body(receive)
    await accept(send)


async def read_body(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bytes:
    """Return the body of a request."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def accept(send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer 202."""
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})

"""What a client hears whose request the server itself does not take; the application never sees it."""

from typing import Any, Final

import msgspec

from app.api.security_headers import DATA_HEADERS
from app.cli.limits import Limits

_HEADERS: Final = {**DATA_HEADERS, "content-type": "application/json", "connection": "close"}


class TurnedAway(Exception):
    """A request that is not taken, and the whole answer to it. The connection ends with it."""

    def __init__(self, status: int, phrase: str, code: str, message: str, **headers: str) -> None:
        """Take the answer's parts; further headers are named with underscores."""
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"error": code.lower(), "message": message, "code": code})
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = {**_HEADERS, **named, "content-length": str(len(self.body))}
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        self.answer = "\r\n".join(lines).encode() + self.body


def malformed(message: str = "This is no request in the form of HTTP/1.1.") -> TurnedAway:
    """Return the answer to what nothing is done about."""
    return TurnedAway(400, "Bad Request", "BAD_REQUEST", message)


def slow() -> TurnedAway:
    """Return the answer to whoever does not finish."""
    return TurnedAway(408, "Request Timeout", "REQUEST_TIMEOUT", "The request took too long to come in.")


def large_body(limits: Limits) -> TurnedAway:
    """Return the answer to more than anything here reads."""
    message = f"The body must have at most {limits.body_bytes} bytes."
    return TurnedAway(413, "Content Too Large", "PAYLOAD_TOO_LARGE", message)


def long_target(limits: Limits) -> TurnedAway:
    """Return the answer to an address that is longer than any."""
    message = f"The address must have at most {limits.target_bytes} bytes."
    return TurnedAway(414, "URI Too Long", "URI_TOO_LONG", message)


def large_head(limits: Limits) -> TurnedAway:
    """Return the answer to too many headers, or too long ones."""
    message = f"A request must have at most {limits.headers} headers, and {limits.head_bytes} bytes of them."
    return TurnedAway(431, "Request Header Fields Too Large", "REQUEST_HEADER_FIELDS_TOO_LARGE", message)


def busy() -> TurnedAway:
    """Return the answer to whoever comes when there is no room."""
    message = "There are too many connections. Try again."
    return TurnedAway(503, "Service Unavailable", "UNAVAILABLE", message, retry_after="1")


async def tell_busy(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer a request that was read, as an ASGI application."""
    turned = busy()
    headers = [(name.encode(), value.encode()) for name, value in turned.headers.items()]
    await send({"type": "http.response.start", "status": turned.status, "headers": headers})
    await send({"type": "http.response.body", "body": turned.body})

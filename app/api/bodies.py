"""Reading the body of a request: JSON only, and never more of it than is allowed."""

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.api.refusal import Refusal


def require_json(headers: Headers, *others: str) -> str:
    """Return the content type: JSON, or one of some others.

    Refused are any other, another charset than UTF-8, and compressed bodies, whose size nobody can trust.
    """
    media_type, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = {parameter.replace('"', "") for parameter in parameters if parameter.startswith("charset")}
    allowed = ("application/json", *others)
    if media_type not in allowed or charsets - {"charset=utf-8"}:
        message = f"The content type must be {' or '.join(allowed)}, in UTF-8."
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", message)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The body must not be compressed.")
    return media_type


def check_length(headers: Headers, limit: int) -> None:
    """Refuse a body that says it has more than `limit` bytes before any of it is read."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the body; refuse one of more than `limit` bytes as soon as it is. ClientDisconnect if cut off."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise _too_large(limit)
        return whole
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)
        message = await receive()


def _too_large(limit: int) -> Refusal:
    # What follows of the body is not read, so the connection can't be used again.
    return Refusal(
        413, "PAYLOAD_TOO_LARGE", f"The body must have at most {limit} bytes.", headers={"connection": "close"}
    )

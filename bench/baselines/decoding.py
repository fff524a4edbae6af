"""A batch of events decoded and validated by msgspec, and nothing else done with it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from bench.baselines.raw_asgi import accept, read_body

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern="^[a-zA-Z0-9_-]+$")]


class Event(msgspec.Struct):
    """What domain.md section 4 says of an event, as far as types can."""

    type: Text
    source: Text
    data: dict[str, Any]
    subject: Text | None = None
    externalSubject: Identifier | None = None  # noqa: N815 - as it is sent
    timestamp: datetime | None = None
    idempotencyKey: Text | None = None  # noqa: N815 - as it is sent
    externalId: Identifier | None = None  # noqa: N815 - as it is sent
    namespace: Text | None = None


_decoder = msgspec.json.Decoder(list[Event])


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer every batch that can be decoded."""
    if scope["type"] != "http":
        return
    body = await read_body(receive)
    if body:
        _decoder.decode(body)
    await accept(send)

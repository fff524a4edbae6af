"""Cursors: where a row stands in a connection, sealed so that only what was handed out comes back."""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

import msgspec
from sqlmodel import SQLModel

from app.loaders.identity import place_name
from app.loaders.orders import Order, Position
from app.schema.client_error import ClientError

SEAL_SIZE = 12
#: No text that lists are ordered by makes a longer one: 255 characters of JSON escapes in base 64.
MAX_LENGTH = 4096


@dataclass(frozen=True)
class Place:
    """Where a cursor is of use: in one connection of one environment, under one order."""

    connection: str
    environment_id: str
    model: type[SQLModel]
    order: Order

    def seal(self, content: bytes) -> bytes:
        """Return what only this place makes of a cursor's content. The environment's id never leaves the server."""
        place = f"{self.connection} {self.order.column} {self.order.descending} ".encode()
        return blake2b(place + content, key=self.environment_id.encode(), digest_size=SEAL_SIZE).digest()


def write_cursor(place: Place, row: Any) -> str:
    """Return the cursor of a row."""
    content = msgspec.json.encode(place.order.position_of(row, place_name(place.model)))
    return base64.urlsafe_b64encode(place.seal(content) + content).decode()


def read_cursor(place: Place, argument: str, cursor: str | None) -> Position | None:
    """Return where a cursor of this place points; ClientError BAD_CURSOR, with the argument, for any other text."""
    if cursor is None:
        return None
    content = _opened(place, cursor) if len(cursor) <= MAX_LENGTH else None
    if content is None:
        raise ClientError(f"`{argument}` is not a cursor of this connection in this order.", "BAD_CURSOR")
    position: Position = _decoder(place.model, place.order.column).decode(content)
    return position


def _opened(place: Place, cursor: str) -> bytes | None:
    try:
        sealed = base64.urlsafe_b64decode(cursor.encode())
    except (ValueError, binascii.Error):
        return None
    seal, content = sealed[:SEAL_SIZE], sealed[SEAL_SIZE:]
    # Decoding passes over what is no base64, so the text is compared too.
    same_text = base64.urlsafe_b64encode(sealed) == cursor.encode()
    return content if same_text and compare_digest(seal, place.seal(content)) else None


@lru_cache
def _decoder(model: type[SQLModel], column: str | None) -> msgspec.json.Decoder[Position]:
    kind: Any = None if column is None else model.model_fields[column].annotation
    place: Any = model.model_fields[place_name(model)].annotation
    return msgspec.json.Decoder(tuple[kind, place])

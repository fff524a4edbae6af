"""What tells a differing repeat of an event from a true one."""

import hashlib
import json
from decimal import Decimal

from app.billing.decimals import plain
from app.metering.facts import read_data
from app.metering.received import ReceivedEvent


def content_hash(event: ReceivedEvent) -> str:
    """Return a hash that events which mean the same have in common: of all but idempotency key and namespace."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (event.environment_id, _content(event)):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()


def _content(event: ReceivedEvent) -> str:
    timestamp = event.timestamp.isoformat() if event.timestamp else None
    texts = (event.type, event.source, event.subject, event.external_subject, event.external_id, timestamp)
    return _canonical([*texts, read_data(event.data)])


def _canonical(value: object) -> str:
    """Write a value so that equal ones read the same: names in order, numbers by their value, no spaces."""
    match value:
        case dict():
            members = (f"{json.dumps(name)}:{_canonical(value[name])}" for name in sorted(value))
            return "{" + ",".join(members) + "}"
        case list():
            return "[" + ",".join(_canonical(item) for item in value) + "]"
        case bool() | str() | None:
            return json.dumps(value)
        case int() | Decimal():
            return plain(value)
        case _:
            raise TypeError(f"{type(value).__name__} is not read from JSON")

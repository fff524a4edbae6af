"""What tells a differing repeat of an event from a true one."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.billing.decimals import plain
from app.metering.facts import read_data


def content_of(event: Any, timestamp: datetime | None, data: str) -> str:
    """Return a text that is the same for events that mean the same: of all but idempotency key and namespace.

    The event is one as it was sent, or a row of it; `timestamp` is None where none was sent.
    """
    when = timestamp.isoformat() if timestamp else None
    texts = (event.type, event.source, event.subject, event.external_subject, event.external_id, when)
    return _canonical([*texts, read_data(data)])


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

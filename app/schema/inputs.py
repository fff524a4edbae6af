"""What all inputs share: their common fields, and their way to drafts, changes and hashes."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import singledispatch
from typing import Any

from strawberry import Some
from strawberry.utils.str_converters import to_camel_case

from app.billing.decimals import plain
from app.billing.errors import ErrorCode, Problems
from app.schema.declarations import field

NAME = "What it is called. Example: `Pro`."
DESCRIPTION = "A text for people."
KEY = "A slug of your own, unique per noun and environment, accepted wherever the id is. Example: `pro-2026`."
METADATA = 'Up to 50 strings of your own under keys of up to 64 characters. Example: `{"team": "search"}`.'
ARCHIVED = "When it was archived; null while it takes new users."
REFERENCE = "The id or key of what is to be changed."


def idempotency_key() -> Any:
    """Declare the field that makes a mutation safe to repeat."""
    return field(
        "1 to 255 characters. A repeat with the same key and input changes nothing and returns what the first call "
        "made, with `replayed: true`. Example: `subscribe-acme-1`.",
        default=None,
    )


def changes_of(update: object, *needed: str) -> dict[str, Any]:
    """Return the fields that an update gives, null included, by the names they have in the draft.

    Null for one of the `needed` is refused here, as no draft holds it.
    """
    given = ((item.name, getattr(update, item.name)) for item in fields(update))  # type: ignore[arg-type]
    changes = {name: maybe.value for name, maybe in given if isinstance(maybe, Some)}
    problems = Problems()
    for name in needed:
        if name in changes and changes[name] is None:
            problems.add(ErrorCode.BLANK, to_camel_case(name), "Must not be null.")
    problems.raise_if_any()
    return changes


@singledispatch
def canonical(value: Any) -> Any:
    """Return an input as plain JSON in which equal inputs are equal, its key aside.

    What was left out is left out, and so is what is as if it were: an argument that is added later, with a default,
    leaves the inputs of before it what they are.
    """
    given = {
        item.name: getattr(value, item.name)
        for item in fields(value)
        if item.name != "idempotency_key" and getattr(value, item.name) != item.default
    }
    return {name: canonical(item) for name, item in given.items() if item is not None}


@canonical.register(str)
@canonical.register(int)
@canonical.register(type(None))
def _plain(value: object) -> object:
    return value


@canonical.register
def _some(value: Some) -> Any:  # type: ignore[type-arg]  # the registry reads the annotation
    return canonical(value.value)


@canonical.register
def _decimal(value: Decimal) -> str:
    return plain(value)


@canonical.register
def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


@canonical.register
def _items(value: list) -> list[Any]:  # type: ignore[type-arg]  # as above
    return [canonical(item) for item in value]


@canonical.register
def _entries(value: dict) -> dict[str, Any]:  # type: ignore[type-arg]  # as above
    return {str(name): canonical(item) for name, item in value.items()}

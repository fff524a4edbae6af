"""From the bytes of one event to its parts, with every problem named at once; what it means is not asked here."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from app.billing.errors import ErrorCode, Problems, UserError
from app.billing.text import check_external_id
from app.strict_json import MalformedJson, decode

MAX_EVENT_BYTES = 65_536
MAX_STRING_LENGTH = 255
FIRST_YEAR, LAST_YEAR = 1970, 2500

# RFC 3339, and besides it what clients send: no zone (UTC is meant), no seconds, an offset without a colon.
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:([Zz])|([+-]\d\d):?(\d\d))?", re.ASCII
)
# The raw text of `data` is cut out by msgspec, so that numbers are stored with the digits they came with.
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_STRING_LENGTH)]


class EventInput(msgspec.Struct, rename="camel", gc=False):
    """A well-formed event. `data` is its JSON text as it came."""

    type: Text
    source: Text
    data: msgspec.Raw
    subject: Text | None = None
    external_subject: Text | None = None
    external_id: Text | None = None
    namespace: Text | None = None
    timestamp: datetime | None = None
    idempotency_key: Text | None = None


class InvalidEvent(Exception):
    """The bytes are no event. A single error without a field means that they could not be read as JSON at all."""

    def __init__(self, errors: tuple[UserError, ...]) -> None:
        """Take every problem found, in the order of the fields."""
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


def decode_event(body: bytes) -> EventInput:
    """Read one event of domain.md section 4; raise InvalidEvent with all its problems.

    Optional members may be null, which is the same as absent; members we don't know are ignored; of repeated names the
    last counts.
    """
    try:
        envelope = decode(body)
    except MalformedJson as error:
        raise InvalidEvent((UserError(ErrorCode.INVALID, None, f"The body can't be read: {error}."),)) from error
    if not isinstance(envelope, dict):
        raise InvalidEvent((UserError(ErrorCode.INVALID, None, "The body must be a JSON object."),))
    problems = Problems()
    parts = _parts(problems, envelope)
    if problems.errors:
        raise InvalidEvent(problems.errors)
    return EventInput(**parts, data=_raw_data(body))


def _raw_data(body: bytes) -> msgspec.Raw:
    """Return the text of `data` as it came, every digit kept. What was read strictly can be read once more."""
    try:
        return _members.decode(body)["data"].copy()
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidEvent((UserError(ErrorCode.INVALID, None, "The body can't be read as JSON."),)) from error


def _parts(problems: Problems, envelope: dict[str, object]) -> dict[str, Any]:
    """Check every member in the order in which domain.md lists them."""
    parts: dict[str, Any] = {name: _text(problems, envelope, name, required=True) for name in ("type", "source")}
    parts["subject"] = _text(problems, envelope, "subject")
    parts["external_subject"] = _identifier(problems, envelope, "externalSubject")
    if envelope.get("subject") is None and envelope.get("externalSubject") is None:
        problems.add(ErrorCode.BLANK, "subject", "Give subject or externalSubject.")
    if envelope.get("data") is None:
        problems.add(ErrorCode.BLANK, "data", "Must be given.")
    elif not isinstance(envelope["data"], dict):
        problems.add(ErrorCode.INVALID, "data", "Must be an object.")
    parts["timestamp"] = _timestamp(problems, envelope)
    parts["idempotency_key"] = _text(problems, envelope, "idempotencyKey")
    parts["external_id"] = _identifier(problems, envelope, "externalId")
    parts["namespace"] = _text(problems, envelope, "namespace")
    return parts


def _text(problems: Problems, envelope: dict[str, object], name: str, *, required: bool = False) -> str | None:
    """Return a text of 1 to 255 characters, or None where it is absent or a problem was noted."""
    value = envelope.get(name)
    if value is None:
        if required:
            problems.add(ErrorCode.BLANK, name, "Must be given.")
        return None
    if not isinstance(value, str):
        problems.add(ErrorCode.INVALID, name, "Must be a string.")
    elif not value:
        problems.add(ErrorCode.BLANK, name, "Must not be empty.")
    elif len(value) > MAX_STRING_LENGTH:
        problems.add(ErrorCode.TOO_LONG, name, f"Must have at most {MAX_STRING_LENGTH} characters.")
    else:
        return value
    return None


def _identifier(problems: Problems, envelope: dict[str, object], name: str) -> str | None:
    value = _text(problems, envelope, name)
    check_external_id(problems, name, value)
    return value


def _timestamp(problems: Problems, envelope: dict[str, object]) -> datetime | None:
    value = envelope.get("timestamp")
    if value is None:
        return None
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    instant = None
    if match is None:
        problems.add(ErrorCode.INVALID, "timestamp", "Must be an ISO 8601 date and time, like 2026-08-01T12:00:00Z.")
        return None
    try:
        instant = _instant(match)
    except ValueError:
        problems.add(ErrorCode.INVALID, "timestamp", "Names a day, a time or an offset that does not exist.")
        return None
    except OverflowError:  # the first hours of year 1 or the last of 9999
        pass
    if instant is None or not FIRST_YEAR <= instant.year <= LAST_YEAR:
        problems.add(ErrorCode.OUT_OF_RANGE, "timestamp", f"Must lie in the years {FIRST_YEAR} to {LAST_YEAR}.")
        return None
    return instant


def _instant(match: re.Match[str]) -> datetime:
    """Return the instant in UTC, to the microsecond; finer digits, which the databases can't hold, are cut off."""
    day, minute, second, fraction, _, hours, minutes = match.groups()
    offset = f"{hours}:{minutes}" if hours else "+00:00"
    wall = f"{day}T{minute}:{second or '00'}.{(fraction or '')[:6]:0<6}"
    return datetime.fromisoformat(wall + offset).astimezone(UTC)

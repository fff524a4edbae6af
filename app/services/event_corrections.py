"""Correcting what was reported: amended or voided events, with a reason and an author."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.billing.errors import ErrorCode, Problems
from app.billing.text import check_name
from app.metering.codec import MAX_EVENT_BYTES, InvalidEvent, decode_event
from app.metering.facts import LightRow
from app.metering.revising import Revision, locked_event, revise
from app.services.principal import Principal

#: Numbers are written with the digits they came with.
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class EventAmendDraft:
    """What an event is to say instead: new data, a new timestamp, or both. None leaves what there is."""

    event: str
    reason: str
    data: Any = None
    timestamp: datetime | None = None


async def amend_event(session: AsyncSession, principal: Principal, now: datetime, draft: EventAmendDraft) -> LightRow:
    """Correct an event; return it as it is now. A correction that changes nothing makes no revision."""
    problems = Problems()
    check_name(problems, "reason", draft.reason)
    if draft.data is None and draft.timestamp is None:
        problems.add(ErrorCode.BLANK, "data", "Give data or timestamp.")
    data = None if draft.data is None else _checked_data(problems, draft.data)
    if draft.timestamp is not None:
        _check_timestamp(problems, draft.timestamp)
    event = await _event(session, problems, principal, draft.event)
    if event is not None and event.voided:
        problems.add(ErrorCode.INVALID, "eventId", "The event was voided, and stays so.")
    problems.raise_if_any()
    assert event is not None
    said = (event.data if data is None else data, draft.timestamp or event.timestamp)
    if said == (event.data, event.timestamp):
        return event
    revision = Revision(*said, voided=False, reason=draft.reason, author=principal.api_key_id)
    await revise(session, event, revision, now)
    return await _again(session, principal, event)


async def void_event(
    session: AsyncSession, principal: Principal, now: datetime, event_id: str, reason: str
) -> LightRow:
    """Withdraw an event; return it as it is now. One that is voided already stays as it is."""
    problems = Problems()
    event = await _event(session, problems, principal, event_id)
    check_name(problems, "reason", reason)
    problems.raise_if_any()
    assert event is not None
    if event.voided:
        return event
    revision = Revision(event.data, event.timestamp, voided=True, reason=reason, author=principal.api_key_id)
    await revise(session, event, revision, now)
    return await _again(session, principal, event)


async def _event(session: AsyncSession, problems: Problems, principal: Principal, event_id: str) -> LightRow | None:
    event = await locked_event(session, principal.environment_id, event_id)
    if event is None:
        problems.add(ErrorCode.NOT_FOUND, "eventId", "eventId names no event that was counted here")
    return event


async def _again(session: AsyncSession, principal: Principal, event: LightRow) -> LightRow:
    found = await locked_event(session, principal.environment_id, event.id)
    assert found is not None, "it was there a moment ago"
    return found


def _checked_data(problems: Problems, data: Any) -> str:
    """Return the JSON text of new data, by the rules for events as they come in."""
    text = _encoder.encode(data)
    try:
        decode_event(b'{"type":"t","source":"s","subject":"c","data":%b}' % text)
    except InvalidEvent as invalid:
        for error in invalid.errors:
            problems.add(error.code, "data", error.message)
    if len(text) > MAX_EVENT_BYTES:
        problems.add(ErrorCode.TOO_LONG, "data", f"Must have at most {MAX_EVENT_BYTES} bytes.")
    return text.decode()


def _check_timestamp(problems: Problems, timestamp: datetime) -> None:
    try:
        decode_event(
            b'{"type":"t","source":"s","subject":"c","data":{},"timestamp":"%b"}' % timestamp.isoformat().encode()
        )
    except InvalidEvent as invalid:
        problems.add(invalid.errors[0].code, "timestamp", invalid.errors[0].message)


def _written(timestamp: datetime) -> bytes:
    return timestamp.isoformat().encode()

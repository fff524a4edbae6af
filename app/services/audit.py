"""The audit log: an entry for every changed row, in the transaction of the change.

It hangs on the session's flush, so that no use case can forget it. Left out are events (their table is their own
record), the records that guard exactly-once, and counters. A run of due work has one entry for all that it changed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import event, insert, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from app.ids import new_id
from app.models import (
    AuditEntry,
    CountedEvent,
    DueWork,
    EventInbox,
    EventKey,
    IdempotencyRecord,
    InvoiceSequence,
    MeterEvent,
    MeterEventRepeat,
    UsageCounter,
    UsageJob,
    table_of,
)

_UNRECORDED = (
    AuditEntry,
    CountedEvent,
    DueWork,
    EventInbox,
    EventKey,
    IdempotencyRecord,
    InvoiceSequence,
    MeterEvent,
    MeterEventRepeat,
    UsageCounter,
    UsageJob,
)
_SECRET = {"secret_hash", "page_secret"}


def record_changes(session: Session, _flush_context: object) -> None:
    """Write an audit entry for each row that this flush created, updated or deleted."""
    if "unrecorded" in session.info:
        return
    changed = [("CREATE", row) for row in session.new]
    changed += [("UPDATE", row) for row in session.dirty if session.is_modified(row)]
    changed += [("DELETE", row) for row in session.deleted]
    entries = [
        _entry(session, change, row)
        for change, row in changed
        if isinstance(row, SQLModel) and not isinstance(row, _UNRECORDED)
    ]
    if entries:
        session.connection().execute(insert(table_of(AuditEntry)), entries)


@contextmanager
def unrecorded(session: AsyncSession) -> Iterator[None]:
    """Change rows without an entry for each of them: `record_run` writes one for all."""
    session.info["unrecorded"] = True
    try:
        yield
    finally:
        del session.info["unrecorded"]


async def record_run(
    session: AsyncSession, environment_id: str, kind: str, subject_ids: Sequence[str], invoice_ids: Sequence[str]
) -> None:
    """Write the entry of a run of due work: of which kind, for whom, and which invoices it made or changed."""
    entry = {
        "id": new_id("aud"),
        "environment_id": environment_id,
        "merchant_id": None,
        "at": session.info["at"],
        "actor": session.info["actor"],
        "change": "RUN",
        "noun": "DueWork",
        "subject_id": kind,
        "before": {},
        "after": {"subjects": list(subject_ids), "invoices": list(invoice_ids)},
    }
    await session.execute(insert(table_of(AuditEntry)), entry)


def start_recording() -> None:
    """Record the changes of every session of this process. Repeating it changes nothing."""
    if not event.contains(Session, "after_flush", record_changes):
        event.listen(Session, "after_flush", record_changes)


def _entry(session: Session, change: str, row: SQLModel) -> dict[str, Any]:
    before, after = _difference(change, row)
    environment_id = getattr(row, "environment_id", None)
    return {
        "id": new_id("aud"),
        "environment_id": environment_id,
        "merchant_id": None if environment_id else getattr(row, "merchant_id", row.__dict__["id"]),
        "at": session.info["at"],
        "actor": session.info["actor"],
        "change": change,
        "noun": type(row).__name__,
        "subject_id": row.__dict__["id"],
        "before": before,
        "after": after,
    }


def _difference(change: str, row: SQLModel) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = {}, {}
    for attribute in inspect(row).attrs:
        history = attribute.history
        if attribute.key in _SECRET or (change == "UPDATE" and not history.has_changes()):
            continue
        if change != "CREATE":
            before[attribute.key] = _plain(history.deleted[0] if history.deleted else attribute.value)
        if change != "DELETE":
            after[attribute.key] = _plain(attribute.value)
    return before, after


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value

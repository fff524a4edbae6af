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

from app.billing.audit import AuditChange
from app.ids import new_id
from app.models import (
    AuditEntry,
    AuditPersonalData,
    CountedEvent,
    Customer,
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
from app.services.personal_data import take_out

_UNRECORDED = (
    AuditEntry,
    AuditPersonalData,
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
    changed = [(AuditChange.CREATE, row) for row in session.new]
    changed += [(_kind_of_update(row), row) for row in session.dirty if session.is_modified(row)]
    changed += [(AuditChange.DELETE, row) for row in session.deleted]
    entries, personal = [], []
    for change, row in changed:
        if isinstance(row, SQLModel) and not isinstance(row, _UNRECORDED):
            entries.append(entry := _entry(session, change, row))
            personal.append(take_out(entry, row))
    if entries:
        session.connection().execute(insert(table_of(AuditEntry)), entries)
    if any(personal):
        session.connection().execute(insert(table_of(AuditPersonalData)), [one for one in personal if one])


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
        "change": AuditChange.RUN,
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


def _kind_of_update(row: object) -> AuditChange:
    is_erased = isinstance(row, Customer) and inspect(row).attrs.erased_at.history.has_changes()
    return AuditChange.ERASE if is_erased else AuditChange.UPDATE


def _entry(session: Session, change: AuditChange, row: SQLModel) -> dict[str, Any]:
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


def _difference(change: AuditChange, row: SQLModel) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = {}, {}
    for attribute in inspect(row).attrs:
        history = attribute.history
        is_update = change in {AuditChange.UPDATE, AuditChange.ERASE}
        if attribute.key in _SECRET or (is_update and not history.has_changes()):
            continue
        if change is not AuditChange.CREATE:
            before[attribute.key] = _plain(history.deleted[0] if history.deleted else attribute.value)
        if change is not AuditChange.DELETE:
            after[attribute.key] = _plain(attribute.value)
    return before, after


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value

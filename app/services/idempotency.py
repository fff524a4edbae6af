"""One mechanism for every mutation that must not happen twice (domain.md section 9).

The record is inserted first, under a unique key: whoever comes second waits for the first to end, then finds either its
record, and answers with the same objects as they are now, or nothing, because the first was refused, and goes on.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app import models
from app.billing.errors import ErrorCode, Refused, UserError
from app.billing.text import text_problem
from app.db import insert_if_absent
from app.ids import prefix_of
from app.metering.facts import LightRow, load_events
from app.models import table_of
from app.services.principal import Principal

NOUNS: Mapping[str, type[SQLModel]] = {
    "org": models.Merchant,
    "key": models.ApiKey,
    "prod": models.Product,
    "bm": models.BillableMetric,
    "fee": models.Fee,
    "feat": models.Feature,
    "ent": models.Entitlement,
    "grt": models.Grant,
    "price": models.Price,
    "plan": models.Plan,
    "pver": models.PlanVersion,
    "cus": models.Customer,
    "ctok": models.CustomerToken,
    "sub": models.Subscription,
    "inv": models.Invoice,
    "li": models.InvoiceLine,
    "pay": models.Payment,
    "evt": models.MeterEvent,
    "clk": models.TestClock,
    "disc": models.Discount,
    "cre": models.CreditEntry,
    "chg": models.SubscriptionChange,
    "cn": models.CreditNote,
    "rfd": models.Refund,
}
_records = table_of(models.IdempotencyRecord)
MAX_KEY_LENGTH = 255


@dataclass(frozen=True)
class Outcome:
    """What a mutation returned, row by row, and whether this call only repeated an earlier one."""

    rows: tuple[Any, ...]
    replayed: bool


def hash_input(environment_id: str, operation: str, canonical_input: Mapping[str, Any]) -> str:
    """Return the hash that tells whether a repeat asks for the same: of the environment, the mutation and its input."""
    text = json.dumps(
        [environment_id, operation, canonical_input], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


async def run_once(
    session: AsyncSession,
    principal: Principal,
    now: datetime,
    key: str | None,
    input_hash: str,
    work: Callable[[], Awaitable[tuple[Any, ...]]],
) -> Outcome:
    """Do `work` unless this environment did it under `key` before; raise IDEMPOTENCY_KEY_REUSED for another input.

    `work` returns rows (or None in their place), whose ids are kept for ever beside the key.
    """
    if key is None:
        return Outcome(await work(), replayed=False)
    await _check_key(key, work)
    record = {"environment_id": principal.environment_id, "id": key}
    fresh = await insert_if_absent(
        session, _records, {**record, "created_at": now, "input_hash": input_hash, "result": []}
    )
    if not fresh:
        return Outcome(await _replay(session, principal.environment_id, key, input_hash), replayed=True)
    rows = await work()
    await session.flush()
    matches = [_records.c[name] == value for name, value in record.items()]
    await session.execute(update(_records).where(*matches).values(result=[row and row.id for row in rows]))
    return Outcome(rows, replayed=False)


async def _check_key(key: str, work: Callable[[], Awaitable[tuple[Any, ...]]]) -> None:
    """Refuse a malformed key, together with whatever else the work would be refused for."""
    if key and len(key) <= MAX_KEY_LENGTH and not text_problem(key):
        return
    message = f"an idempotency key has 1 to {MAX_KEY_LENGTH} printable characters"
    bad_key = UserError(ErrorCode.INVALID, "idempotencyKey", message)
    try:
        await work()
    except Refused as refused:
        raise Refused((*refused.errors, bad_key)) from refused
    raise Refused((bad_key,))


async def _replay(session: AsyncSession, environment_id: str, key: str, input_hash: str) -> tuple[Any, ...]:
    record = (
        await session.execute(
            select(_records.c.input_hash, _records.c.result).where(
                _records.c.environment_id == environment_id, _records.c.id == key
            )
        )
    ).one()
    if record.input_hash != input_hash:
        message = "this idempotency key was used before, with another mutation or another input"
        raise Refused((UserError(ErrorCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey", message),))
    return tuple([await _load(session, environment_id, identifier) for identifier in record.result])


async def _load(session: AsyncSession, environment_id: str, identifier: str | None) -> SQLModel | LightRow | None:
    if identifier is None:
        return None
    model = NOUNS[prefix_of(identifier) or ""]
    if model is models.MeterEvent:  # its key is a number
        return next(iter(await load_events(session, environment_id, [identifier])), None)
    owned = "environment_id" in table_of(model).c
    return await session.get(model, (environment_id, identifier) if owned else identifier)

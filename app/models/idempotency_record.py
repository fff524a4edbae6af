"""Mutations that were done under a key."""

from sqlmodel import Field

from app.db import JsonColumn
from app.models.row import EnvironmentRow


class IdempotencyRecord(EnvironmentRow, table=True):
    """A mutation that succeeded under a key: `id` is the key, `result` the ids of what it returned. Kept for ever."""

    __tablename__ = "idempotency_record"

    input_hash: str
    result: list[str | None] = Field(sa_type=JsonColumn)

"""The personal data of audit entries."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import AuditPersonalData, table_of


async def personal_data_by_entry(sessions: Sessions, owner: Owner, entry_ids: Sequence[str]) -> list[Row[Any] | None]:
    """Return what each audit entry says of a person; None where it says nothing, or it was erased."""
    rows = await owned_rows(sessions, owner, _statement, entry_ids)
    found = {row.id: row for row in rows}
    return [found.get(entry_id) for entry_id in entry_ids]


@cache
def _statement(anyone: Owner) -> Select[Any]:
    table = table_of(AuditPersonalData)
    return select(table).where(owned_by(anyone, table), table.c.id.in_(ANY_KEYS))

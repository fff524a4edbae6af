"""What events said before they were corrected."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, select

from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import MeterEventRevision, table_of


async def revisions_by_event(sessions: Sessions, owner: Owner, event_ids: Sequence[str]) -> list[list[Row[Any]]]:
    """Return the earlier revisions of each event, the first one first."""
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in await owned_rows(sessions, owner, _statement, event_ids):
        found[row.event_id].append(row)
    return [found[event_id] for event_id in event_ids]


@cache
def _statement(owner: Owner) -> Select[Any]:
    table = table_of(MeterEventRevision)
    return select(table).where(owned_by(owner, table), table.c.event_id.in_(ANY_KEYS)).order_by(table.c.number)

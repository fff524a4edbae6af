"""How far metrics are with the events that were there before them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, select

from app.db import Sessions
from app.loaders.owner import ANY_KEYS, Owner, owned_by, owned_rows
from app.models import UsageJob, UsageJobKind, UsageJobState, table_of


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far the last catching up is; a metric that never had one has nothing to catch up with."""

    state: UsageJobState
    counted_up_to: datetime | None


async def backfill_by_metric(sessions: Sessions, owner: Owner, metric_ids: Sequence[str]) -> list[Backfill]:
    """Return the state of each metric's last job."""
    rows = await owned_rows(sessions, owner, _statement, metric_ids)
    last = {row.subject_id: Backfill(row.state, row.counted_up_to) for row in rows}
    return [last.get(metric_id, Backfill(UsageJobState.DONE, None)) for metric_id in metric_ids]


@cache
def _statement(owner: Owner) -> Select[Any]:
    table = table_of(UsageJob)
    return (
        select(table)
        .where(owned_by(owner, table), table.c.kind == UsageJobKind.METRIC, table.c.subject_id.in_(ANY_KEYS))
        .order_by(table.c.created_at, table.c.id)
    )

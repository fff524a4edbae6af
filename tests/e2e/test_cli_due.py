"""billgraph due, on work that failed."""

import asyncio
from datetime import UTC, datetime

from app import models
from app.due import Due, DueKind, schedule
from app.worker.loop import do_next
from tests.support.server import billgraph
from tests.support.world import make_world


async def fail_twice(database_url: str) -> list[str]:
    """Two boundaries that fail, as there is no such subscription; return the ids of the items."""
    async with make_world(database_url) as world:
        due_at = datetime(2026, 1, 30, tzinfo=UTC)
        due = [Due(DueKind.SUBSCRIPTION_BOUNDARY, name, due_at, None) for name in ("sub_1", "sub_2")]
        await world.do(lambda s: schedule(s, world.principal.environment_id, due, due_at))
        while await do_next(world.sessions):
            pass
        items = sorted(await world.rows(models.DueWork), key=lambda item: item.subject_id)
        return [item.id for item in items if item.parked_at is not None]


def test_what_failed_is_listed_with_why_and_tried_again(database_url: str) -> None:
    assert billgraph(database_url, "due", "parked").stdout == "nothing is parked\n"
    first, second = asyncio.run(fail_twice(database_url))
    lines = billgraph(database_url, "due", "parked").stdout.splitlines()
    listed = sorted(lines, key=lambda line: line.split("  ")[2])
    assert [line.split("  ")[:4] for line in listed] == [
        [first, "SUBSCRIPTION_BOUNDARY", "sub_1", "2026-01-30T00:00:00+00:00"],
        [second, "SUBSCRIPTION_BOUNDARY", "sub_2", "2026-01-30T00:00:00+00:00"],
    ]
    assert "KeyError" in listed[0]
    assert billgraph(database_url, "due", "retry", first).stdout == "1 to be tried again\n"
    refused = billgraph(database_url, "due", "retry", first, second)
    assert (refused.returncode, "1 of 2 were parked" in refused.stderr) == (1, True)
    assert billgraph(database_url, "due", "parked").stdout == "nothing is parked\n"

"""Root fields of test clocks."""

from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.metering.waiting import wait_until_counted
from app.schema.connections import Connection, connection
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.schema.test_clock import (
    TestClock,
    TestClockAdvanceInput,
    TestClockAdvancePayload,
    TestClockCreateInput,
    TestClockCreatePayload,
)
from app.services import clocks


@strawberry.type
class ClockQueries:
    """Simulated time."""

    test_clock: TestClock | None = single("A test clock by its id.", models.TestClock)
    test_clocks: Connection[TestClock] = connection("All test clocks.", Relation(models.TestClock))


@strawberry.type
class ClockMutations:
    """Making and moving time."""

    @mutation("Create a test clock.", access=Scope.SETTINGS_WRITE)
    async def test_clock_create(self, call: Call, input: TestClockCreateInput) -> TestClockCreatePayload:
        done = await call.create(input, clocks.create_clock)
        return TestClockCreatePayload(test_clock=done.rows[0], replayed=done.replayed)

    @mutation(
        "Move a test clock forward. All that falls due happens in order, each item in its own transaction; "
        "an advance that was cut off is resumed by the next one.",
        access=Scope.SETTINGS_WRITE,
    )
    async def test_clock_advance(self, call: Call, input: TestClockAdvanceInput) -> TestClockAdvancePayload:
        principal, clock_id, to = call.principal, input.id, input.to
        await call.transaction(lambda s: clocks.begin_advance(s, principal, call.now(), clock_id, to))
        await wait_until_counted(call.context.sessions)
        touched = await _work_off(call, clock_id, to)
        rows: Any = await call.transaction(lambda s: clocks.arrived(s, principal, clock_id, touched))
        return TestClockAdvancePayload(test_clock=rows[0], invoices=rows[1])


async def _work_off(call: Call, clock_id: str, to: datetime) -> list[str]:
    """Do all that falls due on the way, one transaction each; return the ids of the invoices it concerned."""
    touched: list[str] = []
    more = True
    while more:
        done = await call.transaction(lambda s: clocks.step(s, call.principal, call.now(), clock_id, to))
        touched += done.invoice_ids
        more = done.more
    return touched

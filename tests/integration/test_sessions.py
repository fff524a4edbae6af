"""Sessions under cancellation, as when the field beside a read fails."""

import asyncio

from sqlalchemy import text

from app.clock import SystemClock
from app.db import Sessions, open_engine

SLOW = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000) SELECT count(*) FROM c"


async def test_a_cancelled_read_ends_and_gives_its_connection_back(database_url: str) -> None:
    sessions = Sessions(open_engine(database_url), SystemClock())

    async def read() -> None:
        async with sessions.read() as session:
            await session.execute(text(SLOW))

    for moment in range(40):
        tasks = [asyncio.create_task(read()) for _ in range(2)]
        await asyncio.sleep(0.0005 * moment)
        for task in tasks:
            task.cancel()
        _, hanging = await asyncio.wait(tasks, timeout=20)
        assert not hanging
    async with asyncio.timeout(20), sessions.begin() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    await sessions.engine.dispose()

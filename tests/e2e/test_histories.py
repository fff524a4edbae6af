"""Random histories played by the real services on a database: every issued invoice is the naive one, and its replay."""

from collections.abc import Sequence

import pytest
import uvloop

from tests.naive.history import History
from tests.naive.invoices import Invoice, differences
from tests.naive.random_histories import random_history
from tests.naive.replay import replay
from tests.support.database_play import Stage, hurried, issued_invoices, unlike_their_replays
from tests.support.world import make_world


@pytest.mark.histories(200, 20)
def test_every_issued_invoice_of_a_random_history_is_the_naive_one(database_url: str, seeds: range) -> None:
    """The loop is the server's own, which is quicker."""
    histories = [random_history(seed) for seed in seeds]
    found = uvloop.run(_played(database_url, histories))
    compared = zip(histories, found, strict=True)
    wrong = {history.seed: differences(replay(history), invoices) for history, invoices in compared}
    assert {seed: said for seed, said in wrong.items() if said} == {}


async def _played(database_url: str, histories: Sequence[History]) -> list[list[Invoice]]:
    async with make_world(database_url) as world, hurried(world):
        stage = Stage(world)
        played = [await stage.play(history) for history in histories]
        assert await unlike_their_replays(world, played) == {}
        return await issued_invoices(world, played)

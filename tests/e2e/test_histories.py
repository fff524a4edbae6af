"""Random histories played by the real services on a database: every issued invoice is the naive one, and its replay."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
import uvloop

from tests.naive.history import History
from tests.naive.invoices import CreditNote, Invoice, differences
from tests.naive.random_histories import random_history, random_life
from tests.naive.replay import relive
from tests.support.database_play import Stage, credit_notes, hurried, issued_invoices, unlike_their_replays
from tests.support.world import make_world


@pytest.mark.histories(200, 20)
def test_every_issued_invoice_of_a_random_history_is_the_naive_one(database_url: str, seeds: range) -> None:
    """The loop is the server's own, which is quicker."""
    _compare(database_url, [random_history(seed) for seed in seeds])


@pytest.mark.histories(100, 20)
def test_so_is_every_one_of_subscriptions_that_change_and_end(database_url: str, seeds: range) -> None:
    _compare(database_url, [random_life(seed) for seed in seeds])


class Found(NamedTuple):
    """What a database holds of a history."""

    invoices: list[Invoice]
    notes: list[CreditNote]


def _compare(database_url: str, histories: Sequence[History]) -> None:
    found = uvloop.run(_played(database_url, histories))
    wrong = {history.seed: _wrong(history, one) for history, one in zip(histories, found, strict=True)}
    assert {seed: said for seed, said in wrong.items() if said} == {}


def _wrong(history: History, found: Found) -> list[str]:
    expected = relive(history)
    said = differences(expected.invoices, found.invoices)
    if expected.notes != found.notes:
        said.append(f"credit notes: {expected.notes} / {found.notes}")
    return said


async def _played(database_url: str, histories: Sequence[History]) -> list[Found]:
    async with make_world(database_url) as world, hurried(world):
        stage = Stage(world)
        played = [await stage.play(history) for history in histories]
        assert await unlike_their_replays(world, played) == {}
        found = zip(await issued_invoices(world, played), await credit_notes(world, played), strict=True)
        return [Found(*one) for one in found]

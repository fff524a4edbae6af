"""The product's rules against a naive replay that shares no code with them, on random histories."""

import pytest

from tests.naive.history import History
from tests.naive.invoices import differences
from tests.naive.random_histories import random_history
from tests.naive.replay import all_windows, replay
from tests.support.pure_play import boundaries, play


@pytest.mark.histories(10_000, 250)
def test_every_invoice_of_a_random_history_is_the_naive_one(seeds: range) -> None:
    """To see one again: `--histories` above its seed, and `-k` with the range that holds it."""
    wrong = {}
    for seed in seeds:
        history = random_history(seed)
        if said := _compared(history):
            wrong[seed] = said
    assert wrong == {}


def _compared(history: History) -> list[str]:
    expected = replay(history)
    said = differences(expected, play(history, expected))
    for subscription in history.subscriptions:
        found = boundaries(subscription, history.until)
        listed = all_windows(subscription, history.until).values()
        ends = sorted({window.end for windows in listed for window in windows})[: len(found)]
        if ends != found:
            said.append(f"boundaries of #{subscription.place}: {ends} / {found}")
    return said

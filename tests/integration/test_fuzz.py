"""Random operations, one after another, on one application: whatever is asked, it answers, and never with a bug."""

import asyncio
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app import models
from tests.support.fuzzing import Fuzzer, Operation
from tests.support.life import Tenant
from tests.support.served import serve

#: What an answer shows only where something went wrong on our side.
LEAKS = re.compile(
    r"Traceback|File \\?\"|/site-packages/|sqlalchemy|asyncpg|aiosqlite|sqlite3|psycopg|SELECT .* FROM|INSERT INTO|"
    r"UPDATE .* SET|object at 0x|app\.(schema|services|billing|models|api|metering)|IntegrityError|KeyError|"
    r"AssertionError|NoneType"
)
#: Seconds that nothing takes: a test clock moves at most two years, and on a busy machine.
LONGEST = 60


def failure(operation: Operation, status: int, text: str) -> str | None:
    """What is wrong with an answer, or None."""
    if status != 200 or '"INTERNAL"' in text or '"UNAVAILABLE"' in text:
        return f"{status} {text}\n{operation}"
    return f"leaks {text}\n{operation}" if LEAKS.search(text) else None


#: Where a field is refused, graphql-core cancels those beside it, and what these would have asked for is never begun.
NEVER_BEGUN = "ignore:coroutine .* was never awaited:RuntimeWarning"


@contextmanager
def uncollected() -> Iterator[None]:
    """Let garbage be collected when a test says so: not at the cost of a request, nor where no warning can be told."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.filterwarnings(NEVER_BEGUN)
async def test_random_operations_never_meet_a_bug(database_url: str, operations: int) -> None:
    fuzzer, wrong = Fuzzer(seed=1), []
    async with serve(database_url) as api:
        me = await Tenant(api, "mine").live()
        fuzzer.learn(me.made)
        fuzzer.made = me.made
        # Whoever revokes its own key asks nothing more.
        [fuzzer.avoided] = [key.id for key in await api.rows(models.ApiKey) if key.name == "test"]
        answered = 0
        with uncollected():
            for number in range(operations):
                if number % 200 == 0:
                    gc.collect()  # while those warnings are passed over
                operation = fuzzer.next()
                async with asyncio.timeout(LONGEST):
                    answer = await api.post({"query": operation.query, "variables": operation.variables})
                found = failure(operation, answer.status_code, answer.text)
                if found is not None:
                    wrong.append(found)
                answered += '"data"' in answer.text and '"errors"' not in answer.text
                fuzzer.learn(answer.json())
            gc.collect()
    assert not wrong, f"{len(wrong)} of {operations}\n" + "\n\n".join(wrong[:20])
    assert answered > operations / 4

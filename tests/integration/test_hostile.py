"""Hostile documents and requests: never a bug, a hang, or a word about what is inside."""

import asyncio
import gc
import re
import time
from typing import Any

import pytest

from app.schema.documents import document_of, validation_errors
from tests.integration.test_fuzz import LEAKS, NEVER_BEGUN, uncollected
from tests.support.hostile import Hostile, hostile, send
from tests.support.served import count, dump, serve

#: Seconds of CPU that a document that is refused may cost. Those that are legal, and executed, are not meant.
REFUSED_WITHIN = 0.1
#: Seconds after which a request hangs, on a machine where everything else runs besides.
HANGS = 30
#: Of a document that is refused, its answer says no more than what is wrong.
LONGEST_REFUSAL = 64 * 1024
_PATHS = re.compile(r"/(home|root|tmp|usr|work)/|\.py\b")


def is_refused(request: Hostile, status: int, answer: bytes) -> bool:
    """Whether a request was not executed."""
    if request.path.endswith("/graphql") and status == 200:
        return b'"data"' not in answer
    return status >= 400


async def cost(app: Any, request: Hostile, secret: str) -> tuple[float, int, bytes]:
    """Send a request; return the CPU seconds that it took, its status and its answer."""
    begun = time.process_time()
    async with asyncio.timeout(HANGS):
        status, answer = await send(app, request, secret)
    return time.process_time() - begun, status, answer


async def cheapest(app: Any, request: Hostile, secret: str, took: float) -> float:
    """Measure a request that seemed dear again, as a document that nobody knows: others run on this machine."""
    for _ in range(3):
        document_of.cache_clear()
        validation_errors.cache_clear()
        took = min(took, (await cost(app, request, secret))[0])
    return took


@pytest.mark.filterwarnings(NEVER_BEGUN)
async def test_hostile_requests_are_answered_and_learn_nothing(database_url: str, hostile_count: int) -> None:
    wrong: list[Any] = []
    refused = 0
    async with serve(database_url) as api:
        app: Any = api.client._transport.app  # type: ignore[attr-defined]
        await api.gql("{ merchant { id } }")
        await count(api)
        before = await dump(api)
        with uncollected():
            for request in hostile(1, hostile_count):
                try:
                    took, status, answer = await cost(app, request, api.secret)
                except Exception as error:  # noqa: BLE001 - whatever it is, a server would have answered 500
                    wrong.append((repr(error), str(request)))
                    continue
                text = answer.decode(errors="replace")
                if status >= 500 or "INTERNAL" in text or LEAKS.search(text) or _PATHS.search(text):
                    wrong.append((status, text[:500], str(request)))
                if not is_refused(request, status, answer):
                    continue
                refused += 1
                if len(answer) > LONGEST_REFUSAL:
                    wrong.append(("a long refusal", len(answer), str(request)))
                if took > REFUSED_WITHIN and await cheapest(app, request, api.secret, took) > REFUSED_WITHIN:
                    wrong.append(("a dear refusal", took, str(request)))
        gc.collect()  # while those warnings are passed over
        await count(api)
        after = await dump(api)
        # A few of those that are spoiled are still good, and make a product or report an event.
        changed = {name for name in before if before[name] != after[name]}
        assert changed <= {"product", "audit_entry", "event_inbox", "meter_event", "event_key", "usage_job"}
    assert not wrong, "\n".join(map(str, wrong[:20]))
    assert refused > hostile_count * 0.7

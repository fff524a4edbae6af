"""What keys may spend: buckets shared by all processes, taken from by the share."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route, Router

from app import models
from app.api.graphql_view import GraphQLView
from app.billing.access import Scope
from app.db import LONG_WORK_AT_ONCE, Sessions, open_engine
from app.graphql import schema
from app.ids import new_id
from app.metering import allowance
from app.models import EnvironmentKind
from app.schema.documents import document_of
from app.services.cost_budgets import CostBudgets, OverBudget
from app.services.keys import create_key
from app.settings import Settings
from tests.integration.test_api_catalog import a_metric
from tests.support.api import Api, Statements, make_api
from tests.support.usage import report
from tests.support.world import JANUARY_31, World, make_world

#: A bucket of 600 that fills in a minute, in shares of 30.
PER_SECOND = 10


@dataclass
class Bench:
    """A key, and as many processes as a test likes, all by one clock."""

    world: World
    key: str
    database_url: str

    def process(self, most: float | None = None) -> CostBudgets:
        sessions = Sessions(open_engine(self.database_url), self.world.clock)
        self.world.made.setdefault("engines", []).append(sessions.engine)
        return CostBudgets(sessions, PER_SECOND, most)

    def pass_by(self, seconds: float) -> None:
        self.world.clock.instant += timedelta(seconds=seconds)

    async def another_key(self) -> str:
        async def make(session: Any) -> str:
            merchant = self.world.principal.merchant_id
            return (await create_key(session, merchant, self.world.clock.now(), "other", (Scope.ALL,), None))[0].id

        return await self.world.do(make)


@asynccontextmanager
async def make_bench(database_url: str) -> AsyncIterator[Bench]:
    async with make_world(database_url) as world:
        bench = Bench(world, "", database_url)
        bench.key = await bench.another_key()
        try:
            yield bench
        finally:
            for engine in world.made.get("engines", ()):
                await engine.dispose()


async def spend_all(process: CostBudgets, key: str, cost: int) -> int:
    """Take until there is nothing left; return how much was taken."""
    taken = 0
    while True:
        try:
            await process.take(key, cost)
        except OverBudget:
            return taken
        taken += cost


@contextmanager
def writes() -> Iterator[list[str]]:
    """The writes to budgets in a block, once it is over."""
    found: list[str] = []
    with Statements() as statements:
        yield found
    found += [statement for statement in statements.seen if statement.startswith("INSERT INTO cost_budget")]


async def test_a_share_is_one_write(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process = bench.process()
        with writes() as seen:
            for _ in range(30):
                await process.take(bench.key, 2)
        assert len(seen) == 2
        with writes() as seen:
            await asyncio.gather(*(process.take(bench.key, 1) for _ in range(30)))
        assert len(seen) == 1


async def test_processes_share_a_bucket(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        processes = [bench.process() for _ in range(4)]
        taken = await asyncio.gather(*(spend_all(one, bench.key, 7) for one in processes for _ in range(3)))
        # Of each process's last share a rest may be too small.
        assert 600 - 4 * 7 < sum(taken) <= 600
        assert await spend_all(bench.process(), await bench.another_key(), 30) == 600


async def test_what_is_spent_comes_back_at_an_even_rate(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process = bench.process()
        assert await spend_all(process, bench.key, 30) == 600
        for seconds in (3, 6, 9.5, 600):
            bench.pass_by(seconds)
            assert await spend_all(process, bench.key, 30) == {3: 30, 6: 60, 9.5: 90, 600: 600}[seconds]


async def test_a_refusal_says_when_to_come_back_and_writes_nothing(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process, other = bench.process(), bench.process()
        await spend_all(other, bench.key, 30)
        rows = await bench.world.rows(models.CostBudget)
        for _ in range(2):
            with pytest.raises(OverBudget) as caught:
                await process.take(bench.key, 50)
            assert (caught.value.left, caught.value.retry_after) == (0, 5)
        with Statements() as statements, pytest.raises(OverBudget):
            await process.take(bench.key, 50)
        assert statements.seen == []
        assert await bench.world.rows(models.CostBudget) == rows
        bench.pass_by(5)
        await process.take(bench.key, 50)


async def test_a_restart_gives_nothing(database_url: str) -> None:
    """What a process had of its share is lost, so a key can only have less."""
    async with make_bench(database_url) as bench:
        for _ in range(20):
            await bench.process().take(bench.key, 1)
        with pytest.raises(OverBudget):
            await bench.process().take(bench.key, 1)


async def test_more_than_a_full_bucket_holds_is_let_through_and_owed(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process, other = bench.process(), bench.process()
        await process.take(bench.key, 1000)
        with pytest.raises(OverBudget) as caught:
            await other.take(bench.key, 1)
        # The 400 too many, and a share.
        assert caught.value.retry_after == 43
        assert process.balance(bench.key).left == -400
        bench.pass_by(99)
        with pytest.raises(OverBudget):
            await other.take(bench.key, 1000)
        bench.pass_by(1)
        await other.take(bench.key, 1000)


async def test_an_answer_that_was_longer_than_it_cost_is_owed(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process = bench.process()
        await process.take(bench.key, 10)
        process.owe(bench.key, -5)
        assert process.balance(bench.key).left == 590
        process.owe(bench.key, 100)
        assert process.balance(bench.key).left == 490
        process.owe(bench.key, 10**12)
        # There is a bound to what is owed: a bucket.
        assert process.balance(bench.key).left == 570 - 600
        bench.pass_by(2.9)
        with pytest.raises(OverBudget):
            await process.take(bench.key, 1)
        bench.pass_by(0.2)
        await process.take(bench.key, 1)
        assert process.balance(bench.key).left == 0


@pytest.mark.parametrize(("seconds", "left"), [(3, 0), (6, 30), (60, 570), (63, 600), (600, 600)])
async def test_what_is_owed_is_paid_by_time_too(database_url: str, seconds: float, left: int) -> None:
    """Who rests until the bucket would be full and the debt paid has a full one."""
    async with make_bench(database_url) as bench:
        process = bench.process()
        await process.take(bench.key, 10)
        process.owe(bench.key, 10**12)
        assert process.balance(bench.key).left == -30
        bench.pass_by(seconds)
        assert process.balance(bench.key).left == left
        assert await spend_all(process, bench.key, 30) == left


async def test_what_others_take_meanwhile_is_not_there_to_pay_with(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process, other = bench.process(), bench.process()
        await process.take(bench.key, 30)
        process.owe(bench.key, 600)
        bench.pass_by(100)
        assert await spend_all(other, bench.key, 30) == 600
        bench.pass_by(59)
        with pytest.raises(OverBudget):
            await process.take(bench.key, 1)
        bench.pass_by(4)
        await process.take(bench.key, 1)


async def test_a_balance_says_when_the_bucket_is_full(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process = bench.process()
        assert process.balance(bench.key).left == 600
        await process.take(bench.key, 120)
        balance = process.balance(bench.key)
        assert (balance.left, balance.full_at - bench.world.clock.now()) == (480, timedelta(seconds=12))
        bench.pass_by(11)
        assert process.balance(bench.key).left == 590
        bench.pass_by(1)
        assert process.balance(bench.key).left == 600
        assert process.balance(bench.key).full_at == bench.world.clock.now()


async def test_an_idle_share_is_no_second_bucket(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        processes = [bench.process() for _ in range(4)]
        for process in processes:
            await process.take(bench.key, 1)
        bench.pass_by(61)
        assert sum([await spend_all(process, bench.key, 1) for process in processes]) == 600


@pytest.mark.parametrize("back", [timedelta(seconds=5), timedelta(minutes=10), timedelta(days=400)])
async def test_a_clock_that_is_put_back_neither_gives_nor_locks_out(database_url: str, back: timedelta) -> None:
    async with make_bench(database_url) as bench:
        process, other = bench.process(), bench.process()
        # Were it the clock of a machine that was ahead, it would see a bucket that is full long after.
        assert await spend_all(process, bench.key, 30) == 600
        bench.world.clock.instant -= back
        assert await spend_all(process, bench.key, 30) == await spend_all(other, bench.key, 30) == 0
        # Beyond any debt it is sure that the clock was wrong.
        bench.pass_by(60 + (0 if back.days else back.total_seconds()))
        assert await spend_all(other, bench.key, 30) == 600


async def test_a_bucket_may_hold_less_than_a_query(database_url: str) -> None:
    async with make_bench(database_url) as bench:
        process = bench.process(most=0.5)
        await process.take(bench.key, 1)
        with pytest.raises(OverBudget):
            await process.take(bench.key, 1)
        bench.pass_by(0.1)
        await process.take(bench.key, 1)


@asynccontextmanager
async def limited(api: Api, **settings: Any) -> AsyncIterator[Api]:
    """The same merchant, served with limits."""
    limits = Settings(**settings)
    routes = [
        Route(f"{kind.path_prefix}/graphql", GraphQLView(schema, api.sessions, api.clock, limits, kind))
        for kind in EnvironmentKind
    ]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Router(routes)), base_url="http://test") as client:
        yield Api(client, api.sessions, api.clock, api.secret)


async def test_answers_say_what_is_left_and_refusals_when_there_is_more(database_url: str) -> None:
    async with make_api(database_url) as free, limited(free, cost_per_second=100, cost_burst=2000) as api:
        create = 'mutation { productCreate(input: { name: "x" }) { product { id } } }'
        for known in ("{ merchant { name } }", create):
            await free.post({"query": known})
        answer = await api.answer("{ merchant { name } }")
        assert answer["extensions"] == {
            "cost": {"requested": 102, "left": 1898, "fullAt": "2026-01-31T00:00:01.020000Z"}
        }
        # Another key pays for itself, and one key in both environments.
        api.secret, kept = (await free.with_scopes(Scope.ALL)).secret, api.secret
        assert (await api.answer("{ merchant { name } }"))["extensions"]["cost"]["left"] == 1898
        api.secret = kept
        assert (await api.answer(create))["extensions"]["cost"]["left"] == 796
        refused = await api.in_sandbox().post({"query": create})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "4")
        [error] = refused.json()["errors"]
        assert error["extensions"] == {"code": "RATE_LIMITED"}
        assert error["message"].startswith("The operation costs 1102, and the key has ")
        assert "data" not in refused.json()
        assert len(await api.rows(models.Product)) == 2
        api.clock.instant += timedelta(seconds=4)
        assert (await api.in_sandbox().post({"query": create})).status_code == 200


async def test_a_long_answer_is_paid_for_by_its_length(database_url: str) -> None:
    async with make_api(database_url) as free, limited(free, cost_per_second=100) as api:
        product = await free.make("productCreate", name="x", description="y" * 2000)
        often = " ".join(f"d{number}: description" for number in range(50))
        query = f"query($id: ID!) {{ product(id: $id) {{ {often} }} }}"
        await free.answer(query, id=product)
        answer = await api.post({"query": query, "variables": {"id": product}})
        first, size = answer.json()["extensions"]["cost"], len(answer.content)
        second = (await api.answer(query, id=product))["extensions"]["cost"]
        assert size > 100_000
        assert (first["requested"], first["left"]) == (151, 5849)
        assert second["left"] == 5849 - (size // 100 - 151) - 151


def unknown() -> str:
    """A text of 9 tokens and 50 characters that was never sent before: 50 points."""
    return f"{{ merchant {{ {new_id('m').replace('_', ''):>27}: name }} }}"


async def test_a_text_that_is_new_costs_what_reading_it_takes(database_url: str) -> None:
    async with make_api(database_url) as free, limited(free, cost_per_second=100) as api:
        text, left = unknown(), []
        for _ in range(2):
            answer = await api.answer(text)
            left.append(answer["extensions"]["cost"])
        assert [(cost["requested"], cost.get("document"), cost["left"]) for cost in left] == [
            (102, 8 * 5 + len(text) // 10, 6000 - 102 - (8 * 5 + len(text) // 10)),
            (102, None, 6000 - 2 * 102 - (8 * 5 + len(text) // 10)),
        ]


@pytest.mark.parametrize(
    ("text", "refusal", "cost"),
    [
        # What is broken costs as much as was read of it, and each refusal 100.
        ("{ merchant { name } " + " " * 60 + "$", {"code": "GRAPHQL_PARSE_FAILED"}, 40 * 5 + 8 + 100),
        (
            "# " + "x" * 100_000,
            {"code": "QUERY_TOO_COMPLEX", "measure": "length", "bound": 100_000},
            (100_002 + len('{"query":"","variables":{}}') - 4096) // 10 + 100,
        ),
        (
            "{ " + "__typename " * 300 + "}",
            {"code": "QUERY_TOO_COMPLEX", "measure": "breadth", "bound": 200},
            302 * 5 + 330 + 100,
        ),
        ("{ nowhere }", {"code": "GRAPHQL_VALIDATION_FAILED"}, 3 * 5 + 1 + 100),
        ("query($id: ID!) { product(id: $id) { id } }", {"code": "BAD_INPUT"}, 20 * 5 + 4 + 102),
    ],
    ids=["does not parse", "too long", "too wide", "no such field", "no variables"],
)
async def test_a_refused_request_is_paid_for(database_url: str, text: str, refusal: dict[str, Any], cost: int) -> None:
    document_of.cache_clear()
    async with make_api(database_url) as free, limited(free, cost_per_second=1000) as api:
        answer = await api.answer(text)
        assert (list(answer), answer["errors"][0]["extensions"]) == (["errors"], refusal)
        left = (await api.answer(unknown()))["extensions"]["cost"]
        assert 60_000 - left["left"] - left["document"] - left["requested"] == cost


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ('{"query": "{ merchant { id } }", "variables": {"a": [' + "1," * 1000 + "1e999]}}", 100),
        (
            '{"query": "{ merchant { id } }", "variables": {"a": [' + "1," * 5000 + "1e999]}}",
            (10061 - 4096) // 10 + 100,
        ),
        ('{"query": ' + " " * 90, 100),
        ('"' + "x" * 98 + '"', 100),
        # This one can be read, but has no document.
        ('{"query": "", "variables": {"a": "' + "x" * 4965 + '"}}', 90 + 100),
    ],
    ids=["no number", "longer", "no JSON", "no object", "no document"],
)
async def test_a_body_that_can_not_be_read_is_paid_for(database_url: str, body: str, cost: int) -> None:
    async with make_api(database_url) as free, limited(free, cost_per_second=100) as api:
        headers = {"authorization": f"Bearer {api.secret}", "content-type": "application/json"}
        refused = await api.client.post("/graphql", content=body, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
        left = (await api.answer(unknown()))["extensions"]["cost"]
        assert 6000 - left["left"] - left["document"] - left["requested"] == cost


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"query": "query A { merchant { id } }", "operationName": "B"}, 400),
        ({"query": "fragment F on Merchant { id }"}, 400),
        ({"query": "mutation M { nothing }"}, 405),
    ],
    ids=["no such operation", "no operation", "by GET"],
)
async def test_a_request_of_which_nothing_can_run_is_paid_for(
    database_url: str, asked: dict[str, str], status: int
) -> None:
    async with make_api(database_url) as free, limited(free, cost_per_second=100) as api:
        headers, by_get = {"authorization": f"Bearer {api.secret}"}, status == 405
        left = []
        for _ in range(2):  # the second time the document is known
            refused = await (api.client.get("/graphql", params=asked, headers=headers) if by_get else api.post(asked))
            assert refused.status_code == status
            left.append((await api.answer("{ merchant { name } }"))["extensions"]["cost"]["left"])
        assert left[0] - left[1] == 100 + 102


async def test_a_key_in_debt_has_nothing_read(database_url: str) -> None:
    async with make_api(database_url) as free, limited(free, cost_per_second=100, cost_burst=500) as api:
        broken = "{ " + "a " * 500 + "$"
        statuses = [(await api.post({"query": f"{broken}{number}"})).status_code for number in range(4)]
        # What is owed is paid out of the bucket once, and then there is nothing.
        assert statuses == [200, 200, 429, 429]
        read = document_of.cache_info().misses
        refused = await api.post({"query": unknown()})
        assert document_of.cache_info().misses == read
        assert refused.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
        api.clock.instant += timedelta(seconds=int(refused.headers["retry-after"]))
        assert (await api.post({"query": f"{broken}5"})).status_code == 200


async def test_bodies_that_end_together_are_read_until_the_key_owes(database_url: str) -> None:
    """Who has many requests wait for their last byte has them all begun before it owes anything."""
    async with make_api(database_url) as free, limited(free, cost_per_second=100, cost_burst=500) as api:
        headers = {"authorization": f"Bearer {api.secret}", "content-type": "application/json"}
        begun, last = asyncio.Semaphore(0), asyncio.Event()

        async def send(number: int) -> int:
            async def pieces() -> AsyncIterator[bytes]:
                yield b'{"query": "{ ' + b"a " * 500
                begun.release()
                await last.wait()
                yield b'$%d"}' % number

            return (await api.client.post("/graphql", content=pieces(), headers=headers)).status_code

        sending = [asyncio.create_task(send(number)) for number in range(9)]
        for _ in sending:
            await begun.acquire()
        last.set()
        assert sorted(await asyncio.gather(*sending)) == [200] * 2 + [429] * 7


async def used(api: Api, times: int) -> str:
    """Report the use of a metric; return its id."""
    metric = await a_metric(api, await api.make("productCreate", name="x"))
    customer = await api.make("customerCreate", name="Ada")
    for _ in range(times):
        await report(api, "inference", JANUARY_31, {"tokens": 1}, subject=customer)
    return metric


async def test_events_that_are_read_are_paid_for_and_bounded_for_all_fields_together(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "MAX_EVENTS", 20)
    async with make_api(database_url) as free, limited(free, cost_per_second=100) as api:
        metric = await used(free, 8)
        usage = 'usage(from: "2026-01-31T00:00:00Z", to: "2026-02-%02dT00:00:00Z", window: HOUR) { total }'
        fields = [f"u{day}: {usage % day}" for day in (1, 2, 3)]
        two, three = (f'{{ billableMetric(id: "{metric}") {{ {" ".join(fields[:count])} }} }}' for count in (2, 3))
        await free.answer(two)
        answer = await api.answer(two)
        assert answer["data"]["billableMetric"] == {"u1": {"total": "8"}, "u2": {"total": "8"}}
        assert answer["extensions"]["cost"] == {
            "requested": 100 + 1 + 2 * 301, "left": 6000 - 703 - 2 * 8 * 3, "fullAt": "2026-01-31T00:00:07.510000Z"
        }  # fmt: skip
        [error] = (await api.answer(three))["errors"]
        assert error["extensions"] == {"code": "BAD_INPUT"}
        assert error["message"].startswith("to: More than 20 events would have to be read, for all that is asked in")


async def test_who_asks_for_many_figures_at_once_gets_no_more_of_them(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they cost is known when they are read, and then those who waited for their turn are looked at again."""
    monkeypatch.setattr(allowance, "POINTS_OF_AN_EVENT", 10_000)
    async with make_api(database_url) as free, limited(free, cost_per_second=100) as api:
        metric = await used(free, 1)
        usage = 'usage(from: "2026-01-31T00:00:00Z", to: "2026-02-01T00:00:00Z", window: HOUR) { total }'
        query = f'{{ billableMetric(id: "{metric}") {{ id {usage} }} }}'
        await free.answer(query)
        answers = await asyncio.gather(*(api.answer(query) for _ in range(10)))
        read = [answer for answer in answers if "errors" not in answer]
        assert 1 <= len(read) <= LONG_WORK_AT_ONCE
        for answer in answers:
            if answer not in read:
                assert answer.get("data") in (None, {"billableMetric": None})
                assert [error["extensions"] for error in answer["errors"]] == [{"code": "RATE_LIMITED"}]

"""Transactions that lose against another at each of their places: all of each is run again, to the same end."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from app import attempts, models
from app.billing.catalog import PaymentDraft
from app.metering.codec import decode_event
from app.metering.drain import drain_once
from app.metering.event_log import append
from app.metering.received import identify
from app.models import table_of
from app.services.payments import record_payment
from app.worker.loop import do_next
from tests.integration.test_fault_points import ISSUED, subscribed, work_off
from tests.support import rows
from tests.support.api import Api, make_api
from tests.support.faults import Losing, lose_everywhere, story_of
from tests.support.rows import opened
from tests.support.story import Story, fee, tell
from tests.support.world import JANUARY_31, make_world

BUSINESS = (
    *(models.Product, models.Customer, models.Subscription, models.Invoice, models.InvoiceLine, models.Payment),
    *(models.CreditEntry, models.AuditEntry, models.IdempotencyRecord, models.DueWork, models.MeterEvent),
)
SUBSCRIBE = "subscription { status } invoice { status total { amount } lines { description amount { amount } } }"
PAY = "payment { amount { amount } } invoice { status amountDue { amount } }"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.0001)


async def sizes(api: Api) -> list[int]:
    counts: Any = select(*(select(func.count()).select_from(model).scalar_subquery() for model in BUSINESS))
    return list((await api.sessions.rows(counts, {}))[0])


class Grown:
    """How many rows some work adds."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._before: list[int] = []

    async def begin(self) -> None:
        self._before = await sizes(self._api)

    async def seen(self, _subject: object) -> list[int]:
        return [now - before for now, before in zip(await sizes(self._api), self._before, strict=True)]


async def losing_at_each(
    story: Story, prepare: Callable[[], Awaitable[Any]], work: Callable[[Any], Awaitable[Any]]
) -> int:
    grown = Grown(story.api)

    async def prepared() -> Any:
        subject = await prepare()
        await grown.begin()
        return subject

    return await lose_everywhere(story.api.sessions.engine, prepared, work, grown.seen)


async def customer(story: Story) -> str:
    return await story.api.make("customerCreate", name="Acme", testClockId=story.clock_id)


async def subscribe(story: Story, customer_id: str) -> Any:
    given = {"customerId": customer_id, "planId": "plan", "idempotencyKey": f"subscribe {customer_id}"}
    return await story.api.mutate("subscriptionCreate", SUBSCRIBE, **given)


async def test_making_something_once(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        number = 0

        async def nothing() -> int:
            nonlocal number
            number += 1
            return number

        async def make(number: int) -> Any:
            given = {"name": f"Product {number}", "idempotencyKey": str(number)}
            payload = await story.api.mutate("productCreate", "replayed product { archivedAt }", **given)
            again = await story.api.mutate("productCreate", "replayed product { archivedAt }", **given)
            return payload, again

        assert await losing_at_each(story, nothing, make) >= 5


async def test_subscribing(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"seat": fee("49")})
        assert await losing_at_each(story, lambda: customer(story), lambda made: subscribe(story, made)) > 20


async def test_paying(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"seat": fee("49")})

        async def billed() -> str:
            given = {"customerId": await customer(story), "planId": "plan"}
            made = await story.api.mutate("subscriptionCreate", "invoice { id }", **given)
            return str(made["invoice"]["id"])

        async def pay(invoice_id: str) -> Any:
            return await story.api.mutate("invoiceRecordPayment", PAY, invoiceId=invoice_id, method="card")

        assert await losing_at_each(story, billed, pay) >= 10


async def test_changing_what_an_id_names(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:

        async def rename(customer_id: str) -> Any:
            return await story.api.mutate("customerUpdate", "customer { name }", id=customer_id, name="Other")

        assert await losing_at_each(story, lambda: customer(story), rename) >= 4


async def test_a_refusal_stays_one(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:

        async def refused(customer_id: str) -> Any:
            given = {"customerId": customer_id, "planId": "none", "idempotencyKey": customer_id}
            return await story.api.mutate("subscriptionCreate", SUBSCRIBE, **given)

        assert await losing_at_each(story, lambda: customer(story), refused) >= 3


async def test_who_loses_always_is_told_to_try_again_and_has_changed_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        before = await sizes(api)
        for place in (1, 2, 3):
            with Losing(api.sessions.engine, place, times=1000) as losing:
                answer = await api.answer('mutation { productCreate(input: { name: "x" }) { product { id } } }')
            assert losing.losses == attempts.MOST_ATTEMPTS
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
            assert await sizes(api) == before
        with Losing(api.sessions.engine, 1, times=attempts.MOST_ATTEMPTS - 1) as losing:
            await api.make("productCreate", name="x")
        assert losing.losses == attempts.MOST_ATTEMPTS - 1


async def test_renewing(database_url: str) -> None:
    """The worker loses as well, and parks nothing for it."""
    async with make_world(database_url) as world:
        await world.catalog()
        me = world.principal

        async def active() -> models.Subscription:
            world.clock.instant = JANUARY_31
            await world.do(lambda s: s.execute(delete(table_of(models.DueWork))))
            subscription, invoice = await subscribed(world)
            draft = PaymentDraft(invoice=invoice.id, method="x")
            await world.do(lambda s: record_payment(s, me, world.clock.now(), draft))
            world.clock.instant = ISSUED
            return subscription

        async def renew(_subscription: models.Subscription) -> object:
            done = await do_next(world.sessions)
            assert done == 1
            return done

        async def seen(made: models.Subscription) -> object:
            await work_off(world)
            return await story_of(world, made.id)

        assert await lose_everywhere(world.sessions.engine, active, renew, seen) >= 12
        assert [row for row in await world.rows(models.DueWork) if row.parked_at is not None] == []


async def test_counting(database_url: str) -> None:
    """Whoever counts loses as well, and sets nothing aside for it."""
    async with opened(database_url) as sessions:
        world = await rows.make_world(sessions)
        await world.api_key()
        async with sessions.read() as session:
            key_id = str((await session.scalars(select(table_of(models.ApiKey).c.id))).one())
        number = 0

        async def acknowledged() -> int:
            nonlocal number
            number += 1
            sent = {"type": "call", "source": "s", "subject": "s", "idempotencyKey": f"k{number}", "data": {}}
            event = identify(world.environment_id, decode_event(json.dumps(sent).encode()), rows.NOW)
            assert await append(sessions, [(key_id, [event])], 10) == {key_id}
            return number

        async def stored(number: int) -> tuple[bool, int]:
            async with sessions.read() as session:
                events = (await session.scalars(select(table_of(models.MeterEvent).c.id))).all()
                waiting = (await session.scalars(select(table_of(models.EventInbox).c.id))).all()
            return len(events) == number, len(waiting)

        assert await lose_everywhere(sessions.engine, acknowledged, lambda _: drain_once(sessions), stored) >= 5


async def test_a_deadlock_ends_with_both_having_written(database_url: str) -> None:
    """Two transactions take two rows in opposite orders, and wait for each other: PostgreSQL ends one, which begins
    again. SQLite lets one begin after the other.
    """
    if database_url.startswith("sqlite"):
        return
    async with make_api(database_url) as api:
        ids = [await api.make("productCreate", name=name) for name in "ab"]
        met, attempts_of = asyncio.Barrier(2), Counter[str]()
        products = table_of(models.Product)

        async def rename(name: str, order: list[str]) -> None:
            async def transaction() -> None:
                attempts_of[name] += 1
                async with api.sessions.begin() as session:
                    for place, product_id in enumerate(order):
                        appended = products.c.name + name
                        await session.execute(update(products).where(products.c.id == product_id).values(name=appended))
                        if place == 0 and attempts_of[name] == 1:
                            await met.wait()

            await attempts.until_won(transaction)

        await asyncio.gather(rename("1", ids), rename("2", ids[::-1]))
        assert sorted(attempts_of.values()) == [1, 2]
        assert {frozenset(row.name[1:]) for row in await api.rows(models.Product)} == {frozenset("12")}

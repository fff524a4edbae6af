"""What once went wrong when callers died, data moved or work failed; each must not happen again."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from app import models
from app.billing.catalog import FeeDraft, PaymentDraft, PlanDraft
from app.billing.lifecycle import InvoiceStatus, PaymentTerm
from app.billing.periods import BillingInterval
from app.models import table_of
from app.services.clocks import begin_advance, step
from app.services.customers import update_customer
from app.services.fees import create_fee
from app.services.merchants import update_merchant
from app.services.payments import record_payment
from app.services.plans import create_plan
from app.services.previews import upcoming_by_subscription
from app.services.prices import update_price
from app.worker.loop import do_next
from tests.support.storing import store
from tests.support.world import JANUARY_31, World, make_world


async def send(world: World, **members: object) -> None:
    event = {"type": "inference", "source": "s", "data": {"tokens": 1_500_000}, **members}
    environment_id = world.principal.environment_id
    await world.do(lambda s: store(s, environment_id, event, world.clock.now()))


async def work_off(world: World, until: datetime) -> None:
    world.clock.instant = until
    while await do_next(world.sessions):
        pass


async def test_an_event_stays_with_whom_it_was_billed_to_when_an_external_id_moves(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        first = await world.customer(external_id="acme")
        await world.subscribe(first, plan)
        world.clock.instant += timedelta(days=10)
        second = await world.customer(external_id="beta")
        heir, _ = await world.subscribe(second, plan)
        await send(world, externalSubject="acme", idempotencyKey="e", timestamp="2026-02-12T00:00:00Z")
        await work_off(world, datetime(2026, 3, 1, tzinfo=UTC))
        me = world.principal
        await world.do(lambda s: update_customer(s, me, first.id, {"external_id": "acme-old"}))
        await world.do(lambda s: update_customer(s, me, second.id, {"external_id": "acme"}))
        upcoming = await world.do(lambda s: upcoming_by_subscription(s, me.environment_id, [heir.id]))
        assert upcoming[heir.id].assessment.total_minor == 0
        await work_off(world, datetime(2026, 3, 20, tzinfo=UTC))
        billed = {(i.customer_id == first.id, i.total_minor) for i in await world.rows(models.Invoice)}
        assert billed == {(True, 3000), (False, 0)}
        assert all(item.parked_at is None for item in await world.rows(models.DueWork))


async def test_a_paused_advance_does_not_end_the_one_that_took_over(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront=None), await world.customer(clock_at=JANUARY_31)
        await world.subscribe(customer, plan)
        me, clock_id = world.principal, customer.test_clock_id
        assert clock_id is not None
        near, far = datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC)
        await world.do(lambda s: begin_advance(s, me, world.clock.now(), clock_id, near))
        world.clock.instant += timedelta(seconds=31)
        await world.do(lambda s: begin_advance(s, me, world.clock.now(), clock_id, far))
        assert not (await world.do(lambda s: step(s, me, world.clock.now(), clock_id, near))).more
        [clock] = await world.rows(models.TestClock)
        assert (clock.now, clock.advancing_to) == (JANUARY_31, far)
        while (await world.do(lambda s: step(s, me, world.clock.now(), clock_id, far))).more:
            pass
        months = [invoice.issued_at.month for invoice in await world.rows(models.Invoice)]
        assert months == [2, 3, 4, 5]


async def test_an_advance_returns_what_a_late_payment_had_left_behind(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.do(lambda s: update_merchant(s, world.principal, {"initial_payment_days": 90}))
        plan, customer = await world.catalog(), await world.customer(clock_at=JANUARY_31)
        _, first = await world.subscribe(customer, plan)
        assert first is not None
        await world.advance(customer.test_clock_id, datetime(2026, 4, 5, tzinfo=UTC))
        paid = PaymentDraft(invoice=first.id, method="x")
        await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), paid))
        returned = await world.advance(customer.test_clock_id, datetime(2026, 4, 6, tzinfo=UTC))
        assert [invoice.status for invoice in returned] == [InvoiceStatus.ISSUED] * 2


async def test_work_that_fails_on_a_clock_is_parked_and_the_clock_goes_on(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront=None), await world.customer(clock_at=JANUARY_31)
        await world.subscribe(customer, plan)
        table = table_of(models.Subscription)
        await world.do(lambda s: s.execute(update(table).values(timezone="Nowhere/Land")))
        end = datetime(2026, 4, 1, tzinfo=UTC)
        assert await world.advance(customer.test_clock_id, end) == []
        [clock] = await world.rows(models.TestClock)
        assert (clock.now, clock.advancing_to) == (end, None)
        [parked] = await world.rows(models.DueWork)
        assert "Nowhere/Land" in parked.parked_because


async def test_the_worker_does_what_a_dead_advance_left_behind(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront=None), await world.customer(clock_at=JANUARY_31)
        await world.subscribe(customer, plan)
        me, clock_id = world.principal, customer.test_clock_id
        assert clock_id is not None
        await world.advance(clock_id, datetime(2026, 2, 27, tzinfo=UTC))
        far = datetime(2026, 6, 1, tzinfo=UTC)
        await world.do(lambda s: begin_advance(s, me, world.clock.now(), clock_id, far))
        table = table_of(models.TestClock)
        await world.do(lambda s: s.execute(update(table).values(now=datetime(2026, 3, 1, tzinfo=UTC))))
        assert not await do_next(world.sessions)  # its caller may still live
        world.clock.instant += timedelta(minutes=1)
        assert await do_next(world.sessions)


async def test_a_price_is_not_renamed_while_a_plan_publishes_it(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog()
        me, now = world.principal, world.clock.now()
        fee = await world.do(lambda s: create_fee(s, me, now, FeeDraft(product=plan.product_id, name="Set-up")))
        price = await world.price("Old name", "5", PaymentTerm.IN_ADVANCE, fee=fee.id)
        other = PlanDraft(
            product=plan.product_id,
            name="Other",
            billing_interval=BillingInterval.MONTHLY,
            billing_version=1,
            prices=(price.id,),
        )
        checked = asyncio.Event()

        async def rename() -> None:
            async with world.sessions.begin() as session:
                await update_price(session, me, price.id, {"invoice_display_name": "New name"})
                checked.set()
                await asyncio.sleep(0.3)

        async def publish_and_bill() -> None:
            await checked.wait()
            made = await world.do(lambda s: create_plan(s, me, now, other))
            await world.subscribe(await world.customer(), made)

        await asyncio.gather(rename(), publish_and_bill())
        assert [line.description for line in await world.rows(models.InvoiceLine)] == ["New name"]

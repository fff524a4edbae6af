"""Subscribe, pay, renew, close and expire, cut off after each of their database calls: the restart completes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.catalog.corrections import CreditNoteDraft
from app.models import table_of
from app.services.credit_notes import create_credit_note
from app.services.payments import record_payment
from app.worker.loop import do_next
from tests.support.faults import crash_everywhere, story_of
from tests.support.storing import store
from tests.support.world import JANUARY_31, World, make_world

ISSUED = datetime(2026, 2, 28, 2, tzinfo=UTC)


async def subscribed(world: World) -> tuple[models.Subscription, models.Invoice]:
    """A customer who has subscribed on 31 January, and the only one for whom anything falls due."""
    world.clock.instant = JANUARY_31
    await world.do(lambda s: s.execute(delete(table_of(models.DueWork))))
    subscription, invoice = await world.subscribe(await world.customer(), world.made["plan"])
    assert invoice is not None
    return subscription, invoice


async def pay(world: World, invoice: models.Invoice) -> None:
    """Pay all, unless that has happened."""
    draft = PaymentDraft(invoice=invoice.id, method="x")
    await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))


async def work_off(world: World) -> None:
    while await do_next(world.sessions):
        pass


async def gapless(world: World) -> None:
    """Every issued invoice has a number of its own, and none is left out."""
    numbers = sorted(invoice.number for invoice in await world.rows(models.Invoice) if invoice.number is not None)
    assert numbers == [f"INV-{number:06d}" for number in range(1, len(numbers) + 1)]


async def test_subscribing(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        customers: list[str] = []

        async def customer() -> models.Customer:
            made = await world.customer()
            customers.append(made.id)
            return made

        async def subscribe(customer: models.Customer) -> object:
            return await world.subscribe(customer, world.made["plan"])

        async def seen(customer: models.Customer) -> object:
            own = [row for row in await world.rows(models.Subscription) if row.customer_id == customer.id]
            return [await story_of(world, row.id) for row in own]

        assert await crash_everywhere(world, customer, subscribe, seen) > 20
        await gapless(world)


async def test_paying(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        places = await crash_everywhere(
            world, lambda: subscribed(world), lambda made: pay(world, made[1]), lambda made: story_of(world, made[0].id)
        )
        assert places >= 10


async def test_crediting(database_url: str) -> None:
    """A note of an invoice of which 9.00 are paid takes off the other 40.00, gives back 9.00, and activates."""
    async with make_world(database_url) as world:
        await world.catalog()

        async def begun() -> tuple[models.Subscription, models.Invoice]:
            subscription, invoice = await subscribed(world)
            draft = PaymentDraft(invoice=invoice.id, method="x", amount=Decimal(9))
            await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))
            return subscription, invoice

        async def credit(made: tuple[models.Subscription, models.Invoice]) -> None:
            draft = CreditNoteDraft(invoice=made[1].id, reason="Outage", refund=True)
            await world.do(lambda s: create_credit_note(s, world.principal, world.clock.now(), draft))

        places = await crash_everywhere(world, begun, credit, lambda made: story_of(world, made[0].id))
        assert places >= 12
        notes, refunds = await world.rows(models.CreditNote), await world.rows(models.Refund)
        assert {(row.reduced_due_minor, row.refunded_minor) for row in notes} == {(4000, 900)}
        assert len(notes) == len(refunds) == len(await world.rows(models.CreditNoteLine)) == places + 2


@pytest.mark.parametrize("part", range(4))
async def test_renewing_and_closing(database_url: str, part: int) -> None:
    """Usage in time and late usage are billed once, whatever statement the worker dies at."""
    async with make_world(database_url) as world:
        await world.catalog()

        async def used(subscription: models.Subscription, tokens: int) -> None:
            at = (JANUARY_31 + timedelta(days=3)).isoformat()
            sent = {"type": "inference", "source": "t", "subject": subscription.customer_id, "timestamp": at}
            body, me = {**sent, "data": {"tokens": tokens}}, world.principal
            await world.do(lambda s: store(s, me.environment_id, body, world.clock.now()))

        async def active() -> models.Subscription:
            subscription, invoice = await subscribed(world)
            await pay(world, invoice)
            await used(subscription, 1_500_000)
            world.clock.instant = ISSUED
            await work_off(world)
            await used(subscription, 500_000)
            world.clock.instant = datetime(2026, 3, 31, 2, tzinfo=UTC)
            return subscription

        places = await crash_everywhere(
            world, active, lambda _: work_off(world), lambda made: story_of(world, made.id), (part, 4)
        )
        assert places > 60
        await gapless(world)


async def test_expiring(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()

        async def unpaid() -> models.Subscription:
            subscription, invoice = await subscribed(world)
            draft = PaymentDraft(invoice=invoice.id, method="x", amount=Decimal(9))
            await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))
            world.clock.instant = JANUARY_31 + timedelta(days=8)
            return subscription

        places = await crash_everywhere(world, unpaid, lambda _: work_off(world), lambda made: story_of(world, made.id))
        assert places > 15


async def test_falling_overdue(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()

        async def overdue() -> models.Subscription:
            subscription, invoice = await subscribed(world)
            await pay(world, invoice)
            world.clock.instant = ISSUED
            await work_off(world)
            async with world.sessions.begin() as session:
                await session.execute(
                    delete(table_of(models.DueWork)).where(
                        table_of(models.DueWork).c.due_at < datetime(2026, 3, 29, tzinfo=UTC)
                    )
                )
            world.clock.instant = datetime(2026, 3, 30, 12, tzinfo=UTC)
            return subscription

        places = await crash_everywhere(
            world, overdue, lambda _: work_off(world), lambda made: story_of(world, made.id)
        )
        assert places > 5

"""Changing and ending, cut off after each database call, and by several callers at once: one result, each time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.catalog.changes import ChangeDraft, TerminationDraft
from app.billing.catalog.customers import FeeQuantity
from app.billing.errors import Refused
from app.billing.lifecycle import ChangeTime
from app.services.changes import change_subscription
from app.services.endings import terminate_subscription
from app.services.payments import record_payment
from app.services.replay import replay_invoice
from app.worker.loop import do_next
from tests.support.faults import crash_everywhere, story_of
from tests.support.world import JANUARY_31, World, make_world, race

MIDDLE = datetime(2026, 2, 14, tzinfo=UTC)
BOUNDARY = datetime(2026, 2, 28, tzinfo=UTC)
Work = Callable[[AsyncSession], Awaitable[Any]]


async def active(world: World) -> models.Subscription:
    """One who has paid 49.00 on 31 January, seen in the middle of the period."""
    world.clock.instant = JANUARY_31
    subscription, invoice = await world.subscribe(await world.customer(), world.made["plan"])
    assert invoice is not None
    draft = PaymentDraft(invoice=invoice.id, method="x")
    await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))
    world.clock.instant = MIDDLE
    return subscription


def more(world: World, subscription: models.Subscription, quantity: str, at: ChangeTime = ChangeTime.NOW) -> Work:
    """The change to a quantity of the platform fee."""
    quantities = (FeeQuantity(world.made["fee price"].id, Decimal(quantity)),)
    draft = ChangeDraft(subscription=subscription.id, quantities=quantities, at=at)
    return lambda session: change_subscription(session, world.principal, world.clock.now(), draft)


def end(world: World, subscription: models.Subscription) -> Work:
    """The end now, which gives back what is not used."""
    draft = TerminationDraft(subscription=subscription.id, at=ChangeTime.NOW, credit_unused=True)
    return lambda session: terminate_subscription(session, world.principal, world.clock.now(), draft)


async def net_minor(world: World, subscription: models.Subscription) -> int:
    """What was charged in all, less what was credited. All invoices come to the same when they are computed again."""
    invoices = [one for one in await world.rows(models.Invoice) if one.subscription_id == subscription.id]
    ids = {one.id for one in invoices}
    for one in invoices:
        if one.issued_at is not None:
            async with world.sessions.read() as session:
                replay = await replay_invoice(session, one.environment_id, one.id)
            assert replay is not None
            assert replay.differences == ()
    charged: int = sum(one.total_minor for one in invoices)
    notes = await world.rows(models.CreditNote)
    credited: int = sum(note.total_minor for note in notes if note.invoice_id in ids)
    return charged - credited


@pytest.mark.parametrize("part", range(2))
async def test_changing(database_url: str, part: int) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        places = await crash_everywhere(
            world,
            lambda: active(world),
            lambda made: world.do(more(world, made, "3")),
            lambda made: story_of(world, made.id),
            (part, 2),
        )
        assert places > 40


async def test_ending(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        places = await crash_everywhere(
            world,
            lambda: active(world),
            lambda made: world.do(end(world, made)),
            lambda made: story_of(world, made.id),
        )
        assert places > 30


async def test_of_changes_to_the_same_one_is_made(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        subscription = await active(world)
        done = await race(lambda: world.do(more(world, subscription, "3")), 6)
        assert len([one for one in done if isinstance(one, Refused)]) == 5
        # 14 of 28 days at 49.00, and 14 at three times that.
        assert await net_minor(world, subscription) == 2450 + 7350


async def test_changes_to_others_are_made_one_after_the_other(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        subscription = await active(world)
        quantities = iter(range(2, 8))
        done = await race(lambda: world.do(more(world, subscription, str(next(quantities)))), 6)
        assert [one for one in done if isinstance(one, BaseException)] == []
        [last] = [
            row for row in await world.rows(models.SubscriptionQuantity) if row.subscription_id == subscription.id
        ]
        assert await net_minor(world, subscription) == 2450 + 2450 * int(last.quantity)


async def test_a_change_races_a_renewal(database_url: str) -> None:
    """The boundary is passed by the worker or by the change: either way each instant is charged once."""
    async with make_world(database_url) as world:
        await world.catalog()
        subscriptions = [await active(world) for _ in range(6)]
        world.clock.instant = BOUNDARY

        async def work_off() -> None:
            while await do_next(world.sessions):
                pass

        changes = [world.do(more(world, one, "3")) for one in subscriptions]
        await asyncio.gather(*changes, work_off(), work_off())
        world.clock.instant = BOUNDARY + timedelta(hours=2)
        await work_off()
        for one in subscriptions:
            assert await net_minor(world, one) == 4900 + 14700


async def test_a_change_races_a_payment(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.catalog()
        subscription = await active(world)
        world.clock.instant = BOUNDARY + timedelta(hours=2)
        while await do_next(world.sessions):
            pass
        [issued] = [
            one
            for one in await world.rows(models.Invoice)
            if one.subscription_id == subscription.id and one.boundary_at == BOUNDARY
        ]
        draft = PaymentDraft(invoice=issued.id, method="x")
        world.clock.instant = BOUNDARY + timedelta(days=15, hours=12)

        def pay() -> Awaitable[Any]:
            return world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))

        await asyncio.gather(world.do(more(world, subscription, "2")), pay())
        # 49.00, and of the 31 days from there on half at that and half at twice that.
        assert await net_minor(world, subscription) == 4900 + 2450 + 4900
        invoices = [one for one in await world.rows(models.Invoice) if one.subscription_id == subscription.id]
        credit = sum(one.amount_minor for one in await world.rows(models.CreditEntry))
        paid = sum(one.amount_minor for one in await world.rows(models.Payment))
        assert sum(one.due_minor for one in invoices) - credit == 4900 + 2450 + 4900 - paid

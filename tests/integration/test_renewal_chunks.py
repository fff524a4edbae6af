"""Renewals in chunks: as many statements for fifty subscriptions as for one, in order, and one audit entry."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.lifecycle import InvoiceStatus, SubscriptionStatus
from app.db import Sessions
from app.due import Due, DueKind, schedule
from app.metering import usage
from app.services.due_registry import next_in_real_time
from app.services.payments import record_payment
from app.worker import loop
from app.worker.loop import do_next
from tests.support.storing import catch_up, store
from tests.support.world import JANUARY_31, HandClock, World, make_world

PAST_GRACE = datetime(2026, 2, 28, 2, tzinfo=UTC)


async def statements(world: World) -> int:
    """Do all that is due; return how many statements it took."""
    count = 0

    def note(*_args: Any) -> None:
        nonlocal count
        count += 1

    engine = world.sessions.engine.sync_engine
    event.listen(engine, "after_cursor_execute", note)
    try:
        while await do_next(world.sessions):
            pass
    finally:
        event.remove(engine, "after_cursor_execute", note)
    return count


async def test_renewing_fifty_takes_as_many_statements_as_renewing_one(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        counts = []
        for size in (1, 50):
            world.clock.instant = JANUARY_31
            for _ in range(size):
                await world.subscribe(await world.customer(), plan)
            await catch_up(world.sessions)  # what a new subscription has to be counted for
            world.clock.instant = PAST_GRACE
            counts.append(await statements(world))
        assert counts[0] == counts[1]
        invoices = await world.rows(models.Invoice)
        assert {invoice.status for invoice in invoices} == {InvoiceStatus.PAID}
        assert sorted(invoice.number for invoice in invoices) == [f"INV-{number:06d}" for number in range(1, 52)]


async def test_a_chunk_ends_where_something_else_falls_due(database_url: str) -> None:
    async with make_world(database_url) as world:
        environment_id = world.principal.environment_id
        boundary, close, overdue = DueKind.SUBSCRIPTION_BOUNDARY, DueKind.INVOICE_CLOSE, DueKind.INVOICE_OVERDUE
        falls = [(boundary, "a", 0), (boundary, "b", 0), (boundary, "c", 1), (close, "d", 2), (boundary, "e", 2)]
        falls += [(boundary, "f", 3), (overdue, "g", 9)]
        due = [Due(kind, name, JANUARY_31 + timedelta(hours=hour), None) for kind, name, hour in falls]
        await world.do(lambda s: schedule(s, environment_id, due, JANUARY_31))
        claimed = []
        world.clock.instant = JANUARY_31 + timedelta(hours=8)
        for most in (2, 10, 10, 10, 10):
            async with world.sessions.begin() as session:
                items = await next_in_real_time(session, world.clock.now(), most)
                claimed.append("".join(item.subject_id for item in items))
                for item in items:
                    await session.delete(await session.get_one(models.DueWork, (environment_id, item.id)))
        # At one instant boundaries come before closes, so the one at hour 2 is first of its own; the rest is not due.
        assert claimed == ["ab", "c", "e", "d", "f"]


async def test_a_run_has_one_entry_in_the_audit_log(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        made = [(await world.subscribe(await world.customer(), plan))[0].id for _ in range(3)]
        world.clock.instant = PAST_GRACE
        before = len(await world.rows(models.AuditEntry))
        while await do_next(world.sessions):
            pass
        runs = (await world.rows(models.AuditEntry))[before:]
        invoices = [invoice.id for invoice in await world.rows(models.Invoice)]
        assert [(run.change, run.noun, run.subject_id) for run in runs] == [
            ("RUN", "DueWork", "SUBSCRIPTION_BOUNDARY"), ("RUN", "DueWork", "INVOICE_CLOSE"),
        ]  # fmt: skip
        assert sorted(runs[0].after["subjects"]) == sorted(made)
        assert sorted(runs[0].after["invoices"]) == sorted(runs[1].after["subjects"]) == sorted(invoices)


async def test_one_that_fails_leaves_its_chunk_and_the_others_are_renewed(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        made = [(await world.subscribe(await world.customer(), plan))[0] for _ in range(10)]
        async with world.sessions.begin() as session:
            row = await session.get_one(models.Subscription, (made[4].environment_id, made[4].id))
            row.timezone = "Nowhere/Land"
        world.clock.instant = PAST_GRACE
        while await do_next(world.sessions):
            pass
        billed = {invoice.subscription_id for invoice in await world.rows(models.Invoice)}
        assert billed == {one.id for one in made} - {made[4].id}
        parked = [item for item in await world.rows(models.DueWork) if item.parked_at is not None]
        assert [item.subject_id for item in parked] == [made[4].id]
        numbers = sorted(invoice.number for invoice in await world.rows(models.Invoice))
        assert numbers == [f"INV-{number:06d}" for number in range(1, 10)]


async def test_workers_whose_clocks_are_five_minutes_apart_bill_once(database_url: str) -> None:
    """The slow one neither renews before it is time by its own clock, nor again what the fast one did."""
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        for _ in range(20):
            await world.subscribe(await world.customer(), plan)
        fast = Sessions(world.sessions.engine, HandClock(), actor="fast")
        boundary = datetime(2026, 2, 28, tzinfo=UTC)
        for minutes in range(-10, 80, 1):
            world.clock.instant = boundary + timedelta(minutes=minutes)
            assert isinstance(fast.clock, HandClock)
            fast.clock.instant = world.clock.instant + timedelta(minutes=5)
            await asyncio.gather(*(do_next(sessions) for sessions in (world.sessions, fast) for _ in range(2)))
        invoices = await world.rows(models.Invoice)
        assert {(invoice.status, invoice.boundary_at) for invoice in invoices} == {(InvoiceStatus.PAID, boundary)}
        assert len({invoice.subscription_id for invoice in invoices}) == len(invoices) == 20
        assert all(invoice.issued_at >= boundary + timedelta(hours=1) for invoice in invoices)
        periods = await world.rows(models.SubscriptionPeriod)
        assert sorted(period.number for period in periods) == [0] * 20 + [1] * 20


async def test_payments_race_the_clock_that_makes_their_invoices_overdue(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog()
        for _ in range(8):
            _, first = await world.subscribe(await world.customer(), plan)
            assert first is not None
            await paid(world, first.id)
        world.clock.instant = PAST_GRACE
        while await do_next(world.sessions):
            pass
        world.clock.instant = datetime(2026, 3, 31, 2, tzinfo=UTC)  # overdue, and due to be renewed again
        unpaid = [one.id for one in await world.rows(models.Invoice) if one.status is InvoiceStatus.ISSUED]
        await asyncio.gather(*(paid(world, one) for one in unpaid), *(do_next(world.sessions) for _ in range(9)))
        while await do_next(world.sessions):
            pass
        assert {one.status for one in await world.rows(models.Subscription)} == {SubscriptionStatus.ACTIVE}
        totals = Counter((one.status, one.boundary_at) for one in await world.rows(models.Invoice))
        assert sorted(totals.values()) == [8, 8, 8]
        assert [payment.amount_minor for payment in await world.rows(models.Payment)] == [4900] * 16


async def paid(world: World, invoice_id: str) -> None:
    draft = PaymentDraft(invoice=invoice_id, method="x")
    await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))


@pytest.mark.parametrize(("say_every", "said"), [(60.0, []), (0.0, ["due work goes on"] * 2 + ["due work done"])])
async def test_the_log_says_how_far_a_long_run_is_and_nothing_of_a_short_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch, say_every: float, said: list[str]
) -> None:
    monkeypatch.setattr(loop, "SAY_EVERY", say_every)
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        await world.subscribe(await world.customer(), plan)
        world.clock.instant = PAST_GRACE
        with capture_logs() as logs:
            assert await loop.work_off(world.sessions) == 2
        assert [entry["event"] for entry in logs] == said
        with capture_logs() as logs:
            assert await loop.work_off(world.sessions) == 0
        assert logs == []


async def test_more_counters_than_a_statement_takes_are_read_and_closed_in_slices(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "PARAMETERS", 3)
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        for number in range(8):
            customer = await world.customer()
            await world.subscribe(customer, plan)
            sent = {"type": "inference", "source": "t", "subject": customer.id, "timestamp": "2026-02-01T00:00:00Z"}
            body = {**sent, "data": {"tokens": 10**6 * number}}
            async with world.sessions.begin() as session:
                await store(session, world.principal.environment_id, body, JANUARY_31)
        world.clock.instant = PAST_GRACE
        while await do_next(world.sessions):
            pass
        totals = sorted(invoice.total_minor for invoice in await world.rows(models.Invoice))
        assert totals == [2000 * number for number in range(8)]
        periods = [row for row in await world.rows(models.UsageCounter) if row.kind is models.CounterKind.PERIOD]
        assert len(periods) == 8
        assert all(row.closed_at == PAST_GRACE for row in periods)

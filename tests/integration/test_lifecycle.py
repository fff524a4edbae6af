"""From subscribing to renewing: activation gated by Invoice 0, boundaries, grace, numbers, races."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.errors import ErrorCode, Refused
from app.billing.lifecycle import InvoiceStatus, SubscriptionStatus
from app.services.clocks import begin_advance, step
from app.services.merchants import update_merchant
from app.services.payments import record_payment
from app.worker.loop import do_next
from tests.support.world import JANUARY_31, World, make_world, race


async def pay(world: World, invoice_id: str, amount: str | None = None) -> tuple[models.Payment, models.Invoice]:
    draft = PaymentDraft(invoice=invoice_id, method="bank_transfer", amount=None if amount is None else Decimal(amount))
    return await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), draft))


async def test_nothing_due_upfront_activates_at_once(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront=None), await world.customer()
        subscription, invoice = await world.subscribe(customer, plan)
        assert (subscription.status, invoice) == (SubscriptionStatus.ACTIVE, None)
        assert subscription.activated_at == JANUARY_31
        assert [item.due_at for item in await world.rows(models.DueWork)] == [datetime(2026, 2, 28, tzinfo=UTC)]


async def test_an_upfront_fee_of_zero_is_a_paid_invoice_and_an_active_subscription(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront="0"), await world.customer()
        subscription, invoice = await world.subscribe(customer, plan)
        assert invoice is not None
        assert (invoice.status, invoice.number, invoice.total_minor) == (InvoiceStatus.PAID, "INV-000001", 0)
        assert subscription.status is SubscriptionStatus.ACTIVE


async def test_partial_payments_activate_when_the_last_cent_is_in(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer()
        subscription, invoice = await world.subscribe(customer, plan)
        assert invoice is not None
        _, invoice = await pay(world, invoice.id, "48.99")
        assert (invoice.status, invoice.due_minor) == (InvoiceStatus.ISSUED, 1)
        [pending] = await world.rows(models.Subscription)
        assert pending.status is SubscriptionStatus.PENDING_PAYMENT
        with pytest.raises(Refused) as refused:
            await pay(world, invoice.id, "0.02")
        assert [error.code for error in refused.value.errors] == [ErrorCode.PAYMENT_EXCEEDS_DUE]
        _, invoice = await pay(world, invoice.id)
        assert invoice.status is InvoiceStatus.PAID
        [active] = await world.rows(models.Subscription)
        assert (active.id, active.status) == (subscription.id, SubscriptionStatus.ACTIVE)
        with pytest.raises(Refused) as refused:
            await pay(world, invoice.id, "1")
        assert [error.code for error in refused.value.errors] == [ErrorCode.INVOICE_NOT_PAYABLE]
        assert [payment.amount_minor for payment in await world.rows(models.Payment)] == [4899, 1]


async def test_of_racing_payments_one_is_taken(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer()
        _, invoice = await world.subscribe(customer, plan)
        assert invoice is not None
        results = await race(lambda: pay(world, invoice.id), callers=20)
        assert sum(isinstance(result, Refused) for result in results) == 19
        assert [payment.amount_minor for payment in await world.rows(models.Payment)] == [4900]
        [subscription] = await world.rows(models.Subscription)
        assert subscription.status is SubscriptionStatus.ACTIVE
        kinds = sorted(item.kind for item in await world.rows(models.DueWork))
        assert kinds == ["SUBSCRIPTION_BOUNDARY", "SUBSCRIPTION_EXPIRY"]


async def test_of_racing_subscriptions_to_one_product_one_is_made(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer()
        results = await race(lambda: world.subscribe(customer, plan), callers=20)
        refusals = [result for result in results if isinstance(result, Refused)]
        assert len(refusals) == 19
        [subscription] = await world.rows(models.Subscription)
        assert {error.code for refused in refusals for error in refused.errors} == {ErrorCode.SUBSCRIPTION_EXISTS}
        assert subscription.id in refusals[0].errors[0].message
        assert len(await world.rows(models.Invoice)) == 1
        second, _ = await world.subscribe(customer, plan, allow_concurrent=True)
        assert second.id != subscription.id


async def test_a_year_of_month_ends_on_a_clock(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer(clock_at=JANUARY_31)
        _, first = await world.subscribe(customer, plan)
        assert first is not None
        await pay(world, first.id)
        invoices = await world.advance(customer.test_clock_id, datetime(2027, 1, 31, 2, tzinfo=UTC))
        issued = [invoice.issued_at for invoice in invoices if invoice.issued_at is not None]
        ends = [(instant - timedelta(hours=1)).date().isoformat()[5:] for instant in issued]
        assert ends == [
            "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31", "01-31",
        ]  # fmt: skip
        assert [invoice.number for invoice in invoices] == [f"TEST-INV-{number:06d}" for number in range(2, 14)]
        periods = sorted(await world.rows(models.SubscriptionPeriod), key=lambda period: period.number)
        assert all(one.end_at == other.start_at for one, other in pairwise(periods))
        assert [period.closed_at is not None for period in periods] == [True] * 12 + [False]


async def test_one_leap_equals_many_small_steps(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, end = await world.catalog(upfront=None), datetime(2026, 6, 1, tzinfo=UTC)
        leaping, stepping = await world.customer(clock_at=JANUARY_31), await world.customer(clock_at=JANUARY_31)
        for customer in (leaping, stepping):
            await world.subscribe(customer, plan)
        leapt = await world.advance(leaping.test_clock_id, end)
        stepped = []
        instant = JANUARY_31
        while instant < end:
            instant = min(instant + timedelta(hours=37), end)
            stepped += [i for i in await world.advance(stepping.test_clock_id, instant) if i.status != "DRAFT"]
        assert [(i.issued_at, i.due_at, i.total_minor, i.status) for i in leapt] == [
            (i.issued_at, i.due_at, i.total_minor, i.status) for i in stepped
        ]
        assert len(leapt) == 4


async def test_a_draft_waits_for_the_end_of_grace(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer(clock_at=JANUARY_31)
        _, first = await world.subscribe(customer, plan)
        assert first is not None
        await pay(world, first.id)
        [draft] = await world.advance(customer.test_clock_id, datetime(2026, 2, 28, 0, 30, tzinfo=UTC))
        assert (draft.status, draft.number, draft.total_minor) == (InvoiceStatus.DRAFT, None, 4900)
        with pytest.raises(Refused) as refused:
            await pay(world, draft.id)
        assert [error.code for error in refused.value.errors] == [ErrorCode.INVOICE_NOT_PAYABLE]
        [issued] = await world.advance(customer.test_clock_id, datetime(2026, 2, 28, 1, tzinfo=UTC))
        assert (issued.id, issued.status, issued.number) == (draft.id, InvoiceStatus.ISSUED, "TEST-INV-000002")


async def test_boundaries_passed_while_pending_fall_due_in_order_at_activation(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.do(lambda s: update_merchant(s, world.principal, {"initial_payment_days": 90}))
        plan, customer = await world.catalog(), await world.customer(clock_at=JANUARY_31)
        _, first = await world.subscribe(customer, plan)
        assert first is not None
        assert await world.advance(customer.test_clock_id, datetime(2026, 4, 2, tzinfo=UTC)) == []
        await pay(world, first.id)
        while await do_next(world.sessions):
            pass
        invoices = await world.rows(models.Invoice)
        assert [invoice.status for invoice in invoices] == [InvoiceStatus.PAID] + [InvoiceStatus.ISSUED] * 2
        boundaries = [datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)]
        assert [invoice.boundary_at for invoice in invoices] == [None, *boundaries]


async def test_the_worker_renews_in_real_time_once_whoever_else_works(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        for number in range(5):
            await world.subscribe(await world.customer(external_id=f"c{number}"), plan)
        world.clock.instant = datetime(2026, 3, 1, tzinfo=UTC)

        async def work_off() -> int:
            done = 0
            while count := await do_next(world.sessions):
                done += count
            return done

        counts = await race(work_off, callers=4)
        assert sum(count for count in counts if isinstance(count, int)) == 10
        invoices = await world.rows(models.Invoice)
        assert sorted(invoice.number for invoice in invoices) == [f"INV-{number:06d}" for number in range(1, 6)]
        assert {invoice.status for invoice in invoices} == {InvoiceStatus.PAID}  # nothing was used, nothing is due


async def test_failing_work_is_parked_and_the_others_go_on(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog(upfront=None)
        broken, _ = await world.subscribe(await world.customer(), plan)
        await world.subscribe(await world.customer(), plan)
        world.clock.instant = datetime(2026, 3, 1, tzinfo=UTC)
        async with world.sessions.begin() as session:
            row = await session.get_one(models.Subscription, (broken.environment_id, broken.id))
            row.timezone = "Nowhere/Land"
        while await do_next(world.sessions):
            pass
        parked = [item for item in await world.rows(models.DueWork) if item.parked_at is not None]
        assert [(item.subject_id, item.kind) for item in parked] == [(broken.id, "SUBSCRIPTION_BOUNDARY")]
        assert "Nowhere/Land" in parked[0].parked_because
        assert len(await world.rows(models.Invoice)) == 1


async def test_clocks_refuse_to_go_back_too_far_or_twice_at_once(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer = await world.customer(clock_at=JANUARY_31)
        clock_id = customer.test_clock_id
        assert clock_id is not None

        async def begin(to: datetime) -> list[ErrorCode]:
            try:
                await world.do(lambda s: begin_advance(s, world.principal, world.clock.now(), clock_id, to))
            except Refused as refused:
                return [error.code for error in refused.errors]
            return []

        assert await begin(JANUARY_31 - timedelta(seconds=1)) == [ErrorCode.CLOCK_BACKWARDS]
        assert await begin(datetime(2028, 2, 1, tzinfo=UTC)) == [ErrorCode.CLOCK_LEAP_TOO_LONG]
        target = datetime(2026, 2, 1, tzinfo=UTC)
        results = await race(lambda: begin(target), callers=10)
        assert sorted(map(str, results)) == sorted(["[]"] + [str([ErrorCode.CLOCK_BUSY])] * 9)
        world.clock.instant += timedelta(seconds=31)  # its caller died: the next one takes over
        assert await begin(target) == []


async def test_an_advance_is_resumed_where_it_died(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront=None), await world.customer(clock_at=JANUARY_31)
        await world.subscribe(customer, plan)
        clock_id, end = customer.test_clock_id, datetime(2026, 6, 1, tzinfo=UTC)
        assert clock_id is not None
        await world.do(lambda s: begin_advance(s, world.principal, world.clock.now(), clock_id, end))
        for _ in range(3):
            assert (await world.do(lambda s: step(s, world.principal, world.clock.now(), clock_id, end))).more
        world.clock.instant += timedelta(minutes=1)
        await world.advance(clock_id, end)
        numbers = [invoice.number for invoice in await world.rows(models.Invoice)]
        assert numbers == [f"TEST-INV-{number:06d}" for number in range(1, 5)]


async def test_every_change_has_its_audit_entry(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer()
        subscription, invoice = await world.subscribe(customer, plan)
        assert invoice is not None
        await pay(world, invoice.id)
        entries = await world.rows(models.AuditEntry)
        assert {entry.actor for entry in entries} == {"test"}
        moved = [e for e in entries if e.subject_id == subscription.id and e.change == "UPDATE"]
        assert moved[-1].before["status"] == "PENDING_PAYMENT"
        assert moved[-1].after["status"] == "ACTIVE"
        created = {entry.noun for entry in entries if entry.change == "CREATE"}
        assert {
            "Merchant",
            "Product",
            "Plan",
            "Customer",
            "Subscription",
            "Invoice",
            "InvoiceLine",
            "Payment",
        } <= created

"""What is not paid in time: first invoices expire with their subscription, others make it past due and back."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.catalog.invoices import CreditDraft
from app.billing.errors import ErrorCode, Refused
from app.billing.lifecycle import (
    CreditKind,
    InvoiceStatus,
    PaymentExcess,
    SubscriptionStatus,
    TerminationReason,
)
from app.services.credit import give_credit
from app.services.merchants import update_merchant
from app.services.payments import record_payment
from app.worker.loop import do_next
from tests.support.storing import catch_up, store
from tests.support.world import JANUARY_31, World, make_world

WEEK = timedelta(days=7)


async def pay(world: World, invoice_id: str, amount: str | None = None, **draft: str) -> models.Invoice:
    wanted = PaymentDraft(
        invoice=invoice_id,
        method="bank_transfer",
        amount=None if amount is None else Decimal(amount),
        excess=PaymentExcess(draft.get("excess", "REFUSE")),
    )
    return (await world.do(lambda s: record_payment(s, world.principal, world.clock.now(), wanted)))[1]


async def credit(world: World) -> list[tuple[CreditKind, int]]:
    return [(entry.kind, entry.amount_minor) for entry in await world.rows(models.CreditEntry)]


async def pending(world: World) -> tuple[models.Customer, models.Invoice]:
    """A customer on a clock whose first invoice of 49.00 waits to be paid."""
    plan, customer = await world.catalog(), await world.customer(clock_at=JANUARY_31)
    _, invoice = await world.subscribe(customer, plan)
    assert invoice is not None
    return customer, invoice


async def test_a_first_invoice_unpaid_for_seven_days_ends_its_subscription(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer, invoice = await pending(world)
        assert await world.advance(customer.test_clock_id, JANUARY_31 + WEEK - timedelta(microseconds=1)) == []
        [void] = await world.advance(customer.test_clock_id, JANUARY_31 + WEEK)
        assert (void.id, void.status, void.number, void.due_minor) == (
            invoice.id, InvoiceStatus.VOID, "TEST-INV-000001", 0,
        )  # fmt: skip
        [subscription] = await world.rows(models.Subscription)
        assert (subscription.status, subscription.termination_reason, subscription.ended_at) == (
            SubscriptionStatus.TERMINATED, TerminationReason.INITIAL_PAYMENT_EXPIRED, JANUARY_31 + WEEK,
        )  # fmt: skip
        assert await world.advance(customer.test_clock_id, JANUARY_31 + timedelta(days=90)) == []
        assert await credit(world) == []
        # The customer may subscribe again.
        _, second = await world.subscribe(customer, world.made["plan"])
        assert second is not None


async def test_the_merchant_says_how_long_is_waited(database_url: str) -> None:
    async with make_world(database_url) as world:
        await world.do(lambda s: update_merchant(s, world.principal, {"initial_payment_days": 1}))
        customer, _ = await pending(world)
        [void] = await world.advance(customer.test_clock_id, JANUARY_31 + timedelta(days=1))
        assert void.status is InvoiceStatus.VOID


async def test_a_paid_first_invoice_does_not_expire(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer, invoice = await pending(world)
        await pay(world, invoice.id)
        assert await world.advance(customer.test_clock_id, JANUARY_31 + WEEK) == []
        [subscription] = await world.rows(models.Subscription)
        assert subscription.status is SubscriptionStatus.ACTIVE


async def test_what_was_paid_for_an_expired_invoice_becomes_credit(database_url: str) -> None:
    """10.00 of credit and 9.00 of money came before the end, 30.00 and 5.00 after it: 54.00 are the customer's."""
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(), await world.customer(clock_at=JANUARY_31)
        given = CreditDraft(customer=customer.id, amount=Decimal(10), currency="USD")
        await world.do(lambda s: give_credit(s, world.principal, world.clock.now(), given))
        _, invoice = await world.subscribe(customer, plan)
        assert invoice is not None
        await pay(world, invoice.id, "9")
        await world.advance(customer.test_clock_id, JANUARY_31 + WEEK)
        void = await pay(world, invoice.id)  # all that had been due
        assert (void.status, void.paid_minor) == (InvoiceStatus.VOID, 900)
        await pay(world, invoice.id, "5")
        assert await credit(world) == [
            (CreditKind.ADDED, 1000), (CreditKind.APPLIED, -1000), (CreditKind.RETURNED, 1000),
            (CreditKind.OVERPAID, 900), (CreditKind.OVERPAID, 3000), (CreditKind.OVERPAID, 500),
        ]  # fmt: skip
        assert [payment.amount_minor for payment in await world.rows(models.Payment)] == [900, 3000, 500]


async def test_more_than_is_due_is_refused_or_becomes_credit(database_url: str) -> None:
    async with make_world(database_url) as world:
        _, invoice = await pending(world)
        with pytest.raises(Refused) as refused:
            await pay(world, invoice.id, "49.01")
        assert [(error.code, error.field) for error in refused.value.errors] == [
            (ErrorCode.PAYMENT_EXCEEDS_DUE, "amount")
        ]
        assert await world.rows(models.Payment) == []
        paid = await pay(world, invoice.id, "50", excess="CREDIT")
        assert (paid.status, paid.paid_minor) == (InvoiceStatus.PAID, 4900)
        assert await credit(world) == [(CreditKind.OVERPAID, 100)]
        assert [payment.amount_minor for payment in await world.rows(models.Payment)] == [5000]
        with pytest.raises(Refused):
            await pay(world, invoice.id, "1", excess="CREDIT")  # a paid invoice takes no more


async def test_usage_of_an_expired_subscription_is_billed_to_nobody_or_to_another(database_url: str) -> None:
    """Both subscriptions cover the event. The older one bills it until it expires, from then on the other."""
    async with make_world(database_url) as world:
        customer, _ = await pending(world)
        free = await world.catalog(upfront=None)
        # The second plan measures with the first one's metric.
        metric = (await world.rows(models.BillableMetric))[0]
        async with world.sessions.begin() as session:
            for price in await world.rows(models.Price):
                row = await session.get_one(models.Price, (price.environment_id, price.id))
                row.billable_metric_id = None if price.billable_metric_id is None else metric.id
        await world.subscribe(customer, free)
        at = (JANUARY_31 + timedelta(days=1)).isoformat()
        sent = {"type": "inference", "source": "t", "subject": customer.id, "timestamp": at, "data": {"tokens": 10**6}}
        await world.do(lambda s: store(s, world.principal.environment_id, sent, world.clock.now()))
        await catch_up(world.sessions)
        await world.advance(customer.test_clock_id, JANUARY_31 + WEEK)
        invoices = await world.advance(customer.test_clock_id, datetime(2026, 2, 28, 1, tzinfo=UTC))
        assert [(invoice.status, invoice.total_minor) for invoice in invoices] == [(InvoiceStatus.ISSUED, 2000)]


async def test_an_overdue_invoice_makes_its_subscription_past_due_until_all_is_paid(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer, first = await pending(world)
        await pay(world, first.id)
        end = datetime(2026, 4, 1, tzinfo=UTC)
        invoices = await world.advance(customer.test_clock_id, end)
        due = [invoice.due_at for invoice in invoices]
        assert due == [datetime(2026, 3, 30, 1, tzinfo=UTC), datetime(2026, 4, 30, 1, tzinfo=UTC)]

        async def status() -> SubscriptionStatus:
            [subscription] = await world.rows(models.Subscription)
            found: SubscriptionStatus = subscription.status
            return found

        assert await status() is SubscriptionStatus.PAST_DUE
        # It renews all the same, and its second invoice falls overdue too.
        more = await world.advance(customer.test_clock_id, datetime(2026, 5, 1, tzinfo=UTC))
        assert [invoice.status for invoice in more] == [InvoiceStatus.ISSUED]
        await pay(world, invoices[0].id)
        assert await status() is SubscriptionStatus.PAST_DUE
        await pay(world, invoices[1].id)
        assert await status() is SubscriptionStatus.ACTIVE
        await world.advance(customer.test_clock_id, datetime(2026, 6, 1, tzinfo=UTC))
        assert await status() is SubscriptionStatus.PAST_DUE


async def test_an_invoice_paid_in_time_is_never_overdue(database_url: str) -> None:
    async with make_world(database_url) as world:
        customer, first = await pending(world)
        await pay(world, first.id)
        [invoice] = await world.advance(customer.test_clock_id, datetime(2026, 3, 1, tzinfo=UTC))
        await pay(world, invoice.id)
        await world.advance(customer.test_clock_id, datetime(2026, 3, 30, 12, tzinfo=UTC))
        [subscription] = await world.rows(models.Subscription)
        assert subscription.status is SubscriptionStatus.ACTIVE


async def test_payments_that_race_the_expiry_are_paid_or_credit_and_never_both(database_url: str) -> None:
    async with make_world(database_url) as world:
        plan = await world.catalog()
        invoices = [(await world.subscribe(await world.customer(), plan))[1] for _ in range(8)]
        world.clock.instant += WEEK
        paying = [pay(world, invoice.id) for invoice in invoices if invoice is not None]
        await asyncio.gather(*paying, *(do_next(world.sessions) for _ in range(9)))
        subscriptions = {row.id: row.status for row in await world.rows(models.Subscription)}
        kept = {row.invoice_id: row.amount_minor for row in await world.rows(models.CreditEntry)}
        for row in await world.rows(models.Invoice):
            assert (row.status, subscriptions[row.subscription_id], row.paid_minor, kept.get(row.id)) in [
                (InvoiceStatus.PAID, SubscriptionStatus.ACTIVE, 4900, None),
                (InvoiceStatus.VOID, SubscriptionStatus.TERMINATED, 0, 4900),
            ]

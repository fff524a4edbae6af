"""Corrections that several callers make at once."""

import asyncio
from collections import Counter
from typing import Any

from app import models
from app.billing.lifecycle import InvoiceStatus, SubscriptionStatus
from tests.support.correcting import check_books, credit, pay, sell_desk
from tests.support.story import Story, tell

WHY = {"reason": "Outage"}


async def at_once(story: Story, *calls: tuple[str, dict[str, Any]]) -> Counter[str]:
    """Make all calls at once; return how many were done, and what the others were refused for."""
    answers = await asyncio.gather(*(story.api.mutate(name, "__typename", **given) for name, given in calls))
    return Counter(code for one in answers for code in [error["code"] for error in one["userErrors"]] or ["DONE"])


async def test_notes_never_take_more_than_is_left(database_url: str) -> None:
    """Of 133.33 two notes of 60.00 can be written, whoever comes first."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await sell_desk(story)
        await pay(story, invoice)
        note = ("creditNoteCreate", {"invoiceId": invoice, "amount": "60", **WHY})
        assert await at_once(story, *[note] * 6) == {"DONE": 2, "CREDIT_EXCEEDS_LEFT": 4}
        assert [row.to_credit_minor for row in await story.api.rows(models.CreditNote)] == [6000, 6000]
        await check_books(story)


async def test_a_note_and_payments_share_what_is_due(database_url: str) -> None:
    """The subscription goes on once. What the note takes after the payment becomes credit, never what was due."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await sell_desk(story)
        note = ("creditNoteCreate", {"invoiceId": invoice, **WHY})
        payment = ("invoiceRecordPayment", {"invoiceId": invoice, "method": "x"})
        seen = await at_once(story, note, payment, note, payment)
        assert seen in (
            {"DONE": 2, "CREDIT_EXCEEDS_LEFT": 1, "INVOICE_NOT_PAYABLE": 1},
            {"DONE": 1, "CREDIT_EXCEEDS_LEFT": 1, "INVOICE_NOT_PAYABLE": 2},
        )
        [written] = await story.api.rows(models.CreditNote)
        paid = sum(row.amount_minor for row in await story.api.rows(models.Payment))
        assert (written.reduced_due_minor + paid, written.to_credit_minor) == (13333, paid)
        [subscription] = await story.api.rows(models.Subscription)
        assert subscription.status is SubscriptionStatus.ACTIVE
        await check_books(story)


async def test_money_is_given_back_once(database_url: str) -> None:
    """A payment of 133.33, of which 100.00 became credit: notes, refunds and removals take what there is, once."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await sell_desk(story)
        payment = await pay(story, invoice)
        await credit(story, invoice, amount="100")
        refund = ("paymentRecordRefund", {"paymentId": payment, "amount": "60", **WHY})
        removal = ("customerCreditRemove", {"customerId": story.customer_id, "amount": "60", "currency": "USD", **WHY})
        note = ("creditNoteCreate", {"invoiceId": invoice, "refund": True, **WHY})
        seen = await at_once(story, refund, removal, note, refund, removal, note)
        # One of the refunds and removals is done: 40.00 of credit are left. One of the notes is: nothing is left of it.
        # After a refund and that note 40.00 of the payment are left too, which is what is looked at first.
        assert (seen["DONE"], seen["CREDIT_EXCEEDS_LEFT"]) == (2, 1)
        assert seen["CREDIT_BALANCE_EXCEEDED"] + seen["REFUND_EXCEEDS_PAYMENT"] == 3
        [row] = await story.api.rows(models.Payment)
        assert row.refunded_minor in (3333, 9333)
        in_hand = sum(entry.amount_minor for entry in await story.api.rows(models.CreditEntry))
        assert in_hand == 4000
        await check_books(story)


async def test_an_invoice_is_void_or_paid_or_credited(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await sell_desk(story)
        await pay(story, invoice)
        await story.until("2026-07-02T00:00:00Z")
        [renewed] = [row for row in await story.api.rows(models.Invoice) if row.status is InvoiceStatus.ISSUED]
        mine = {"invoiceId": renewed.id}
        calls = [
            ("invoiceVoid", {**mine, **WHY}),
            ("invoiceRecordPayment", {**mine, "method": "x", "amount": "33.33"}),
            ("creditNoteCreate", {**mine, **WHY, "amount": "50"}),
            ("invoiceMarkUncollectible", {**mine, **WHY}),
        ]
        seen = await at_once(story, *calls, *calls)
        assert set(seen) <= {"DONE", "INVOICE_NOT_OPEN", "INVOICE_NOT_PAYABLE", "INVOICE_NOT_CREDITABLE"}
        [row] = [row for row in await story.api.rows(models.Invoice) if row.id == renewed.id]
        assert row.status is InvoiceStatus.VOID
        entries = await story.api.rows(models.CreditEntry)
        assert sum(entry.amount_minor for entry in entries) == row.paid_minor
        assert row.credited_minor in (0, 5000, 10000)
        await check_books(story)

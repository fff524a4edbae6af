"""Any sequence of corrections leaves books that add up, and invoices that are the same when computed again."""

from random import Random
from typing import Any

import pytest

from app import models
from tests.support.correcting import check_books
from tests.support.story import Story, fee, standard, tell, usage

#: What corrections may be refused for: the sequence does not look first.
EXPECTED = {
    *("INVOICE_NOT_CREDITABLE", "INVOICE_NOT_OPEN", "INVOICE_AWAITED", "INVOICE_NOT_PAYABLE", "PAYMENT_EXCEEDS_DUE"),
    *("CREDIT_EXCEEDS_LEFT", "REFUND_EXCEEDS_PAYMENT", "CREDIT_BALANCE_EXCEEDED"),
    "INVALID: only a line above zero can be credited",
}
WHY = {"reason": "Why not"}


async def asked(story: Story, random: Random) -> tuple[str, dict[str, Any]]:
    """Some correction of some invoice, payment or customer."""
    amount = f"{random.choice((1, 33, 1000, 4711, 9999)) / 100:.2f}"
    invoice = random.choice((await story.api.rows(models.Invoice))[-3:])
    lines = [line for line in await story.api.rows(models.InvoiceLine) if line.invoice_id == invoice.id]
    chosen = random.sample(lines, random.randrange(1, len(lines) + 1))
    credited = [{"lineId": line.id, "amount": random.choice((None, "0.07", "12.34"))} for line in chosen]
    mine, customer = {"invoiceId": invoice.id}, {"customerId": story.customer_id, "amount": amount, "currency": "USD"}
    payments = await story.api.rows(models.Payment)
    possible: list[tuple[str, dict[str, Any]]] = [
        ("creditNoteCreate", {**mine, **WHY, "lines": credited, "refund": random.random() < 0.5}),
        ("creditNoteCreate", {**mine, **WHY, "amount": amount, "refund": random.random() < 0.5}),
        ("creditNoteCreate", {**mine, **WHY}),
        ("invoiceRecordPayment", {**mine, "method": "x", "amount": amount, "excess": "CREDIT"}),
        ("invoiceRecordPayment", {**mine, "method": "x"}),
        ("customerCreditAdd", customer),
        ("customerCreditRemove", {**customer, **WHY}),
        *((name, {**mine, **WHY}) for name in ("invoiceVoid", "invoiceMarkUncollectible", "invoiceMarkCollectible")),
    ]
    if payments:
        some = random.choice((None, amount))
        possible.append(("paymentRecordRefund", {"paymentId": random.choice(payments).id, "amount": some, **WHY}))
    return random.choice(possible)


@pytest.mark.parametrize("seed", range(6))
async def test_the_books_add_up_after_any_corrections(database_url: str, seed: int) -> None:
    random, done = Random(seed), 0
    async with tell(database_url, "2026-01-31T00:00:00Z", taxRate=random.choice(("0.19", "0.0725"))) as story:
        behavior = random.choice(("EXCLUSIVE", "INCLUSIVE"))
        prices = {"desk": fee("49.99"), "seat": fee("0.05", quantity="3"), "calls": usage(standard("-0.01"))}
        await story.sell(prices, taxBehavior=behavior)
        discounts = [{"name": "Launch", "percentage": "0.15"}] if random.random() < 0.5 else []
        await story.subscribe(discounts=discounts, paymentTermDays=5)
        for month in range(2, 5):
            wanted = done + 4
            for _ in range(40):
                mutation, given = await asked(story, random)
                errors = (await story.api.mutate(mutation, "__typename", **given))["userErrors"]
                refusals = {
                    f"INVALID: {error['message']}" if error["code"] == "INVALID" else error["code"] for error in errors
                }
                assert refusals <= EXPECTED
                if not refusals:
                    await check_books(story)
                    done += 1
                if done == wanted:
                    break
            # Unless the corrections have paid or credited Invoice 0, so that there are others to correct.
            if (await story.standing())["status"] == "PENDING_PAYMENT":
                await story.pay()
            await story.use(f"2026-{month:02}-15T00:00:00Z", n=str(random.randrange(2000)))
            await story.until(f"2026-{month:02}-{random.choice((28, 20))}T12:00:00Z")
            await check_books(story)
    assert done >= 10

"""Invoices that are voided or written off, refunds, credit that is taken back, and the account that tells of all."""

from typing import Any

from tests.integration.test_refusals import snapshot
from tests.support.correcting import account, check_books, credit, decide, pay, refused, sell_desk, standing
from tests.support.story import Story, fee, tell

WHY = {"reason": "By mistake"}


async def give(story: Story, amount: str) -> None:
    given = {"customerId": story.customer_id, "amount": amount, "currency": "USD"}
    assert (await story.api.mutate("customerCreditAdd", "creditEntry { id }", **given))["userErrors"] == []


async def overdue(story: Story, credit: str | None = None) -> str:
    """Return the id of the second invoice of 100.00, which is overdue since the 11th of July."""
    await story.sell({"desk": fee("100")})
    await story.subscribe(paymentTermDays=10)
    await story.pay()
    if credit is not None:
        await give(story, credit)
    await story.until("2026-07-20T00:00:00Z")
    assert (await story.standing())["status"] == "PAST_DUE"
    found = await story.api.gql("{ invoices(orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id } } }")
    return str(found["invoices"]["nodes"][0]["id"])


async def test_a_void_invoice_gives_back_what_paid_for_it(database_url: str) -> None:
    """10.00 came by credit, 20.00 by a note, 30.00 by a payment: 40.00 come back, and 80.00 are owed no more."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await overdue(story, credit="10")
        await credit(story, invoice, amount="20")
        await pay(story, invoice, "30")
        assert (await story.standing())["status"] == "PAST_DUE"
        assert await decide(story, "invoiceVoid", invoice) == (
            "VOID of 100.00, credit 10.00, credited 20.00, paid 30.00, due 0.00, VOID 80.00, in hand 40.00"
        )
        assert (await story.standing())["status"] == "ACTIVE"
        assert await account(story) == [
            "INVOICE 100.00: 100.00",
            "PAYMENT -100.00: 0.00",
            "CREDIT_ADDED -10.00: -10.00",
            "INVOICE 100.00: 90.00",
            "CREDIT_NOTE -20.00: 70.00",
            "PAYMENT -30.00: 40.00",
            "VOID -80.00: -40.00",
        ]
        await check_books(story)
        before = await snapshot(story.api)
        for mutation in ("invoiceVoid", "invoiceMarkUncollectible", "invoiceMarkCollectible"):
            assert await refused(story, mutation, invoiceId=invoice, **WHY) == [("INVOICE_NOT_OPEN", "invoiceId")]
        assert await refused(story, "creditNoteCreate", invoiceId=invoice, **WHY) == [
            ("INVOICE_NOT_CREDITABLE", "invoiceId")
        ]
        assert await snapshot(story.api) == before
        # Nothing bills it again; what came back pays for the next period.
        [renewed] = await story.until("2026-08-02T00:00:00Z")
        assert renewed[1:] == [
            "2026-08-01 to 2026-09-01: 1 desk 100.00", "paid by credit 40.00", "total 100.00 USD, due 60.00",
        ]  # fmt: skip
        await check_books(story)


async def test_what_is_written_off_can_be_credited_paid_after_all_or_voided(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await overdue(story)
        assert await decide(story, "invoiceMarkUncollectible", invoice) == (
            "UNCOLLECTIBLE of 100.00, due 100.00, WRITE_OFF 100.00"
        )
        assert (await story.standing())["status"] == "ACTIVE"
        await check_books(story)
        asked = {"invoiceId": invoice, "method": "x"}
        assert await refused(story, "invoiceRecordPayment", **asked) == [("INVOICE_NOT_PAYABLE", "invoiceId")]
        # What a note takes off is no longer lost: it was never owed.
        await credit(story, invoice, amount="25")
        await check_books(story)
        written_off = "credited 25.00, due 75.00, WRITE_OFF 100.00, WRITE_OFF_REVERSAL 25.00"
        assert await standing(story, invoice) == f"UNCOLLECTIBLE of 100.00, {written_off}"
        assert await decide(story, "invoiceMarkCollectible", invoice) == (
            f"ISSUED of 100.00, {written_off}, WRITE_OFF_REVERSAL 75.00"
        )
        assert (await story.standing())["status"] == "PAST_DUE"
        await check_books(story)
        await pay(story, invoice, "5")
        await decide(story, "invoiceMarkUncollectible", invoice)
        assert await decide(story, "invoiceVoid", invoice) == (
            "VOID of 100.00, credited 25.00, paid 5.00, due 0.00, WRITE_OFF 100.00, WRITE_OFF_REVERSAL 25.00, "
            "WRITE_OFF_REVERSAL 75.00, WRITE_OFF 70.00, WRITE_OFF_REVERSAL 70.00, VOID 75.00, in hand 5.00"
        )
        assert (await account(story))[-1] == "VOID -75.00: -5.00"
        await check_books(story)


async def test_a_note_of_all_that_was_written_off_pays_it(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await overdue(story)
        await decide(story, "invoiceMarkUncollectible", invoice)
        await credit(story, invoice)
        assert await standing(story, invoice) == (
            "PAID of 100.00, credited 100.00, due 0.00, WRITE_OFF 100.00, WRITE_OFF_REVERSAL 100.00"
        )
        assert (await account(story))[-1].endswith(": 0.00")
        await check_books(story)


async def test_what_is_taken_up_again_before_it_is_due_is_not_past_due(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"desk": fee("100")})
        await story.subscribe(paymentTermDays=10)
        await story.pay()
        await story.until("2026-07-02T00:00:00Z")
        found = await story.api.gql("{ invoices(orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id } } }")
        invoice = found["invoices"]["nodes"][0]["id"]
        await decide(story, "invoiceMarkUncollectible", invoice)
        await decide(story, "invoiceMarkCollectible", invoice)
        assert (await story.standing())["status"] == "ACTIVE"
        await decide(story, "invoiceMarkUncollectible", invoice)
        await story.until("2026-07-12T00:00:00Z")
        assert (await story.standing())["status"] == "ACTIVE"
        await decide(story, "invoiceMarkCollectible", invoice)
        assert (await story.standing())["status"] == "PAST_DUE"
        await pay(story, invoice)
        assert (await story.standing())["status"] == "ACTIVE"


async def test_an_invoice_that_is_waited_for_is_not_decided_about(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await sell_desk(story)
        before = await snapshot(story.api)
        for mutation in ("invoiceVoid", "invoiceMarkUncollectible"):
            assert await refused(story, mutation, invoiceId=invoice, **WHY) == [("INVOICE_AWAITED", "invoiceId")]
        assert await refused(story, "invoiceMarkCollectible", invoiceId=invoice, reason="") == [("BLANK", "reason")]
        assert await refused(story, "invoiceVoid", invoiceId="inv_none", reason="") == [
            ("NOT_FOUND", "invoiceId"), ("BLANK", "reason"),
        ]  # fmt: skip
        assert await snapshot(story.api) == before
        await credit(story, invoice, amount="33.33")
        await pay(story, invoice, "40")
        # Ended before it is paid: the note stays, the money is the customer's.
        await story.end()
        assert await standing(story, invoice) == (
            "VOID of 133.33, credited 33.33, paid 40.00, due 0.00, VOID 100.00, in hand 40.00"
        )
        await check_books(story)


async def test_refunds_are_taken_out_of_credit_and_never_more_than_came(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await sell_desk(story)
        payment = await pay(story, invoice, "150", excess="CREDIT")
        before = await snapshot(story.api)
        asked: dict[str, Any] = {"paymentId": payment, **WHY}
        name = "paymentRecordRefund"
        # 16.67 are in hand: the rest of the payment is held by the invoice.
        assert await refused(story, name, **asked) == [("CREDIT_BALANCE_EXCEEDED", "amount")]
        assert await refused(story, name, amount="150.01", **asked) == [("REFUND_EXCEEDS_PAYMENT", "amount")]
        assert await refused(story, name, amount="0.001", **asked) == [("INVALID", "amount")]
        assert await refused(story, name, paymentId="pay_none", amount="0", reason="", reference="x" * 2001) == [
            ("NOT_FOUND", "paymentId"), ("OUT_OF_RANGE", "amount"), ("BLANK", "reason"), ("TOO_LONG", "reference"),
        ]  # fmt: skip
        assert await snapshot(story.api) == before
        fields = "refund { id amount { amount } reference } payment { refunded { amount } } replayed"
        given = {**asked, "amount": "16.67", "reference": "SEPA-1", "idempotencyKey": "back"}
        first = await story.api.mutate(name, fields, **given)
        assert (first["refund"]["amount"], first["payment"]) == (
            {"amount": "16.67"}, {"refunded": {"amount": "16.67"}},
        )  # fmt: skip
        assert await story.api.mutate(name, fields, **given) == {**first, "replayed": True}
        assert await refused(story, name, **{**given, "amount": "1"}) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
        assert await standing(story, invoice) == "PAID of 133.33, paid 133.33, due 0.00"
        # What notes turn into credit can be given back, up to what the payment brought.
        await credit(story, invoice, amount="33.33")
        await credit(story, invoice, amount="100", refund=True)
        assert await account(story) == [
            "INVOICE 133.33: 133.33",
            "PAYMENT -150.00: -16.67",
            "REFUND 16.67: 0.00",
            "CREDIT_NOTE -33.33: -33.33",
            "CREDIT_NOTE -100.00: -133.33",
            "REFUND 100.00: -33.33",
        ]
        await story.api.mutate(name, fields, **asked)
        assert await refused(story, name, **asked) == [("REFUND_EXCEEDS_PAYMENT", "amount")]
        await check_books(story)


async def test_credit_is_taken_back_the_oldest_first_and_never_below_zero(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await give(story, "10")
        await give(story, "5")
        name, asked = "customerCreditRemove", {"customerId": story.customer_id, "currency": "USD", **WHY}
        before = await snapshot(story.api)
        assert await refused(story, name, amount="15.01", **asked) == [("CREDIT_BALANCE_EXCEEDED", "amount")]
        assert await refused(story, name, amount="1", **{**asked, "currency": "EUR"}) == [
            ("CREDIT_BALANCE_EXCEEDED", "amount")
        ]
        assert await refused(story, name, amount="0.001", **asked) == [("INVALID", "amount")]
        assert await refused(story, name, customerId="cus_none", amount="0", reason="") == [
            ("NOT_FOUND", "customerId"), ("OUT_OF_RANGE", "amount"), ("BLANK", "reason"),
        ]  # fmt: skip
        assert await snapshot(story.api) == before
        fields = "creditEntries { kind amount { amount } note source { amount { amount } } } replayed"
        given = {**asked, "amount": "12", "idempotencyKey": "gone"}
        first = await story.api.mutate(name, fields, **given)
        assert first["creditEntries"] == [
            {
                "kind": "REMOVED",
                "amount": {"amount": amount},
                "note": "By mistake",
                "source": {"amount": {"amount": of}},
            }
            for amount, of in (("-10.00", "10.00"), ("-2.00", "5.00"))
        ]
        assert await story.api.mutate(name, fields, **given) == {**first, "replayed": True}
        assert await account(story) == [
            "CREDIT_ADDED -10.00: -10.00",
            "CREDIT_ADDED -5.00: -15.00",
            "CREDIT_REMOVED 10.00: -5.00",
            "CREDIT_REMOVED 2.00: -3.00",
        ]
        invoice = await sell_desk(story)
        assert await standing(story, invoice) == "ISSUED of 133.33, credit 3.00, due 130.33"
        await check_books(story)


async def test_a_repeat_with_the_same_key_corrects_nothing_again(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        invoice = await overdue(story)
        fields = "creditNote { id total { amount } } replayed"
        given = {"invoiceId": invoice, "amount": "30", "idempotencyKey": "note", **WHY}
        first = await story.api.mutate("creditNoteCreate", fields, **given)
        assert await story.api.mutate("creditNoteCreate", fields, **given) == {**first, "replayed": True}
        reused = [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
        assert await refused(story, "creditNoteCreate", **{**given, "refund": True}) == reused
        assert await refused(story, "invoiceVoid", invoiceId=invoice, idempotencyKey="note", **WHY) == reused
        decisions = ("invoiceMarkUncollectible", "invoiceMarkCollectible", "invoiceVoid")
        for mutation in decisions:
            given = {"invoiceId": invoice, "idempotencyKey": mutation, **WHY}
            done = await story.api.mutate(mutation, "invoice { id status } replayed", **given)
            assert (done["replayed"], done["userErrors"]) == (False, [])
            assert await story.api.mutate(mutation, "invoice { id status } replayed", **given) == {
                **done, "replayed": True,
            }  # fmt: skip
        assert await standing(story, invoice) == (
            "VOID of 100.00, credited 30.00, due 0.00, WRITE_OFF 70.00, WRITE_OFF_REVERSAL 70.00, VOID 70.00"
        )
        await check_books(story)


async def test_an_account_is_cut_into_spans_that_join(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await overdue(story)
        asked = """query($id: ID!, $from: DateTime, $before: DateTime) { customer(id: $id) {
          account(currency: "USD", from: $from, before: $before) {
            openingBalance { amount } closingBalance { amount } entries { kind at } } } }"""

        async def span(start: str | None, before: str | None) -> tuple[str, list[str], str]:
            given = {"id": story.customer_id, "from": start, "before": before}
            found = (await story.api.gql(asked, **given))["customer"]["account"]
            kinds = [f"{one['kind']} {one['at']}" for one in found["entries"]]
            return found["openingBalance"]["amount"], kinds, found["closingBalance"]["amount"]

        issued = "2026-07-01T01:00:00Z"
        first = ["INVOICE 2026-06-01T00:00:00Z", "PAYMENT 2026-06-01T00:00:00Z"]
        assert await span(None, issued) == ("0.00", first, "0.00")
        assert await span(issued, None) == ("0.00", [f"INVOICE {issued}"], "100.00")
        assert await span("2026-08-01T00:00:00Z", None) == ("100.00", [], "100.00")
        given = {"id": story.customer_id, "from": issued, "before": issued}
        assert "errors" in await story.api.answer(asked, **given)

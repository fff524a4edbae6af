"""Credit notes: what they take of which line, and what becomes of it."""

from tests.integration.test_refusals import snapshot
from tests.support.correcting import check_books, credit, line_ids, pay, refused, sell_desk, standing
from tests.support.story import fee, tell

TENTH = {"discounts": [{"name": "Launch", "percentage": "0.1"}]}
#: 133.33 less 13.33 are 120.00; 19 % on top are 22.80: of the desk 10.00 and 17.10, of the seat 3.33 and 5.70.
TAXED = {"taxRate": "0.19"}


async def test_notes_of_lines_take_their_shares_until_nothing_is_due(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z", **TAXED) as story:
        invoice = await sell_desk(story, **TENTH)
        lines = await line_ids(story.api)
        # 0.999 and 1.71017: shares of 10.00 of 33.33.
        assert await credit(story, invoice, lines=[{"lineId": lines["seat"], "amount": "10.00"}]) == [
            "10.00 - 1.00 + 1.71 = 10.71: 10.71 off what is due, 0.00 to credit, 0.00 refunded",
            "seat 10.00 - 1.00 + 1.71 = 10.71",
        ]
        assert await standing(story, invoice) == "ISSUED of 142.80, credited 10.71, due 132.09"
        assert (await story.standing())["status"] == "PENDING_PAYMENT"
        assert await credit(story, invoice, lines=[{"lineId": lines["desk"]}, {"lineId": lines["seat"]}]) == [
            "123.33 - 12.33 + 21.09 = 132.09: 132.09 off what is due, 0.00 to credit, 0.00 refunded",
            "desk 100.00 - 10.00 + 17.10 = 107.10",
            "seat 23.33 - 2.33 + 3.99 = 24.99",
        ]
        assert await standing(story, invoice) == "PAID of 142.80, credited 142.80, due 0.00"
        # It was waited for: the subscription goes on, and renews.
        assert (await story.standing())["status"] == "ACTIVE"
        await check_books(story)
        [renewed] = await story.until("2026-07-02T00:00:00Z")
        assert renewed[-1] == "total 142.80 USD, due 142.80"


async def test_a_note_of_an_amount_is_spread_over_the_lines(database_url: str) -> None:
    """Of 50.00 37.50 fall on the desk and 12.50 on the seat: the least amounts that come to so much."""
    async with tell(database_url, "2026-06-01T00:00:00Z", **TAXED) as story:
        invoice = await sell_desk(story, **TENTH)
        await pay(story, invoice)
        assert await credit(story, invoice, amount="50.00") == [
            "46.68 - 4.67 + 7.99 = 50.00: 0.00 off what is due, 50.00 to credit, 0.00 refunded",
            "desk 35.01 - 3.50 + 5.99 = 37.50",
            "seat 11.67 - 1.17 + 2.00 = 12.50",
        ]
        assert await credit(story, invoice) == [
            "86.65 - 8.66 + 14.81 = 92.80: 0.00 off what is due, 92.80 to credit, 0.00 refunded",
            "desk 64.99 - 6.50 + 11.11 = 69.60",
            "seat 21.66 - 2.16 + 3.70 = 23.20",
        ]
        assert await standing(story, invoice) == "PAID of 142.80, paid 142.80, due 0.00, in hand 142.80"
        await check_books(story)
        [renewed] = await story.until("2026-07-02T00:00:00Z")
        assert renewed[-2:] == ["paid by credit 142.80", "total 142.80 USD, due 0.00"]


async def test_where_prices_hold_the_tax_a_note_takes_what_it_says(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z", **TAXED) as story:
        await story.sell({"desk": fee("119")}, taxBehavior="INCLUSIVE")
        await story.subscribe()
        assert story.zero is not None
        invoice, lines = story.zero["id"], await line_ids(story.api)
        # 50 x 19/119 = 7.983; 80 x 19/119 = 12.773, of which 7.98 are taken.
        assert await credit(story, invoice, lines=[{"lineId": lines["desk"], "amount": "50"}]) == [
            "50.00 - 0.00 + 7.98 = 50.00: 50.00 off what is due, 0.00 to credit, 0.00 refunded",
            "desk 50.00 - 0.00 + 7.98 = 50.00",
        ]
        await pay(story, invoice, "49.00")
        assert await credit(story, invoice, amount="30") == [
            "30.00 - 0.00 + 4.79 = 30.00: 20.00 off what is due, 10.00 to credit, 0.00 refunded",
            "desk 30.00 - 0.00 + 4.79 = 30.00",
        ]
        assert await credit(story, invoice, refund=True) == [
            "39.00 - 0.00 + 6.23 = 39.00: 0.00 off what is due, 0.00 to credit, 39.00 refunded",
            "desk 39.00 - 0.00 + 6.23 = 39.00",
        ]
        assert await standing(story, invoice) == "PAID of 119.00, credited 70.00, paid 49.00, due 0.00, in hand 10.00"
        await check_books(story)


async def test_what_was_not_due_is_refunded_of_the_payments_the_oldest_first(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.api.mutate(
            "customerCreditAdd", "creditEntry { id }", customerId=story.customer_id, amount="33.33", currency="USD"
        )
        invoice = await sell_desk(story)
        await pay(story, invoice, "30")
        await pay(story, invoice, "70")
        found = "{ payments { nodes { amount { amount } refunded { amount } } } }"
        assert (await credit(story, invoice, amount="40", refund=True))[0].endswith("0.00 to credit, 40.00 refunded")
        assert (await story.api.gql(found))["payments"]["nodes"] == [
            {"amount": {"amount": "30.00"}, "refunded": {"amount": "30.00"}},
            {"amount": {"amount": "70.00"}, "refunded": {"amount": "10.00"}},
        ]
        before = await snapshot(story.api)
        asked = {"invoiceId": invoice, "reason": "Outage", "refund": True}
        # 93.33 are left, and payments brought 60.00 of it: the rest was credit.
        assert await refused(story, "creditNoteCreate", **asked) == [("REFUND_EXCEEDS_PAYMENT", "refund")]
        assert await snapshot(story.api) == before
        await credit(story, invoice, amount="60", refund=True)
        await credit(story, invoice)
        assert await standing(story, invoice) == "PAID of 133.33, credit 33.33, paid 100.00, due 0.00, in hand 33.33"
        await check_books(story)


async def test_a_note_of_what_is_overdue_lets_the_subscription_go_on(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"desk": fee("100")})
        await story.subscribe(paymentTermDays=10)
        await story.pay()
        await story.until("2026-07-20T00:00:00Z")
        assert (await story.standing())["status"] == "PAST_DUE"
        invoices = "{ invoices(orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id } } }"
        invoice = (await story.api.gql(invoices))["invoices"]["nodes"][0]["id"]
        await credit(story, invoice, amount="99.99")
        assert (await story.standing())["status"] == "PAST_DUE"
        await credit(story, invoice)
        assert (await story.standing())["status"] == "ACTIVE"
        await check_books(story)


async def test_lines_below_zero_make_less_of_an_invoice_to_be_credited(database_url: str) -> None:
    """100.00 less 30.00 typed by hand are 70.00: of these no note takes more, though the line was 100.00."""
    async with tell(database_url, "2026-05-01T00:00:00Z") as story:
        await story.sell({"desk": fee("100")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-01T00:30:00Z")
        drafts = "{ invoices(orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id status } } }"
        draft = (await story.api.gql(drafts))["invoices"]["nodes"][0]
        assert draft["status"] == "DRAFT"
        asked = {"invoiceId": draft["id"], "reason": "Outage"}
        assert await refused(story, "creditNoteCreate", **asked) == [("INVOICE_NOT_CREDITABLE", "invoiceId")]
        await story.api.mutate(
            "invoiceLineAdd", "invoiceLine { id }", invoiceId=draft["id"], description="Goodwill", unitPrice="-30"
        )
        await story.until("2026-06-02T00:00:00Z")
        lines = await line_ids(story.api)
        whole = [{"lineId": lines["desk"]}]
        assert await refused(story, "creditNoteCreate", lines=whole, **asked) == [("CREDIT_EXCEEDS_LEFT", "lines")]
        below = [{"lineId": lines["Goodwill"]}]
        assert await refused(story, "creditNoteCreate", lines=below, **asked) == [("INVALID", "lines.0.lineId")]
        assert (await credit(story, draft["id"], lines=[{"lineId": lines["desk"], "amount": "60"}]))[0].startswith("60")
        assert (await credit(story, draft["id"]))[1:] == ["desk 10.00 - 0.00 + 0.00 = 10.00"]
        assert await refused(story, "creditNoteCreate", **asked) == [("CREDIT_EXCEEDS_LEFT", "amount")]
        assert await standing(story, draft["id"]) == "PAID of 70.00, credited 70.00, due 0.00"
        await check_books(story)


async def test_what_can_not_be_credited_is_refused_and_writes_nothing(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z", **TAXED) as story:
        invoice = await sell_desk(story)
        lines = await line_ids(story.api)
        await pay(story, invoice, "8.66")
        before = await snapshot(story.api)

        async def wrong(**given: object) -> list[tuple[str, str | None]]:
            return await refused(story, "creditNoteCreate", **{"invoiceId": invoice, "reason": "Outage", **given})

        desk, seat = lines["desk"], lines["seat"]
        assert await wrong(amount="158.67") == [("CREDIT_EXCEEDS_LEFT", "amount")]
        assert await wrong(amount="0.001") == [("INVALID", "amount")]
        assert await wrong(lines=[{"lineId": desk, "amount": "1"}, {"lineId": seat, "amount": "33.34"}]) == [
            ("CREDIT_EXCEEDS_LEFT", "lines.1.amount")
        ]
        assert await wrong(lines=[{"lineId": desk, "amount": "0.001"}, {"lineId": "li_none"}]) == [
            ("INVALID", "lines.0.amount"),
            ("NOT_FOUND", "lines.1.lineId"),
        ]
        twice = [{"lineId": desk}, {"lineId": desk, "amount": "0"}]
        assert await wrong(invoiceId="inv_none", lines=twice, amount="-1", reason=" ", idempotencyKey="") == [
            ("NOT_FOUND", "invoiceId"),
            ("INVALID", "lines.1.lineId"),
            ("OUT_OF_RANGE", "lines.1.amount"),
            ("INVALID", "amount"),
            ("OUT_OF_RANGE", "amount"),
            ("BLANK", "reason"),
            ("INVALID", "idempotencyKey"),
        ]
        assert await wrong(lines=[]) == [("BLANK", "lines")]
        assert await snapshot(story.api) == before
        other = await story.api.another_merchant()
        payload = await other.mutate("creditNoteCreate", "creditNote { id }", invoiceId=invoice, reason="Outage")
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]

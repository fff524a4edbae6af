"""The years after the start, as a customer's invoices tell them."""

from typing import Any

from tests.support.story import INVOICE, Story, fee, standard, tell, usage, written

PROJECTED = """query($id: ID!, $until: DateTime!) { subscription(id: $id) {
  upcomingInvoice { boundaryAt total { amount } }
  projectedInvoices(until: $until) { boundaryAt total { amount }
    lines { description quantity amount { amount } period { start end } corrects { invoice { number } } } } } }"""


async def projected(story: Story, until: str) -> list[dict[str, Any]]:
    [subscription] = (await story.api.gql("{ subscriptions { nodes { id status } } }"))["subscriptions"]["nodes"]
    found = (await story.api.gql(PROJECTED, id=subscription["id"], until=until))["subscription"]
    listed: list[dict[str, Any]] = found["projectedInvoices"]
    if listed:
        upcoming = found["upcomingInvoice"]
        assert upcoming == {"boundaryAt": listed[0]["boundaryAt"], "total": listed[0]["total"]}
    return listed


async def test_usage_that_comes_late_is_on_the_next_invoice(database_url: str) -> None:
    """100 calls at 0.02 and the rest at 0.01: late calls are charged by where they fall in the whole month."""
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        tiers = [{"upTo": "100", "unitPrice": "0.02"}, {"unitPrice": "0.01"}]
        await story.sell({"calls": usage({"graduated": {"tiers": tiers}})})
        await story.subscribe()
        await story.use("2026-02-01T00:00:00Z", n="90")
        assert await story.until("2026-02-28T02:00:00Z") == [
            [
                "TEST-INV-000001 ISSUED 2026-02-28T01:00, due 2026-03-30T01:00",
                "2026-01-31 to 2026-02-28: 90 calls 1.80",
                "total 1.80 USD, due 1.80",
            ]
        ]
        await story.use("2026-02-02T00:00:00Z", n="20")
        await story.use("2026-03-02T00:00:00Z", n="5")
        [first, second] = await projected(story, "2026-05-01T00:00:00Z")
        assert (first["boundaryAt"], first["total"]["amount"]) == ("2026-03-31T00:00:00Z", "0.40")
        assert [line["corrects"] for line in first["lines"]] == [None, {"invoice": {"number": "TEST-INV-000001"}}]
        assert (second["boundaryAt"], second["total"]["amount"]) == ("2026-04-30T00:00:00Z", "0.00")
        assert await story.until("2026-03-31T02:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-03-31T01:00, due 2026-04-30T01:00",
                "2026-02-28 to 2026-03-31: 5 calls 0.10",
                "2026-01-31 to 2026-02-28: 110 calls (late usage) 0.30",
                "total 0.40 USD, due 0.40",
            ]
        ]


async def test_what_is_projected_is_what_is_issued_if_nothing_more_happens(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T10:00:00Z", timezone="America/New_York") as story:
        year = {"year": fee("1200"), "calls": usage(standard("1"), cadence="MONTHLY")}
        await story.sell({**year, "seat": fee("10", cadence="QUARTERLY")}, billingInterval="YEARLY")
        await story.subscribe()
        await story.pay()
        await story.use("2026-02-10T00:00:00Z", n="3")
        await story.use("2026-06-05T00:00:00Z", n="4")
        expected = [
            [line["description"] + " " + line["amount"]["amount"] for line in invoice["lines"]]
            for invoice in await projected(story, "2027-02-28T00:00:00Z")
        ]
        issued = await story.until("2027-02-28T00:00:00Z")
        assert [[line.split(": ", 1)[1].split(" ", 1)[1] for line in one[1:-1]] for one in issued] == expected
        assert len(issued) == 12
        assert ["year 1200.00" in lines for lines in expected] == [False] * 11 + [True]


async def test_too_far_ahead_is_refused_and_an_ended_one_has_none(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("1")), "seat": fee("10")})
        await story.subscribe()
        [subscription] = (await story.api.gql("{ subscriptions { nodes { id } } }"))["subscriptions"]["nodes"]
        answer = await story.api.answer(PROJECTED, id=subscription["id"], until="2226-01-01T00:00:00Z")
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "BAD_INPUT"
        assert "until: must lie at most 2 years behind the next boundary" in error["message"]
        assert await projected(story, "2026-02-27T00:00:00Z") == []
        await story.until("2026-02-10T00:00:00Z")
        assert await projected(story, "2026-12-31T00:00:00Z") == []


async def test_a_merchant_bills_at_its_own_midnight_whatever_the_clocks_do(database_url: str) -> None:
    """New York changes to daylight saving on 8 March 2026 and back on 1 November; Kiritimati never does."""
    async with tell(database_url, "2026-02-10T14:30:00Z", timezone="America/New_York") as story:
        await story.sell({"calls": usage(standard("1"))}, billingAnchor={"day": 1})
        await story.subscribe()
        issued = await story.until("2026-12-02T00:00:00Z")
        assert [one[0].split(" ")[2].rstrip(",") for one in issued] == [
            "2026-03-01T06:00", *(f"2026-{month:02}-01T05:00" for month in range(4, 12)), "2026-12-01T06:00",
        ]  # fmt: skip
        assert issued[0][1].startswith("2026-02-10T14:30 to 2026-03-01T05:00")
    async with tell(database_url, "2026-02-10T14:30:00Z", timezone="Pacific/Kiritimati") as story:
        await story.sell({"calls": usage(standard("1"))}, billingAnchor={"day": 1})
        await story.subscribe()
        [first, second] = await story.until("2026-04-01T00:00:00Z")
        assert first[1].startswith("2026-02-10T14:30 to 2026-02-28T10:00")
        assert second[1].startswith("2026-02-28T10:00 to 2026-03-31T10:00")


async def test_another_zone_of_the_merchant_leaves_running_subscriptions_without_gap_or_overlap(
    database_url: str,
) -> None:
    async with tell(database_url, "2026-01-15T08:00:00Z", timezone="Europe/Berlin") as story:
        await story.sell({"calls": usage(standard("1"))})
        await story.subscribe()
        [first] = await story.until("2026-02-16T00:00:00Z")
        await story.api.mutate("merchantUpdate", "merchant { id }", timezone="Pacific/Kiritimati")
        later = await story.until("2026-05-16T00:00:00Z")
        periods = [line.split(": ")[0] for one in (first, *later) for line in one[1:-1]]
        assert periods == [
            "2026-01-15T08:00 to 2026-02-15T08:00", "2026-02-15T08:00 to 2026-03-15T08:00",
            "2026-03-15T08:00 to 2026-04-15T07:00", "2026-04-15T07:00 to 2026-05-15T07:00",
        ]  # fmt: skip


async def test_a_payment_of_more_than_is_due_pays_the_next_invoice_too(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"seat": fee("10")})
        await story.subscribe()
        assert story.zero is not None
        given = {"invoiceId": story.zero["id"], "method": "card", "amount": "14.00"}
        fields = f"payment {{ amount {{ amount }} }} invoice {{ {INVOICE} creditEntries {{ nodes {{ kind }} }} }}"
        refused = await story.api.mutate("invoiceRecordPayment", fields, **given)
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [
            ("PAYMENT_EXCEEDS_DUE", "amount")
        ]
        paid = await story.api.mutate("invoiceRecordPayment", fields, **given, excess="CREDIT")
        assert (paid["payment"]["amount"]["amount"], paid["invoice"]["status"]) == ("14.00", "PAID")
        assert paid["invoice"]["creditEntries"]["nodes"] == [{"kind": "OVERPAID"}]
        assert await story.until("2026-02-28T02:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-28T01:00, due 2026-03-30T01:00",
                "2026-02-28 to 2026-03-31: 1 seat 10.00",
                "paid by credit 4.00",
                "total 10.00 USD, due 6.00",
            ]
        ]


async def test_a_first_invoice_that_nobody_pays_is_void_and_its_late_payment_is_credit(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"seat": fee("10"), "calls": usage(standard("1"))})
        await story.subscribe()
        await story.use("2026-02-01T00:00:00Z", n="5")
        [void] = await story.until("2026-03-31T00:00:00Z")
        assert void == [
            "TEST-INV-000001 VOID 2026-01-31, due 2026-01-31",
            "2026-01-31 to 2026-02-28: 1 seat 10.00",
            "total 10.00 USD, due 0.00",
        ]
        await story.pay()
        customer = "query($id: ID!) { customer(id: $id) { creditBalances { amount currency } } }"
        found = (await story.api.gql(customer, id=story.customer_id))["customer"]
        assert found == {"creditBalances": [{"amount": "10.00", "currency": "USD"}]}
        subscription = "{ subscriptions { nodes { status terminationReason endedAt } } }"
        assert (await story.api.gql(subscription))["subscriptions"]["nodes"] == [
            {"status": "TERMINATED", "terminationReason": "INITIAL_PAYMENT_EXPIRED", "endedAt": "2026-02-07T00:00:00Z"}
        ]
        assert written(story.zero or {})[0].startswith("TEST-INV-000001 ISSUED")

"""How subscriptions end, as a customer's invoices tell it."""

from typing import Any

from tests.support.story import INVOICE, Story, fee, standard, tell, usage, written

ACCOUNT = f"""{{ invoices(orderBy: {{ field: CREATED_AT }}) {{ nodes {{ {INVOICE} }} }} }}"""


async def refused(story: Story, mutation: str, fields: str, **given: Any) -> list[tuple[str, str]]:
    payload = await story.api.mutate(mutation, fields, subscriptionId=story.subscription_id, **given)
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def invoices(story: Story) -> list[list[str]]:
    return [written(one) for one in (await story.api.gql(ACCOUNT))["invoices"]["nodes"]]


async def test_an_end_now_bills_arrears_until_then(database_url: str) -> None:
    """10 March is 10 of the 31 days of the month from 28 February: usage is charged as it was measured."""
    async with tell(database_url, "2026-02-28T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("0.10")), "desk": fee("31", paymentTerm="IN_ARREARS")})
        await story.subscribe()
        await story.use("2026-03-01T00:00:00Z", n="7")
        await story.use("2026-03-20T00:00:00Z", n="1000")
        await story.until("2026-03-10T00:00:00Z")
        # What was reported ahead of time is taken out of it before it is issued.
        assert (await story.end(at="NOW"))[0] == "None DRAFT"
        assert await story.standing() == {
            "status": "TERMINATED",
            "terminationReason": "REQUESTED",
            "endingAt": "2026-03-10T00:00:00Z",
            "endedAt": "2026-03-10T00:00:00Z",
            "currentPeriod": {"start": "2026-02-28T00:00:00Z", "end": "2026-03-10T00:00:00Z"},
        }
        await story.use("2026-03-09T00:00:00Z", n="3")
        assert await story.until("2026-05-10T00:00:00Z") == [
            [
                "TEST-INV-000001 ISSUED 2026-03-10T01:00, due 2026-04-09T01:00",
                "2026-02-28 to 2026-03-10: 10 calls 1.00",
                "2026-02-28 to 2026-03-10: 1 desk 11.07",
                "total 12.07 USD, due 12.07",
            ]
        ]


async def test_what_comes_after_the_last_invoice_is_on_one_invoice_a_day(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z", timezone="America/New_York") as story:
        await story.sell({"calls": usage(standard("0.10"))})
        await story.subscribe()
        await story.use("2026-02-01T00:00:00Z", n="7")
        await story.until("2026-02-10T12:00:00Z")
        await story.end(at="NOW")
        await story.until("2026-02-10T14:00:00Z")
        await story.use("2026-02-02T00:00:00Z", n="10")
        await story.until("2026-02-10T20:00:00Z")
        await story.use("2026-02-03T00:00:00Z", n="20")
        await story.use("2026-02-10T12:00:00Z", n="1000")
        # The day ends at 05:00 UTC.
        assert await story.until("2026-02-11T04:59:59Z") == []
        assert await story.until("2026-02-12T04:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-11T05:00, due 2026-03-13T05:00",
                "2026-01-31 to 2026-02-10T12:00: 37 calls (late usage) 3.00",
                "total 3.00 USD, due 3.00",
            ]
        ]
        await story.use("2026-02-04T00:00:00Z", n="1")
        assert await story.until("2026-06-12T05:00:00Z") == [
            [
                "TEST-INV-000003 ISSUED 2026-02-12T05:00, due 2026-03-14T05:00",
                "2026-01-31 to 2026-02-10T12:00: 38 calls (late usage) 0.10",
                "total 0.10 USD, due 0.10",
            ]
        ]
        replayed = "{ invoices { nodes { id } } }"
        for node in (await story.api.gql(replayed))["invoices"]["nodes"]:
            answer = await story.api.gql("query($id: ID!) { invoiceReplay(invoiceId: $id) { equal } }", id=node["id"])
            assert answer["invoiceReplay"]["equal"]


async def test_an_end_with_the_period_renews_no_more(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("0.10")), "base": fee("31")})
        await story.subscribe()
        await story.pay()
        await story.use("2026-02-01T00:00:00Z", n="7")
        await story.until("2026-02-10T00:00:00Z")
        assert await story.end() == []
        standing = await story.standing()
        assert (standing["status"], standing["endingAt"]) == ("ACTIVE", "2026-02-28T00:00:00Z")
        assert await refused(story, "subscriptionTerminate", "invoice { id }") == [
            ("NOTHING_CHANGES", "subscriptionId")
        ]
        assert await story.until("2026-06-10T00:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-28T01:00, due 2026-03-30T01:00",
                "2026-01-31 to 2026-02-28: 7 calls 0.70",
                "total 0.70 USD, due 0.70",
            ]
        ]
        standing = await story.standing()
        assert (standing["status"], standing["terminationReason"]) == ("TERMINATED", "REQUESTED")
        for mutation in ("subscriptionTerminate", "subscriptionReactivate"):
            assert await refused(story, mutation, "subscription { id }") == [
                ("SUBSCRIPTION_TERMINATED", "subscriptionId")
            ]


async def test_an_end_that_is_taken_back_never_was(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("0.10")), "base": fee("31")})
        await story.subscribe()
        await story.pay()
        assert await refused(story, "subscriptionReactivate", "subscription { id }") == [
            ("NOTHING_CHANGES", "subscriptionId")
        ]
        await story.end(at="PERIOD_END")
        await story.use("2026-03-02T00:00:00Z", n="7")
        payload = await story.api.mutate(
            "subscriptionReactivate", "subscription { endingAt }", subscriptionId=story.subscription_id
        )
        assert payload == {"subscription": {"endingAt": None}, "userErrors": []}
        issued = await story.until("2026-03-31T02:00:00Z")
        assert [one[1:-1] for one in issued] == [
            ["2026-01-31 to 2026-02-28: 0 calls 0.00", "2026-02-28 to 2026-03-31: 1 base 31.00"],
            ["2026-02-28 to 2026-03-31: 7 calls 0.70", "2026-03-31 to 2026-04-30: 1 base 31.00"],
        ]


async def test_one_that_is_to_end_from_its_start_pays_for_its_time_alone(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("0.10")), "base": fee("31")})
        assert await story.subscribe(endingAt="2026-03-10T00:00:00Z") == [
            "TEST-INV-000001 ISSUED 2026-01-31, due 2026-01-31",
            "2026-01-31 to 2026-02-28: 1 base 31.00",
            "total 31.00 USD, due 31.00",
        ]
        await story.pay()
        await story.use("2026-03-09T23:59:59Z", n="7")
        await story.use("2026-03-10T00:00:00Z", n="1000")
        issued = await story.until("2026-06-10T00:00:00Z")
        assert [one[1:-1] for one in issued] == [
            ["2026-01-31 to 2026-02-28: 0 calls 0.00", "2026-02-28 to 2026-03-10: 1 base 10.00"],
            ["2026-02-28 to 2026-03-10: 7 calls 0.70"],
        ]
        standing = await story.standing()
        assert (standing["status"], standing["terminationReason"]) == ("TERMINATED", "ENDED")


async def test_one_that_was_never_paid_ends_with_its_invoice(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("0.10")), "base": fee("31")})
        await story.subscribe()
        assert await story.end() == []
        assert (await story.standing())["status"] == "TERMINATED"
        assert [one[0] for one in await invoices(story)] == ["TEST-INV-000001 VOID 2026-01-31, due 2026-01-31"]
        assert await story.until("2026-06-10T00:00:00Z") == []


async def test_an_end_before_the_start_or_of_nothing_is_refused(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("0.10"))})
        wanted = {"customerId": story.customer_id, "planId": "plan", "endingAt": "2026-01-31T00:00:00Z"}
        payload = await story.api.mutate("subscriptionCreate", "subscription { id }", **wanted)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("OUT_OF_RANGE", "endingAt")]
        story.subscription_id = "sub_06bq2m7v1s9e4k8x0t3y5z7w2c"
        for mutation in ("subscriptionTerminate", "subscriptionReactivate"):
            assert await refused(story, mutation, "subscription { id }") == [("NOT_FOUND", "subscriptionId")]

"""Trials, and subscriptions that start later or started before, as a customer's invoices tell it."""

from typing import Any

import pytest

from tests.support.story import Story, fee, standard, tell, usage

PRICES = {"calls": usage(standard("0.10")), "base": fee("31")}
COMING = """query($id: ID!) { subscription(id: $id) { status trialEndsAt startedAt usage { quantity }
  currentPeriod { start end } upcomingInvoice { boundaryAt total { amount } } } }"""


async def coming(story: Story) -> dict[str, Any]:
    found: dict[str, Any] = (await story.api.gql(COMING, id=story.subscription_id))["subscription"]
    return found


async def refused(story: Story, **given: Any) -> list[tuple[str, str]]:
    wanted = {"customerId": story.customer_id, "planId": "plan", **given}
    payload = await story.api.mutate("subscriptionCreate", "subscription { id }", **wanted)
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_a_trial_bills_nothing_and_its_end_is_the_anchor(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES)
        assert await story.subscribe(trialDays=14) == []
        assert await coming(story) == {
            "status": "TRIALING",
            "trialEndsAt": "2026-01-31T00:00:00Z",
            "startedAt": "2026-01-17T00:00:00Z",
            "usage": [],
            "currentPeriod": None,
            "upcomingInvoice": {"boundaryAt": "2026-01-31T00:00:00Z", "total": {"amount": "31.00"}},
        }
        await story.use("2026-01-20T00:00:00Z", n="1000")
        await story.use("2026-01-31T00:00:00Z", n="5")
        [zero] = await story.until("2026-02-01T00:00:00Z")
        assert zero == [
            "TEST-INV-000001 ISSUED 2026-01-31, due 2026-01-31",
            "2026-01-31 to 2026-02-28: 1 base 31.00",
            "total 31.00 USD, due 31.00",
        ]
        assert (await story.standing())["status"] == "PENDING_PAYMENT"
        await pay_last(story)
        [issued] = await story.until("2026-03-01T00:00:00Z")
        assert issued[1:3] == ["2026-01-31 to 2026-02-28: 5 calls 0.50", "2026-02-28 to 2026-03-31: 1 base 31.00"]


async def pay_last(story: Story) -> None:
    [*_, last] = (await story.api.gql("{ invoices { nodes { id } } }"))["invoices"]["nodes"]
    payload = await story.api.mutate("invoiceRecordPayment", "payment { id }", invoiceId=last["id"], method="x")
    assert payload["userErrors"] == []


async def test_a_trial_that_nobody_pays_for_expires(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES)
        await story.subscribe(trialDays=14)
        await story.until("2026-02-06T23:59:59Z")
        assert (await story.standing())["status"] == "PENDING_PAYMENT"
        await story.until("2026-02-07T00:00:00Z")
        standing = await story.standing()
        assert (standing["status"], standing["terminationReason"]) == ("TERMINATED", "INITIAL_PAYMENT_EXPIRED")


async def test_after_a_trial_with_nothing_upfront_it_is_active(database_url: str) -> None:
    """The clocks of New York change on 8 March: the trial ends at the same local time."""
    async with tell(database_url, "2026-03-01T15:00:00Z", timezone="America/New_York") as story:
        await story.sell({"calls": PRICES["calls"]})
        await story.subscribe(trialDays=10)
        assert (await coming(story))["trialEndsAt"] == "2026-03-11T14:00:00Z"
        await story.until("2026-03-11T14:00:00Z")
        standing = await story.standing()
        assert (standing["status"], standing["currentPeriod"]["end"]) == ("ACTIVE", "2026-04-11T14:00:00Z")


@pytest.mark.parametrize("stops", [(), ("2026-02-01T00:00:00Z", "2026-02-10T12:00:00Z", "2026-02-24T00:00:00Z")])
async def test_one_that_starts_later_with_a_trial(database_url: str, stops: tuple[str, ...]) -> None:
    """One leap comes to the same as some small steps."""
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell({"calls": PRICES["calls"]})
        await story.subscribe(startedAt="2026-02-10T00:00:00Z", trialDays=14)
        assert (await coming(story))["status"] == "SCHEDULED"
        await story.use("2026-02-09T00:00:00Z", n="1000")
        await story.use("2026-02-23T23:59:59Z", n="1000")
        await story.use("2026-02-24T00:00:00Z", n="7")
        issued = [one for stop in (*stops, "2026-03-25T00:00:00Z") for one in await story.until(stop)]
        assert issued == [
            [
                "TEST-INV-000001 ISSUED 2026-03-24T01:00, due 2026-04-23T01:00",
                "2026-02-24 to 2026-03-24: 7 calls 0.70",
                "total 0.70 USD, due 0.70",
            ]
        ]


async def test_one_that_starts_later_waits_for_its_payment_then(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES)
        await story.subscribe(startedAt="2026-01-31T00:00:00Z", endingAt="2026-02-14T00:00:00Z")
        assert await refused(story) == [("SUBSCRIPTION_EXISTS", "planId")]
        [zero] = await story.until("2026-01-31T00:00:00Z")
        # Half of the 28 days of the period, as the end is known.
        assert zero[1:] == ["2026-01-31 to 2026-02-14: 1 base 15.50", "total 15.50 USD, due 15.50"]
        await pay_last(story)
        await story.until("2026-02-15T00:00:00Z")
        assert (await story.standing())["status"] == "TERMINATED"


@pytest.mark.parametrize(
    ("given", "status", "at"),
    [
        ({"at": "NOW"}, "TERMINATED", "2026-01-17T00:00:00Z"),
        ({"at": "PERIOD_END"}, "TRIALING", "2026-01-31T00:00:00Z"),
    ],
)
async def test_a_trial_that_ends_is_never_billed(
    database_url: str, given: dict[str, Any], status: str, at: str
) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES)
        await story.subscribe(trialDays=14)
        assert await story.end(**given) == []
        assert (await story.standing())["status"] == status
        if status == "TRIALING":
            asked = {"subscriptionId": story.subscription_id}
            payload = await story.api.mutate("subscriptionTerminate", "subscription { id }", **asked)
            assert [error["code"] for error in payload["userErrors"]] == ["NOTHING_CHANGES"]
        assert (await coming(story))["upcomingInvoice"] is None
        assert await story.until("2026-03-17T00:00:00Z") == []
        standing = await story.standing()
        assert (standing["status"], standing["endedAt"]) == ("TERMINATED", at)


async def test_an_end_in_the_trial_comes_without_an_invoice_and_can_be_taken_back(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell({"calls": PRICES["calls"]})
        await story.subscribe(trialDays=14, endingAt="2026-01-20T00:00:00Z")
        payload = await story.api.mutate(
            "subscriptionReactivate", "subscription { endingAt }", subscriptionId=story.subscription_id
        )
        assert payload["userErrors"] == []
        await story.until("2026-01-21T00:00:00Z")
        assert (await story.standing())["status"] == "TRIALING"
        await story.until("2026-01-31T00:00:00Z")
        assert (await story.standing())["status"] == "ACTIVE"


async def test_elapsed_periods_are_billed_in_order(database_url: str) -> None:
    async with tell(database_url, "2026-04-10T00:00:00Z") as story:
        await story.sell(PRICES)
        await story.use("2026-02-03T00:00:00Z", n="5")
        await story.use("2026-03-05T00:00:00Z", n="7")
        assert await story.subscribe(startedAt="2026-01-31T00:00:00Z") == [
            "TEST-INV-000001 ISSUED 2026-04-10, due 2026-04-10",
            "2026-01-31 to 2026-02-28: 1 base 31.00",
            "total 31.00 USD, due 31.00",
        ]
        await story.pay()
        assert await story.until("2026-04-11T00:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-04-10, due 2026-05-10",
                "2026-01-31 to 2026-02-28: 5 calls 0.50",
                "2026-02-28 to 2026-03-31: 1 base 31.00",
                "total 31.50 USD, due 31.50",
            ],
            [
                "TEST-INV-000003 ISSUED 2026-04-10, due 2026-05-10",
                "2026-02-28 to 2026-03-31: 7 calls 0.70",
                "2026-03-31 to 2026-04-30: 1 base 31.00",
                "total 31.70 USD, due 31.70",
            ],
        ]


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        ({}, "2026-03-31 to 2026-04-30: 1 base 31.00"),
        ({"billingAnchor": {"day": 15}}, "2026-03-15 to 2026-04-15: 1 base 31.00"),
    ],
)
async def test_elapsed_periods_are_not_billed_if_not_asked_for(
    database_url: str, plan: dict[str, Any], line: str
) -> None:
    async with tell(database_url, "2026-04-10T00:00:00Z") as story:
        await story.sell(PRICES, **plan)
        await story.use("2026-03-14T00:00:00Z", n="1000")
        await story.use("2026-04-05T00:00:00Z", n="7")
        zero = await story.subscribe(startedAt="2026-01-31T00:00:00Z", billElapsed=False)
        assert zero[1] == line
        await story.pay()
        [issued] = await story.until("2026-05-01T00:00:00Z")
        assert issued[1].endswith("7 calls 0.70")


async def test_what_is_charged_once_belongs_to_the_first_period(database_url: str) -> None:
    async with tell(database_url, "2026-04-10T00:00:00Z") as story:
        await story.sell({"setup": fee("25", cadence="ONE_TIME"), "base": fee("31")})
        zero = await story.subscribe(startedAt="2026-01-31T00:00:00Z", billElapsed=False, allowConcurrent=True)
        assert zero[1:] == ["2026-03-31 to 2026-04-30: 1 base 31.00", "total 31.00 USD, due 31.00"]
        zero = await story.subscribe(startedAt="2026-03-31T00:00:00Z", billElapsed=False, allowConcurrent=True)
        assert zero[1:3] == ["2026-03-31 to 2026-04-30: 1 setup 25.00", "2026-03-31 to 2026-04-30: 1 base 31.00"]


async def test_elapsed_stubs_are_billed_by_their_share(database_url: str) -> None:
    """From 31 January to the anchor on the 15th are 15 of the 31 days of the period that contains them."""
    async with tell(database_url, "2026-03-10T00:00:00Z") as story:
        await story.sell(PRICES, billingAnchor={"day": 15})
        zero = await story.subscribe(startedAt="2026-01-31T00:00:00Z")
        assert zero[1:] == ["2026-01-31 to 2026-02-15: 1 base 15.00", "total 15.00 USD, due 15.00"]
        await story.pay()
        [issued] = await story.until("2026-03-11T00:00:00Z")
        assert issued[1:3] == ["2026-01-31 to 2026-02-15: 0 calls 0.00", "2026-02-15 to 2026-03-15: 1 base 31.00"]


async def test_one_that_started_before_is_past_its_trial_or_in_it(database_url: str) -> None:
    """Usage in the trial is billed to nobody, and its receipt says that nobody was billed."""
    async with tell(database_url, "2026-03-10T00:00:00Z") as story:
        await story.sell(PRICES)
        await story.use("2026-02-03T00:00:00Z", n="1000")
        await story.use("2026-03-01T00:00:00Z", n="5")
        began = {"startedAt": "2026-01-31T00:00:00Z", "allowConcurrent": True}
        zero = await story.subscribe(trialDays=15, **began)
        assert zero[1:] == ["2026-02-15 to 2026-03-15: 1 base 31.00", "total 31.00 USD, due 31.00"]
        await story.pay()
        [issued] = await story.until("2026-03-16T00:00:00Z")
        assert issued[1] == "2026-02-15 to 2026-03-15: 5 calls 0.50"
        asked = "{ unmatchedEvents { nodes { timestamp receipt { status reasons { code } } } } }"
        assert (await story.api.gql(asked))["unmatchedEvents"]["nodes"] == [
            {
                "timestamp": "2026-02-03T00:00:00Z",
                "receipt": {"status": "COUNTED", "reasons": [{"code": "NO_SUBSCRIPTION"}]},
            }
        ]
        assert await story.subscribe(trialDays=60, **began) == []
        assert (await story.standing())["status"] == "TRIALING"


@pytest.mark.parametrize("at", ["NOW", "PERIOD_END"])
async def test_one_that_starts_later_can_be_called_off(database_url: str, at: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES)
        await story.subscribe(startedAt="2026-01-31T00:00:00Z", trialDays=14)
        assert await story.end(at=at) == []
        assert (await story.standing())["status"] == "TERMINATED"
        assert await story.until("2026-03-31T00:00:00Z") == []


async def test_one_that_floats_begins_with_the_default_version_at_the_end_of_its_trial(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES, extra={"dear": fee("62")})
        await story.subscribe(trialDays=14, versionPolicy="FLOATING", allowConcurrent=True)
        made = {"planId": "plan", "priceIds": ["dear", "calls"]}
        payload = await story.api.mutate("planVersionCreate", "planVersion { id }", **made)
        assert (await coming(story))["upcomingInvoice"]["total"]["amount"] == "31.00"
        await story.api.mutate("planVersionPublish", "planVersion { id }", planVersionId=payload["planVersion"]["id"])
        assert (await coming(story))["upcomingInvoice"]["total"]["amount"] == "62.00"
        [zero] = await story.until("2026-01-31T00:00:00Z")
        assert zero[1] == "2026-01-31 to 2026-02-28: 1 dear 62.00"


async def test_a_discount_of_one_that_starts_later_ends_after_that(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell(PRICES)
        half = {"name": "Launch", "percentage": "0.5", "endsAt": "2026-01-31T00:00:00Z"}
        later = {"startedAt": "2026-01-31T00:00:00Z", "discounts": [half]}
        assert await refused(story, **later) == [("OUT_OF_RANGE", "discounts.0.endsAt")]
        before = {"startedAt": "2026-01-01T00:00:00Z", "discounts": [{**half, "endsAt": "2026-01-15T00:00:00Z"}]}
        zero = await story.subscribe(**before)
        assert zero[-1] == "total 15.50 USD, due 15.50"


async def test_the_upcoming_invoice_of_a_trial_with_nothing_upfront_is_the_first_there_is(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        await story.sell({"calls": PRICES["calls"]})
        await story.subscribe(trialDays=14)
        await story.use("2026-02-01T00:00:00Z", n="5")
        upcoming = (await coming(story))["upcomingInvoice"]
        assert upcoming == {"boundaryAt": "2026-02-28T00:00:00Z", "total": {"amount": "0.50"}}


async def test_what_can_not_be_is_refused_and_writes_nothing(database_url: str) -> None:
    async with tell(database_url, "2026-04-10T00:00:00Z") as story:
        await story.sell(PRICES)
        assert await refused(story, startedAt="2025-04-09T00:00:00Z") == [("OUT_OF_RANGE", "startedAt")]
        assert await refused(story, startedAt="2028-04-10T00:00:01Z") == [("OUT_OF_RANGE", "startedAt")]
        assert await refused(story, billElapsed=False) == [("INVALID", "billElapsed")]
        later = {"startedAt": "2026-05-10T00:00:00Z", "billElapsed": False}
        assert await refused(story, **later) == [("INVALID", "billElapsed")]
        assert await refused(story, trialDays=0) == [("OUT_OF_RANGE", "trialDays")]
        assert await refused(story, trialDays=731) == [("OUT_OF_RANGE", "trialDays")]
        late = {"startedAt": "2026-05-10T00:00:00Z", "endingAt": "2026-05-10T00:00:00Z"}
        assert await refused(story, **late) == [("OUT_OF_RANGE", "endingAt")]
        early = {"startedAt": "2026-02-10T00:00:00Z", "endingAt": "2026-03-10T00:00:00Z"}
        assert await refused(story, **early) == [("OUT_OF_RANGE", "endingAt")]
        assert (await story.api.gql("{ subscriptions { nodes { id } } }"))["subscriptions"]["nodes"] == []

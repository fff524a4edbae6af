"""Invoices of what grants cover, as the customer reads them."""

from typing import Any

import pytest

from tests.integration.test_entitlements import CALLS, feature, grant, issue, metered, publish, sell
from tests.support.story import Story, fee, standard, tell, usage

SOFT = {**CALLS, "isSoftLimit": True}
WHY = """query($id: ID!) { invoice(id: $id) { lines { description covers { description }
  explanation { steps { operation description input output } } } } }"""


async def replays_equal(story: Story) -> None:
    for one in (await story.api.gql("{ invoices { nodes { id issuedAt } } }"))["invoices"]["nodes"]:
        if one["issuedAt"] is not None:
            asked = "query($id: ID!) { invoiceReplay(invoiceId: $id) { equal differences { what } } }"
            replay = (await story.api.gql(asked, id=one["id"]))["invoiceReplay"]
            assert replay == {"equal": True, "differences": []}


async def begun(story: Story, **terms: Any) -> None:
    await sell(story, metered(**terms))
    await story.subscribe()
    await story.pay()


async def test_units_that_grants_cover_are_taken_off_and_what_is_over_a_soft_limit_is_billed(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await begun(story, isSoftLimit=True)
        await story.use("2026-06-10T00:00:00Z", n="130")
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[1:] == [
            "2026-06-01 to 2026-07-01: 130 calls 13.00",
            "2026-07-01 to 2026-08-01: 1 base 31.00",
            "2026-06-01 to 2026-07-01: 130 calls (covered by grants) -10.00",
            "total 34.00 USD, due 34.00",
        ]
        [invoice] = (await story.api.gql("{ invoices(filter: { reasons: [SUBSCRIPTION_CYCLE] }) { nodes { id } } }"))[
            "invoices"
        ]["nodes"]
        shown = (await story.api.gql(WHY, id=invoice["id"]))["invoice"]["lines"][2]
        assert shown["covers"] == {"description": "calls"}
        assert [(step["operation"], step["input"], step["output"]) for step in shown["explanation"]["steps"]] == [
            ("AGGREGATE", "1", "130"),
            ("COVER", "130", "30"),
            ("PRICE", "30", "3"),
            ("ROUND", "3", "3"),
            ("CHARGED_BEFORE", "3", "-10"),
        ]
        assert shown["explanation"]["steps"][1]["description"] == "Grants cover 100 call; what is charged: 30 call"
        await replays_equal(story)


async def test_a_hard_limit_never_bills_overage(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await begun(story)
        await story.use("2026-06-10T00:00:00Z", n="130")
        asked = """query($id: ID!) { subscription(id: $id) { usage { quantity amount { amount } }
          upcomingInvoice { lines { description amount { amount } } } } }"""
        shown = (await story.api.gql(asked, id=story.subscription_id))["subscription"]
        assert shown["usage"] == [{"quantity": "130", "amount": {"amount": "0.00"}}]
        assert shown["upcomingInvoice"]["lines"][-1] == {
            "description": "calls (covered by grants)",
            "amount": {"amount": "-13.00"},
        }
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[-2:] == [
            "2026-06-01 to 2026-07-01: 130 calls (covered by grants) -13.00",
            "total 31.00 USD, due 31.00",
        ]
        await replays_equal(story)


async def test_usage_in_the_grace_time_and_late_usage_are_covered_too(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await begun(story, isSoftLimit=True)
        await story.use("2026-06-10T00:00:00Z", n="90")
        await story.until("2026-07-01T00:30:00Z")
        await story.use("2026-06-20T00:00:00Z", n="20")
        [june] = await story.until("2026-07-02T00:00:00Z")
        assert june[1] == "2026-06-01 to 2026-07-01: 110 calls 11.00"
        assert june[3] == "2026-06-01 to 2026-07-01: 110 calls (covered by grants) -10.00"
        # Five more are all over the limit; the ten of July are covered.
        await story.use("2026-06-05T00:00:00Z", n="5")
        await story.use("2026-07-05T00:00:00Z", n="10")
        [july] = await story.until("2026-08-02T00:00:00Z")
        assert july[1:] == [
            "2026-07-01 to 2026-08-01: 10 calls 1.00",
            "2026-08-01 to 2026-09-01: 1 base 31.00",
            "2026-07-01 to 2026-08-01: 10 calls (covered by grants) -1.00",
            "2026-06-01 to 2026-07-01: 115 calls (late usage) 0.50",
            "total 31.50 USD, due 31.50",
        ]
        await replays_equal(story)


@pytest.mark.parametrize(
    ("used", "units", "charge", "covered"),
    [
        (("60", "-10"), "50", "5.00", "-5.00"),
        (("150", "-50"), "100", "10.00", "-10.00"),
        (("-50", "170"), "120", "12.00", "-10.00"),
    ],
)
async def test_usage_that_is_taken_back_is_neither_billed_nor_covered(
    database_url: str, used: tuple[str, ...], units: str, charge: str, covered: str
) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await begun(story, isSoftLimit=True)
        for day, amount in enumerate(used, 2):
            await story.use(f"2026-06-{day:02}T00:00:00Z", n=amount)
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert [issued[1], issued[3]] == [
            f"2026-06-01 to 2026-07-01: {units} calls {charge}",
            f"2026-06-01 to 2026-07-01: {units} calls (covered by grants) {covered}",
        ]
        await replays_equal(story)


async def test_tiers_rate_what_is_not_covered_as_a_quantity_of_its_own(database_url: str) -> None:
    """rate(q) - rate(overage): 250 cost 10.00 + 7.50 of two tiers, 150 over the limit cost 10.00 + 2.50."""
    tiers = {"graduated": {"tiers": [{"upTo": "100", "unitPrice": "0.10"}, {"unitPrice": "0.05"}]}}
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"calls": usage(tiers), "base": fee("31")})
        await feature(story, "calls", "METERED", billableMetricId="calls")
        await publish(story, metered(isSoftLimit=True), prices=("calls", "base"))
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-10T00:00:00Z", n="250")
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[1] == "2026-06-01 to 2026-07-01: 250 calls 17.50"
        assert issued[3] == "2026-06-01 to 2026-07-01: 250 calls (covered by grants) -5.00"


async def test_what_was_used_first_is_covered_first_whatever_price_takes_it(database_url: str) -> None:
    prices = {"large": usage(standard("1"), "large"), "rest": usage(standard("0.10")), "base": fee("31")}
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell(prices)
        await feature(story, "calls", "METERED", billableMetricId="calls")
        await publish(story, metered(isSoftLimit=True), prices=tuple(prices))
        await story.subscribe()
        await story.pay()
        # 60 + 30 are covered, then 10 of the 20, all on one day; then nothing.
        await story.use("2026-06-10T01:00:00Z", "large", n="60")
        await story.use("2026-06-10T02:00:00Z", "small", n="30")
        await story.use("2026-06-10T03:00:00Z", "large", n="20")
        await story.use("2026-06-12T00:00:00Z", "small", n="5")
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[1:3] == [
            "2026-06-01 to 2026-07-01: 80 large 80.00",
            "2026-06-01 to 2026-07-01: 35 rest 3.50",
        ]
        assert issued[4:] == [
            "2026-06-01 to 2026-07-01: 80 large (covered by grants) -70.00",
            "2026-06-01 to 2026-07-01: 35 rest (covered by grants) -3.00",
            "total 41.50 USD, due 41.50",
        ]
        await replays_equal(story)


async def test_each_usage_period_within_a_longer_window_has_its_own_units(database_url: str) -> None:
    """A quarter of three months with 100 units each, on days that two prices share."""
    prices = {"large": usage(standard("1"), "large"), "rest": usage(standard("0.10"))}
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell(prices, billingInterval="QUARTERLY")
        await feature(story, "calls", "METERED", billableMetricId="calls")
        await publish(story, metered(isSoftLimit=True), prices=tuple(prices))
        await story.subscribe()
        for month in ("06", "07", "08"):
            await story.use(f"2026-{month}-10T01:00:00Z", "large", n="90")
            await story.use(f"2026-{month}-10T02:00:00Z", "small", n="20")
        [issued] = await story.until("2026-09-02T00:00:00Z")
        assert issued[1:5] == [
            "2026-06-01 to 2026-09-01: 270 large 270.00",
            "2026-06-01 to 2026-09-01: 60 rest 6.00",
            "2026-06-01 to 2026-09-01: 270 large (covered by grants) -270.00",
            "2026-06-01 to 2026-09-01: 60 rest (covered by grants) -3.00",
        ]
        await replays_equal(story)


async def test_a_usage_period_goes_over_several_windows(database_url: str) -> None:
    """100 units for all time: 70 of June and 30 of July are covered, 40 of July are not, nor is anything of August."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await begun(story, usagePeriod=None, isSoftLimit=True)
        lines = []
        for month in ("06", "07", "08"):
            await story.use(f"2026-{month}-10T00:00:00Z", n="70")
            [issued] = await story.until(f"2026-0{int(month) + 1}-02T00:00:00Z")
            lines += [line for line in issued if "calls" in line]
        assert lines == [
            "2026-06-01 to 2026-07-01: 70 calls 7.00",
            "2026-06-01 to 2026-07-01: 70 calls (covered by grants) -7.00",
            "2026-07-01 to 2026-08-01: 70 calls 7.00",
            "2026-07-01 to 2026-08-01: 70 calls (covered by grants) -3.00",
            "2026-08-01 to 2026-09-01: 70 calls 7.00",
        ]
        await replays_equal(story)


async def test_units_used_before_an_entitlement_began_are_billed(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-10T00:00:00Z", n="40")
        await story.until("2026-06-15T00:00:00Z")
        mine = await issue(story, terms={"metered": {}})
        await grant(story, mine, "50")
        await story.use("2026-06-20T00:00:00Z", n="40")
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[1] == "2026-06-01 to 2026-07-01: 80 calls 8.00"
        assert issued[3] == "2026-06-01 to 2026-07-01: 80 calls (covered by grants) -4.00"
        await replays_equal(story)


async def test_discounts_and_tax_are_of_what_is_left(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z", taxRate="0.1") as story:
        await sell(story, metered(isSoftLimit=True))
        half = {"name": "Half", "percentage": "0.5"}
        await story.subscribe(discounts=[half])
        await story.pay()
        await story.use("2026-06-10T00:00:00Z", n="130")
        [issued] = await story.until("2026-07-02T00:00:00Z")
        # 13.00 - 10.00 + 31.00 = 34.00, half of it, and a tenth of that.
        assert issued[-2:] == ["tax 1.70", "total 18.70 USD, due 18.70"]
        await replays_equal(story)


@pytest.mark.parametrize("model", [{"percentage": {"percentage": "0.5"}}])
async def test_a_price_that_looks_at_each_event_is_not_covered(database_url: str, model: dict[str, Any]) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"calls": usage(model), "base": fee("31")})
        await feature(story, "calls", "METERED", billableMetricId="calls")
        version = {"planId": "plan", "priceIds": ["calls", "base"]}
        given = [{"featureId": "calls", "terms": {"metered": CALLS}}]
        payload = await story.api.mutate("planVersionCreate", "__typename", **version, features=given)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            ("INVALID", "features.0.featureId")
        ]

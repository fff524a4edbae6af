"""What an attack on changes found: usage, fees and previews at the places where two rules meet."""

import pytest

from tests.integration.test_changes import ALL, due, invoices
from tests.support.story import INVOICE, PREVIEW, Story, fee, standard, tell, usage, written

UPCOMING = """query($id: ID!) { subscription(id: $id) { upcomingInvoice { boundaryAt total { amount }
  lines { description quantity amount { amount } } } } }"""


async def reactivate(story: Story) -> list[str]:
    asked = {"subscriptionId": story.subscription_id}
    payload = await story.api.mutate("subscriptionReactivate", f"invoice {{ {INVOICE} }}", **asked)
    assert payload["userErrors"] == []
    return [] if payload["invoice"] is None else written(payload["invoice"])


@pytest.mark.parametrize("floating", [False, True])
async def test_usage_reported_ahead_of_a_period_end_change(database_url: str, floating: bool) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        dear, cheap = usage(standard("0.10")), usage(standard("0.02"))
        await story.sell({"dear": dear}, {"key": "pro", "priceIds": ["cheap"]}, extra={"cheap": cheap})
        await story.subscribe(**({"versionPolicy": "FLOATING"} if floating else {}))
        await story.use("2026-07-10T00:00:00Z", n="1000")
        await story.until("2026-06-16T00:00:00Z")
        if floating:
            await story.sell({"cheap": cheap})
        else:
            await story.change(planId="pro", at="PERIOD_END")
        said = await story.until("2026-08-01T02:00:00Z")
        assert "2026-07-01 to 2026-08-01: 1000 cheap 20.00" in said[-1]


@pytest.mark.parametrize("at", ["NOW", "PERIOD_END"])
async def test_late_usage_before_an_end_that_bills_nothing(database_url: str, at: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        flat = {"key": "flat", "priceIds": ["base"]}
        await story.sell({"calls": usage(standard("1"))}, flat, extra={"base": fee("100")})
        await story.subscribe()
        await story.until("2026-06-16T00:00:00Z")
        await story.change(planId="flat")
        await story.until("2026-07-02T00:00:00Z")
        await story.use("2026-06-10T00:00:00Z", n="40")
        await story.until("2026-07-10T00:00:00Z")
        await story.end(at=at)
        await story.until("2026-12-01T00:00:00Z")
        assert "40 calls (late usage) 40.00" in str(await invoices(story))


@pytest.mark.parametrize("end", [False, True])
async def test_the_rest_that_a_reactivation_charged_is_not_given_back(database_url: str, end: bool) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("300")})
        await story.subscribe(endingAt="2026-06-16T00:00:00Z")
        await story.pay()
        await story.until("2026-06-04T00:00:00Z")
        assert "2026-06-16 to 2026-07-01: 1 small 50.00" in await reactivate(story)
        await story.until("2026-06-10T00:00:00Z")
        if end:
            await story.end(at="NOW", creditUnused=True)
            # 9 days of 100.00 are 30.00; 50.00 are paid.
            assert await due(story) == "-20.00"
        else:
            await story.change(planId="pro")
            # 9 days of 100.00 are 30.00, 21 days of 300.00 are 210.00; 50.00 are paid.
            assert await due(story) == "190.00"


async def test_a_reactivation_while_pending_is_refused(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")})
        await story.subscribe(endingAt="2026-06-16T00:00:00Z")
        asked = {"subscriptionId": story.subscription_id}
        payload = await story.api.mutate("subscriptionReactivate", "invoice { id }", **asked)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            ("SUBSCRIPTION_NOT_ACTIVE", "subscriptionId")
        ]
        await story.until("2026-06-20T00:00:00Z")
        assert (await story.standing())["terminationReason"] == "INITIAL_PAYMENT_EXPIRED"
        assert await due(story) == "0.00"


async def test_a_one_time_fee_of_both_plans_is_charged_again_with_another_interval(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        setup = fee("25", cadence="ONE_TIME")
        year = {"key": "year", "priceIds": ["y", "setup"], "billingInterval": "YEARLY"}
        pro = {"key": "pro", "priceIds": ["large", "setup"]}
        extra = {"large": fee("300"), "y": fee("1200")}
        await story.sell({"small": fee("100"), "setup": setup}, pro, year, extra=extra)
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        assert "setup" not in str(await story.change(planId="pro"))  # it was charged with the first plan
        await story.until("2026-06-21T00:00:00Z")
        assert "setup" not in str(await story.change(planId="year"))


async def test_one_time_fees_of_a_scheduled_change_are_in_no_preview(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        extra = {"large": fee("300"), "setup": fee("25", cadence="ONE_TIME")}
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large", "setup"]}, extra=extra)
        await story.subscribe()
        await story.pay()
        await story.change(planId="pro", at="PERIOD_END")
        asked = await story.api.gql(UPCOMING, id=story.subscription_id)
        upcoming = asked["subscription"]["upcomingInvoice"]["total"]["amount"]
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[-1] == "total 325.00 USD, due 325.00"
        assert story.following is not None
        assert (story.following["total"]["amount"], upcoming) == ("325.00", "325.00")


async def test_a_scheduled_move_to_an_older_version_lasts_one_period_if_floating(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")})
        await story.subscribe(versionPolicy="FLOATING")
        await story.pay()
        await story.sell({"small": fee("100"), "desk": fee("20")})
        found = await story.api.gql("{ planVersions { nodes { id number } } }")
        [first] = [one["id"] for one in found["planVersions"]["nodes"] if one["number"] == 1]
        await story.until("2026-07-02T00:00:00Z")
        await story.change(planVersionId=first, at="PERIOD_END")  # with NOW it becomes PINNED, and stays
        assert "desk" not in str(await story.until("2026-09-02T00:00:00Z"))


async def test_the_preview_forgets_that_a_subscription_floats(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"seat": fee("10", quantity="5")})
        await story.subscribe(versionPolicy="FLOATING")
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        await story.sell({"seat": fee("10", quantity="5"), "desk": fee("20")})
        await story.change(quantities=[{"priceId": "seat", "quantity": "8"}])
        asked = await story.api.gql(UPCOMING, id=story.subscription_id)
        assert story.following == asked["subscription"]["upcomingInvoice"]


async def test_the_preview_of_a_cut_draft_with_a_fixed_discount(database_url: str) -> None:
    async with tell(database_url, "2026-05-01T00:00:00Z") as story:
        await story.sell({"small": fee("720")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("1440")})
        await story.subscribe(discounts=[{"name": "Fifty", "amount": "50"}])
        await story.pay()
        await story.until("2026-06-01T00:30:00Z")
        before = (await story.api.gql(ALL))["invoices"]["nodes"][-1]
        asked = {"subscriptionId": story.subscription_id, "planId": "pro"}
        [credit] = (await story.api.gql(PREVIEW, **asked))["subscriptionChangePreview"]["credits"]
        await story.change(planId="pro")
        [after] = [one for one in (await story.api.gql(ALL))["invoices"]["nodes"] if one["id"] == before["id"]]
        less = float(before["total"]["amount"]) - float(after["total"]["amount"])
        assert float(credit["total"]["amount"]) == less


async def test_a_one_time_fee_twice_where_two_changes_are_at_one_instant(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        extra = {"m": fee("200"), "large": fee("300"), "setup": fee("25", cadence="ONE_TIME")}
        mid, pro = {"key": "mid", "priceIds": ["m", "setup"]}, {"key": "pro", "priceIds": ["large", "setup"]}
        await story.sell({"small": fee("100")}, mid, pro, extra=extra)
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        assert "setup" in str(await story.change(planId="mid"))
        assert "setup" not in str(await story.change(planId="pro"))


async def test_another_interval_takes_the_billing_anchor_of_its_plan(database_url: str) -> None:
    async with tell(database_url, "2026-06-10T00:00:00Z") as story:
        year = {"key": "year", "priceIds": ["y"], "billingInterval": "YEARLY", "billingAnchor": {"month": 1, "day": 1}}
        await story.sell({"small": fee("100")}, year, extra={"y": fee("365")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        said = await story.change(planId="year")
        assert "2026-06-16 to 2027-01-01" in str(said)


async def test_two_changes_of_the_interval_at_one_instant_cut_the_period_once(database_url: str) -> None:
    """Found by random lives: the first interval again, anchored by the plan as before, is another calendar."""
    anchored = {"billingAnchor": {"day": 1}}
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        others = [{"key": "annual", "priceIds": ["year", "calls"], "billingInterval": "YEARLY"}]
        prices = {"small": fee("100"), "calls": usage(standard("0.10"))}
        await story.sell(prices, *others, extra={"year": fee("1000")}, **anchored)
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-10T00:00:00Z", n="30")
        await story.until("2026-06-16T00:00:00Z")
        await story.change(planId="annual")
        await story.change(planId="plan")
        [june] = await story.until("2026-06-17T00:00:00Z")
        assert june[1] == "2026-06-01 to 2026-06-16: 30 calls 3.00"
        [july] = await story.until("2026-07-02T00:00:00Z")
        assert july[1] == "2026-06-16 to 2026-07-01: 0 calls 0.00"

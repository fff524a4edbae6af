"""How subscriptions change, as a customer's invoices tell it. Each preview is compared with what comes of it."""

from typing import Any

import pytest

from tests.support.story import INVOICE, Story, fee, standard, tell, usage, written

ALL = f"{{ invoices(orderBy: {{ field: CREATED_AT }}) {{ nodes {{ {INVOICE} }} }} }}"


async def refused(story: Story, **given: Any) -> list[tuple[str, str | None]]:
    asked = {"subscriptionId": story.subscription_id, **given}
    payload = await story.api.mutate("subscriptionChange", "change { id }", **asked)
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def invoices(story: Story) -> list[list[str]]:
    return [written(one) for one in (await story.api.gql(ALL))["invoices"]["nodes"]]


async def due(story: Story) -> str:
    """What the customer owes in all, less the credit in hand."""
    found = await story.api.gql("{ customers { nodes { creditBalances { amount } } } }")
    [customer] = found["customers"]["nodes"]
    owed = sum(float(one["amountDue"]["amount"]) for one in (await story.api.gql(ALL))["invoices"]["nodes"])
    return f"{owed - sum(float(one['amount']) for one in customer['creditBalances']):.2f}"


async def test_an_upgrade_in_the_middle_of_a_paid_month(database_url: str) -> None:
    """15 of the 30 days of June are left: 50.00 of 100.00 come back, 150.00 of 300.00 are charged."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("300")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        assert await story.change(planId="pro") == [
            "credit of 50.00 on TEST-INV-000001, 0.00 off what is due, 50.00 to credit",
            "TEST-INV-000002 ISSUED 2026-06-16, due 2026-07-16",
            "2026-06-16 to 2026-07-01: 1 large 150.00",
            "paid by credit 50.00",
            "total 150.00 USD, due 100.00",
        ]
        assert story.following == {
            "boundaryAt": "2026-07-01T00:00:00Z",
            "total": {"amount": "300.00"},
            "lines": [{"description": "large", "quantity": "1", "amount": {"amount": "300.00"}}],
        }
        [issued] = await story.until("2026-07-01T01:00:00Z")
        assert issued[1:] == ["2026-07-01 to 2026-08-01: 1 large 300.00", "total 300.00 USD, due 300.00"]


async def test_an_upgrade_of_what_is_not_paid_takes_off_what_is_due(database_url: str) -> None:
    async with tell(database_url, "2026-05-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("300")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        assert await story.change(planId="pro") == [
            "credit of 50.00 on TEST-INV-000002, 50.00 off what is due, 0.00 to credit",
            "TEST-INV-000003 ISSUED 2026-06-16, due 2026-07-16",
            "2026-06-16 to 2026-07-01: 1 large 150.00",
            "total 150.00 USD, due 150.00",
        ]
        assert await due(story) == "200.00"


async def test_an_upgrade_that_is_taken_back_at_once_nets_to_nothing(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("300")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        await story.change(planId="pro")
        assert await story.change(planId="plan") == [
            "credit of 150.00 on TEST-INV-000002, 100.00 off what is due, 50.00 to credit",
            "TEST-INV-000003 PAID 2026-06-16, due 2026-07-16",
            "2026-06-16 to 2026-07-01: 1 small 50.00",
            "paid by credit 50.00",
            "total 50.00 USD, due 0.00",
        ]
        assert await due(story) == "0.00"
        await story.until("2026-06-21T00:00:00Z")
        # Of the second line, which began on the 16th, 10 of 15 days are left.
        assert (await story.change(planId="pro"))[:1] == [
            "credit of 33.33 on TEST-INV-000003, 0.00 off what is due, 33.33 to credit"
        ]


async def test_three_changes_of_a_day_charge_each_instant_once(database_url: str) -> None:
    """5 seats for 16 hours, 8 for 4, 6 for 4, then 9: what is owed is what each cost while it held."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"seat": fee("10", quantity="5")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-01T16:00:00Z")
        await story.change(quantities=[{"priceId": "seat", "quantity": "8"}])
        await story.until("2026-06-01T20:00:00Z")
        await story.change(quantities=[{"priceId": "seat", "quantity": "6"}])
        await story.until("2026-06-02T00:00:00Z")
        await story.change(quantities=[{"priceId": "seat", "quantity": "9"}])
        # 50 x 16/720 = 1.11, 80 x 4/720 = 0.44, 60 x 4/720 = 0.33, 90 x 696/720 = 87.00: less the 50.00 that are paid.
        assert await due(story) == "38.88"
        assert await refused(story, quantities=[{"priceId": "seat", "quantity": "9"}]) == [("NOTHING_CHANGES", None)]


@pytest.mark.parametrize(
    ("start", "at", "used", "rest"),
    [
        ("2024-08-01", "2024-10-01", "832.88", "2498.63"),  # 304 of 365 days
        ("2024-02-29", "2024-08-29", "501.37", "1504.11"),  # 183 of the 365 days until 28 February 2025
        ("2023-08-01", "2024-03-01", "418.03", "1254.10"),  # 153 of the 366 days of a leap year
    ],
)
async def test_a_year_is_cut_by_its_seconds(database_url: str, start: str, at: str, used: str, rest: str) -> None:
    async with tell(database_url, f"{start}T00:00:00Z") as story:
        pro = {"key": "pro", "priceIds": ["large"], "billingInterval": "YEARLY"}
        await story.sell({"small": fee("1000")}, pro, extra={"large": fee("3000")}, billingInterval="YEARLY")
        await story.subscribe()
        await story.pay()
        await story.until(f"{at}T00:00:00Z")
        said = await story.change(planId="pro")
        assert said[0].startswith(f"credit of {used} ")
        assert said[2].endswith(f"1 large {rest}")


async def test_five_cents_in_half_are_never_six(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("0.05")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("0.05")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        # Used: 0.025, that is 0.03. The rest, 0.02, comes back; 0.03 are charged for the other half.
        said = await story.change(planId="pro")
        assert said[0].startswith("credit of 0.02 ")
        await story.end(at="NOW", creditUnused=True)
        assert await due(story) == "-0.02"


async def test_usage_is_charged_by_the_terms_that_held_when_it_happened(database_url: str) -> None:
    """Calls cost 0.10 until the 16th, 0.02 from then on; peaks are priced alike by both plans, and are not split."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        dear, cheap = usage(standard("0.10")), usage(standard("0.02"))
        top = {**usage(standard("7")), "target": {"billableMetricId": "peak"}}
        await story.sell(
            {"dear": dear, "top": top}, {"key": "pro", "priceIds": ["top", "cheap"]}, extra={"cheap": cheap}
        )
        await story.subscribe()
        await story.use("2026-06-02T00:00:00Z", n="100")
        await story.use("2026-06-20T00:00:00Z", n="1000")
        await story.peak("2026-06-03T00:00:00Z", "4")
        await story.until("2026-06-16T00:00:00Z")
        assert await story.change(planId="pro") == []
        await story.use("2026-06-15T23:59:59Z", n="1")
        await story.peak("2026-06-17T00:00:00Z", "9")
        assert await story.until("2026-07-01T02:00:00Z") == [
            [
                "TEST-INV-000001 ISSUED 2026-07-01T01:00, due 2026-07-31T01:00",
                "2026-06-01 to 2026-06-16: 101 dear 10.10",
                "2026-06-01 to 2026-07-01: 9 top 63.00",
                "2026-06-16 to 2026-07-01: 1000 cheap 20.00",
                "total 93.10 USD, due 93.10",
            ]
        ]
        await story.use("2026-06-10T00:00:00Z", n="1")
        [late] = await story.until("2026-08-01T02:00:00Z")
        assert late[-2] == "2026-06-01 to 2026-06-16: 102 dear (late usage) 0.10"


async def test_a_part_of_a_period_is_priced_by_its_share(database_url: str) -> None:
    """Half of June each: a peak costs half of its price, and the first 50 calls of a part are in the first tier."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        tiers = [{"upTo": "100", "unitPrice": "0.02"}, {"unitPrice": "0.01"}]
        calls = usage({"graduated": {"tiers": tiers}})
        peaks = {key: {**usage(standard(price)), "target": {"billableMetricId": "peak"}} for key, price in
                 (("low", "7"), ("high", "14"))}  # fmt: skip
        flat = usage(standard("0.03"), periodMinimum="10")
        pro = {"key": "pro", "priceIds": ["high", "flat"]}
        await story.sell({"low": peaks["low"], "calls": calls}, pro, extra={"high": peaks["high"], "flat": flat})
        await story.subscribe()
        await story.peak("2026-06-03T00:00:00Z", "4")
        await story.use("2026-06-04T00:00:00Z", n="90")
        await story.until("2026-06-16T00:00:00Z")
        await story.change(planId="pro")
        await story.peak("2026-06-17T00:00:00Z", "9")
        await story.use("2026-06-18T00:00:00Z", n="100")
        [issued] = await story.until("2026-07-01T02:00:00Z")
        assert issued[1:] == [
            "2026-06-01 to 2026-06-16: 4 low 14.00",
            "2026-06-01 to 2026-06-16: 90 calls 1.40",
            "2026-06-16 to 2026-07-01: 9 high 63.00",
            "2026-06-16 to 2026-07-01: 100 flat 5.00",
            "total 83.40 USD, due 83.40",
        ]


async def test_another_interval_begins_a_new_anchor(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        calls = usage(standard("0.10"), cadence="MONTHLY")
        year = {"key": "year", "priceIds": ["annual", "calls"], "billingInterval": "YEARLY"}
        await story.sell({"month": fee("31"), "calls": calls}, year, extra={"annual": fee("365")})
        await story.subscribe()
        await story.pay()
        await story.use("2026-02-01T00:00:00Z", n="10")
        await story.until("2026-02-14T00:00:00Z")
        # Half of the 28 days of the period are left.
        assert await story.change(planId="year") == [
            "credit of 15.50 on TEST-INV-000001, 0.00 off what is due, 15.50 to credit",
            "TEST-INV-000002 ISSUED 2026-02-14, due 2026-03-16",
            "2026-02-14 to 2027-02-14: 1 annual 365.00",
            "paid by credit 15.50",
            "total 365.00 USD, due 349.50",
        ]
        await story.use("2026-02-15T00:00:00Z", n="20")
        assert await story.until("2026-03-15T00:00:00Z") == [
            [
                "TEST-INV-000003 ISSUED 2026-02-14T01:00, due 2026-03-16T01:00",
                "2026-01-31 to 2026-02-14: 10 calls 1.00",
                "total 1.00 USD, due 1.00",
            ],
            [
                "TEST-INV-000004 ISSUED 2026-03-14T01:00, due 2026-04-13T01:00",
                "2026-02-14 to 2026-03-14: 20 calls 2.00",
                "total 2.00 USD, due 2.00",
            ],
        ]
        standing = await story.standing()
        assert standing["currentPeriod"] == {"start": "2026-02-14T00:00:00Z", "end": "2027-02-14T00:00:00Z"}
        await story.change(planId="plan")
        standing = await story.standing()
        assert standing["currentPeriod"] == {"start": "2026-03-15T00:00:00Z", "end": "2026-04-15T00:00:00Z"}


async def test_a_change_at_the_end_of_the_period_comes_with_its_invoice(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        extra = {"large": fee("300"), "setup": fee("25", cadence="ONE_TIME")}
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large", "setup"]}, extra=extra)
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        assert await story.change(planId="pro", at="PERIOD_END") == []
        assert story.following is not None
        assert story.following["total"] == {"amount": "325.00"}
        changes = "{ subscriptions { nodes { plan { key } changes { nodes { status effectiveAt } } } } }"
        [node] = (await story.api.gql(changes))["subscriptions"]["nodes"]
        assert node["plan"] == {"key": "plan"}
        assert node["changes"]["nodes"] == [{"status": "SCHEDULED", "effectiveAt": "2026-07-01T00:00:00Z"}]
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[1:] == [
            "2026-07-01 to 2026-08-01: 1 large 300.00",
            "2026-07-01 to 2026-08-01: 1 setup 25.00",
            "total 325.00 USD, due 325.00",
        ]
        [node] = (await story.api.gql(changes))["subscriptions"]["nodes"]
        assert (node["plan"], node["changes"]["nodes"][0]["status"]) == ({"key": "pro"}, "APPLIED")


async def test_a_change_that_is_canceled_never_was(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("300")})
        await story.subscribe()
        await story.pay()
        await story.change(planId="pro", at="PERIOD_END")
        asked = {"subscriptionId": story.subscription_id}
        payload = await story.api.mutate("subscriptionChangeCancel", "subscription { id }", **asked)
        assert payload["userErrors"] == []
        payload = await story.api.mutate("subscriptionChangeCancel", "subscription { id }", **asked)
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("NOTHING_CHANGES", "subscriptionId")]
        [issued] = await story.until("2026-07-02T00:00:00Z")
        assert issued[1:] == ["2026-07-01 to 2026-08-01: 1 small 100.00", "total 100.00 USD, due 100.00"]


async def test_a_change_in_the_grace_time_cuts_the_draft(database_url: str) -> None:
    async with tell(database_url, "2026-05-01T00:00:00Z") as story:
        await story.sell({"small": fee("720")}, {"key": "pro", "priceIds": ["large"]}, extra={"large": fee("1440")})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-01T00:30:00Z")
        # Half an hour of the 720 hours of June: 0.50.
        assert await story.change(planId="pro") == [
            "TEST-INV-000002 ISSUED 2026-06-01T00:30, due 2026-07-01T00:30",
            "2026-06-01T00:30 to 2026-07-01: 1 large 1439.00",
            "total 1439.00 USD, due 1439.00",
        ]
        [issued] = await story.until("2026-06-01T02:00:00Z")
        assert issued[1:] == ["2026-06-01 to 2026-06-01T00:30: 1 small 0.50", "total 0.50 USD, due 0.50"]


async def test_an_end_gives_back_what_is_not_used_if_asked(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        extra: dict[str, Any] = {}
        owed, once = fee("60", isObligation=True), fee("25", cadence="ONE_TIME")
        await story.sell({"small": fee("100"), "owed": owed, "once": once}, extra=extra)
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        payload = await story.api.mutate(
            "subscriptionTerminate",
            "creditNotes { total { amount } toCredit { amount } reason lines { amount { amount } } }",
            subscriptionId=story.subscription_id,
            at="NOW",
            creditUnused=True,
        )
        assert payload["creditNotes"] == [
            {
                "total": {"amount": "50.00"},
                "toCredit": {"amount": "50.00"},
                "reason": "Not used from 2026-06-16T00:00:00Z on",
                "lines": [{"amount": {"amount": "50.00"}}],
            }
        ]


async def test_those_that_float_follow_the_default_version_from_their_next_period_on(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await story.sell({"small": fee("100"), "calls": usage(standard("0.10"))})
        await story.subscribe(versionPolicy="FLOATING")
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        await story.sell({"small": fee("100"), "calls": usage(standard("0.10")), "desk": fee("20")})
        assert await story.until("2026-07-02T00:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-07-01T01:00, due 2026-07-31T01:00",
                "2026-06-01 to 2026-07-01: 0 calls 0.00",
                "2026-07-01 to 2026-08-01: 1 small 100.00",
                "2026-07-01 to 2026-08-01: 1 desk 20.00",
                "total 120.00 USD, due 120.00",
            ]
        ]
        [node] = (await story.api.gql("{ subscriptions { nodes { planVersion { number isDefault } } } }"))[
            "subscriptions"
        ]["nodes"]
        assert node["planVersion"] == {"number": 2, "isDefault": True}


async def test_what_can_not_be_is_refused_and_changes_nothing(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        others = [
            {"key": "euro", "priceIds": ["euros"], "currency": "EUR"},
            {"key": "gross", "priceIds": ["large"], "taxBehavior": "INCLUSIVE"},
        ]
        extra = {"large": fee("300"), "euros": fee("300", currency="EUR")}
        await story.sell({"small": fee("100"), "calls": usage(standard("1"))}, *others, extra=extra)
        await story.subscribe()
        assert await refused(story, planId="gross") == [("SUBSCRIPTION_NOT_ACTIVE", "subscriptionId")]
        await story.pay()
        assert await refused(story) == [("NOTHING_CHANGES", None)]
        assert await refused(story, planId="plan") == [("NOTHING_CHANGES", None)]
        assert await refused(story, planId="euro") == [("CURRENCY_MISMATCH", "planId")]
        assert await refused(story, planId="gross") == [("INVALID", "planId")]
        assert await refused(story, planId="none") == [("NOT_FOUND", "planId")]
        wrong = [{"priceId": "calls", "quantity": "2"}, {"priceId": "none", "quantity": "0"}]
        assert await refused(story, planId="plan", planVersionId="pver_x", quantities=wrong) == [
            ("INVALID", "planVersionId"),
            ("OUT_OF_RANGE", "quantities.1.quantity"),
            ("INVALID", "quantities.0.priceId"),
            ("NOT_FOUND", "quantities.1.priceId"),
        ]
        discount = {"name": "Half", "percentage": "0.5"}
        assert await refused(story, discounts=[discount], at="PERIOD_END") == [("INVALID", "discounts")]
        assert len(await invoices(story)) == 1
        await story.end()
        assert await refused(story, quantities=[{"priceId": "small", "quantity": "2"}], at="PERIOD_END") == [
            ("INVALID", "at")
        ]
        await story.until("2026-07-02T00:00:00Z")
        assert await refused(story, planId="plan") == [("SUBSCRIPTION_TERMINATED", "subscriptionId")]

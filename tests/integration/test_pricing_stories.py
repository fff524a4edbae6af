"""Stories of customers who are billed by all kinds of prices, each invoice whole. All figures were computed by hand."""

import pytest

from tests.support.story import fee, standard, tell, usage


async def test_a_metric_has_a_price_for_each_model(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        tiers = [{"upTo": "100", "unitPrice": "0.02"}, {"unitPrice": "0.01"}]
        await story.sell(
            {
                "large": usage(standard("0.03"), "large"),
                "small": usage({"graduated": {"tiers": tiers}}, "small"),
                "embed": usage({"package": {"packageSize": "1000", "packagePrice": "5"}}, "embed"),
                "other": usage(standard("0.05")),
            }
        )
        assert await story.subscribe() == []
        await story.use("2026-01-31T00:00:00Z", "large", "10")
        await story.use("2026-02-27T23:59:59Z", "large", "5")
        await story.use("2026-02-10T00:00:00Z", "small", "150")
        await story.use("2026-02-10T00:00:00Z", "embed", "1")
        # What no price is for, and what says nothing, falls to the price without a filter.
        await story.use("2026-02-10T00:00:00Z", "mystery", "2")
        await story.use("2026-02-10T00:00:00Z", None, "3")
        # This is of the next month.
        await story.use("2026-02-28T00:00:00Z", "large", "100")
        assert await story.until("2026-02-28T02:00:00Z") == [
            [
                "TEST-INV-000001 ISSUED 2026-02-28T01:00, due 2026-03-30T01:00",
                "2026-01-31 to 2026-02-28: 15 large 0.45",
                "2026-01-31 to 2026-02-28: 150 small 2.50",
                "2026-01-31 to 2026-02-28: 1 embed 5.00",
                "2026-01-31 to 2026-02-28: 5 other 0.25",
                "total 8.20 USD, due 8.20",
            ]
        ]
        [march] = await story.until("2026-03-31T02:00:00Z")
        assert march[1:] == [
            "2026-02-28 to 2026-03-31: 100 large 3.00",
            "2026-02-28 to 2026-03-31: 0 small 0.00",
            "2026-02-28 to 2026-03-31: 0 embed 0.00",
            "2026-02-28 to 2026-03-31: 0 other 0.00",
            "total 3.00 USD, due 3.00",
        ]


async def test_a_yearly_fee_with_monthly_usage(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        prices = {"year": fee("1200"), "calls": usage(standard("1"), cadence="MONTHLY")}
        await story.sell(prices, billingInterval="YEARLY")
        assert await story.subscribe() == [
            "TEST-INV-000001 ISSUED 2026-01-31, due 2026-01-31",
            "2026-01-31 to 2027-01-31: 1 year 1200.00",
            "total 1200.00 USD, due 1200.00",
        ]
        await story.pay()
        await story.use("2026-02-10T00:00:00Z", n="3")
        await story.use("2026-03-05T00:00:00Z", n="4")
        assert await story.until("2026-04-01T00:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-28T01:00, due 2026-03-30T01:00",
                "2026-01-31 to 2026-02-28: 3 calls 3.00",
                "total 3.00 USD, due 3.00",
            ],
            [
                "TEST-INV-000003 ISSUED 2026-03-31T01:00, due 2026-04-30T01:00",
                "2026-02-28 to 2026-03-31: 4 calls 4.00",
                "total 4.00 USD, due 4.00",
            ],
        ]
        *quiet, last = await story.until("2027-01-31T02:00:00Z")
        assert [len(invoice) for invoice in quiet] == [3] * 9
        assert {invoice[-1] for invoice in quiet} == {"total 0.00 USD, due 0.00"}
        assert last == [
            "TEST-INV-000013 ISSUED 2027-01-31T01:00, due 2027-03-02T01:00",
            "2026-12-31 to 2027-01-31: 0 calls 0.00",
            "2027-01-31 to 2028-01-31: 1 year 1200.00",
            "total 1200.00 USD, due 1200.00",
        ]


async def test_a_plan_that_bills_on_the_first_begins_with_a_part_of_a_month(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        dynamic = {"minPrice": "0.01", "maxPrice": "5", "unitPriceProperty": "$.price"}
        volume = [{"upTo": "62", "unitPrice": "2"}, {"unitPrice": "1"}]
        graduated = [{"upTo": "31", "unitPrice": "2", "flatPrice": "31"}, {"unitPrice": "1"}]
        period = {"percentage": "0.1", "minCharge": "31", "chargeScope": "PER_PERIOD"}
        await story.sell(
            {
                "upfront": fee("31"),
                "afterwards": fee("62", paymentTerm="IN_ARREARS"),
                "standard": usage(standard("1"), "a"),
                "dynamic": usage({"dynamic": dynamic}, "b"),
                "per-event": usage({"percentage": {"percentage": "0.029", "minCharge": "0.30"}}, "c"),
                "per-period": usage({"percentage": period}, "d"),
                "volume": usage({"volume": {"tiers": volume}}, "e"),
                "graduated": usage({"graduated": {"tiers": graduated}}, "f"),
                "package": usage({"package": {"packageSize": "10", "packagePrice": "5", "freeUnits": "31"}}, "g"),
                "at-least": usage(standard("1"), "h", periodMinimum="62"),
                "greatest": {**usage(standard("31")), "target": {"billableMetricId": "peak"}},
            },
            billingAnchor={"day": 1},
        )
        # 15 of 31 days.
        assert await story.subscribe() == [
            "TEST-INV-000001 ISSUED 2026-01-17, due 2026-01-17",
            "2026-01-17 to 2026-02-01: 1 upfront 15.00",
            "total 15.00 USD, due 15.00",
        ]
        await story.pay()
        at = "2026-01-20T00:00:00Z"
        for kind, n in (("a", "7"), ("c", "10"), ("d", "20"), ("e", "31"), ("f", "20"), ("g", "26")):
            await story.use(at, kind, n)
        await story.use(at, "b", "2", price="3")
        await story.peak(at, "1")
        await story.peak("2026-01-21T00:00:00Z", "2")
        await story.peak("2026-01-22T00:00:00Z", "1")
        assert await story.until("2026-02-01T02:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-01T01:00, due 2026-03-03T01:00",
                "2026-01-17 to 2026-02-01: 1 afterwards 30.00",
                "2026-01-17 to 2026-02-01: 7 standard 7.00",
                "2026-01-17 to 2026-02-01: 2 dynamic 6.00",
                "2026-01-17 to 2026-02-01: 10 per-event 0.30",
                # 10 % of 20, at least 15.
                "2026-01-17 to 2026-02-01: 20 per-period 15.00",
                # Up to 30 it would be 2 each.
                "2026-01-17 to 2026-02-01: 31 volume 31.00",
                # 15 at 2 with 15 flat, 5 at 1.
                "2026-01-17 to 2026-02-01: 20 graduated 50.00",
                # 15 are free.
                "2026-01-17 to 2026-02-01: 26 package 10.00",
                "2026-01-17 to 2026-02-01: 0 at-least 30.00",
                "2026-01-17 to 2026-02-01: 2 greatest 30.00",
                "2026-02-01 to 2026-03-01: 1 upfront 31.00",
                "total 240.30 USD, due 240.30",
            ]
        ]
        [march] = await story.until("2026-03-01T02:00:00Z")
        assert march[1:] == [
            "2026-02-01 to 2026-03-01: 1 afterwards 62.00",
            "2026-02-01 to 2026-03-01: 0 standard 0.00",
            "2026-02-01 to 2026-03-01: 0 dynamic 0.00",
            "2026-02-01 to 2026-03-01: 0 per-event 0.00",
            "2026-02-01 to 2026-03-01: 0 per-period 31.00",
            "2026-02-01 to 2026-03-01: 0 volume 0.00",
            "2026-02-01 to 2026-03-01: 0 graduated 31.00",
            "2026-02-01 to 2026-03-01: 0 package 0.00",
            "2026-02-01 to 2026-03-01: 0 at-least 62.00",
            "2026-02-01 to 2026-03-01: 0 greatest 0.00",
            "2026-03-01 to 2026-04-01: 1 upfront 31.00",
            "total 217.00 USD, due 217.00",
        ]


async def test_a_set_up_fee_is_charged_once_and_whole(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z", taxRate="0.1") as story:
        await story.sell({"set-up": fee("500", cadence="ONE_TIME"), "base": fee("49")}, billingAnchor={"day": 1})
        # Of 49 are 15/31 due: 23.709….
        assert await story.subscribe() == [
            "TEST-INV-000001 ISSUED 2026-01-17, due 2026-01-17",
            "2026-01-17 to 2026-02-01: 1 set-up 500.00",
            "2026-01-17 to 2026-02-01: 1 base 23.71",
            "tax 52.37",
            "total 576.08 USD, due 576.08",
        ]
        await story.pay()
        february, march = await story.until("2026-03-01T02:00:00Z")
        assert february[1:] == [
            "2026-02-01 to 2026-03-01: 1 base 49.00",
            "tax 4.90",
            "total 53.90 USD, due 53.90",
        ]
        assert march[1] == "2026-03-01 to 2026-04-01: 1 base 49.00"


async def test_an_obligation_is_owed_from_the_first_whole_period_on(database_url: str) -> None:
    async with tell(database_url, "2026-01-17T00:00:00Z") as story:
        prices = {
            "commitment": fee("100", isObligation=True),
            "support": fee("50", isObligation=True, paymentTerm="IN_ARREARS"),
        }
        await story.sell(prices, billingAnchor={"day": 1})
        assert await story.subscribe() == [
            "TEST-INV-000001 PAID 2026-01-17, due 2026-01-17",
            "2026-01-17 to 2026-02-01: 1 commitment 0.00",
            "total 0.00 USD, due 0.00",
        ]
        assert await story.until("2026-03-01T02:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-01T01:00, due 2026-03-03T01:00",
                "2026-01-17 to 2026-02-01: 1 support 0.00",
                "2026-02-01 to 2026-03-01: 1 commitment 100.00",
                "total 100.00 USD, due 100.00",
            ],
            [
                "TEST-INV-000003 ISSUED 2026-03-01T01:00, due 2026-03-31T01:00",
                "2026-02-01 to 2026-03-01: 1 support 50.00",
                "2026-03-01 to 2026-04-01: 1 commitment 100.00",
                "total 150.00 USD, due 150.00",
            ],
        ]


async def test_a_subscriber_takes_five_seats(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        volume = {"volume": {"tiers": [{"upTo": "4", "unitPrice": "12"}, {"unitPrice": "10"}]}}
        await story.sell({"seats": fee("0", model=volume), "rooms": fee("7", quantity="2")})
        assert await story.subscribe(quantities=[{"priceId": "seats", "quantity": "5"}]) == [
            "TEST-INV-000001 ISSUED 2026-01-31, due 2026-01-31",
            "2026-01-31 to 2026-02-28: 5 seats 50.00",
            "2026-01-31 to 2026-02-28: 2 rooms 14.00",
            "total 64.00 USD, due 64.00",
        ]
        await story.pay()
        assert await story.until("2026-02-28T02:00:00Z") == [
            [
                "TEST-INV-000002 ISSUED 2026-02-28T01:00, due 2026-03-30T01:00",
                "2026-02-28 to 2026-03-31: 5 seats 50.00",
                "2026-02-28 to 2026-03-31: 2 rooms 14.00",
                "total 64.00 USD, due 64.00",
            ]
        ]


@pytest.mark.parametrize(
    ("timezone", "whole_hours", "upfront", "first_end", "boundaries"),
    [
        # Midnights are at 05:00 in winter and at 04:00 in summer; March lasts an hour less.
        (
            "America/New_York", "743", "712.00", "2026-03-31T04:00",
            [
                "2026-03-31T04:00", "2026-04-30T04:00", "2026-05-31T04:00", "2026-06-30T04:00", "2026-07-31T04:00",
                "2026-08-31T04:00", "2026-09-30T04:00", "2026-10-31T04:00", "2026-11-30T05:00", "2026-12-31T05:00",
            ],
        ),
        # 14 hours ahead all year.
        (
            "Pacific/Kiritimati", "744", "694.00", "2026-03-30T10:00",
            [
                "2026-03-30T10:00", "2026-04-29T10:00", "2026-05-30T10:00", "2026-06-29T10:00", "2026-07-30T10:00",
                "2026-08-30T10:00", "2026-09-29T10:00", "2026-10-30T10:00", "2026-11-29T10:00", "2026-12-30T10:00",
            ],
        ),
    ],
)  # fmt: skip
async def test_the_31st_is_a_midnight_of_the_place_and_comes_back_after_shorter_months(
    database_url: str, timezone: str, whole_hours: str, upfront: str, first_end: str, boundaries: list[str]
) -> None:
    async with tell(database_url, "2026-03-01T12:00:00Z", timezone) as story:
        # A dollar an hour of the month in which the subscription begins.
        await story.sell({"hours": fee(whole_hours), "calls": usage(standard("1"))}, billingAnchor={"day": 31})
        assert await story.subscribe() == [
            "TEST-INV-000001 ISSUED 2026-03-01T12:00, due 2026-03-01T12:00",
            f"2026-03-01T12:00 to {first_end}: 1 hours {upfront}",
            f"total {upfront} USD, due {upfront}",
        ]
        await story.pay()
        await story.use(f"{first_end}:00Z", n="5")
        invoices = await story.until("2026-12-31T12:00:00Z")
        assert [invoice[2].partition(" ")[0] for invoice in invoices] == boundaries
        assert invoices[0][1:] == [
            f"2026-03-01T12:00 to {first_end}: 0 calls 0.00",
            f"{first_end} to {boundaries[1]}: 1 hours {whole_hours}.00",
            f"total {whole_hours}.00 USD, due {whole_hours}.00",
        ]
        # What happens at a midnight is of the month that begins there.
        assert invoices[1][1] == f"{first_end} to {boundaries[1]}: 5 calls 5.00"


async def test_a_rebate_takes_off_and_what_is_left_becomes_credit(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("1")), "cached": usage(standard("-0.40"), "cached")})
        assert await story.subscribe() == []
        for at, calls, cached in (("2026-01-10", "10", "20"), ("2026-02-10", "5", "30"), ("2026-03-10", "10", "0")):
            await story.use(f"{at}T00:00:00Z", "live", calls)
            await story.use(f"{at}T00:00:00Z", "cached", cached)
        assert await story.until("2026-04-01T02:00:00Z") == [
            [
                "TEST-INV-000001 ISSUED 2026-02-01T01:00, due 2026-03-03T01:00",
                "2026-01-01 to 2026-02-01: 10 calls 10.00",
                "2026-01-01 to 2026-02-01: 20 cached -8.00",
                "total 2.00 USD, due 2.00",
            ],
            [
                "TEST-INV-000002 PAID 2026-03-01T01:00, due 2026-03-31T01:00",
                "2026-02-01 to 2026-03-01: 5 calls 5.00",
                "2026-02-01 to 2026-03-01: 30 cached -12.00",
                "carried to credit 7.00",
                "total 0.00 USD, due 0.00",
            ],
            [
                "TEST-INV-000003 ISSUED 2026-04-01T01:00, due 2026-05-01T01:00",
                "2026-03-01 to 2026-04-01: 10 calls 10.00",
                "2026-03-01 to 2026-04-01: 0 cached 0.00",
                "paid by credit 7.00",
                "total 10.00 USD, due 3.00",
            ],
        ]


async def test_a_month_without_usage_costs_the_least_and_a_busy_one_the_most(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await story.sell({"calls": usage(standard("1"), periodMinimum="25", periodMaximum="60.50")})
        assert await story.subscribe() == []
        await story.use("2026-02-10T00:00:00Z", n="40")
        await story.use("2026-03-10T00:00:00Z", n="1000")
        invoices = await story.until("2026-04-01T02:00:00Z")
        assert [invoice[1:] for invoice in invoices] == [
            ["2026-01-01 to 2026-02-01: 0 calls 25.00", "total 25.00 USD, due 25.00"],
            ["2026-02-01 to 2026-03-01: 40 calls 40.00", "total 40.00 USD, due 40.00"],
            ["2026-03-01 to 2026-04-01: 1000 calls 60.50", "total 60.50 USD, due 60.50"],
        ]

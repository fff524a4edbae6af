"""`priceSimulate`: a draft of a price over past usage, beside what the prices of subscriptions make of it."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from app.services import price_simulations
from app.worker.loop import do_next
from tests.support.api import Api, Statements, make_api
from tests.support.priced_catalog import make_metric, make_plan, make_price, standard
from tests.support.storing import catch_up
from tests.support.usage import everything, report
from tests.support.world import JANUARY_31

QUERY = """query($model: PriceModelInput!, $metric: ID!, $from: DateTime!, $to: DateTime!, $currency: CurrencyCode,
    $filter: [PriceConditionInput!], $least: Decimal, $most: Decimal, $of: [ID!], $first: Int! = 20, $skip: Int! = 0) {
  priceSimulate(model: $model, metricId: $metric, from: $from, to: $to, currency: $currency, filter: $filter,
      periodMinimum: $least, periodMaximum: $most, customerIds: $of, first: $first, skip: $skip) {
    currency period { start end } old { amount } new { amount } difference { amount currency } totalCount
    payingMoreCount payingLessCount unpricedCount otherCurrencySubscriptionCount
    customers { customer { id } isPriced old { amount } new { amount } difference { amount } } } }"""
FEBRUARY = {"from": "2026-01-31T00:00:00Z", "to": "2026-02-28T00:00:00Z"}
TIERS = [
    {"upTo": "10", "unitPrice": "10", "flatPrice": "2"},
    {"upTo": "20", "unitPrice": "5", "flatPrice": "3"},
    {"unitPrice": "5", "flatPrice": "3"},
]
GRADUATED = {"graduated": {"tiers": TIERS}}
PACKAGE = {"package": {"packageSize": "100", "packagePrice": "20"}}


async def catalog(api: Api) -> str:
    """Make a metric at 0.50 a token, and a monthly plan of it; return the plan's id."""
    await api.make("productCreate", key="llm", name="LLM")
    group_by = [{"name": "model", "path": "$.model"}]
    await make_metric(api, "tokens", "SUM", valueProperty="$.n", groupBy=group_by)
    await make_price(api, "flat", standard("0.5"), {"billableMetricId": "tokens"})
    return await make_plan(api, ["flat"], key="pro", billingInterval="MONTHLY")


async def subscribed(api: Api, plan_id: str = "pro", **customer: Any) -> str:
    """Make a customer who subscribes now; return its id."""
    customer_id = await api.make("customerCreate", **{"name": "Acme", **customer})
    await subscribe(api, customer_id, plan_id)
    return customer_id


async def subscribe(api: Api, customer_id: str, plan_id: str = "pro", **given: Any) -> str:
    made = await api.mutate(
        "subscriptionCreate", "subscription { id }", customerId=customer_id, planId=plan_id, **given
    )
    return str(made["subscription"]["id"])


async def use(api: Api, customer_id: str, n: str, day: str = "2026-02-10", kind: str = "tokens", **data: str) -> None:
    await report(api, kind, datetime.fromisoformat(f"{day}T00:00:00+00:00"), {"n": n, **data}, subject=customer_id)


async def simulate(api: Api, model: dict[str, Any], **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.gql(QUERY, model=model, **{"metric": "tokens", **FEBRUARY, **given}))[
        "priceSimulate"
    ]
    return found


async def old_and_new(api: Api, model: dict[str, Any], **given: Any) -> tuple[str, str]:
    found = await simulate(api, model, **given)
    return found["old"]["amount"], found["new"]["amount"]


async def test_customers_are_compared_and_added_up(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        await make_price(api, "euro", standard("0.5"), {"billableMetricId": "tokens"}, currency="EUR")
        await make_plan(api, ["euro"], key="euro", billingInterval="MONTHLY", currency="EUR")
        more, less, same, idle = [await subscribed(api) for _ in range(4)]
        euro = await subscribed(api, "euro")
        unpriced = await api.make("customerCreate", name="Nobody", externalId="nobody")
        clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
        clocked = await subscribed(api, testClockId=clock)
        used = ((more, "10"), (less, "90"), (same, "39"), (same, "1"), (euro, "500"), (clocked, "1000"))
        for customer_id, quantity in used:
            await use(api, customer_id, quantity)
        await report(api, "tokens", JANUARY_31, {"n": 150}, externalSubject="nobody")
        await report(api, "tokens", JANUARY_31, {"n": 999}, externalSubject="stranger")
        before = await everything(api)
        found = await simulate(api, PACKAGE)
        assert await everything(api) == before

        def row(customer_id: str, old: str, new: str, difference: str, *, is_priced: bool = True) -> dict[str, Any]:
            amounts = {name: {"amount": value} for name, value in (("old", old), ("new", new))}
            return {
                "customer": {"id": customer_id}, "isPriced": is_priced, **amounts, "difference": {"amount": difference}
            }  # fmt: skip

        ties = sorted([row(same, "20.00", "20.00", "0.00"), row(idle, "0.00", "0.00", "0.00")], key=id_of)
        rows = [
            row(unpriced, "0.00", "40.00", "40.00", is_priced=False),
            row(less, "45.00", "20.00", "-25.00"),
            row(more, "5.00", "20.00", "15.00"),
            *ties,
        ]
        assert found == {
            "currency": "USD",
            "period": {"start": FEBRUARY["from"], "end": FEBRUARY["to"]},
            "old": {"amount": "70.00"},
            "new": {"amount": "100.00"},
            "difference": {"amount": "30.00", "currency": "USD"},
            "totalCount": 5,
            "payingMoreCount": 2,
            "payingLessCount": 1,
            "unpricedCount": 1,
            "otherCurrencySubscriptionCount": 1,
            "customers": rows,
        }
        page = await simulate(api, PACKAGE, first=2, skip=1)
        assert page == {**found, "customers": rows[1:3]}
        assert (await simulate(api, PACKAGE, first=0))["customers"] == []
        named = await simulate(api, PACKAGE, of=[clocked, more])
        assert named["customers"] == [row(clocked, "500.00", "200.00", "-300.00"), row(more, "5.00", "20.00", "15.00")]
        euros = await simulate(api, PACKAGE, currency="EUR")
        assert [row["customer"]["id"] for row in euros["customers"] if row["isPriced"]] == [euro]
        assert (euros["old"], euros["otherCurrencySubscriptionCount"]) == ({"amount": "250.00"}, 4)


def id_of(row: dict[str, Any]) -> str:
    return str(row["customer"]["id"])


async def test_what_is_charged_today_equals_the_invoices_of_those_periods(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        large = [{"name": "model", "in": ["large"]}]
        target = {"billableMetricId": "tokens"}
        volume = {"volume": {"tiers": [{"upTo": "100", "unitPrice": "5"}, {"unitPrice": "3"}]}}
        await make_price(api, "large", GRADUATED, target, filter=large)
        await make_price(api, "other", volume, target, periodMinimum="20", cadence="MONTHLY")
        await make_plan(api, ["large", "other"], key="tiered")
        spans = {await subscribed(api, "tiered"): ("2026-01-31", "2026-04-30")}
        api.clock.instant = datetime(2026, 2, 10, 8, 30, tzinfo=UTC)
        spans[await subscribed(api, "tiered")] = ("2026-02-10", "2026-05-10")
        for place, customer_id in enumerate(spans):
            for number in range(12):
                at = JANUARY_31 + timedelta(days=9 * number + place, hours=number)
                data = {"n": f"{7 * number + place}.25", "model": "large" if number % 3 else "small"}
                await report(api, "tokens", at, data, subject=customer_id)
        api.clock.instant = datetime(2026, 5, 12, tzinfo=UTC)
        while await do_next(api.sessions):
            pass
        charged: defaultdict[str, int] = defaultdict(int)
        customers = {invoice.id: invoice.customer_id for invoice in await api.rows(models.Invoice)}
        for line in await api.rows(models.InvoiceLine):
            charged[customers[line.invoice_id]] += line.amount_minor
        assert charged.keys() == spans.keys()
        for customer_id, (start, end) in spans.items():
            time = "00:00:00Z" if start == "2026-01-31" else "08:30:00Z"
            span = {"from": f"{start}T{time}", "to": f"{end}T{time}", "of": [customer_id]}
            found = await simulate(api, standard("1"), **span)
            assert Decimal(found["old"]["amount"]) == Decimal(charged[customer_id]) / 100
            assert charged[customer_id] > 100_000
        # A draft that is what a price is already changes nothing, wherever the span begins and ends.
        odd = {"from": "2026-02-03T04:05:06Z", "to": "2026-04-17T18:19:20.5Z"}
        found = await simulate(api, GRADUATED, filter=large, **odd)
        assert found["difference"]["amount"] == "0.00"
        assert [row["difference"] for row in found["customers"]] == [{"amount": "0.00"}] * 2
        assert Decimal(found["old"]["amount"]) > 1000


async def test_windows_that_reach_out_of_the_span_are_rated_by_their_share(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        await make_metric(api, "seats", "MAX", valueProperty="$.n")
        await make_price(api, "seat", standard("2"), {"billableMetricId": "seats"})
        await make_plan(api, ["flat", "seat"], key="both", billingInterval="MONTHLY")
        customer_id = await subscribed(api, "both")
        for day, quantity in (("2026-02-06", "1000"), ("2026-02-07", "4"), ("2026-02-20", "7"), ("2026-02-21", "1000")):
            await use(api, customer_id, quantity, day)
        for day, quantity in (("2026-02-06", "1000"), ("2026-02-10", "10")):
            await use(api, customer_id, quantity, day, kind="seats")
        # Half of the window from January 31 to February 28: 5 × 10 + 1, then 5 × 5 + 1.50, then 1 × 5 + 1.50.
        half = {"from": "2026-02-07T00:00:00Z", "to": "2026-02-21T00:00:00Z"}
        assert await old_and_new(api, GRADUATED, **half) == ("5.50", "84.00")
        assert await old_and_new(api, standard("0.1"), **half, least="10") == ("5.50", "5.00")
        assert await old_and_new(api, standard("0.9"), **half, most="10") == ("5.50", "5.00")
        assert await old_and_new(api, standard("3"), **half, metric="seats") == ("10.00", "15.00")


async def test_a_subscription_is_rated_over_its_life_only(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        customer_id = await subscribed(api)
        await use(api, customer_id, "11", "2026-02-13")
        await use(api, customer_id, "100", "2026-02-14")
        await use(api, customer_id, "100", "2026-01-30")
        async with api.sessions.begin() as session:
            [row] = await api.rows(models.Subscription)
            subscription = await session.get_one(models.Subscription, (row.environment_id, row.id))
            subscription.ended_at = subscription.ending_at = datetime(2026, 2, 14, tzinfo=UTC)
        span = {"from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
        assert await old_and_new(api, GRADUATED, **span) == ("5.50", "84.00")
        # After its end the customer has no price, and the months of the span are its windows.
        later = await simulate(api, standard("1"), **{**span, "from": "2026-02-14T00:00:00Z"})
        assert (later["unpricedCount"], later["old"], later["new"]) == (1, {"amount": "0.00"}, {"amount": "100.00"})


async def test_usage_that_nothing_prices_is_rated_by_months_of_the_span(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        customer_id = await api.make("customerCreate", name="Acme")
        await use(api, customer_id, "40", "2026-02-27")
        await use(api, customer_id, "20", "2026-02-28")
        # 31 units are free in February, and 14 in the 14 of the 31 days of the month that begins on its 28th.
        model = {"package": {"packageSize": "1", "packagePrice": "1", "freeUnits": "31"}}
        span = {"from": "2026-01-31T00:00:00Z", "to": "2026-03-14T00:00:00Z"}
        found = await simulate(api, model, **span)
        assert (found["old"], found["new"], found["unpricedCount"]) == ({"amount": "0.00"}, {"amount": "15.00"}, 1)


@pytest.mark.parametrize(
    ("filtered", "unit_price", "new"),
    [
        # In the place of both: 20 tokens.
        (None, "1", "20.00"),
        # In the place of `large`: 10 × 3, and the others 10 × 0.50 as before.
        (["large"], "3", "35.00"),
        # In nobody's place, as `other` takes more: 10 × 2, 10 × 1, and the least charge of `other`.
        (["small"], "1", "31.00"),
        # In the place of `large`: 20 × 1 and the least charge of `other`.
        (["large", "small"], "1", "21.00"),
        # Nobody's usage: the draft's is 0.
        (["none"], "9", "25.00"),
    ],
)
async def test_a_draft_takes_the_place_of_the_prices_it_covers(
    database_url: str, filtered: list[str] | None, unit_price: str, new: str
) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        target, large = {"billableMetricId": "tokens"}, [{"name": "model", "in": ["large"]}]
        await make_price(api, "large", standard("2"), target, filter=large)
        await make_price(api, "other", standard("0.5"), target, periodMinimum="1")
        await make_plan(api, ["large", "other"], key="split", billingInterval="MONTHLY")
        customer_id = await subscribed(api, "split")
        await use(api, customer_id, "10", model="large")
        await use(api, customer_id, "10", model="small")
        given = None if filtered is None else [{"name": "model", "in": filtered}]
        assert await old_and_new(api, standard(unit_price), filter=given) == ("25.00", new)


async def test_a_draft_may_charge_what_no_price_took(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        large = [{"name": "model", "in": ["large"]}]
        await make_price(api, "large", standard("2"), {"billableMetricId": "tokens"}, filter=large)
        await make_plan(api, ["large"], key="large", billingInterval="MONTHLY")
        customer_id = await subscribed(api, "large")
        await use(api, customer_id, "10", model="small")
        await use(api, customer_id, "1", model="large")
        assert await old_and_new(api, standard("1")) == ("2.00", "11.00")
        assert await old_and_new(api, standard("1"), filter=large) == ("2.00", "1.00")


async def test_of_two_subscriptions_the_older_one_is_charged(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        customer_id = await subscribed(api)
        api.clock.instant += timedelta(hours=1)
        await subscribe(api, customer_id, allowConcurrent=True)
        await use(api, customer_id, "10")
        # The least charge of the younger one, for 671 of 672 hours, is 2.9955….
        assert await old_and_new(api, standard("1"), least="3") == ("5.00", "13.00")


async def test_models_that_look_at_each_event(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        await make_metric(api, "calls", "COUNT")
        dynamic = {"minPrice": "0.01", "maxPrice": "5", "unitPriceProperty": "$.price"}
        await make_price(api, "call", {"dynamic": dynamic}, {"billableMetricId": "calls"})
        await make_plan(api, ["call"], key="calls", billingInterval="MONTHLY")
        customer_id = await subscribed(api, "calls")
        for prices in ({"price": "2", "list": "3"}, {"price": "9"}, {"list": "0.5"}):
            await report(api, "calls", JANUARY_31, prices, subject=customer_id)
        of_list = {"dynamic": {**dynamic, "unitPriceProperty": "$.list"}}
        assert await old_and_new(api, of_list, metric="calls") == ("7.01", "3.51")
        each = {"percentage": {"percentage": "0.5", "fixedCharge": "0.25", "minCharge": "0.8"}}
        assert await old_and_new(api, each, metric="calls") == ("7.01", "2.40")


async def test_any_number_of_customers_takes_the_same_number_of_statements(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        counts = []
        for size in (1, 49):
            for number in range(size):
                customer_id = await subscribed(api) if number % 2 == 0 else await api.make("customerCreate", name="No")
                await use(api, customer_id, "3")
            await catch_up(api.sessions)
            with Statements() as statements:
                found = await simulate(api, standard("1"), first=100)
            counts.append(len(statements.seen))
            assert len(found["customers"]) == found["totalCount"]
        assert found["totalCount"] == 50
        assert counts[0] == counts[1]


async def test_more_than_can_be_rated_at_once_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        customer_id = await subscribed(api)
        for day in ("2026-02-01", "2026-02-02", "2026-02-27"):
            await use(api, customer_id, "1", day)
        monkeypatch.setattr(price_simulations, "MAX_EVENTS", 3)
        monkeypatch.setattr(price_simulations, "MAX_LINES", 2)
        assert await old_and_new(api, standard("1")) == ("1.50", "3.00")
        longer = {**FEBRUARY, "to": "2026-03-01T00:00:00Z"}
        assert "to: So many windows of so many customers" in await refusal(api, **longer)
        monkeypatch.setattr(price_simulations, "MAX_EVENTS", 2)
        assert await refusal(api) == (
            "to: The span has more than 2 events of the metric: ask for less time, or fewer customers."
        )
        assert await old_and_new(api, standard("1"), to="2026-02-27T00:00:00Z") == ("1.00", "2.00")


async def refusal(api: Api, **given: Any) -> str:
    [error] = (await api.answer(QUERY, **{"model": standard("1"), "metric": "tokens", **FEBRUARY, **given}))["errors"]
    assert error["extensions"] == {"code": "BAD_INPUT"}
    return str(error["message"])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"metric": "x"}, "metricId: metricId names nothing that exists here"),
        ({"to": FEBRUARY["from"]}, "to: Must be after from."),
        ({"to": "2027-03-08T00:00:00Z"}, "to: Must be at most 400 days after from."),
        ({"model": {"percentage": {"percentage": "2.9"}}}, "model.percentage.percentage: Must be 0 to 1"),
        ({"model": {"volume": {"tiers": []}}}, "model.volume.tiers: Must have 1 to 100 tiers."),
        ({"filter": [{"name": "region", "in": ["eu"]}]}, "filter.0.name: Names no groupBy dimension of the metric."),
        ({"filter": [{"name": "model", "in": []}]}, "filter.0.in: Must have 1 to 100 values."),
        ({"least": "-1"}, "periodMinimum: Must not be negative"),
        ({"least": "2", "most": "1"}, "periodMaximum: Must not be below periodMinimum."),
        ({"metric": "seats", "model": {"percentage": {"percentage": "0.1"}}}, "model.percentage: Is for metrics that"),
        ({"of": ["cus_x"]}, "customerIds.0: Names no customer that exists here."),
        (
            {"metric": "x", "to": FEBRUARY["from"], "least": "-1", "of": ["cus_x"]},
            "the point.; metricId: metricId names nothing that exists here; to: Must be after from.; customerIds.0: ",
        ),
    ],
)
async def test_a_wrong_argument_is_named(database_url: str, given: dict[str, Any], named: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        await make_metric(api, "seats", "MAX", valueProperty="$.n")
        before = await everything(api)
        assert named in await refusal(api, **given)
        assert await everything(api) == before


@pytest.mark.parametrize("given", [{"first": 101}, {"first": -1}, {"skip": -1}])
async def test_a_page_that_is_none_is_refused(database_url: str, given: dict[str, int]) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        assert await api.code(QUERY, model=standard("1"), metric="tokens", **FEBRUARY, **given) == "BAD_PAGE"


async def test_nothing_crosses_and_a_key_sees_what_its_scopes_say(database_url: str) -> None:
    async with make_api(database_url) as api:
        await catalog(api)
        customer_id = await subscribed(api)
        await use(api, customer_id, "10")
        for other in (api.in_sandbox(), await api.another_merchant()):
            assert (await refusal(other)).startswith("metricId: ")
            await other.make("productCreate", key="llm", name="LLM")
            await make_metric(other, "tokens", "SUM", valueProperty="$.n")
            assert (await simulate(other, standard("1")))["totalCount"] == 0
            assert (await refusal(other, of=[customer_id])).startswith("customerIds.0: ")
        biller = await api.with_scopes(Scope.BILLING_READ)
        given = {"model": standard("1"), "metric": "tokens", **FEBRUARY}
        assert await biller.code(QUERY, **given) == "FORBIDDEN"
        sums = QUERY.replace("customer { id }", "")
        assert (await biller.gql(sums, **given))["priceSimulate"]["difference"]["amount"] == "5.00"
        both = await api.with_scopes(Scope.BILLING_READ, Scope.CUSTOMERS_READ)
        assert (await both.gql(QUERY, **given))["priceSimulate"]["totalCount"] == 1
        reader = await api.with_scopes(Scope.CATALOG_READ, Scope.CUSTOMERS_READ)
        assert await reader.code(sums, **given) == "FORBIDDEN"

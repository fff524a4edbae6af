"""Prices, plans and quantities that could not be billed are refused, by mutations and in catalog documents alike.

Each with its code and the path of its field, all problems at once, and nothing is written.
"""

from copy import deepcopy
from typing import Any

from tests.integration.test_refusals import snapshot
from tests.support.api import Api, make_api
from tests.support.catalog import apply, problems

Errors = list[tuple[str, str]]

DIMENSIONS = [{"name": "model", "path": "$.model"}, {"name": "region", "path": "$.region"}]
METRIC = {"productId": "llm", "name": "Tokens", "unit": "token", "eventType": "inference", "valueProperty": "$.tokens"}
CATALOG: dict[str, list[dict[str, Any]]] = {
    "products": [{"key": "llm", "name": "LLM"}],
    "billableMetrics": [
        {**METRIC, "key": "tokens", "aggregation": "SUM", "groupBy": DIMENSIONS},
        {**METRIC, "key": "peak", "aggregation": "MAX"},
        {**METRIC, "key": "users", "aggregation": "UNIQUE_COUNT"},
    ],
    "fees": [{"key": "platform", "productId": "llm", "name": "Platform"}],
}
USAGE: dict[str, Any] = {
    "target": {"billableMetricId": "tokens"},
    "invoiceDisplayName": "Tokens",
    "paymentTerm": "IN_ARREARS",
    "model": {"standard": {"unitPrice": "1"}},
}
FEE: dict[str, Any] = {**USAGE, "target": {"feeId": "platform"}, "paymentTerm": "IN_ADVANCE"}
PEAK = {**USAGE, "target": {"billableMetricId": "peak"}}
USERS = {**USAGE, "target": {"billableMetricId": "users"}}
REBATE = {"standard": {"unitPrice": "-1"}}
SPOT = {"minPrice": "0", "maxPrice": "5", "unitPriceProperty": "$.price"}
CARDS = {"percentage": "0.029"}


def tiers(*up_to: str | None) -> list[dict[str, Any]]:
    return [{"upTo": bound, "unitPrice": "1"} for bound in up_to]


def volume(*up_to: str | None) -> dict[str, Any]:
    return {**USAGE, "model": {"volume": {"tiers": tiers(*up_to)}}}


def graduated(*up_to: str | None) -> dict[str, Any]:
    return {**FEE, "model": {"graduated": {"tiers": tiers(*up_to)}}}


def where(*conditions: tuple[str, list[str]]) -> dict[str, Any]:
    return {**USAGE, "filter": [{"name": name, "in": values} for name, values in conditions]}


MANY = [str(number) for number in range(1, 101)]
MODEL, REGION, LARGE = "filter.0.name", "filter.1.name", "large"
PRICES: list[tuple[dict[str, Any], Errors]] = [
    # Tiers: none, too many, not ascending, from zero on, an end on the last one, none on another.
    (volume(), [("OUT_OF_RANGE", "model.volume.tiers")]),
    (volume(*MANY, None), [("OUT_OF_RANGE", "model.volume.tiers")]),
    (graduated(), [("OUT_OF_RANGE", "model.graduated.tiers")]),
    (graduated(*MANY, None), [("OUT_OF_RANGE", "model.graduated.tiers")]),
    (volume("10", "10", None), [("INVALID", "model.volume.tiers.1.upTo")]),
    (volume("20", "10", "15", None), [
        ("INVALID", "model.volume.tiers.1.upTo"), ("INVALID", "model.volume.tiers.2.upTo"),
    ]),
    (graduated("0", None), [("INVALID", "model.graduated.tiers.0.upTo")]),
    (graduated("-5", None), [("INVALID", "model.graduated.tiers.0.upTo")]),
    (volume("10"), [("INVALID", "model.volume.tiers.0.upTo")]),
    (graduated("10", "20"), [("INVALID", "model.graduated.tiers.1.upTo")]),
    (volume(None, None), [("INVALID", "model.volume.tiers.0.upTo")]),
    (graduated(None, "10", None), [("INVALID", "model.graduated.tiers.0.upTo")]),
    (volume(None, "10"), [("INVALID", "model.volume.tiers.0.upTo"), ("INVALID", "model.volume.tiers.1.upTo")]),
    ({**USAGE, "model": {"volume": {"tiers": [{"unitPrice": "-1", "flatPrice": "-1"}]}}}, [
        ("OUT_OF_RANGE", "model.volume.tiers.0.unitPrice"), ("OUT_OF_RANGE", "model.volume.tiers.0.flatPrice"),
    ]),
    # Other parameters of models.
    ({**USAGE, "model": {"percentage": {"percentage": "2.9"}}}, [("OUT_OF_RANGE", "model.percentage.percentage")]),
    ({**USAGE, "model": {"percentage": {
        "percentage": "-0.1", "fixedCharge": "-1", "minCharge": "2", "maxCharge": "1",
    }}}, [
        ("OUT_OF_RANGE", "model.percentage.percentage"), ("OUT_OF_RANGE", "model.percentage.fixedCharge"),
        ("OUT_OF_RANGE", "model.percentage.maxCharge"),
    ]),
    ({**USAGE, "model": {"dynamic": {**SPOT, "minPrice": "6"}}}, [("OUT_OF_RANGE", "model.dynamic.maxPrice")]),
    ({**USAGE, "model": {"dynamic": {"minPrice": "-1", "maxPrice": "-1", "unitPriceProperty": "price"}}}, [
        ("OUT_OF_RANGE", "model.dynamic.minPrice"), ("OUT_OF_RANGE", "model.dynamic.maxPrice"),
        ("INVALID", "model.dynamic.unitPriceProperty"),
    ]),
    ({**USAGE, "model": {"package": {"packageSize": "0", "packagePrice": "5"}}}, [
        ("OUT_OF_RANGE", "model.package.packageSize"),
    ]),
    ({**USAGE, "model": {"package": {"packageSize": "-1", "packagePrice": "-1", "freeUnits": "-1"}}}, [
        ("OUT_OF_RANGE", "model.package.packageSize"), ("OUT_OF_RANGE", "model.package.packagePrice"),
        ("OUT_OF_RANGE", "model.package.freeUnits"),
    ]),
    # Models that do not go with what is charged.
    ({**FEE, "model": {"dynamic": SPOT}}, [("INVALID", "model.dynamic")]),
    ({**FEE, "model": {"percentage": CARDS}}, [("INVALID", "model.percentage")]),
    ({**PEAK, "model": {"dynamic": SPOT}}, [("INVALID", "model.dynamic")]),
    ({**PEAK, "model": {"percentage": CARDS}}, [("INVALID", "model.percentage")]),
    ({**USERS, "model": {"percentage": {**CARDS, "chargeScope": "PER_PERIOD"}}}, [("INVALID", "model.percentage")]),
    ({**FEE, "model": REBATE}, [("OUT_OF_RANGE", "model.standard.unitPrice")]),
    # Terms, cadences and quantities that do not.
    ({**USAGE, "paymentTerm": "IN_ADVANCE"}, [("INVALID", "paymentTerm")]),
    ({**USAGE, "cadence": "ONE_TIME"}, [("INVALID", "cadence")]),
    ({**FEE, "cadence": "ONE_TIME", "paymentTerm": "IN_ARREARS"}, [("INVALID", "cadence")]),
    ({**USAGE, "isObligation": True}, [("INVALID", "isObligation")]),
    ({**USAGE, "quantity": "2"}, [("INVALID", "quantity")]),
    ({**FEE, "quantity": "0"}, [("OUT_OF_RANGE", "quantity")]),
    # Period bounds.
    ({**USAGE, "periodMinimum": "-1", "periodMaximum": "-1"}, [
        ("OUT_OF_RANGE", "periodMinimum"), ("OUT_OF_RANGE", "periodMaximum"),
    ]),
    ({**FEE, "periodMinimum": "2", "periodMaximum": "1"}, [("OUT_OF_RANGE", "periodMaximum")]),
    ({**USAGE, "model": REBATE, "periodMinimum": "0"}, [("INVALID", "periodMinimum")]),
    ({**USAGE, "model": REBATE, "periodMaximum": "0"}, [("INVALID", "periodMaximum")]),
    # Filters.
    ({**FEE, "filter": where(("model", [LARGE]))["filter"]}, [("INVALID", "filter")]),
    (where(("colour", ["red"])), [("NOT_FOUND", MODEL)]),
    ({**PEAK, "filter": where(("model", [LARGE]))["filter"]}, [("NOT_FOUND", MODEL)]),
    (where(("model", [LARGE]), ("model", ["small"])), [("INVALID", REGION)]),
    (where(("model", [])), [("OUT_OF_RANGE", "filter.0.in")]),
    (where(("model", [LARGE, LARGE])), [("INVALID", "filter.0.in.1")]),
    (where(("model", [LARGE, " "]), ("region", [])), [("BLANK", "filter.0.in.1"), ("OUT_OF_RANGE", "filter.1.in")]),
    (where(("model", [*MANY, "101"])), [("OUT_OF_RANGE", "filter.0.in")]),
    # Everything at once, in the order of the input's fields.
    ({
        **PEAK, "invoiceDisplayName": " ", "paymentTerm": "IN_ADVANCE", "model": {"percentage": {"percentage": "5"}},
        "quantity": "1", "filter": [{"name": "model", "in": []}], "cadence": "ONE_TIME", "isObligation": True,
        "periodMinimum": "2", "periodMaximum": "1",
    }, [
        ("BLANK", "invoiceDisplayName"), ("INVALID", "paymentTerm"), ("OUT_OF_RANGE", "model.percentage.percentage"),
        ("INVALID", "model.percentage"), ("INVALID", "quantity"), ("OUT_OF_RANGE", "filter.0.in"),
        ("NOT_FOUND", MODEL), ("INVALID", "cadence"), ("INVALID", "isObligation"), ("OUT_OF_RANGE", "periodMaximum"),
    ]),
]  # fmt: skip

PRICED: list[dict[str, Any]] = [
    {**USAGE, "key": "rest"},
    {**USAGE, "key": "rest-again"},
    {**where(("model", ["large"])), "key": "large"},
    {**where(("model", ["small", "large"])), "key": "small"},
    {**where(("region", ["eu"])), "key": "eu"},
    {**where(("model", ["tiny"]), ("region", ["eu"])), "key": "tiny-eu"},
    {**FEE, "key": "base"},
    {**FEE, "key": "base-again", "cadence": "ONE_TIME"},
    {**FEE, "key": "euros", "currency": "EUR"},
    {**USAGE, "key": "monthly", "cadence": "MONTHLY"},
    {**FEE, "key": "weekly", "cadence": "WEEKLY"},
    {**FEE, "key": "quarterly", "cadence": "QUARTERLY"},
    {**FEE, "key": "yearly", "cadence": "YEARLY"},
]
SECOND = ("INVALID", "priceIds.1")
PLANS: list[tuple[dict[str, Any], Errors]] = [
    # What two prices would charge twice.
    ({"priceIds": ["rest", "rest-again"]}, [SECOND]),
    ({"priceIds": ["large", "small"]}, [SECOND]),
    ({"priceIds": ["large", "eu"]}, [SECOND]),
    ({"priceIds": ["rest", "tiny-eu", "eu"]}, [("INVALID", "priceIds.2")]),
    ({"priceIds": ["base", "base-again"]}, [SECOND]),
    ({"priceIds": ["rest", "rest"]}, [SECOND, SECOND]),
    # Windows that do not fill the interval.
    ({"priceIds": ["yearly"]}, [("INVALID", "priceIds.0")]),
    ({"priceIds": ["rest", "quarterly"]}, [SECOND]),
    ({"priceIds": ["weekly"]}, [("INVALID", "priceIds.0")]),
    ({"priceIds": ["weekly"], "billingInterval": "YEARLY"}, [("INVALID", "priceIds.0")]),
    ({"priceIds": ["monthly"], "billingInterval": "WEEKLY"}, [("INVALID", "priceIds.0")]),
    ({"priceIds": ["yearly"], "billingInterval": "QUARTERLY"}, [("INVALID", "priceIds.0")]),
    # Currencies.
    ({"priceIds": ["euros"]}, [("CURRENCY_MISMATCH", "priceIds.0")]),
    ({"priceIds": ["rest", "base"], "currency": "EUR"}, [
        ("CURRENCY_MISMATCH", "priceIds.0"), ("CURRENCY_MISMATCH", "priceIds.1"),
    ]),
    # Anchors.
    ({"billingAnchor": {}}, [("BLANK", "billingAnchor.day")]),
    ({"billingAnchor": {"day": 0}}, [("OUT_OF_RANGE", "billingAnchor.day")]),
    ({"billingAnchor": {"day": 32}}, [("OUT_OF_RANGE", "billingAnchor.day")]),
    ({"billingAnchor": {"weekday": "MONDAY"}}, [
        ("INVALID", "billingAnchor.weekday"), ("BLANK", "billingAnchor.day"),
    ]),
    ({"billingAnchor": {"day": 1, "month": 1}}, [("INVALID", "billingAnchor.month")]),
    ({"billingAnchor": {"day": 1}, "billingInterval": "WEEKLY"}, [
        ("BLANK", "billingAnchor.weekday"), ("INVALID", "billingAnchor.day"),
    ]),
    ({"billingAnchor": {"day": 1}, "billingInterval": "YEARLY"}, [("BLANK", "billingAnchor.month")]),
    ({"billingAnchor": {"day": 1, "month": 13}, "billingInterval": "YEARLY"}, [
        ("OUT_OF_RANGE", "billingAnchor.month"),
    ]),
    ({"billingAnchor": {"day": 30, "month": 2}, "billingInterval": "YEARLY"}, [("OUT_OF_RANGE", "billingAnchor.day")]),
    ({"billingAnchor": {"day": 31, "month": 4}, "billingInterval": "QUARTERLY"}, [
        ("OUT_OF_RANGE", "billingAnchor.day"),
    ]),
    # Everything at once, in the order of the input's fields.
    ({"name": "", "billingVersion": 2, "billingAnchor": {"day": 0}, "priceIds": ["yearly", "euros", "base-again"]}, [
        ("BLANK", "name"), ("UNSUPPORTED", "billingVersion"), ("OUT_OF_RANGE", "billingAnchor.day"),
        ("INVALID", "priceIds.0"), ("CURRENCY_MISMATCH", "priceIds.1"), ("INVALID", "priceIds.1"),
        ("INVALID", "priceIds.2"),
    ]),
]  # fmt: skip
PLAN = {"productId": "llm", "name": "Pro", "billingInterval": "MONTHLY", "priceIds": ["rest"]}


def with_prices(*prices: dict[str, Any]) -> dict[str, Any]:
    return {**deepcopy(CATALOG), "prices": list(prices)}


async def test_prices_that_can_not_be_billed_are_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, CATALOG)
        before = await snapshot(api)
        wrong = [
            (given, found) for given, errors in PRICES if (found := await api.refused("priceCreate", **given)) != errors
        ]
        assert wrong == []
        assert await snapshot(api) == before


async def test_catalog_documents_refuse_the_same_prices_under_their_paths(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, CATALOG)
        before = await snapshot(api)
        for given, errors in PRICES:
            document = with_prices({**USAGE, "key": "good"}, {**given, "key": "bad"})
            assert await problems(api, document) == [(code, f"prices.1.{field}") for code, field in errors]
        several = [
            place for place, (given, _) in enumerate(PRICES) if "tiers" not in str(given) and len(str(given)) < 400
        ]
        document = with_prices(*({**PRICES[place][0], "key": f"p{place}"} for place in several))
        assert await problems(api, document) == [
            (code, f"prices.{number}.{field}")
            for number, place in enumerate(several)
            for code, field in PRICES[place][1]
        ]
        assert await snapshot(api) == before


async def test_a_percentage_above_one_is_answered_with_a_hint(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, CATALOG)
        given = {**USAGE, "model": {"percentage": {"percentage": "2.9"}}}
        payload = await api.mutate("priceCreate", "price { id }", **given)
        assert payload["userErrors"] == [
            {
                "code": "OUT_OF_RANGE",
                "field": "model.percentage.percentage",
                "message": "Must be 0 to 1, with at most 18 decimals: 0.029 is 2.9 %.",
            }
        ]


async def test_plans_that_can_not_be_billed_are_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, with_prices(*PRICED))
        before = await snapshot(api)
        for given, errors in PLANS:
            assert await api.refused("planCreate", **{**PLAN, **given}) == errors, given
        assert await snapshot(api) == before


async def test_catalog_documents_refuse_the_same_plans_under_their_paths(database_url: str) -> None:
    async with make_api(database_url) as api:
        catalog = with_prices(*PRICED)
        await apply(api, catalog)
        before = await snapshot(api)
        for given, errors in PLANS:
            document = {**catalog, "plans": [{**PLAN, "key": "good"}, {**PLAN, **given, "key": "bad"}]}
            assert await problems(api, document) == [(code, f"plans.1.{field}") for code, field in errors], given
        assert await snapshot(api) == before


#: Numbers that no draft can hold, by where they stand.
TOO_FINE, TOO_LARGE = "0.0000000000000000001", "100000000000000000000"
NUMBERS: list[tuple[str, dict[str, Any]]] = [
    ("model.standard.unitPrice", {"model": {"standard": {"unitPrice": "<n>"}}}),
    ("model.dynamic.minPrice", {"model": {"dynamic": {**SPOT, "minPrice": "<n>"}}}),
    ("model.dynamic.maxPrice", {"model": {"dynamic": {**SPOT, "maxPrice": "<n>"}}}),
    ("model.percentage.percentage", {"model": {"percentage": {"percentage": "<n>"}}}),
    ("model.percentage.fixedCharge", {"model": {"percentage": {**CARDS, "fixedCharge": "<n>"}}}),
    ("model.percentage.minCharge", {"model": {"percentage": {**CARDS, "minCharge": "<n>"}}}),
    ("model.percentage.maxCharge", {"model": {"percentage": {**CARDS, "maxCharge": "<n>"}}}),
    ("model.volume.tiers.0.upTo", {"model": {"volume": {"tiers": [{"upTo": "<n>", "unitPrice": "1"}]}}}),
    ("model.volume.tiers.0.unitPrice", {"model": {"volume": {"tiers": [{"unitPrice": "<n>"}]}}}),
    ("model.graduated.tiers.0.flatPrice", {
        "model": {"graduated": {"tiers": [{"unitPrice": "1", "flatPrice": "<n>"}]}},
    }),
    ("model.package.packageSize", {"model": {"package": {"packageSize": "<n>", "packagePrice": "1"}}}),
    ("model.package.packagePrice", {"model": {"package": {"packageSize": "1", "packagePrice": "<n>"}}}),
    ("model.package.freeUnits", {"model": {"package": {"packageSize": "1", "packagePrice": "1", "freeUnits": "<n>"}}}),
    ("quantity", {"quantity": "<n>"}),
    ("periodMinimum", {"periodMinimum": "<n>"}),
    ("periodMaximum", {"periodMaximum": "<n>"}),
]  # fmt: skip


def numbered(value: Any, number: str) -> Any:
    if isinstance(value, dict):
        return {name: numbered(item, number) for name, item in value.items()}
    if isinstance(value, list):
        return [numbered(item, number) for item in value]
    return number if value == "<n>" else value


async def test_numbers_with_too_many_digits_are_refused_under_their_path(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, CATALOG)
        before = await snapshot(api)
        for path, given in NUMBERS:
            for number, problem in ((TOO_FINE, "18 digits after"), (TOO_LARGE, "20 digits before")):
                price = numbered({**FEE, **given}, number)
                message = await unreadable(api, "priceCreate", price)
                assert f" .{path}:" in message.replace("[", ".").replace("]", ""), message
                assert problem in message
                document = {"catalog": with_prices({**price, "key": "bad"})}
                message = await unreadable(api, "catalogApply", document)
                assert f" .catalog.prices.0.{path}:" in message.replace("[", ".").replace("]", ""), message
        assert await snapshot(api) == before


async def unreadable(api: Api, name: str, given: dict[str, Any]) -> str:
    """Why an input is refused as a whole, before any mutation runs."""
    query = f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ __typename }} }}"
    answer = await api.answer(query, input=given)
    assert answer.get("data") is None
    [error] = answer["errors"]
    return str(error["message"])


async def test_quantities_are_of_fees_of_the_plan(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan = {**PLAN, "key": "pro", "priceIds": ["rest", "base"]}
        await apply(api, {**with_prices(*PRICED), "plans": [plan]})
        base = (await api.gql('{ price(id: "base") { id } }'))["price"]["id"]
        customer = await api.make("customerCreate", name="Acme")
        before = await snapshot(api)
        refused: list[tuple[list[tuple[str, str]], Errors]] = [
            ([("rest", "5")], [("INVALID", "quantities.0.priceId")]),
            ([("nothing", "5")], [("NOT_FOUND", "quantities.0.priceId")]),
            # It is there, and not in this plan.
            ([("quarterly", "5")], [("NOT_FOUND", "quantities.0.priceId")]),
            ([("base", "5"), (base, "5")], [("INVALID", "quantities.1.priceId")]),
            ([("base", "0")], [("OUT_OF_RANGE", "quantities.0.quantity")]),
            ([("base", "-1")], [("OUT_OF_RANGE", "quantities.0.quantity")]),
            ([("rest", "0"), ("base", "1"), ("base", "-1")], [
                ("OUT_OF_RANGE", "quantities.0.quantity"), ("OUT_OF_RANGE", "quantities.2.quantity"),
                ("INVALID", "quantities.0.priceId"), ("INVALID", "quantities.2.priceId"),
            ]),
        ]  # fmt: skip
        for quantities, errors in refused:
            given = [{"priceId": price, "quantity": quantity} for price, quantity in quantities]
            found = await api.refused("subscriptionCreate", customerId=customer, planId="pro", quantities=given)
            assert found == errors
        assert await snapshot(api) == before


async def test_a_price_that_no_longer_goes_with_its_metric_enters_no_plan(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, CATALOG)
        by_model = await api.make("priceCreate", **where(("model", [LARGE]), ("region", ["eu"])))
        cards = await api.make("priceCreate", **{**USAGE, "model": {"percentage": CARDS}})
        changed = deepcopy(CATALOG)
        changed["billableMetrics"][0] |= {"aggregation": "MAX", "groupBy": DIMENSIONS[:1]}
        # Prices without a key stay as they are, and nothing bills the metric yet.
        await apply(api, changed)
        before = await snapshot(api)
        prices = [by_model, cards]
        expected = [("INVALID", "priceIds.0"), ("INVALID", "priceIds.1")]
        assert await api.refused("planCreate", **{**PLAN, "priceIds": prices}) == expected
        document = {**changed, "plans": [{**PLAN, "key": "pro", "priceIds": prices}]}
        assert await problems(api, document) == [(code, f"plans.0.{field}") for code, field in expected]
        # The document that changes the metric is refused as well.
        assert await snapshot(api) == before
        at_once = {**deepcopy(CATALOG), "plans": document["plans"]}
        at_once["billableMetrics"][0] |= {"aggregation": "UNIQUE_COUNT"}
        assert await problems(api, at_once) == [("INVALID", "plans.0.priceIds.1")]
        assert await snapshot(api) == before

"""`pricePreview`: what would it cost, explained, and nothing written."""

from typing import Any

import pytest

from tests.support.api import make_api

QUERY = """query($model: PriceModelInput!, $currency: CurrencyCode!, $of: Decimal, $events: [PricePreviewEventInput!],
  $by: Aggregation, $share: Decimal, $unit: String, $least: Decimal, $most: Decimal) {
  pricePreview(model: $model, currency: $currency, quantity: $of, events: $events, aggregation: $by, share: $share,
      unit: $unit, periodMinimum: $least, periodMaximum: $most) {
    amount { amount } exactAmount explanation {
      steps { operation description input output } notApplied { operation reason } } } }"""
STANDARD = {"standard": {"unitPrice": "0.00002"}}
PERCENTAGE = {"percentage": {"percentage": "0.029", "minCharge": "0.30", "maxCharge": "100"}}
DYNAMIC = {"dynamic": {"minPrice": "0.01", "maxPrice": "5", "unitPriceProperty": "$.price"}}
VOLUME = {"volume": {"tiers": [{"upTo": "100", "unitPrice": "5"}, {"unitPrice": "3"}]}}
GRADUATED = {
    "graduated": {
        "tiers": [
            {"upTo": "10", "unitPrice": "10", "flatPrice": "2"},
            {"upTo": "20", "unitPrice": "5", "flatPrice": "3"},
            {"unitPrice": "5", "flatPrice": "3"},
        ]
    }
}
PACKAGE = {"package": {"packageSize": "100", "packagePrice": "5", "freeUnits": "100"}}


async def test_a_quantity_is_priced_and_explained(database_url: str) -> None:
    async with make_api(database_url) as api:
        found = (await api.gql(QUERY, model=STANDARD, currency="USD", of="1500000"))["pricePreview"]
        assert (found["amount"], found["exactAmount"]) == ({"amount": "30.00"}, "30")
        steps = found["explanation"]["steps"]
        assert [(step["operation"], step["input"], step["output"]) for step in steps] == [
            ("QUANTITY", None, "1500000"),
            ("PRICE", "1500000", "30"),
            ("ROUND", "30", "30"),
        ]
        assert steps[1]["description"] == "1,500,000 \N{MULTIPLICATION SIGN} 0.00002 USD = 30.00 USD"


async def test_events_are_added_up_first(database_url: str) -> None:
    async with make_api(database_url) as api:
        events = [{"value": "1000000.5"}, {"value": "499999.5"}]
        found = (await api.gql(QUERY, model=STANDARD, currency="USD", events=events))["pricePreview"]
        assert found["amount"] == {"amount": "30.00"}
        first = found["explanation"]["steps"][0]
        assert (first["operation"], first["input"], first["output"]) == ("AGGREGATE", "2", "1500000")
        nothing = (await api.gql(QUERY, model=STANDARD, currency="JPY", events=[]))["pricePreview"]
        assert (nothing["amount"], nothing["exactAmount"]) == ({"amount": "0"}, "0")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "quantity"),
        ({"of": "1", "events": []}, "quantity"),
        ({"of": "-1"}, "quantity"),
        ({"of": "1", "model": {"standard": {"unitPrice": "-1"}}}, "model.standard.unitPrice"),
        ({"of": "1", "model": {}}, "PriceModelInput"),
        ({"of": "1", "currency": "XXX"}, "$currency"),
        ({"of": "1", "share": "0"}, "share"),
        ({"of": "1", "share": "1.01"}, "share"),
        ({"of": "1", "unit": ""}, "unit"),
        ({"of": "1", "least": "-1"}, "periodMinimum"),
        ({"of": "1", "least": "2", "most": "1"}, "periodMaximum"),
        ({"of": "1.5", "by": "COUNT"}, "quantity"),
        ({"events": [{"value": "1"}, {}]}, "events.1.value"),
        ({"of": "1", "model": PERCENTAGE}, "give `events`"),
        ({"of": "1", "model": {"percentage": {"percentage": "0.1", "chargeScope": "PER_PERIOD"}}}, "aggregation"),
        ({"of": "1", "share": "2", "least": "-1"}, "share: Must be above 0 and at most 1.; periodMinimum: "),
    ],
)
async def test_a_wrong_argument_is_named(database_url: str, given: dict[str, Any], named: str) -> None:
    async with make_api(database_url) as api:
        [error] = (await api.answer(QUERY, **{"model": STANDARD, "currency": "USD", **given}))["errors"]
        assert error["extensions"] == {"code": "BAD_INPUT"}
        assert named in error["message"]


@pytest.mark.parametrize(
    ("model", "given", "amount"),
    [
        (PERCENTAGE, {"events": [{"value": "10"}]}, "0.30"),
        (PERCENTAGE, {"events": [{"value": "1000"}]}, "29.00"),
        (PERCENTAGE, {"events": [{"value": "10000"}]}, "100.00"),
        (PERCENTAGE, {"events": [{}, {}], "by": "COUNT"}, "0.60"),
        (DYNAMIC, {"events": [{"value": "2", "unitPrice": "3"}, {"value": "10"}, {"value": "1", "unitPrice": "7"}]},
         "11.10"),
        (VOLUME, {"of": "100"}, "500.00"),
        (VOLUME, {"of": "101"}, "303.00"),
        (VOLUME, {"of": "51", "by": "SUM", "share": "0.5"}, "153.00"),
        (VOLUME, {"of": "51", "by": "MAX", "share": "0.5"}, "127.50"),
        (GRADUATED, {"of": "0"}, "2.00"),
        (GRADUATED, {"of": "11"}, "110.00"),
        (GRADUATED, {"of": "21"}, "163.00"),
        (GRADUATED, {"of": "11", "share": "0.5"}, "55.00"),
        (GRADUATED, {"of": "11", "by": "SUM", "share": "0.5"}, "84.00"),
        (PACKAGE, {"of": "201"}, "10.00"),
        (PACKAGE, {"of": "151", "by": "COUNT", "share": "0.5"}, "10.00"),
        (STANDARD, {"of": "-7", "by": "SUM"}, "0.00"),
        (STANDARD, {"of": "1", "least": "10", "share": "0.5"}, "5.00"),
        (STANDARD, {"of": "1000000000", "most": "10"}, "10.00"),
    ],
)  # fmt: skip
async def test_every_model_is_priced_as_on_an_invoice(
    database_url: str, model: dict[str, Any], given: dict[str, Any], amount: str
) -> None:
    async with make_api(database_url) as api:
        found = (await api.gql(QUERY, model=model, currency="USD", **given))["pricePreview"]
        assert found["amount"] == {"amount": amount}


async def test_what_made_no_difference_is_said_too(database_url: str) -> None:
    async with make_api(database_url) as api:
        given = {"of": "1500000", "by": "SUM", "unit": "token", "share": "0.25", "least": "10"}
        explanation = (await api.gql(QUERY, model=STANDARD, currency="USD", **given))["pricePreview"]["explanation"]
        assert [step["description"] for step in explanation["steps"]] == [
            "Sum over 1 event: 1,500,000 token",
            "1,500,000 token \N{MULTIPLICATION SIGN} 0.00002 USD = 30.00 USD",
            "Rounded half up to 2 decimals of USD: 30.00 USD",
        ]
        assert explanation["notApplied"] == [
            {
                "operation": "PRORATE",
                "reason": "This part is 0.25 of a whole period."
                " Usage is charged as it was measured, so nothing is scaled.",
            },
            {"operation": "PERIOD_BOUNDS", "reason": "The charge is not below the least one, 2.50 USD."},
        ]

"""`pricePreview`: what would it cost, explained, and nothing written."""

from typing import Any

import pytest

from tests.support.api import make_api

QUERY = """query($model: PriceModelInput!, $currency: CurrencyCode!, $of: Decimal, $events: [PricePreviewEventInput!]) {
  pricePreview(model: $model, currency: $currency, quantity: $of, events: $events) {
    amount { amount } exactAmount explanation { steps { operation description input output } } } }"""
STANDARD = {"standard": {"unitPrice": "0.00002"}}


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
    ],
)
async def test_a_wrong_argument_is_named(database_url: str, given: dict[str, Any], named: str) -> None:
    async with make_api(database_url) as api:
        [error] = (await api.answer(QUERY, **{"model": STANDARD, "currency": "USD", **given}))["errors"]
        assert error["extensions"] == {"code": "BAD_INPUT"}
        assert named in error["message"]

"""Scalars: one way of writing a value, every digit kept, everything else refused with the place named."""

from typing import Any

import pytest

from app import models
from tests.support.api import make_api

CLOCK = 'mutation($now: DateTime) { testClockCreate(input: { name: "c", now: $now }) { testClock { now } } }'
PRICE = """query($price: Decimal!, $of: Decimal) {
  pricePreview(model: { standard: { unitPrice: $price } }, currency: %s, quantity: $of) {
    exactAmount amount { amount currency } } }"""


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
        ("2026-01-31t01:30:00.25+01:30", "2026-01-31T00:00:00.250000Z"),
        ("2024-02-29T23:59:59.999999-00:00", "2024-02-29T23:59:59.999999Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
async def test_instants_are_answered_in_utc(database_url: str, sent: str, answered: str) -> None:
    async with make_api(database_url) as api:
        payload = (await api.gql(CLOCK, now=sent))["testClockCreate"]
        assert payload["testClock"] == {"now": answered}
        clocks = await api.gql("{ testClocks { nodes { now } } }")
        assert clocks["testClocks"]["nodes"] == [{"now": answered}]


async def test_other_ways_to_write_an_instant_are_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        wrong: list[Any] = [
            "2026-01-31", "2026-01-31T00:00:00", "2026-01-31 00:00:00Z", "2026-01-31T00:00Z", "20260131T000000Z",
            "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T00:00:60Z", "2026-01-31T00:00:00.1234567Z",
            "1969-12-31T23:59:59Z", "2501-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "2026-01-31T00:00:00+25:00",
            "٢٠٢٦-01-31T00:00:00Z", "", "now", 0, 1769817600, True, [], {}, "2026-01-31T00:00:00Z ",
        ]  # fmt: skip
        for now in wrong:
            assert await api.code(CLOCK, now=now) == "BAD_INPUT", now
        literal = 'mutation { testClockCreate(input: { name: "c", now: "tomorrow" }) { testClock { id } } }'
        assert await api.code(literal) == "GRAPHQL_VALIDATION_FAILED"
        assert await api.rows(models.TestClock) == []


@pytest.mark.parametrize(
    ("price", "quantity", "currency", "exact", "amount"),
    [
        ("0.00002", "1500000", "USD", "30", "30.00"),
        (2, 3, "JPY", "6", "6"),
        ("0.0005", "1", "KWD", "0.0005", "0.001"),
        ("0.00005", "1", "CLF", "0.00005", "0.0001"),
        ("0.005", "1", "USD", "0.005", "0.01"),
        ("9" * 20, "9" * 20, "USD", "9999999999999999999800000000000000000001", None),
        ("0.000000001", "0.000000001", "USD", "0.000000000000000001", "0.00"),
        ("1", "0", "USD", "0", "0.00"),
    ],
)
async def test_decimals_are_exact(
    database_url: str, price: Any, quantity: Any, currency: str, exact: str, amount: str | None
) -> None:
    async with make_api(database_url) as api:
        query = PRICE.replace("%s", f'"{currency}"')
        found = (await api.gql(query, price=price, of=quantity))["pricePreview"]
        expected = {"amount": amount or f"{exact}.00", "currency": currency}
        assert found == {"exactAmount": exact, "amount": expected}


async def test_numbers_of_json_and_literals_lose_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        # Sent as text, since Python's own writer of JSON would go through a float.
        query = PRICE.replace("%s", '\\"USD\\"').replace("\n", " ")
        body = f'{{"query":"{query}","variables":{{"price":0.100000000000000001,"of":1}}}}'
        answer = (await api.post(body.encode())).json()
        assert answer["data"]["pricePreview"]["exactAmount"] == "0.100000000000000001"
        literal = """{ pricePreview(model: { standard: { unitPrice: 12345678901234567890.100000000000000001 } },
          currency: "USD", quantity: "1") { exactAmount } }"""
        assert (await api.gql(literal))["pricePreview"] == {"exactAmount": "12345678901234567890.100000000000000001"}


async def test_other_decimals_are_refused(database_url: str) -> None:
    async with make_api(database_url) as api:
        wrong: list[Any] = [
            "NaN", "sNaN", "Infinity", "1e5", "1E5", " 1", "1 ", "1_0", "1,0", "٣", "+1", ".5", "5.", "", "0x10", "--1",
            "1" * 21, "0." + "1" * 19, 10**20, True, [], {}, "1\n",
        ]  # fmt: skip
        for price in wrong:
            answer = await api.answer(PRICE.replace("%s", '"USD"'), price=price, of="1")
            assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT", price
            assert "$price" in answer["errors"][0]["message"]
        literal = (
            '{ pricePreview(model: { standard: { unitPrice: 1e5 } }, currency: "USD", quantity: 1) { exactAmount } }'
        )
        assert await api.code(literal) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("currency", ["usd", "XXX", "XAU", "US", "", "DEM", "USD "])
async def test_unknown_currencies_are_refused(database_url: str, currency: str) -> None:
    async with make_api(database_url) as api:
        assert await api.code(PRICE.replace("%s", f'"{currency}"'), price="1", of="1") == "GRAPHQL_VALIDATION_FAILED"
        update = "mutation($c: CurrencyCode!) { merchantUpdate(input: { defaultCurrency: $c }) { merchant { id } } }"
        assert await api.code(update, c=currency) == "BAD_INPUT"


@pytest.mark.parametrize(
    ("target", "variables"),
    [
        ('{ billableMetricId: "a", feeId: "b" }', {}),
        ("{}", {}),
        ("{ feeId: null }", {}),
        ("{ billableMetricId: $a, feeId: $b }", {"a": "x", "b": "y"}),
        ("{ feeId: $a }", {}),
        ("$t", {"t": {"billableMetricId": "a", "feeId": "b"}}),
        ("$t", {"t": {"feeId": None}}),
        ("$t", {"t": {}}),
        ("$t", {"t": {"other": "x"}}),
    ],
)
async def test_a_one_of_takes_exactly_one_key(database_url: str, target: str, variables: dict[str, Any]) -> None:
    async with make_api(database_url) as api:
        kinds = {"a": "ID", "b": "ID", "t": "PriceTargetInput!"}
        used = ", ".join(f"${name}: {kind}" for name, kind in kinds.items() if f"${name}" in target)
        rest = 'paymentTerm: IN_ADVANCE, invoiceDisplayName: "x", model: { standard: { unitPrice: "1" } }'
        query = f"mutation M({used})" if used else "mutation M"
        query += f" {{ priceCreate(input: {{ target: {target}, {rest} }}) {{ price {{ id }} }} }}"
        answer = await api.answer(query, **variables)
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert codes <= {"BAD_INPUT", "GRAPHQL_VALIDATION_FAILED"}
        assert await api.rows(models.Price) == []


async def test_metadata_is_strings_only_however_it_is_written(database_url: str) -> None:
    async with make_api(database_url) as api:
        create = """mutation { productCreate(input: { name: "x", metadata: %s }) {
          product { metadata } userErrors { field } } }"""
        made = (await api.gql(create.replace("%s", '{ a: "1", b: "é" }')))["productCreate"]
        assert made == {"product": {"metadata": {"a": "1", "b": "é"}}, "userErrors": []}
        for metadata in ("{ a: 1 }", "{ a: 1.5e3 }", "{ a: null }", "{ a: [] }", "{ a: { b: [RED, true] } }"):
            refused = (await api.gql(create.replace("%s", metadata)))["productCreate"]
            assert refused == {"product": None, "userErrors": [{"field": "metadata.a"}]}
        for metadata in ("[]", "5", '"x"'):
            refused = (await api.gql(create.replace("%s", metadata)))["productCreate"]
            assert refused == {"product": None, "userErrors": [{"field": "metadata"}]}

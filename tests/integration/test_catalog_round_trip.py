"""A catalog with all that prices and plans can say is exported, read from a file, and applied with nothing to do."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType

from app.cli.catalog_file import FileFormat, load_catalog, write_catalog
from app.graphql import schema
from tests.integration.test_refusals import snapshot
from tests.support.api import Api, make_api
from tests.support.catalog import apply, told

METRIC = {"productId": "llm", "unit": "token", "eventType": "inference"}
DIMENSIONS = [{"name": "model", "path": "$.model"}, {"name": "region", "path": "$.deep.region"}]
TIERS = [
    {"upTo": "10", "unitPrice": "10", "flatPrice": "2"},
    {"upTo": "20.5", "unitPrice": "5"},
    {"unitPrice": "0.000000000000000001", "flatPrice": "3"},
]
MODELS: dict[str, dict[str, Any]] = {
    "standard": {"unitPrice": "0.00002"},
    "rebate": {"unitPrice": "-0.5"},
    "dynamic": {"minPrice": "0", "maxPrice": "5", "unitPriceProperty": "$.price"},
    "percentage": {
        "percentage": "0.029",
        "fixedCharge": "0.3",
        "minCharge": "0",
        "maxCharge": "100",
        "chargeScope": "PER_EVENT",
    },
    "take-rate": {"percentage": "1", "chargeScope": "PER_PERIOD"},
    "volume": {"tiers": TIERS},
    "graduated": {"tiers": TIERS},
    "package": {"packageSize": "100", "packagePrice": "5", "freeUnits": "99999999999999999999.999999999999999999"},
    "boxes": {"packageSize": "0.5", "packagePrice": "0"},
}
KINDS = {"rebate": "standard", "take-rate": "percentage", "boxes": "package"}
# Names and values that YAML would take for something else than a text.
VALUES = ["large", "no", "1.0", "2026-01-01", "ja: nein # oder", "\N{CHERRIES}", "null", "~"]


def metered(name: str) -> dict[str, Any]:
    """A price of a model, for a value of its own."""
    return {
        "key": name,
        "target": {"billableMetricId": "tokens"},
        "invoiceDisplayName": name.title(),
        "paymentTerm": "IN_ARREARS",
        "currency": "USD",
        "model": {KINDS.get(name, name): MODELS[name]},
        "filter": [{"name": "model", "in": [name, f"{name}: 2"]}, {"name": "region", "in": VALUES}],
    }


def fee(key: str, fee_key: str, **given: Any) -> dict[str, Any]:
    """A price of 49 in advance for a fee."""
    return {
        "key": key,
        "target": {"feeId": fee_key},
        "invoiceDisplayName": key.title(),
        "paymentTerm": "IN_ADVANCE",
        "currency": "USD",
        "model": {"standard": {"unitPrice": "49"}},
        **given,
    }


def plan(key: str, interval: str, prices: list[str], **given: Any) -> dict[str, Any]:
    return {
        "key": key,
        "productId": "llm",
        "name": key.title(),
        "billingInterval": interval,
        "currency": "USD",
        "billingVersion": 1,
        **given,
        "priceIds": prices,
    }


ALL = [*MODELS, "rest", "seats", "base", "set-up"]
EVERYTHING: dict[str, list[dict[str, Any]]] = {
    "products": [{"key": "llm", "name": "LLM"}],
    "billableMetrics": [
        {**METRIC, "key": "tokens", "name": "T", "aggregation": "SUM", "valueProperty": "$.t", "groupBy": DIMENSIONS}
    ],
    "fees": [{"key": name, "productId": "llm", "name": name} for name in ("seat", "platform", "onboarding")],
    "prices": [
        *map(metered, MODELS),
        {**metered("standard"), "key": "rest", "filter": [], "periodMinimum": "0", "periodMaximum": "100.5"},
        fee("seats", "seat", quantity="5", paymentTerm="IN_ARREARS", model={"graduated": {"tiers": TIERS}}),
        fee("base", "platform", isObligation=True, cadence="MONTHLY", periodMinimum="10"),
        fee("set-up", "onboarding", cadence="ONE_TIME"),
        fee("weekly", "platform", cadence="WEEKLY"),
        fee("quarterly", "platform", cadence="QUARTERLY"),
        fee("yearly", "platform", cadence="YEARLY", periodMaximum="1000"),
    ],
    "plans": [
        plan("monthly", "MONTHLY", ALL, billingAnchor={"day": 31}, taxBehavior="INCLUSIVE"),
        plan("yearly-leap", "YEARLY", [*ALL[:-1], "set-up"], billingAnchor={"day": 29, "month": 2}),
        plan("by-year", "YEARLY", ["rest", "yearly"]),
        plan("by-quarter", "QUARTERLY", ["quarterly"], billingAnchor={"day": 31, "month": 1}),
        plan("by-week", "WEEKLY", ["weekly"], billingAnchor={"weekday": "SUNDAY"}),
    ],
}
del EVERYTHING["prices"][len(MODELS)]["filter"]


def read(file: Path) -> dict[str, Any]:
    """The catalog in a file, as the command line reads it."""
    kind = schema._schema.type_map["CatalogInput"]
    assert isinstance(kind, GraphQLInputObjectType)
    return load_catalog(str(file), None, kind).catalog


async def exported(api: Api) -> Any:
    return (await api.gql("{ catalogExport }"))["catalogExport"]


async def test_all_that_a_catalog_can_say_is_made_and_exported_exactly(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await apply(api, EVERYTHING)
        assert {change["action"] for change in made} == {"CREATE"}
        assert len(made) == sum(map(len, EVERYTHING.values()))
        assert await exported(api) == EVERYTHING
        before = await snapshot(api)
        assert {action for action, *_ in told(await apply(api, EVERYTHING))} == {"UNTOUCHED"}
        assert await snapshot(api) == before


@pytest.mark.parametrize("form", FileFormat)
async def test_it_is_read_from_a_file_and_applied_with_nothing_to_do(
    database_url: str, tmp_path: Path, form: FileFormat
) -> None:
    async with make_api(database_url) as api:
        await apply(api, EVERYTHING)
        file = tmp_path / f"catalog.{form}"
        file.write_text(write_catalog(await exported(api), form))
        catalog = read(file)
        assert catalog == EVERYTHING
        assert {action for action, *_ in told(await apply(api, catalog))} == {"UNTOUCHED"}
        await apply(api.in_sandbox(), catalog)
        assert await exported(api.in_sandbox()) == EVERYTHING


async def test_numbers_written_otherwise_are_no_change(database_url: str, tmp_path: Path) -> None:
    async with make_api(database_url) as api:
        await apply(api, EVERYTHING)
        text = write_catalog(EVERYTHING, FileFormat.YAML)
        for written, otherwise in (
            ('unitPrice: "0.00002"', "unitPrice: 0.0000200"),
            ('upTo: "20.5"', "upTo: 20.50"),
            ('quantity: "5"', 'quantity: "5.000"'),
            ('periodMaximum: "100.5"', "periodMaximum: 100.50"),
        ):
            assert written in text
            text = text.replace(written, otherwise)
        (tmp_path / "catalog.yaml").write_text(text)
        catalog = read(tmp_path / "catalog.yaml")
        assert {action for action, *_ in told(await apply(api, catalog))} == {"UNTOUCHED"}

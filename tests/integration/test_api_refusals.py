"""Bad input by GraphQL: every problem at once, in the order of the input's fields, and nothing written."""

from typing import Any

import pytest

from app import models
from tests.integration.test_api_catalog import a_fee_price, a_metric
from tests.support.api import Api, make_api
from tests.support.world import World

Problems = list[tuple[str, str | None]]


async def problems(api: Api, name: str, /, **given: Any) -> Problems:
    """Run a mutation that is refused; return codes and fields."""
    noun = name.removesuffix("Create").removesuffix("Update")
    payload = await api.mutate(name, f"{noun} {{ id }}", **given)
    assert payload[noun] is None
    assert all(error["message"] for error in payload["userErrors"])
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def rows(api: Api, *nouns: type[Any]) -> list[Any]:
    world = World(api.sessions, api.clock, principal=None)  # type: ignore[arg-type]  # only its rows are asked for
    return [row for noun in nouns for row in await world.rows(noun)]


async def test_all_problems_of_a_product_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        given = {"metadata": {"a": 1, "b": "x" * 501}, "description": "x" * 2001, "name": "  ", "key": "No Key"}
        assert await problems(api, "productCreate", **given) == [
            ("INVALID", "key"),
            ("BLANK", "name"),
            ("TOO_LONG", "description"),
            ("INVALID", "metadata.a"),
            ("TOO_LONG", "metadata.b"),
        ]
        assert await rows(api, models.Product, models.AuditEntry, models.IdempotencyRecord) == await rows(
            api, models.AuditEntry
        )


async def test_all_problems_of_a_metric_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        found = await problems(
            api,
            "billableMetricCreate",
            groupBy=[{"name": "1st", "path": "model"}],
            aggregation="SUM",
            eventType="",
            unit="token",
            name="Tokens",
            productId="nothing",
            key="prod_06bq2m7v1s9e4k8x0t3y5z7w2c",
        )
        assert found == [
            ("INVALID", "key"),
            ("NOT_FOUND", "productId"),
            ("BLANK", "eventType"),
            ("BLANK", "valueProperty"),
            ("INVALID", "groupBy.0.name"),
            ("INVALID", "groupBy.0.path"),
        ]
        assert await rows(api, models.BillableMetric) == []


async def test_all_problems_of_a_price_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        metric = await a_metric(api, await api.make("productCreate", name="Engine"))
        given: dict[str, Any] = {
            "target": {"billableMetricId": metric},
            "invoiceDisplayName": "",
            "paymentTerm": "IN_ADVANCE",
            "model": {"standard": {"unitPrice": "-1"}},
            "quantity": "3",
        }
        assert await problems(api, "priceCreate", **given) == [
            ("BLANK", "invoiceDisplayName"),
            ("INVALID", "paymentTerm"),
            ("OUT_OF_RANGE", "model.standard.unitPrice"),
            ("INVALID", "quantity"),
        ]
        absent = {**given, "target": {"feeId": metric}}
        assert ("NOT_FOUND", "target.feeId") in await problems(api, "priceCreate", **absent)
        assert await rows(api, models.Price) == []


async def test_all_problems_of_a_plan_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        other = await api.make("productCreate", name="Other")
        price = await a_fee_price(api, product, currency="EUR")
        foreign = await a_fee_price(api, other, currency="USD")
        found = await problems(
            api,
            "planCreate",
            productId=product,
            name="",
            billingInterval="MONTHLY",
            currency="USD",
            billingVersion=0,
            priceIds=[price, "absent", foreign],
        )
        assert found == [
            ("BLANK", "name"),
            ("UNSUPPORTED", "billingVersion"),
            ("CURRENCY_MISMATCH", "priceIds.0"),
            ("NOT_FOUND", "priceIds.1"),
            ("PRODUCT_MISMATCH", "priceIds.2"),
        ]
        assert await rows(api, models.Plan, models.PlanVersion, models.PlanVersionPrice) == []


async def test_keys_and_external_ids_are_unique_within_an_environment(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.make("productCreate", name="Engine", key="engine")
        assert await problems(api, "productCreate", name="Other", key="engine") == [("TAKEN", "key")]
        await api.make("customerCreate", name="Acme", externalId="acme-1")
        assert await problems(api, "customerCreate", name="", externalId="acme-1") == [
            ("TAKEN", "externalId"),
            ("BLANK", "name"),
        ]
        sandbox = api.in_sandbox()
        await sandbox.make("productCreate", name="Engine", key="engine")
        await sandbox.make("customerCreate", name="Acme", externalId="acme-1")


async def test_what_is_foreign_reads_like_what_never_was(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        sandbox = api.in_sandbox()
        for absent in (product, "prod_00000000000000000000000000", "engine", "x" * 3000, ""):
            assert await problems(sandbox, "productUpdate", id=absent, name="Mine") == [("NOT_FOUND", "id")]
            assert await problems(sandbox, "feeCreate", productId=absent, name="Fee") == [("NOT_FOUND", "productId")]
        assert [row.name for row in await rows(api, models.Product)] == ["Engine"]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": "c", "now": "1970-01-01T00:00:00Z"}, None, None),
        ({"name": "c", "now": "2500-12-31T00:00:00Z"}, "OUT_OF_RANGE", "now"),
        ({"name": " "}, "BLANK", "name"),
    ],
)
async def test_a_clock_stands_within_the_calendar(
    database_url: str, given: dict[str, Any], code: str | None, field: str | None
) -> None:
    async with make_api(database_url) as api:
        payload = await api.mutate("testClockCreate", "testClock { id }", **given)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == ([(code, field)] if code else [])


async def test_a_subscription_needs_one_plan(database_url: str) -> None:
    async with make_api(database_url) as api:
        found = await problems(api, "subscriptionCreate", customerId="cus_x", paymentTermDays=366)
        assert found == [("NOT_FOUND", "customerId"), ("BLANK", "planId"), ("OUT_OF_RANGE", "paymentTermDays")]
        assert await rows(api, models.Subscription, models.Invoice) == []

"""The catalog by GraphQL: what is created is read back exactly, and what is changed changes alone."""

from typing import Any

import pytest

from app import models
from tests.support.api import Api, make_api

METRIC = """billableMetric { key name description unit eventType aggregation
  valueProperty eventFrom groupBy { name path } }"""
PRICE = """price { key invoiceDisplayName paymentTerm currency quantity
  model { __typename ... on StandardPrice { unitPrice } }
  target { billableMetric { id } fee { id } } product { id } }"""
PLAN = """plan { key name description billingInterval currency billingVersion product { id }
  defaultVersion { number publishedAt plan { name } prices { invoiceDisplayName } } versions { totalCount } }"""


async def a_metric(api: Api, product_id: str, **given: Any) -> str:
    usual = {"name": "Tokens", "unit": "token", "eventType": "inference", "aggregation": "COUNT"}
    return await api.make("billableMetricCreate", productId=product_id, **{**usual, **given})


async def a_fee_price(api: Api, product_id: str, **given: Any) -> str:
    fee = await api.make("feeCreate", productId=product_id, name="Platform fee")
    usual = {
        "target": {"feeId": fee},
        "invoiceDisplayName": "Platform fee",
        "paymentTerm": "IN_ADVANCE",
        "model": {"standard": {"unitPrice": "49.00"}},
    }
    return await api.make("priceCreate", **{**usual, **given})


async def test_a_product_is_read_back_and_changed(database_url: str) -> None:
    async with make_api(database_url) as api:
        given = {"key": "engine", "name": "Engine ✓", "description": "Tokens\nby the million", "metadata": {"a": "1"}}
        fields = "product { id key name description metadata createdAt }"
        made = (await api.mutate("productCreate", fields, **given))["product"]
        assert made == {"id": made["id"], "createdAt": "2026-01-31T00:00:00Z", **given}
        by_key = await api.gql('{ product(id: "engine") { id } }')
        assert by_key == {"product": {"id": made["id"]}}
        changes: dict[str, Any] = {"name": "Motor", "description": None}
        changed = (await api.mutate("productUpdate", fields, id="engine", **changes))["product"]
        assert changed == {**made, **changes}


async def test_a_metric_is_read_back_and_changed(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        given = {
            "key": "tokens",
            "name": "Output tokens",
            "description": None,
            "unit": "token",
            "eventType": "inference.completed",
            "aggregation": "SUM",
            "valueProperty": "$.usage.tokens",
            "groupBy": [{"name": "model", "path": "$.model"}],
            "eventFrom": "2026-01-01T02:00:00.5+02:00",
        }
        made = (await api.mutate("billableMetricCreate", METRIC, productId=product, **given))["billableMetric"]
        assert made == {**given, "eventFrom": "2026-01-01T00:00:00.500000Z"}
        changed = await api.mutate("billableMetricUpdate", METRIC, id="tokens", unit="tok")
        assert changed["billableMetric"] == {**made, "unit": "tok"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0.00002", "0.00002"),
        ("49.00", "49"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        (12345678901234567890, "12345678901234567890"),
        ("0.000000000000000001", "0.000000000000000001"),
    ],
)
async def test_a_price_keeps_every_digit(database_url: str, sent: object, kept: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        metric = await a_metric(api, product)
        given = {"invoiceDisplayName": "Tokens", "paymentTerm": "IN_ARREARS", "currency": "JPY"}
        model = {"standard": {"unitPrice": sent}}
        payload = await api.mutate("priceCreate", PRICE, target={"billableMetricId": metric}, model=model, **given)
        assert payload["price"] == {
            **given,
            "key": None,
            "quantity": None,
            "model": {"__typename": "StandardPrice", "unitPrice": kept},
            "target": {"billableMetric": {"id": metric}, "fee": None},
            "product": {"id": product},
        }


async def test_a_price_of_a_used_version_keeps_its_name_and_takes_a_key(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        price = await a_fee_price(api, product, quantity="2.5")
        fields = "price { key invoiceDisplayName quantity currency }"
        renamed = await api.mutate("priceUpdate", fields, id=price, invoiceDisplayName="Base fee")
        expected = {"key": None, "invoiceDisplayName": "Base fee", "quantity": "2.5", "currency": "USD"}
        assert renamed["price"] == expected
        await api.make("planCreate", productId=product, name="Pro", billingInterval="MONTHLY", priceIds=[price])
        refused = await api.mutate("priceUpdate", fields, id=price, invoiceDisplayName="Other")
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [
            ("IN_USE", "invoiceDisplayName")
        ]
        keyed = await api.mutate("priceUpdate", fields, id=price, key="base")
        assert keyed["price"] == {**expected, "key": "base"}


async def test_a_plan_is_made_of_prices_in_their_order(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", key="engine", name="Engine")
        metric = await a_metric(api, product)
        first = await a_fee_price(api, product, key="base")
        second = await api.make(
            "priceCreate",
            target={"billableMetricId": metric},
            invoiceDisplayName="Tokens",
            paymentTerm="IN_ARREARS",
            model={"standard": {"unitPrice": "1"}},
        )
        payload = await api.mutate(
            "planCreate", PLAN, productId="engine", name="Pro", billingInterval="YEARLY", priceIds=[second, "base"]
        )
        assert payload["plan"] == {
            "key": None,
            "name": "Pro",
            "description": None,
            "billingInterval": "YEARLY",
            "currency": "USD",
            "billingVersion": 1,
            "product": {"id": product},
            "defaultVersion": {
                "number": 1,
                "publishedAt": "2026-01-31T00:00:00Z",
                "plan": {"name": "Pro"},
                "prices": [{"invoiceDisplayName": "Tokens"}, {"invoiceDisplayName": "Platform fee"}],
            },
            "versions": {"totalCount": 1},
        }
        edges = await api.gql(
            "query($id: ID!) { price(id: $id) { planVersions { nodes { number plan { name } } } } }", id=first
        )
        assert edges["price"]["planVersions"]["nodes"] == [{"number": 1, "plan": {"name": "Pro"}}]


async def test_a_customer_is_read_back_and_changed(database_url: str) -> None:
    async with make_api(database_url) as api:
        clock = await api.make("testClockCreate", name="clock", now="2026-03-01T00:00:00+01:00")
        fields = "customer { id externalId name email metadata createdAt testClock { id now } }"
        given = {"externalId": "acme-1", "name": "Acme", "email": "billing@acme.example", "metadata": {}}
        made = (await api.mutate("customerCreate", fields, testClockId=clock, **given))["customer"]
        midnight = "2026-02-28T23:00:00Z"
        on_clock = {"createdAt": midnight, "testClock": {"id": clock, "now": midnight}}
        assert made == {"id": made["id"], **given, **on_clock}
        changed = await api.mutate("customerUpdate", fields, id=made["id"], email=None, metadata={"tier": "gold"})
        assert changed["customer"] == {**made, "email": None, "metadata": {"tier": "gold"}}


async def test_every_change_leaves_an_audit_entry_of_its_key(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        await api.mutate("productUpdate", "product { id }", id=product, name="Motor")
        entries = [entry for entry in await api.rows(models.AuditEntry) if entry.subject_id == product]
        [key] = await api.rows(models.ApiKey)
        assert [(entry.actor, entry.change) for entry in entries] == [(key.id, "CREATE"), (key.id, "UPDATE")]
        assert (entries[1].before, entries[1].after) == ({"name": "Engine"}, {"name": "Motor"})

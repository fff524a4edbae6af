"""Metrics, prices and plans that tests of what something costs are made of, named by their keys."""

from typing import Any

from tests.support.api import Api


def standard(unit_price: str) -> dict[str, Any]:
    return {"standard": {"unitPrice": unit_price}}


async def make_metric(api: Api, key: str, aggregation: str, **given: Any) -> None:
    values = {"productId": "llm", "name": key, "unit": "unit", "eventType": key, "aggregation": aggregation}
    await api.make("billableMetricCreate", key=key, **{**values, **given})


async def make_price(api: Api, key: str, model: dict[str, Any], target: dict[str, str], **given: Any) -> None:
    values = {"invoiceDisplayName": key, "paymentTerm": "IN_ARREARS", "model": model, "target": target}
    await api.make("priceCreate", key=key, **{**values, **given})


async def make_plan(api: Api, keys: list[str], **given: Any) -> str:
    """Make a quarterly plan of the product `llm`, unless another interval is given; return its id."""
    values = {"productId": "llm", "name": "Pro", "billingInterval": "QUARTERLY", "currency": "USD", "priceIds": keys}
    return await api.make("planCreate", **{**values, **given})

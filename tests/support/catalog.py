"""A catalog document of an LLM product, and changes of it."""

from copy import deepcopy
from typing import Any

from tests.support.api import Api

LLM: dict[str, list[dict[str, Any]]] = {
    "products": [{"key": "llm", "name": "LLM inference", "metadata": {"team": "search"}}],
    "billableMetrics": [
        {
            "key": "output-tokens",
            "productId": "llm",
            "name": "Output tokens",
            "unit": "token",
            "eventType": "inference.completed",
            "aggregation": "SUM",
            "valueProperty": "$.tokens",
            "groupBy": [{"name": "model", "path": "$.model"}],
            "eventFrom": "2026-01-01T00:00:00Z",
        }
    ],
    "fees": [{"key": "platform", "productId": "llm", "name": "Platform fee", "description": "Per workspace"}],
    "prices": [
        {
            "key": "output-tokens-2026",
            "target": {"billableMetricId": "output-tokens"},
            "invoiceDisplayName": "Output tokens",
            "paymentTerm": "IN_ARREARS",
            "currency": "USD",
            "model": {"standard": {"unitPrice": "0.00002"}},
        },
        {
            "key": "platform-2026",
            "target": {"feeId": "platform"},
            "invoiceDisplayName": "Platform fee",
            "paymentTerm": "IN_ADVANCE",
            "currency": "USD",
            "model": {"standard": {"unitPrice": "49"}},
            "quantity": "2.5",
        },
    ],
    "plans": [
        {
            "key": "pro",
            "productId": "llm",
            "name": "Pro",
            "billingInterval": "MONTHLY",
            "currency": "USD",
            "billingVersion": 1,
            "priceIds": ["output-tokens-2026", "platform-2026"],
        }
    ],
}

CHANGES = """changes {
  action noun key object { __typename id } fields { field before after }
  affected { subscriptionCount customers { name } }
} dryRun"""


def changed(*path_and_value: Any) -> dict[str, Any]:
    """Return the document with the value at a path replaced by the last argument."""
    document: dict[str, Any] = deepcopy(LLM)
    *path, name, value = path_and_value
    place: Any = document
    for step in path:
        place = place[step]
    place[name] = value
    return document


async def apply(api: Api, catalog: dict[str, Any], *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Apply a document, which must be accepted, and return what happened."""
    payload = await api.mutate("catalogApply", CHANGES, catalog=catalog, dryRun=dry_run)
    assert (payload["userErrors"], payload["dryRun"]) == ([], dry_run)
    changes: list[dict[str, Any]] = payload["changes"]
    return changes


async def problems(api: Api, catalog: dict[str, Any]) -> list[tuple[str, str]]:
    """Apply a document that is refused, and return the codes and paths of its problems, the same as in a dry run."""
    found = []
    for dry_run in (True, False):
        payload = await api.mutate("catalogApply", CHANGES, catalog=catalog, dryRun=dry_run)
        assert payload["changes"] == []
        found.append([(error["code"], error["field"].removeprefix("catalog.")) for error in payload["userErrors"]])
    assert found[0] == found[1]
    return found[0]


def told(changes: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what happened in short."""
    return [(change["action"], change["noun"], change["key"]) for change in changes]

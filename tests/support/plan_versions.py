"""A plan with prices that versions of it can hold, and the mutations of versions in short."""

from typing import Any

from tests.support.api import Api

VERSION = "id number publishedAt isDefault prices { key }"


async def make_plan(api: Api) -> str:
    """Make the plan `pro` of the price `small`, and prices that fit it or do not; return the plan's id."""
    for key in ("llm", "other"):
        await api.make("productCreate", key=key, name=key)
        await api.make("feeCreate", key=f"{key}-seat", productId=key, name="Seat")
    metric = await api.make(
        "billableMetricCreate", productId="llm", name="Tokens", unit="token", eventType="inference", aggregation="COUNT"
    )
    await make_price(api, "small", {"feeId": "llm-seat"}, "5")
    await make_price(api, "large", {"feeId": "llm-seat"}, "9")
    await make_price(api, "euros", {"feeId": "llm-seat"}, "5", currency="EUR")
    await make_price(api, "elsewhere", {"feeId": "other-seat"}, "5")
    await make_price(api, "tokens", {"billableMetricId": metric}, "0.00002", paymentTerm="IN_ARREARS")
    old = await make_price(api, "old", {"feeId": "llm-seat"}, "4")
    await api.mutate("catalogArchive", "__typename", id=old)
    given = {"key": "pro", "productId": "llm", "name": "Pro", "billingInterval": "MONTHLY", "priceIds": ["small"]}
    return await api.make("planCreate", **given)


async def make_price(api: Api, key: str, target: dict[str, str], unit_price: str, **given: Any) -> str:
    """Make a price, due in advance unless it says otherwise; return its id."""
    model = {"standard": {"unitPrice": unit_price}}
    usual = {"invoiceDisplayName": "Seat", "paymentTerm": "IN_ADVANCE", "model": model}
    return await api.make("priceCreate", key=key, target=target, **{**usual, **given})


async def draft(api: Api, *prices: str) -> str:
    """Make a draft of the plan `pro`; return its id."""
    payload = await api.mutate("planVersionCreate", "planVersion { id }", planId="pro", priceIds=list(prices))
    assert payload["userErrors"] == []
    return str(payload["planVersion"]["id"])


async def changed_prices(api: Api, version: str, *prices: str) -> dict[str, Any]:
    """Give a draft other prices; return it in short."""
    return await _done(api, "planVersionUpdate", planVersionId=version, priceIds=list(prices))


async def publish(api: Api, version: str, **given: Any) -> dict[str, Any]:
    """Publish a draft; return it in short."""
    return await _done(api, "planVersionPublish", planVersionId=version, **given)


async def make_default(api: Api, version: str) -> dict[str, Any]:
    """Make a version the default; return it in short."""
    return await _done(api, "planVersionMakeDefault", planVersionId=version)


async def versions_of(api: Api) -> list[dict[str, Any]]:
    """Return the versions of the plan `pro` in short, by their numbers."""
    found = await api.gql(
        f'{{ plan(id: "pro") {{ versions(first: 100, orderBy: {{ field: NUMBER }}) {{ nodes {{ {VERSION} }} }} }} }}'
    )
    return [_short(version) for version in found["plan"]["versions"]["nodes"]]


async def _done(api: Api, name: str, **given: Any) -> dict[str, Any]:
    payload = await api.mutate(name, f"planVersion {{ {VERSION} }}", **given)
    assert payload["userErrors"] == []
    return _short(payload["planVersion"])


def _short(version: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": version["number"],
        "published": version["publishedAt"] is not None,
        "isDefault": version["isDefault"],
        "prices": [price["key"] for price in version["prices"]],
    }

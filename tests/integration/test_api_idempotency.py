"""Idempotency keys: one result however often and however concurrently a mutation is sent."""

import asyncio
from typing import Any

import pytest

from app import models
from tests.support.api import Api, make_api

CREATES: list[tuple[str, dict[str, Any]]] = [
    ("productCreate", {"name": "Engine", "metadata": {"a": "1"}}),
    ("customerCreate", {"name": "Acme"}),
    ("testClockCreate", {"name": "clock", "now": "2026-01-01T00:00:00Z"}),
    ("apiKeyCreate", {"name": "key", "scopes": ["CATALOG_READ", "BILLING_READ"]}),
]


async def create(api: Api, name: str, /, **given: Any) -> dict[str, Any]:
    noun = name.removesuffix("Create")
    return await api.mutate(name, f"replayed {noun} {{ id name }}", **given)


@pytest.mark.parametrize(("name", "given"), CREATES)
async def test_a_repeat_returns_what_the_first_made(database_url: str, name: str, given: dict[str, Any]) -> None:
    async with make_api(database_url) as api:
        first = await create(api, name, idempotencyKey="k", **given)
        again = await create(api, name, idempotencyKey="k", **given)
        assert (first["replayed"], again["replayed"]) == (False, True)
        assert again == {**first, "replayed": True}
        refused = await api.refused(name, idempotencyKey="k", **{**given, "name": "Other"})
        assert refused == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
        other = await create(api, name, idempotencyKey="another", **given)
        assert other["replayed"] is False
        elsewhere = await create(api.in_sandbox(), name, idempotencyKey="k", **{**given, "name": "Other"})
        assert elsewhere["replayed"] is False


async def test_a_repeat_shows_objects_as_they_are_now_and_no_secret(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = await create(api, "productCreate", idempotencyKey="k", name="Engine")
        await api.mutate("productUpdate", "product { id }", id=made["product"]["id"], name="Motor")
        again = await create(api, "productCreate", idempotencyKey="k", name="Engine")
        assert again["product"] == {**made["product"], "name": "Motor"}
        given = {"name": "key", "scopes": ["ALL"], "idempotencyKey": "secret"}
        secrets = [(await api.mutate("apiKeyCreate", "secret", **given))["secret"] for _ in range(2)]
        assert secrets[0].startswith("sk_")
        assert secrets[1] is None


async def test_what_is_left_out_or_written_otherwise_is_the_same_input(database_url: str) -> None:
    async with make_api(database_url) as api:
        first = await create(api, "testClockCreate", idempotencyKey="k", name="c", now="2026-01-01T00:00:00Z")
        again = await create(api, "testClockCreate", idempotencyKey="k", name="c", now="2026-01-01T01:00:00+01:00")
        assert again["testClock"] == first["testClock"]
        made = await create(api, "productCreate", idempotencyKey="p", name="Engine", description=None)
        assert (await create(api, "productCreate", idempotencyKey="p", name="Engine"))["product"] == made["product"]


async def test_what_is_asked_for_as_it_would_be_anyway_is_the_same_input(database_url: str) -> None:
    """So an argument that a later version adds, with a default, refuses no repeat of before it."""
    async with make_api(database_url) as api:
        metric = {"productId": await api.make("productCreate", name="Engine"), "eventType": "call", "unit": "call"}
        given = {"name": "Calls", "aggregation": "COUNT", "idempotencyKey": "k", **metric}
        fields = "replayed billableMetric { id }"
        first = await api.mutate("billableMetricCreate", fields, **given)
        again = await api.mutate("billableMetricCreate", fields, **given, groupBy=[])
        assert (first["replayed"], again["replayed"]) == (False, True)


async def test_a_key_belongs_to_one_mutation(database_url: str) -> None:
    async with make_api(database_url) as api:
        await create(api, "productCreate", idempotencyKey="k", name="Acme")
        assert await api.refused("customerCreate", idempotencyKey="k", name="Acme") == [
            ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")
        ]
        assert await api.rows(models.Customer) == []


async def test_refusals_are_not_kept(database_url: str) -> None:
    async with make_api(database_url) as api:
        given = {"name": "Fee", "idempotencyKey": "k", "productId": "engine"}
        assert await api.refused("feeCreate", **given) == [("NOT_FOUND", "productId")]
        assert await api.rows(models.IdempotencyRecord) == []
        await api.make("productCreate", name="Engine", key="engine")
        await api.make("feeCreate", **given)


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_1_to_255_characters(database_url: str, key: str) -> None:
    async with make_api(database_url) as api:
        assert await api.refused("productCreate", name="Engine", idempotencyKey=key) == [("INVALID", "idempotencyKey")]


async def test_64_callers_at_once_get_one_result(database_url: str) -> None:
    async with make_api(database_url) as api:
        given = {"name": "Engine", "idempotencyKey": "race"}
        answers = await asyncio.gather(*(create(api, "productCreate", **given) for _ in range(64)))
        assert len({answer["product"]["id"] for answer in answers}) == 1
        assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * 63
        assert len(await api.rows(models.Product)) == 1


async def test_a_race_for_one_key_of_the_catalog_has_one_winner(database_url: str) -> None:
    async with make_api(database_url) as api:
        payloads = await asyncio.gather(
            *(api.mutate("productCreate", "product { id }", name="Engine", key="engine") for _ in range(16))
        )
        assert len([payload for payload in payloads if payload["product"]]) == 1
        lost = [payload["userErrors"] for payload in payloads if not payload["product"]]
        assert [[error["code"] for error in errors] for errors in lost] == [["TAKEN"]] * 15
        assert len(await api.rows(models.Product)) == 1

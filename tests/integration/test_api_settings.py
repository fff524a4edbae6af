"""Merchant, keys and clocks by GraphQL."""

from typing import Any

import pytest

from app.billing.access import Scope
from tests.support.api import make_api

MERCHANT = "merchant { name defaultCurrency timezone invoiceNumberPrefix graceSeconds }"


async def test_a_merchant_is_changed_field_by_field(database_url: str) -> None:
    async with make_api(database_url) as api:
        founded = (await api.gql(f"{{ {MERCHANT} }}"))["merchant"]
        assert founded == {
            "name": "Example Inc.",
            "defaultCurrency": "USD",
            "timezone": "UTC",
            "invoiceNumberPrefix": "INV",
            "graceSeconds": 3600,
        }
        changes: dict[str, Any] = {"defaultCurrency": "EUR", "graceSeconds": 0}
        assert (await api.mutate("merchantUpdate", MERCHANT, **changes))["merchant"] == founded | changes
        refused = await api.refused("merchantUpdate", graceSeconds=-1, timezone="Mars/Olympus", name="")
        assert refused == [("BLANK", "name"), ("INVALID", "timezone"), ("OUT_OF_RANGE", "graceSeconds")]
        assert (await api.gql(f"{{ {MERCHANT} }}"))["merchant"] == founded | changes


async def test_a_key_is_shown_once_works_in_both_environments_and_ends_when_revoked(database_url: str) -> None:
    async with make_api(database_url) as api:
        narrow = await api.with_scopes(Scope.CATALOG_READ)
        for one in (narrow, narrow.in_sandbox()):
            assert await one.gql("{ products { totalCount } }") == {"products": {"totalCount": 0}}
        fields = "id name hint scopes expiresAt revokedAt lastUsedAt"
        keys = (await api.gql(f"{{ apiKeys {{ nodes {{ {fields} }} }} }}"))["apiKeys"]["nodes"]
        assert keys[1] == {
            "id": keys[1]["id"],
            "name": "narrow",
            "hint": narrow.secret[-4:],
            "scopes": ["CATALOG_READ"],
            "expiresAt": None,
            "revokedAt": None,
            "lastUsedAt": "2026-01-31T00:00:00Z",
        }
        revoked = await api.mutate("apiKeyRevoke", "apiKey { id revokedAt }", id=keys[1]["id"])
        assert revoked["apiKey"] == {"id": keys[1]["id"], "revokedAt": "2026-01-31T00:00:00Z"}
        assert (await narrow.post({"query": "{ __typename }"})).status_code == 401


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"name": "", "scopes": []}, [("BLANK", "name"), ("BLANK", "scopes")]),
        ({"name": "k", "scopes": ["ALL"], "expiresAt": "2026-01-31T00:00:00Z"}, [("OUT_OF_RANGE", "expiresAt")]),
    ],
)
async def test_a_key_needs_a_name_scopes_and_a_future(
    database_url: str, given: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    async with make_api(database_url) as api:
        assert await api.refused("apiKeyCreate", **given) == problems


async def test_another_merchant_sees_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        other = await api.another_merchant()
        product = await api.make("productCreate", name="Engine")
        [key] = (await api.gql("{ apiKeys { nodes { id } } }"))["apiKeys"]["nodes"]
        merchant = (await api.gql("{ merchant { id } }"))["merchant"]
        data = await other.gql(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } products { totalCount } apiKeys { totalCount } }",
            ids=[product, key["id"], merchant["id"]],
        )
        assert data == {"nodes": [None] * 3, "products": {"totalCount": 0}, "apiKeys": {"totalCount": 1}}
        revoked = await other.mutate("apiKeyRevoke", "apiKey { id }", id=key["id"])
        assert [(error["code"], error["field"]) for error in revoked["userErrors"]] == [("NOT_FOUND", "id")]
        assert await other.refused("productUpdate", id=product, name="Mine") == [("NOT_FOUND", "id")]


async def test_a_clock_is_advanced_and_only_forward(database_url: str) -> None:
    async with make_api(database_url) as api:
        clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
        fields = "testClock { now } invoices { id }"
        moved = await api.mutate("testClockAdvance", fields, id=clock, to="2026-02-01T00:00:00Z")
        assert moved == {"testClock": {"now": "2026-02-01T00:00:00Z"}, "invoices": [], "userErrors": []}
        for to, code in (("2026-01-01T00:00:00Z", "CLOCK_BACKWARDS"), ("2028-02-02T00:00:00Z", "CLOCK_LEAP_TOO_LONG")):
            refused = await api.mutate("testClockAdvance", fields, id=clock, to=to)
            assert (refused["testClock"], refused["invoices"]) == (None, [])
            assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [(code, "to")]
        elsewhere = await api.in_sandbox().mutate("testClockAdvance", fields, id=clock, to="2026-03-01T00:00:00Z")
        assert [error["code"] for error in elsewhere["userErrors"]] == ["NOT_FOUND"]
        assert (await api.gql("query($id: ID!) { testClock(id: $id) { now } }", id=clock))["testClock"] == {
            "now": "2026-02-01T00:00:00Z"
        }

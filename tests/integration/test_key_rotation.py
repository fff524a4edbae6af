"""Rotating keys: another takes the place of one, both are valid for a while, and the secret is shown once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from app.services.keys import create_key
from tests.support.api import Api, make_api

KEY = "id name hint scopes createdAt expiresAt revokedAt replacedBy { id }"
ROTATED = f"apiKey {{ {KEY} }} replaced {{ {KEY} }} secret replayed"


async def key_of(api: Api, name: str = "narrow") -> dict[str, Any]:
    keys = (await api.gql(f"{{ apiKeys {{ nodes {{ {KEY} }} }} }}"))["apiKeys"]["nodes"]
    [found] = [key for key in keys if key["name"] == name and key["replacedBy"] is None]
    return dict(found)


async def is_valid(api: Api) -> bool:
    return bool((await api.post({"query": "{ __typename }"})).status_code == 200)


def with_secret(api: Api, secret: str) -> Api:
    return Api(api.client, api.sessions, api.clock, secret, api.path)


async def test_both_keys_are_valid_for_the_overlap_and_then_the_new_one(database_url: str) -> None:
    async with make_api(database_url) as api:
        old = await api.with_scopes(Scope.CATALOG_READ, Scope.EVENTS_CREATE)
        before = await key_of(api)
        done = await api.mutate("apiKeyRotate", ROTATED, id=before["id"], overlapSeconds=3600)
        made, replaced, new = done["apiKey"], done["replaced"], with_secret(api, done["secret"])
        assert made == {
            **before, "id": made["id"], "hint": done["secret"][-4:], "scopes": ["CATALOG_READ", "EVENTS_CREATE"],
        }  # fmt: skip
        assert replaced == {**before, "expiresAt": "2026-01-31T01:00:00Z", "replacedBy": {"id": made["id"]}}
        assert (done["replayed"], done["userErrors"]) == (False, [])
        assert [await is_valid(one) for one in (old, new, new.in_sandbox())] == [True] * 3
        api.clock.instant += timedelta(seconds=3599)
        assert [await is_valid(one) for one in (old, new)] == [True, True]
        api.clock.instant += timedelta(seconds=1)
        assert [await is_valid(one) for one in (old, new)] == [False, True]
        assert await new.code("{ customers { totalCount } }") == "FORBIDDEN"


async def test_without_an_overlap_the_old_key_ends_at_once(database_url: str) -> None:
    async with make_api(database_url) as api:
        old = await api.with_scopes(Scope.CATALOG_READ)
        done = await api.mutate("apiKeyRotate", ROTATED, id=(await key_of(api))["id"], overlapSeconds=0)
        assert [await is_valid(one) for one in (old, with_secret(api, done["secret"]))] == [False, True]


async def test_a_day_is_the_usual_overlap_and_no_key_lives_longer_for_being_rotated(database_url: str) -> None:
    async with make_api(database_url) as api:
        soon, later = "2026-01-31T06:00:00Z", "2026-03-02T00:00:00Z"
        for name, expires in (("never", None), ("soon", soon), ("later", later)):
            await api.mutate("apiKeyCreate", "secret", name=name, scopes=["ALL"], expiresAt=expires)
        api.clock.instant += timedelta(hours=1)
        found = {}
        for name in ("never", "soon", "later"):
            done = await api.mutate("apiKeyRotate", ROTATED, id=(await key_of(api, name))["id"])
            found[name] = done["replaced"]["expiresAt"], done["apiKey"]["expiresAt"]
        assert found == {
            "never": ("2026-02-01T01:00:00Z", None),
            "soon": (soon, "2026-01-31T07:00:00Z"),
            "later": ("2026-02-01T01:00:00Z", "2026-03-02T01:00:00Z"),
        }
        given = {"id": (await key_of(api, "later"))["id"], "expiresAt": "2026-06-01T00:00:00Z"}
        assert (await api.mutate("apiKeyRotate", ROTATED, **given))["apiKey"]["expiresAt"] == given["expiresAt"]


@pytest.mark.parametrize("state", ["revoked", "expired", "replaced"])
async def test_a_key_that_is_not_valid_is_not_rotated(database_url: str, state: str) -> None:
    async with make_api(database_url) as api:
        await api.with_scopes(Scope.CATALOG_READ)
        key = await key_of(api)
        if state == "revoked":
            await api.mutate("apiKeyRevoke", "apiKey { id }", id=key["id"])
        else:
            await api.mutate("apiKeyRotate", "secret", id=key["id"], overlapSeconds=60)
        if state == "expired":
            api.clock.instant += timedelta(seconds=60)
        rows = [row.model_dump(exclude={"last_used_at"}) for row in await api.rows(models.ApiKey)]
        refused = await api.mutate("apiKeyRotate", ROTATED, id=key["id"])
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("KEY_NOT_VALID", "id")]
        assert state in refused["userErrors"][0]["message"] or state == "replaced"
        assert (refused["secret"], refused["apiKey"], refused["replaced"]) == (None, None, None)
        assert [row.model_dump(exclude={"last_used_at"}) for row in await api.rows(models.ApiKey)] == rows


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"overlapSeconds": -1}, ("OUT_OF_RANGE", "overlapSeconds")),
        ({"overlapSeconds": 30 * 86400 + 1}, ("OUT_OF_RANGE", "overlapSeconds")),
        ({"expiresAt": "2026-01-31T00:00:00Z"}, ("OUT_OF_RANGE", "expiresAt")),
        ({"id": "key_00000000000000000000000000"}, ("NOT_FOUND", "id")),
        ({"idempotencyKey": ""}, ("INVALID", "idempotencyKey")),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    database_url: str, given: dict[str, Any], problem: tuple[str, str]
) -> None:
    async with make_api(database_url) as api:
        await api.with_scopes(Scope.CATALOG_READ)
        asked = {"id": (await key_of(api))["id"], **given}
        refused = await api.mutate("apiKeyRotate", ROTATED, **asked)
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [problem]
        assert len(await api.rows(models.ApiKey)) == 2
        assert (await key_of(api))["expiresAt"] is None


async def test_a_repeat_makes_no_other_key_and_shows_no_secret(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.with_scopes(Scope.CATALOG_READ)
        asked = {"id": (await key_of(api))["id"], "idempotencyKey": "rotate-1"}
        first = await api.mutate("apiKeyRotate", ROTATED, **asked)
        again = await api.mutate("apiKeyRotate", ROTATED, **asked)
        assert again == {**first, "secret": None, "replayed": True}
        other = await api.mutate("apiKeyRotate", ROTATED, **asked, overlapSeconds=5)
        assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
        assert len(await api.rows(models.ApiKey)) == 3


async def test_of_many_at_once_one_rotates(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.with_scopes(Scope.CATALOG_READ)
        key = (await key_of(api))["id"]
        done = await asyncio.gather(*(api.mutate("apiKeyRotate", ROTATED, id=key) for _ in range(8)))
        codes = sorted(str([error["code"] for error in one["userErrors"]]) for one in done)
        assert codes == ["['KEY_NOT_VALID']"] * 7 + ["[]"]
        assert len(await api.rows(models.ApiKey)) == 3


async def test_nobody_gains_a_scope_by_rotating(database_url: str) -> None:
    async with make_api(database_url) as api:
        [root] = await api.rows(models.ApiKey)
        settler = await api.with_scopes(Scope.SETTINGS_WRITE)
        refused = await settler.mutate("apiKeyRotate", ROTATED, id=root.id)
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("INVALID", "id")]
        assert refused["secret"] is None
        mine = await settler.mutate("apiKeyRotate", ROTATED, id=(await key_of(api))["id"])
        assert mine["secret"]
        query = "mutation($id: ID!) { apiKeyRotate(input: { id: $id }) { secret } }"
        assert await (await api.with_scopes(Scope.CATALOG_WRITE)).code(query, id=root.id) == "FORBIDDEN"
        stranger = await api.another_merchant()
        foreign = await stranger.mutate("apiKeyRotate", ROTATED, id=root.id)
        assert [(error["code"], error["field"]) for error in foreign["userErrors"]] == [("NOT_FOUND", "id")]


async def test_a_rotation_is_in_the_audit_log_without_the_secret(database_url: str) -> None:
    async with make_api(database_url) as api:
        await api.with_scopes(Scope.CATALOG_READ)
        key = (await key_of(api))["id"]
        done = await api.mutate("apiKeyRotate", ROTATED, id=key, overlapSeconds=60)
        entries = [entry for entry in await api.rows(models.AuditEntry) if entry.noun == "ApiKey"][-2:]
        assert [(entry.change, entry.subject_id) for entry in entries] == [
            ("CREATE", done["apiKey"]["id"]),
            ("UPDATE", key),
        ]
        assert entries[1].before == {"expires_at": None, "replaced_by_id": None}
        assert entries[1].after["replaced_by_id"] == done["apiKey"]["id"]
        assert done["secret"][3:] not in str([entry.model_dump() for entry in entries])


async def test_a_key_of_the_end_of_time_can_be_rotated(database_url: str) -> None:
    async with make_api(database_url) as api:
        [merchant] = await api.rows(models.Merchant)
        async with api.sessions.begin() as session:
            expiry = datetime(9999, 12, 31, tzinfo=UTC)
            key, _ = await create_key(session, merchant.id, api.clock.now(), "for ever", [Scope.ALL], expiry)
        api.clock.instant += timedelta(days=2)
        rotated = await api.mutate("apiKeyRotate", "apiKey { expiresAt }", id=key.id)
        assert rotated == {"apiKey": {"expiresAt": "2500-01-01T00:00:00Z"}, "userErrors": []}

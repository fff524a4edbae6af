"""`GET /v0/entitlements/check` and `POST /v0/entitlements/consume`, as programs see them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import models
from app.billing.access import Scope
from tests.integration.test_entitlements import feature, grant, issue, sell
from tests.support.api import Api
from tests.support.story import Story, tell

NOW = "2026-06-01T00:00:00Z"


async def check(api: Api, **asked: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {api.secret}"}
    return await api.client.get("/v0/entitlements/check", params=asked, headers=headers)


async def consume(api: Api, body: object, **headers: str) -> httpx.Response:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    sent = {"authorization": f"Bearer {api.secret}", "content-type": "application/json", **headers}
    return await api.client.post("/v0/entitlements/consume", headers=sent, **content)


async def begun(story: Story) -> None:
    await sell(story)
    await issue(story)


async def test_a_check_says_all_there_is_to_know(database_url: str) -> None:
    async with tell(database_url, NOW, externalId="acme-1") as story:
        await begun(story)
        await story.use(NOW, n="30")
        answer = await check(story.api, externalId="acme-1", featureKey="calls")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert list(answer.json().items()) == [
            ("object", "entitlement_check"),
            ("customerId", story.customer_id),
            ("featureKey", "calls"),
            ("at", NOW),
            ("access", True),
            ("staticValue", None),
            ("balance", "70"),
            ("usage", "30"),
            ("overage", "0"),
            ("period", {"start": NOW, "end": "2026-07-01T00:00:00Z"}),
        ]
        before = await check(
            story.api, customerId=story.customer_id, featureKey="calls", at="2026-05-31T00:00:00+02:00"
        )
        assert (before.json()["access"], before.json()["at"]) == (False, "2026-05-30T22:00:00Z")
        assert (await check(story.api, customerId=story.customer_id, featureKey="sso")).json()["access"] is False


async def test_consuming_is_the_mutation_by_another_way(database_url: str) -> None:
    async with tell(database_url, NOW) as story:
        await begun(story)
        asked = {"customerId": story.customer_id, "featureKey": "calls", "amount": "60", "idempotencyKey": "one"}
        first = await consume(story.api, asked)
        assert first.status_code == 200
        assert (first.json()["object"], first.json()["balance"]) == ("entitlement_consumption", "40")
        again = (await consume(story.api, {**asked, "amount": 60})).json()
        assert (again["replayed"], again["eventIds"], again["balance"]) == (True, first.json()["eventIds"], "40")
        fields = "replayed eventIds access { balance }"
        same = await story.api.mutate("entitlementConsume", fields, **asked)
        assert (same["replayed"], same["access"]) == (True, {"balance": "40"})
        beyond = await consume(story.api, {**asked, "idempotencyKey": "two", "amount": "41"})
        assert (beyond.status_code, beyond.json()["code"]) == (409, "BALANCE_EXCEEDED")
        assert beyond.json()["errors"] == [
            {"field": "amount", "message": "40 are left, 1 less than that", "code": "BALANCE_EXCEEDED"}
        ]
        other = await consume(story.api, {**asked, "amount": "1"})
        assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"featureKey": "calls"}, 400, "VALIDATION_ERROR"),
        ({"customerId": "cus_nobody", "featureKey": "calls"}, 404, "NOT_FOUND"),
        ({"externalId": "nobody", "featureKey": "calls"}, 404, "NOT_FOUND"),
        ({"customerId": "me"}, 400, "VALIDATION_ERROR"),
        ({"customerId": "me", "featureKey": "nothing"}, 404, "NOT_FOUND"),
        ({"customerId": "me", "featureKey": "calls", "at": "yesterday"}, 400, "VALIDATION_ERROR"),
    ],
)
async def test_a_check_of_nothing_says_what_is_wrong(
    database_url: str, asked: dict[str, str], status: int, code: str
) -> None:
    async with tell(database_url, NOW) as story:
        await begun(story)
        named = {name: story.customer_id if value == "me" else value for name, value in asked.items()}
        answer = await check(story.api, **named)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"[]", 400, None),
        ({"featureKey": 7, "amount": "1"}, 400, "featureKey"),
        ({"featureKey": "calls", "amount": "many"}, 400, "amount"),
        ({"featureKey": "calls", "amount": True}, 400, "amount"),
        ({"featureKey": "calls", "amount": "0"}, 400, "amount"),
        ({"featureKey": "calls"}, 400, "amount"),
        ({"featureKey": "sso", "amount": "1"}, 400, "featureKey"),
        (
            {"featureKey": "calls", "amount": "1", "data": {"n": {"deep": 1}}, "idempotencyKey": ""},
            400,
            "idempotencyKey",
        ),
    ],
)
async def test_a_use_that_makes_no_sense_uses_nothing(
    database_url: str, body: Any, status: int, field: str | None
) -> None:
    async with tell(database_url, NOW) as story:
        await begun(story)
        asked = {"customerId": story.customer_id, **body} if isinstance(body, dict) else body
        answer = await consume(story.api, asked)
        assert answer.status_code == status
        assert field in {None, *(error["field"] for error in answer.json().get("errors", ()))}
        balance = (await check(story.api, customerId=story.customer_id, featureKey="calls")).json()["balance"]
        assert balance == "100"


async def test_who_may_not_ask_is_told_so(database_url: str) -> None:
    async with tell(database_url, NOW) as story:
        await begun(story)
        asked = {"customerId": story.customer_id, "featureKey": "calls"}
        assert (await story.api.client.get("/v0/entitlements/check", params=asked)).status_code == 401
        reader = await story.api.with_scopes(Scope.ENTITLEMENTS_READ)
        writer = await story.api.with_scopes(Scope.ENTITLEMENTS_WRITE)
        assert (await check(reader, **asked)).status_code == 200
        assert (await check(writer, **asked)).status_code == 403
        assert (await consume(reader, {**asked, "amount": "1"})).status_code == 403
        assert (await consume(writer, {**asked, "amount": "1"})).status_code == 200
        stranger = await story.api.another_merchant()
        assert (await check(stranger, **asked)).json()["code"] == "NOT_FOUND"
        assert (await consume(story.api, b"{}", **{"content-type": "text/plain"})).status_code == 415


async def test_a_value_is_answered_as_it_was_given(database_url: str) -> None:
    async with tell(database_url, NOW) as story:
        await sell(story)
        await feature(story, "limits", "STATIC")
        value = '{"seats":5,"ratio":0.1,"text":"0.1","most":123456789012345678901234567890,"each":[1.5,null,true]}'
        given = f'{{"customerId":"{story.customer_id}","featureId":"limits","terms":{{"static":{{"value":{value}}}}}}}'
        query = "mutation($input: EntitlementCreateInput!) { entitlementCreate(input: $input) { userErrors { code } } }"
        made = await story.api.post(f'{{"query":"{query}","variables":{{"input":{given}}}}}'.encode())
        assert made.json()["data"] == {"entitlementCreate": {"userErrors": []}}
        answer = await check(story.api, customerId=story.customer_id, featureKey="limits")
        assert f'"staticValue":{value},' in answer.text
        query = "query($id: ID!, $key: String!) { hasAccess(customerId: $id, featureKey: $key) { staticValue } }"
        named = f'{{"id":"{story.customer_id}","key":"limits"}}'
        asked = await story.api.post(f'{{"query":"{query}","variables":{named}}}'.encode())
        assert asked.text.startswith(f'{{"data":{{"hasAccess":{{"staticValue":{value}}}}},')


async def test_an_answer_that_is_kept_is_never_an_old_one(database_url: str) -> None:
    """What is written, what time brings, what was reported ahead, and a key that ends: all count at once."""
    async with tell(database_url, NOW) as story:
        await sell(story)
        api = story.api
        api.clock.instant = datetime(2026, 6, 1, tzinfo=UTC)
        story.customer_id = await api.make("customerCreate", name="Live")
        mine = await issue(story, terms={"metered": {"issueAfterReset": "100"}})
        asked = {"customerId": story.customer_id, "featureKey": "calls"}

        async def balance() -> tuple[str, str]:
            found = [(await check(api, **asked)).json() for _ in range(2)]
            assert found[0] == found[1]
            return found[0]["balance"], found[0]["at"]

        assert await balance() == ("100", "2026-06-01T00:00:00Z")
        api.clock.instant += timedelta(hours=1)
        assert await balance() == ("100", "2026-06-01T01:00:00Z")
        await story.use("2026-06-01T00:30:00Z", n="30")
        assert (await balance())[0] == "70"
        await story.use("2026-06-01T01:00:30Z", n="20")
        await grant(story, mine, "5", expiresAt="2026-06-01T01:00:50Z", priority=0)
        seen = []
        for seconds in (0, 29, 30, 49, 50):
            api.clock.instant = datetime(2026, 6, 1, 1, 0, seconds, tzinfo=UTC)
            seen.append((await balance())[0])
        # The five are used first, by what was reported ahead.
        assert seen == ["75", "75", "55", "55", "55"]
        keys = await api.gql("{ apiKeys { nodes { id } } }")
        assert (await check(api, **asked)).status_code == 200
        [key] = keys["apiKeys"]["nodes"]
        async with api.sessions.begin() as session:
            row = await session.get_one(models.ApiKey, key["id"])
            row.revoked_at = api.clock.instant
        assert (await check(api, **asked)).status_code == 401


async def test_a_check_takes_get_alone(database_url: str) -> None:
    async with tell(database_url, NOW) as story:
        await begun(story)
        headers = {"authorization": f"Bearer {story.api.secret}"}
        answer = await story.api.client.post("/v0/entitlements/check", headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")

"""Drafts of plan versions, what publishing them checks, and which version new subscriptions get."""

import asyncio
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from tests.integration.test_refusals import snapshot
from tests.support.api import Api, make_api
from tests.support.catalog import LLM, apply, changed, told
from tests.support.plan_versions import VERSION, changed_prices, draft, make_default, make_plan, publish, versions_of


async def refused(api: Api, name: str, **given: Any) -> list[tuple[str, str]]:
    """Run a mutation that is refused and changes nothing; return the codes and fields of its problems."""
    before = await snapshot(api)
    payload = await api.mutate(name, "__typename", **given)
    assert await snapshot(api) == before
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_drafts_are_made_changed_and_deleted_without_a_subscriber_noticing(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        first, second = await draft(api, "small", "tokens"), await draft(api, "large")
        assert await versions_of(api) == [
            {"number": 1, "published": True, "isDefault": True, "prices": ["small"]},
            {"number": 2, "published": False, "isDefault": False, "prices": ["small", "tokens"]},
            {"number": 3, "published": False, "isDefault": False, "prices": ["large"]},
        ]
        updated = await changed_prices(api, first, "tokens", "large")
        assert updated == {"number": 2, "published": False, "isDefault": False, "prices": ["tokens", "large"]}
        gone = await api.mutate("planVersionDelete", "plan { key versions { nodes { number } } }", planVersionId=second)
        assert gone["plan"] == {"key": "pro", "versions": {"nodes": [{"number": 1}, {"number": 2}]}}
        assert await refused(api, "planVersionDelete", planVersionId=second) == [("NOT_FOUND", "planVersionId")]
        listed = await api.gql('{ planVersions(filter: { planIds: ["pro"], published: false }) { nodes { id } } }')
        assert listed["planVersions"]["nodes"] == [{"id": first}]
        # The number of a draft that is gone is free again.
        await draft(api, "large")
        assert [version["number"] for version in await versions_of(api)] == [1, 2, 3]


async def test_a_draft_that_says_what_it_says_writes_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version = await draft(api, "small", "tokens")
        before = await snapshot(api)
        await changed_prices(api, version, "small", "tokens")
        assert await snapshot(api) == before


async def test_publishing_makes_the_default_and_subscriptions_stay(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        early = await api.mutate(
            "subscriptionCreate",
            "subscription { id }",
            planId="pro",
            customerId=await api.make("customerCreate", name="A"),
        )
        version = await draft(api, "large")
        published = await publish(api, version)
        assert published == {"number": 2, "published": True, "isDefault": True, "prices": ["large"]}
        query = "query($id: ID!) { subscription(id: $id) { planVersion { number isDefault } } }"
        stays = await api.gql(query, id=early["subscription"]["id"])
        assert stays["subscription"]["planVersion"] == {"number": 1, "isDefault": False}
        late = await api.mutate(
            "subscriptionCreate",
            "subscription { planVersion { number } }",
            planId="pro",
            customerId=await api.make("customerCreate", name="B"),
        )
        assert late["subscription"]["planVersion"] == {"number": 2}


async def test_any_published_version_becomes_default_again(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        [first] = (await api.gql('{ plan(id: "pro") { versions { nodes { id } } } }'))["plan"]["versions"]["nodes"]
        second = await draft(api, "large")
        third = await draft(api, "tokens")
        assert (await publish(api, third, makeDefault=False))["isDefault"] is False
        assert (await publish(api, second))["isDefault"] is True
        for version in (first["id"], third, second, second):
            assert (await make_default(api, version))["isDefault"] is True
            default = await api.gql('{ plan(id: "pro") { defaultVersion { id } } }')
            assert default["plan"]["defaultVersion"]["id"] == version
            assert [one["isDefault"] for one in await versions_of(api)].count(True) == 1


async def test_a_draft_takes_no_subscriber_and_is_no_default(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version, customer = await draft(api, "large"), await api.make("customerCreate", name="A")
        wanted = {"customerId": customer, "planVersionId": version}
        assert await refused(api, "subscriptionCreate", **wanted) == [("PLAN_VERSION_NOT_PUBLISHED", "planVersionId")]
        payload = await api.mutate("subscriptionCreate", "subscription { id }", **wanted)
        assert "planVersionPublish" in payload["userErrors"][0]["message"]
        assert await refused(api, "planVersionMakeDefault", planVersionId=version) == [
            ("PLAN_VERSION_NOT_PUBLISHED", "planVersionId")
        ]


async def test_a_published_version_never_changes(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version = await draft(api, "large")
        await publish(api, version)
        never = [("PLAN_VERSION_NOT_DRAFT", "planVersionId")]
        assert await refused(api, "planVersionUpdate", planVersionId=version, priceIds=["small"]) == never
        assert await refused(api, "planVersionDelete", planVersionId=version) == never
        assert await refused(api, "planVersionPublish", planVersionId=version) == never


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([], [("OUT_OF_RANGE", "priceIds")]),
        (["small", "none"], [("NOT_FOUND", "priceIds.1")]),
        (["small", "large"], [("INVALID", "priceIds.1")]),
        (["small", "small"], [("INVALID", "priceIds.1"), ("INVALID", "priceIds.1")]),
        (["tokens", "euros"], [("CURRENCY_MISMATCH", "priceIds.1")]),
        (["elsewhere"], [("PRODUCT_MISMATCH", "priceIds.0")]),
        (["old", "none"], [("ARCHIVED", "priceIds.0"), ("NOT_FOUND", "priceIds.1")]),
    ],
)
async def test_the_prices_of_a_draft_have_to_fit(
    database_url: str, prices: list[str], expected: list[tuple[str, str]]
) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version = await draft(api, "tokens")
        assert await refused(api, "planVersionCreate", planId="pro", priceIds=prices) == expected
        assert await refused(api, "planVersionUpdate", planVersionId=version, priceIds=prices) == expected


async def test_what_is_named_wrong_is_all_said(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version = await draft(api, "tokens")
        wrong = ("NOT_FOUND", "priceIds.0")
        for other in (api.in_sandbox(), await api.another_merchant()):
            given: dict[str, Any] = {"priceIds": ["small"]}
            assert await refused(other, "planVersionCreate", planId="pro", **given) == [("NOT_FOUND", "planId"), wrong]
            missing = ("NOT_FOUND", "planVersionId")
            assert await refused(other, "planVersionUpdate", planVersionId=version, **given) == [missing, wrong]
            for name in ("planVersionDelete", "planVersionPublish", "planVersionMakeDefault"):
                assert await refused(other, name, planVersionId=version) == [missing]
                assert await refused(api, name, planVersionId=f"pver_{'0' * 26}") == [missing]


async def test_a_draft_holds_its_prices_loosely_and_publishing_checks_them_again(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version = await draft(api, "tokens", "large")
        fields = "price { id invoiceDisplayName }"
        renamed = await api.mutate("priceUpdate", fields, id="large", invoiceDisplayName="Big seat")
        assert renamed["price"]["invoiceDisplayName"] == "Big seat"
        large = renamed["price"]["id"]
        assert (await api.mutate("catalogArchive", "object { id }", id=large))["userErrors"] == []
        assert await refused(api, "planVersionPublish", planVersionId=version) == [("ARCHIVED", "planVersionId")]
        payload = await api.mutate("planVersionPublish", "planVersion { id }", planVersionId=version)
        assert large in payload["userErrors"][0]["message"]
        assert (await api.mutate("catalogRestore", "object { id }", id=large))["userErrors"] == []
        await publish(api, version)
        assert await refused(api, "priceUpdate", id="large", invoiceDisplayName="Seat") == [
            ("IN_USE", "invoiceDisplayName")
        ]


async def test_a_version_with_an_archived_price_is_offered_again_only_once_that_is_restored(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        [first] = (await api.gql('{ plan(id: "pro") { versions { nodes { id } } } }'))["plan"]["versions"]["nodes"]
        small = (await api.gql('{ price(id: "small") { id } }'))["price"]["id"]
        await publish(api, await draft(api, "large"))
        assert (await api.mutate("catalogArchive", "object { id }", id=small))["userErrors"] == []
        given = {"planVersionId": first["id"]}
        assert await refused(api, "planVersionMakeDefault", **given) == [("ARCHIVED", "planVersionId")]
        assert (await api.mutate("catalogRestore", "object { id }", id=small))["userErrors"] == []
        await make_default(api, first["id"])


async def test_an_archived_plan_gets_no_version_but_loses_drafts(database_url: str) -> None:
    async with make_api(database_url) as api:
        plan = await make_plan(api)
        await publish(api, await draft(api, "large"))
        [first, _] = (await api.gql('{ plan(id: "pro") { versions { nodes { id } } } }'))["plan"]["versions"]["nodes"]
        version = await draft(api, "tokens")
        await api.mutate("catalogArchive", "object { id }", id=plan)
        assert await refused(api, "planVersionCreate", planId="pro", priceIds=["tokens"]) == [("ARCHIVED", "planId")]
        gone = [("ARCHIVED", "planVersionId")]
        assert await refused(api, "planVersionUpdate", planVersionId=version, priceIds=["small"]) == gone
        assert await refused(api, "planVersionPublish", planVersionId=version) == gone
        assert await refused(api, "planVersionMakeDefault", planVersionId=first["id"]) == gone
        deleted = await api.mutate("planVersionDelete", "plan { archivedAt }", planVersionId=version)
        assert deleted["plan"]["archivedAt"] is not None


async def test_repeats_return_what_the_first_made_as_it_is_now(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        fields = f"planVersion {{ {VERSION} }} replayed"
        given: dict[str, Any] = {"planId": "pro", "priceIds": ["large"], "idempotencyKey": "draft"}
        made, again = [await api.mutate("planVersionCreate", fields, **given) for _ in range(2)]
        assert (made["replayed"], again) == (False, {**made, "replayed": True})
        asked = {"planVersionId": made["planVersion"]["id"], "idempotencyKey": "publish"}
        done, repeated = [await api.mutate("planVersionPublish", fields, **asked) for _ in range(2)]
        assert (done["replayed"], repeated) == (False, {**done, "replayed": True})
        reused = [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
        assert await refused(api, "planVersionPublish", **asked, makeDefault=False) == reused
        loose = await api.mutate("planVersionCreate", fields, **{**given, "idempotencyKey": "loose"})
        await api.mutate("planVersionDelete", "__typename", planVersionId=loose["planVersion"]["id"])
        after = await api.mutate("planVersionCreate", fields, **{**given, "idempotencyKey": "loose"})
        assert after == {"planVersion": None, "replayed": True, "userErrors": []}


async def test_each_change_of_a_version_is_in_the_audit_log(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version, other = await draft(api, "large"), await draft(api, "tokens")
        await publish(api, version)
        await api.mutate("planVersionDelete", "__typename", planVersionId=other)
        entries = [entry for entry in await api.rows(models.AuditEntry) if entry.noun in {"PlanVersion", "Plan"}]
        told_of = [(entry.change, entry.noun, sorted(entry.after)) for entry in entries if entry.change != "CREATE"]
        assert sorted(told_of) == [
            ("DELETE", "PlanVersion", []),
            ("UPDATE", "Plan", ["default_number"]),
            ("UPDATE", "PlanVersion", ["published_at"]),
        ]


async def test_a_catalog_document_is_not_confused_by_drafts(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        made = await api.mutate(
            "planVersionCreate", "planVersion { id number }", planId="pro", priceIds=["output-tokens-2026"]
        )
        assert made["planVersion"]["number"] == 2
        assert {change["action"] for change in await apply(api, LLM)} == {"UNTOUCHED"}
        # The draft's price is left out, which a draft does not hinder, and the new version comes after it.
        fewer = changed("plans", 0, "priceIds", ["platform-2026"])
        fewer["prices"] = fewer["prices"][1:]
        assert told(await apply(api, fewer))[-2:] == [
            ("NEW_VERSION", "PLAN", "pro"), ("ARCHIVE", "PRICE", "output-tokens-2026")
        ]  # fmt: skip
        versions = await api.gql('{ plan(id: "pro") { versions { nodes { number publishedAt isDefault } } } }')
        found = [
            (one["number"], bool(one["publishedAt"]), one["isDefault"]) for one in versions["plan"]["versions"]["nodes"]
        ]
        assert found == [(1, True, False), (2, False, False), (3, True, True)]
        draft_id = made["planVersion"]["id"]
        assert await refused(api, "planVersionPublish", planVersionId=draft_id) == [("ARCHIVED", "planVersionId")]


async def test_prices_of_a_draft_change_with_a_document_and_publishing_sees_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        both = changed("prices", 0, "filter", [{"name": "model", "in": ["large"]}])
        both["prices"].append({**both["prices"][0], "key": "small", "filter": [{"name": "model", "in": ["small"]}]})
        await apply(api, both)
        made = await api.mutate(
            "planVersionCreate", "planVersion { id }", planId="pro", priceIds=["output-tokens-2026", "small"]
        )
        given = {"planVersionId": made["planVersion"]["id"]}
        # What only a draft holds still changes: here it comes to charge for the same events as another.
        both["prices"][2]["filter"] = [{"name": "model", "in": ["large", "small"]}]
        await apply(api, both)
        assert await refused(api, "planVersionPublish", **given) == [("INVALID", "planVersionId")]
        both["prices"][2]["filter"] = [{"name": "model", "in": ["tiny"]}]
        await apply(api, both)
        assert (await publish(api, given["planVersionId"]))["published"] is True


async def test_two_who_publish_at_once_take_turns(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        drafts = [await draft(api, price) for price in ("large", "tokens")]
        published = await asyncio.gather(*(publish(api, version) for version in drafts))
        assert [version["published"] for version in published] == [True, True]
        assert [version["isDefault"] for version in await versions_of(api)].count(True) == 1
        version = await draft(api, "small")
        payloads = await asyncio.gather(
            *(api.mutate("planVersionPublish", "planVersion { id }", planVersionId=version) for _ in range(8))
        )
        lost = [payload["userErrors"][0]["code"] for payload in payloads if payload["planVersion"] is None]
        assert lost == ["PLAN_VERSION_NOT_DRAFT"] * 7


async def test_drafts_made_at_once_have_numbers_of_their_own(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        await asyncio.gather(*(draft(api, "large") for _ in range(12)))
        assert [version["number"] for version in await versions_of(api)] == list(range(1, 14))


async def test_a_draft_that_is_published_and_deleted_at_once_is_one_of_both(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        version = await draft(api, "large")
        payloads = await asyncio.gather(
            api.mutate("planVersionPublish", "__typename", planVersionId=version),
            api.mutate("planVersionDelete", "__typename", planVersionId=version),
        )
        codes = [[error["code"] for error in payload["userErrors"]] for payload in payloads]
        assert codes in ([[], ["PLAN_VERSION_NOT_DRAFT"]], [["NOT_FOUND"], []])
        assert len(await versions_of(api)) == (2 if codes[0] == [] else 1)


async def test_versions_need_the_right_to_write_the_catalog(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        reader = await api.with_scopes(Scope.CATALOG_READ)
        make = 'mutation { planVersionCreate(input: { planId: "pro", priceIds: ["large"] }) { userErrors { code } } }'
        assert await reader.code(make) == "FORBIDDEN"
        await (await api.with_scopes(Scope.CATALOG_WRITE)).gql(make)


async def test_a_subscription_says_whether_it_follows_the_default(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        [first] = (await api.gql('{ plan(id: "pro") { versions { nodes { id } } } }'))["plan"]["versions"]["nodes"]
        customer = await api.make("customerCreate", name="A")
        usual: dict[str, Any] = {"customerId": customer, "allowConcurrent": True}
        fields = "subscription { versionPolicy planVersion { number } }"
        followed = {"versionPolicy": "FLOATING", "planVersion": {"number": 1}}
        pinned = {"versionPolicy": "PINNED", "planVersion": {"number": 1}}
        for given, expected in (
            ({"planId": "pro"}, pinned),
            ({"planId": "pro", "versionPolicy": "PINNED"}, pinned),
            ({"planId": "pro", "versionPolicy": "FLOATING"}, followed),
            # The default by its id is no contradiction.
            ({"planVersionId": first["id"], "versionPolicy": "FLOATING"}, followed),
        ):
            payload = await api.mutate("subscriptionCreate", fields, **usual, **given)
            assert (payload["userErrors"], payload["subscription"]) == ([], expected)
        query = "{ subscriptions(filter: { versionPolicies: [FLOATING] }) { totalCount nodes { versionPolicy } } }"
        listed = (await api.gql(query))["subscriptions"]
        assert listed == {"totalCount": 2, "nodes": [{"versionPolicy": "FLOATING"}] * 2}


async def test_who_follows_the_default_can_not_start_on_another_version(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        [first] = (await api.gql('{ plan(id: "pro") { versions { nodes { id } } } }'))["plan"]["versions"]["nodes"]
        await publish(api, await draft(api, "large"))
        later = await draft(api, "tokens")
        usual = {"customerId": await api.make("customerCreate", name="A"), "versionPolicy": "FLOATING"}
        wrong = await refused(api, "subscriptionCreate", planVersionId=first["id"], **usual)
        assert wrong == [("INVALID", "versionPolicy")]
        wrong = await refused(api, "subscriptionCreate", planVersionId=later, **usual)
        assert wrong == [("PLAN_VERSION_NOT_PUBLISHED", "planVersionId")]
        usual["versionPolicy"] = "PINNED"
        payload = await api.mutate(
            "subscriptionCreate", "subscription { planVersion { number } }", planVersionId=first["id"], **usual
        )
        assert payload["subscription"] == {"planVersion": {"number": 1}}

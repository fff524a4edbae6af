"""Catalog as code: the difference, applied whole or not at all, and nothing the second time."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from app import models
from app.billing.access import Scope
from tests.integration.test_refusals import snapshot
from tests.support.api import Api, make_api
from tests.support.catalog import LLM, apply, changed, problems, told
from tests.support.storing import store
from tests.support.world import race

EVERYTHING = [
    ("PRODUCT", "llm"),
    ("BILLABLE_METRIC", "output-tokens"),
    ("FEE", "platform"),
    ("PRICE", "output-tokens-2026"),
    ("PRICE", "platform-2026"),
    ("PLAN", "pro"),
]
EVENT = b'{"type":"completion","source":"test","subject":"cus_1","data":{"tokens":1}}'
NEW_PRICE = {**LLM["prices"][0], "key": "output-tokens-2027", "model": {"standard": {"unitPrice": "0.00003"}}}


async def exported(api: Api) -> Any:
    return (await api.gql("{ catalogExport }"))["catalogExport"]


async def subscribe(api: Api, name: str = "Acme") -> str:
    customer = await api.make("customerCreate", name=name)
    payload = await api.mutate("subscriptionCreate", "subscription { id }", customerId=customer, planId="pro")
    return str(payload["subscription"]["id"])


def repriced() -> dict[str, Any]:
    """The catalog with another price for tokens in the plan, and the old one left out."""
    catalog = changed("prices", 0, NEW_PRICE)
    catalog["plans"][0]["priceIds"] = ["output-tokens-2027", "platform-2026"]
    return catalog


async def test_a_catalog_is_made_once_and_read_back_exactly(database_url: str) -> None:
    async with make_api(database_url) as api:
        before = await snapshot(api)
        planned = await apply(api, LLM, dry_run=True)
        assert told(planned) == [("CREATE", *which) for which in EVERYTHING]
        assert {change["object"] for change in planned if change["object"] is None} == {None}
        assert await snapshot(api) == before
        made = await apply(api, LLM)
        assert told(made) == told(planned)
        assert made[-1]["object"]["__typename"] == "Plan"
        assert await exported(api) == LLM
        after = await snapshot(api)
        again = await apply(api, LLM)
        assert told(again) == [("UNTOUCHED", *which) for which in EVERYTHING]
        assert [change["object"] for change in again] == [change["object"] for change in made]
        assert await snapshot(api) == after


async def test_an_export_makes_the_same_catalog_elsewhere(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        await apply(api.in_sandbox(), await exported(api))
        assert await exported(api.in_sandbox()) == LLM
        stranger = await api.another_merchant()
        assert await exported(stranger) == {section: [] for section in LLM}
        assert told(await apply(stranger, LLM))[0] == ("CREATE", "PRODUCT", "llm")
        assert await exported(api) == LLM


async def test_what_is_left_to_defaults_is_exported_and_changes_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        sparse = deepcopy(LLM)
        del sparse["prices"][0]["currency"], sparse["plans"][0]["currency"], sparse["plans"][0]["billingVersion"]
        sparse["prices"][1]["quantity"] = "1.0"
        await apply(api, sparse)
        whole = deepcopy(LLM)
        del whole["prices"][1]["quantity"]
        assert await exported(api) == whole
        for catalog in (sparse, whole):
            assert {action for action, *_ in told(await apply(api, catalog))} == {"UNTOUCHED"}


async def test_names_change_in_place(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        catalog = changed("products", 0, {"key": "llm", "name": "Inference"})
        catalog["billableMetrics"][0]["unit"] = "tok"
        changes = await apply(api, catalog)
        assert [change["action"] for change in changes] == ["CHANGE", "CHANGE", *["UNTOUCHED"] * 4]
        assert changes[0]["fields"] == [
            {"field": "name", "before": "LLM inference", "after": "Inference"},
            {"field": "metadata", "before": {"team": "search"}, "after": None},
        ]
        assert await exported(api) == catalog


async def test_other_prices_make_a_new_version_and_subscriptions_stay(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        pinned = await subscribe(api)
        planned = await apply(api, repriced(), dry_run=True)
        changes = await apply(api, repriced())
        assert told(changes) == told(planned)
        by_key = {(change["action"], change["key"]): change for change in changes if change["action"] != "UNTOUCHED"}
        assert set(by_key) == {
            ("CREATE", "output-tokens-2027"),
            ("NEW_VERSION", "pro"),
            ("ARCHIVE", "output-tokens-2026"),
        }
        for change in (by_key["NEW_VERSION", "pro"], by_key["ARCHIVE", "output-tokens-2026"]):
            assert change["affected"] == {"subscriptionCount": 1, "customers": [{"name": "Acme"}]}
        assert by_key["NEW_VERSION", "pro"]["fields"] == [
            {
                "field": "priceIds",
                "before": ["output-tokens-2026", "platform-2026"],
                "after": ["output-tokens-2027", "platform-2026"],
            }
        ]
        plan = "plan(id: $plan) { defaultVersion { number } versions { nodes { number prices { key } } } }"
        query = f"query($id: ID!, $plan: ID!) {{ subscription(id: $id) {{ planVersion {{ number }} }} {plan} }}"
        data = await api.gql(query, id=pinned, plan="pro")
        assert data["subscription"]["planVersion"] == {"number": 1}
        assert data["plan"] == {
            "defaultVersion": {"number": 2},
            "versions": {
                "nodes": [
                    {"number": 1, "prices": [{"key": "output-tokens-2026"}, {"key": "platform-2026"}]},
                    {"number": 2, "prices": [{"key": "output-tokens-2027"}, {"key": "platform-2026"}]},
                ]
            },
        }
        newcomer = await subscribe(api, "Newcomer")
        data = await api.gql(query, id=newcomer, plan="pro")
        assert data["subscription"]["planVersion"] == {"number": 2}


async def test_going_back_restores_and_publishes_again(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        await apply(api, repriced())
        back = [change for change in told(await apply(api, LLM)) if change[0] != "UNTOUCHED"]
        assert back == [
            ("RESTORE", "PRICE", "output-tokens-2026"),
            ("NEW_VERSION", "PLAN", "pro"),
            ("ARCHIVE", "PRICE", "output-tokens-2027"),
        ]
        assert await exported(api) == LLM
        data = await api.gql('{ plan(id: "pro") { defaultVersion { number } versions { totalCount } } }')
        assert data["plan"] == {"defaultVersion": {"number": 3}, "versions": {"totalCount": 3}}


async def test_an_empty_catalog_archives_everything_and_the_whole_one_restores_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        await subscribe(api)
        changes = await apply(api, {})
        assert told(changes) == [("ARCHIVE", *which) for which in [EVERYTHING[i] for i in (5, 3, 4, 2, 1, 0)]]
        assert [change["affected"]["subscriptionCount"] for change in changes] == [1] * 6
        assert await exported(api) == {section: [] for section in LLM}
        assert await apply(api, {}) == []
        customer = await api.make("customerCreate", name="Late")
        payload = await api.mutate("subscriptionCreate", "subscription { id }", customerId=customer, planId="pro")
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("ARCHIVED", "planId")]
        assert told(await apply(api, LLM)) == [("RESTORE", *which) for which in EVERYTHING]
        assert await exported(api) == LLM


async def test_what_has_no_key_stays_and_can_be_referred_to(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="By hand")
        await apply(api, LLM)
        catalog = changed("fees", 0, "productId", product)
        assert await problems(api, catalog) == [
            ("IMMUTABLE", "fees.0.productId"),
            ("PRODUCT_MISMATCH", "plans.0.priceIds.1"),
        ]
        catalog = deepcopy(LLM)
        catalog["fees"].append({"key": "extra", "productId": product, "name": "Extra"})
        assert ("CREATE", "FEE", "extra") in told(await apply(api, catalog))
        assert await exported(api) == catalog
        by_id = deepcopy(catalog)
        by_id["plans"][0]["productId"] = (await api.gql('{ product(id: "llm") { id } }'))["product"]["id"]
        assert {action for action, *_ in told(await apply(api, by_id))} == {"UNTOUCHED"}
        catalog["fees"][1] = {"key": "nobody's", "productId": "prod_" + "0" * 26, "name": "Extra"}
        assert await problems(api, catalog) == [("INVALID", "fees.1.key"), ("NOT_FOUND", "fees.1.productId")]


REFUSED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (changed("prices", 0, "model", {"standard": {"unitPrice": "1"}}), [("IN_USE", "prices.0.model")]),
    (
        changed("prices", 0, {**LLM["prices"][0], "currency": "EUR", "paymentTerm": "IN_ADVANCE"}),
        [
            ("INVALID", "prices.0.paymentTerm"),
            ("IN_USE", "prices.0.paymentTerm"),
            ("IN_USE", "prices.0.currency"),
            ("CURRENCY_MISMATCH", "plans.0.priceIds.0"),
        ],
    ),
    (changed("billableMetrics", 0, "aggregation", "MAX"), [("IN_USE", "billableMetrics.0.aggregation")]),
    (changed("billableMetrics", 0, "groupBy", []), [("IN_USE", "billableMetrics.0.groupBy")]),
    (changed("plans", 0, "billingInterval", "YEARLY"), [("IMMUTABLE", "plans.0.billingInterval")]),
    (changed("prices", 1, "target", {"billableMetricId": "output-tokens"}), [
        ("IMMUTABLE", "prices.1.target"),
        ("INVALID", "prices.1.paymentTerm"),
        ("INVALID", "prices.1.quantity"),
        ("INVALID", "plans.0.priceIds.1"),
    ]),
    (changed("products", []), [
        ("NOT_FOUND", "billableMetrics.0.productId"),
        ("NOT_FOUND", "fees.0.productId"),
        ("NOT_FOUND", "plans.0.productId"),
    ]),
    (changed("fees", 0, "productId", "platform"), [
        ("NOT_FOUND", "fees.0.productId"),
        ("IMMUTABLE", "fees.0.productId"),
        ("PRODUCT_MISMATCH", "plans.0.priceIds.1"),
    ]),
    (changed("fees", [*LLM["fees"], *LLM["fees"]]), [("TAKEN", "fees.1.key")]),
    (changed("plans", 0, "priceIds", ["pro", "platform-2026", "platform-2026"]), [
        ("NOT_FOUND", "plans.0.priceIds.0"), ("INVALID", "plans.0.priceIds.2"), ("INVALID", "plans.0.priceIds.2"),
    ]),
    (changed("plans", 0, "priceIds", []), [("OUT_OF_RANGE", "plans.0.priceIds")]),
    (changed("products", 0, {"key": "Not a slug", "name": " ", "metadata": {"a": 1}}), [
        ("INVALID", "products.0.key"),
        ("BLANK", "products.0.name"),
        ("INVALID", "products.0.metadata.a"),
        ("NOT_FOUND", "billableMetrics.0.productId"),
        ("NOT_FOUND", "fees.0.productId"),
        ("NOT_FOUND", "plans.0.productId"),
    ]),
]  # fmt: skip


async def test_a_catalog_with_problems_is_refused_whole_with_all_of_them(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        before = await snapshot(api)
        for catalog, expected in REFUSED:
            assert await problems(api, catalog) == expected
        assert await snapshot(api) == before


async def test_what_others_without_a_key_use_can_not_be_left_out(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        product = (await api.gql('{ product(id: "llm") { id } }'))["product"]["id"]
        fee = await api.make("feeCreate", productId=product, name="By hand")
        before = await snapshot(api)
        assert await problems(api, {}) == [("IN_USE", "products")]
        assert await snapshot(api) == before
        await api.mutate("catalogArchive", "object { id }", id=fee)
        assert told(await apply(api, {}))[-1] == ("ARCHIVE", "PRODUCT", "llm")


async def test_two_applies_at_once_make_one_catalog(database_url: str) -> None:
    async with make_api(database_url) as api:
        results = await race(lambda: apply(api, LLM), 8)
        created = [result for result in results if isinstance(result, list) and told(result)[0][0] == "CREATE"]
        assert [len(created), len([result for result in results if isinstance(result, list)])] == [1, 8]
        assert await exported(api) == LLM
        await race(lambda: apply(api, repriced()), 4)
        assert len(await api.rows(models.PlanVersion)) == 2


@pytest.mark.parametrize("scope", [Scope.CATALOG_READ, Scope.BILLING_READ])
async def test_applying_needs_the_right_to_write(database_url: str, scope: Scope) -> None:
    async with make_api(database_url) as api:
        narrow = await api.with_scopes(scope)
        query = "mutation { catalogApply(input: { catalog: {} }) { dryRun } }"
        assert await narrow.code(query) == "FORBIDDEN"


async def test_what_is_archived_takes_nothing_new(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = {change["key"]: change["object"]["id"] for change in await apply(api, LLM)}

        async def told_of(name: str, key: str) -> list[str]:
            payload = await api.mutate(name, "object { id }", id=made[key])
            return [error["code"] for error in payload["userErrors"]]

        for key in ("llm", "output-tokens", "platform", "platform-2026"):
            assert await told_of("catalogArchive", key) == ["IN_USE"]
        for key in ("pro", "pro", "platform-2026", "platform", "output-tokens-2026", "output-tokens", "llm"):
            assert await told_of("catalogArchive", key) == []
        for key in ("pro", "platform-2026", "platform"):
            assert await told_of("catalogRestore", key) == ["ARCHIVED"]
        fee = {"invoiceDisplayName": "F", "paymentTerm": "IN_ADVANCE", "model": {"standard": {"unitPrice": "1"}}}
        assert await api.refused("feeCreate", productId="llm", name="F") == [("ARCHIVED", "productId")]
        assert await api.refused("priceCreate", target={"feeId": "platform"}, **fee) == [("ARCHIVED", "target.feeId")]
        plan = {"name": "P", "billingInterval": "MONTHLY", "priceIds": ["platform-2026"]}
        assert await api.refused("planCreate", productId="llm", **plan) == [
            ("ARCHIVED", "productId"),
            ("ARCHIVED", "priceIds.0"),
        ]
        for key in ("llm", "platform", "platform-2026"):
            assert await told_of("catalogRestore", key) == []
        data = await api.gql('{ product(id: "llm") { archivedAt } plan(id: "pro") { archivedAt } }')
        assert data == {"product": {"archivedAt": None}, "plan": {"archivedAt": "2026-01-31T00:00:00Z"}}
        payload = await api.mutate("catalogArchive", "object { id }", id="llm")
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("NOT_FOUND", "id")]


async def test_a_quantity_of_one_is_the_default_and_no_change(database_url: str) -> None:
    async with make_api(database_url) as api:
        one = changed("prices", 1, "quantity", "1")
        await apply(api, one)
        document = await exported(api)
        assert "quantity" not in document["prices"][1]
        await apply(api, {})
        assert {action for action, *_ in told(await apply(api, document))} == {"RESTORE"}
        assert (await api.gql('{ price(id: "platform-2026") { quantity } }'))["price"] == {"quantity": "1"}


async def test_a_plan_that_comes_back_with_other_prices_is_told_as_restored(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        await apply(api, {})
        [plan] = [change for change in await apply(api, repriced()) if change["key"] == "pro"]
        assert plan["action"] == "NEW_VERSION"
        assert [item["field"] for item in plan["fields"]] == ["priceIds", "archived"]
        await subscribe(api)


async def test_what_a_metric_measures_stays_once_there_are_events(database_url: str) -> None:
    async with make_api(database_url) as api:
        unused = {"products": LLM["products"], "billableMetrics": LLM["billableMetrics"]}
        await apply(api, unused)
        other = deepcopy(unused)
        other["billableMetrics"][0] |= {"eventType": "completion", "groupBy": []}
        [_, change] = await apply(api, other)
        assert [item["field"] for item in change["fields"]] == ["eventType", "groupBy"]
        [environment, _] = sorted(await api.rows(models.Environment), key=lambda row: str(row.kind))
        async with api.sessions.begin() as session:
            await store(session, environment.id, EVENT, api.clock.now())
        assert await problems(api, unused) == [
            ("IN_USE", "billableMetrics.0.eventType"),
            ("IN_USE", "billableMetrics.0.groupBy"),
        ]


async def test_restoring_and_archiving_at_once_leave_a_whole_catalog(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = {change["key"]: change["object"]["id"] for change in await apply(api, LLM)}
        await apply(api, {})
        for _ in range(5):
            await api.mutate("catalogRestore", "object { id }", id=made["llm"])
            await asyncio.gather(
                api.mutate("catalogArchive", "object { id }", id=made["llm"]),
                api.mutate("catalogRestore", "object { id }", id=made["platform"]),
            )
            assert {action for action, *_ in told(await apply(api, await exported(api)))} <= {"UNTOUCHED"}
            await apply(api, {})


async def test_an_export_while_catalogs_are_applied_is_one_of_them(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        seen: list[Any] = []

        async def watch() -> None:
            while len(seen) < 40:
                seen.append(await exported(api))

        async def flip() -> None:
            while len(seen) < 40:
                await apply(api, repriced())
                await apply(api, LLM)

        await asyncio.gather(watch(), watch(), flip())
        for document in seen:
            # In order of creation the newer price comes last, whichever the document names first.
            keys = {price["key"] for price in document["prices"]}
            assert set(document["plans"][0]["priceIds"]) == keys, document


async def test_other_features_make_a_new_version_and_none_keep_what_is_given(database_url: str) -> None:
    async with make_api(database_url) as api:
        await apply(api, LLM)
        for key, kind in ("sso", "BOOLEAN"), ("seats", "STATIC"):
            await api.make("featureCreate", productId="llm", key=key, name=key, kind=kind)
        catalog = changed(
            "plans", 0, {**LLM["plans"][0], "features": [{"featureId": "sso", "terms": {"boolean": True}}]}
        )
        for times, action in enumerate(("NEW_VERSION", "UNTOUCHED")):
            for dry_run in (True, False):
                changes = await apply(api, catalog, dry_run=dry_run)
                assert [one["action"] for one in changes if one["key"] == "pro"] == [action], (times, dry_run)
        [plan] = [one for one in changes if one["key"] == "pro"]
        assert plan["fields"] == []
        assert {one["action"] for one in await apply(api, LLM)} == {"UNTOUCHED"}
        seats = {"featureId": "seats", "terms": {"static": {"value": 5}}}
        catalog["plans"][0]["features"].append(seats)
        [plan] = [one for one in await apply(api, catalog) if one["key"] == "pro"]
        sso = {"featureId": "sso", "priceId": None, "terms": {"kind": "BOOLEAN"}}
        assert plan["fields"] == [
            {
                "field": "features",
                "before": [sso],
                "after": [sso, {"featureId": "seats", "priceId": None, "terms": {"kind": "STATIC", "value": 5}}],
            }
        ]
        asked = '{ plan(id: "pro") { defaultVersion { number features { feature { key } } } } }'
        assert (await api.gql(asked))["plan"]["defaultVersion"] == {
            "number": 3,
            "features": [{"feature": {"key": "sso"}}, {"feature": {"key": "seats"}}],
        }

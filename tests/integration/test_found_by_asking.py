"""What asking every field and running random operations found; each was an answer that it should not have been."""

from dataclasses import replace

from app import models
from tests.support.api import make_api
from tests.support.asked import ASKED
from tests.support.catalog import changed
from tests.support.edges import selection
from tests.support.life import Tenant
from tests.support.served import dump, serve


async def test_answers_can_be_read_whole(database_url: str) -> None:
    """`planPreview` had fields that nothing answered."""
    async with serve(database_url) as api:
        me = await Tenant(api, "mine").live()
        for question in ASKED:
            whole = replace(question, selection=selection(question.taken))
            answer = await api.answer(whole.query, **me.filled({**whole.arguments, **whole.above}))
            assert "errors" not in answer, (whole, answer)


async def test_an_upfront_invoice_of_a_plan_says_what_it_bills(database_url: str) -> None:
    async with serve(database_url) as api:
        me = await Tenant(api, "mine").live()
        query = "query($id: ID) { planPreview(planId: $id) { upfront { billedAt boundaryAt countedUpTo } } }"
        at = "2026-01-31T00:00:00Z"
        assert (await me.api.gql(query, id=me.made["plan"]))["planPreview"] == {
            "upfront": {"billedAt": at, "boundaryAt": at, "countedUpTo": None}
        }


async def test_a_dry_run_finds_what_is_wrong_with_the_features_of_a_plan(database_url: str) -> None:
    """They were looked up by the real run only, which told of them under a path that the input does not have."""
    async with make_api(database_url) as api:
        features = [{"featureId": "none", "terms": {"boolean": True}}]
        catalog = changed("plans", 0, "features", features)
        for dry_run in (True, False):
            payload = await api.mutate("catalogApply", "changes { key }", catalog=catalog, dryRun=dry_run)
            found = [(error["code"], error["field"]) for error in payload["userErrors"]]
            assert (payload["changes"], found) == ([], [("NOT_FOUND", "catalog.plans.0.features.0.featureId")])
        assert await api.rows(models.Product, models.Plan) == []


async def test_a_dry_run_of_a_plan_with_features_writes_nothing(database_url: str) -> None:
    async with serve(database_url) as api:
        product = await api.make("productCreate", name="Bare")
        given = {"productId": product, "name": "Support", "key": "support", "kind": "BOOLEAN"}
        await api.make("featureCreate", **given)
        metric = {"name": "Calls", "unit": "call", "eventType": "call", "aggregation": "COUNT", "productId": product}
        model, target = {"standard": {"unitPrice": "1"}}, await api.make("billableMetricCreate", **metric)
        price = {"invoiceDisplayName": "Calls", "paymentTerm": "IN_ARREARS", "model": model}
        price_id = await api.make("priceCreate", target={"billableMetricId": target}, **price)
        plan = {"key": "pro", "name": "Pro", "billingInterval": "MONTHLY", "productId": product, "priceIds": [price_id]}
        catalog = {"plans": [{**plan, "features": [{"featureId": "support", "terms": {"boolean": True}}]}]}
        before = await dump(api)
        payload = await api.mutate("catalogApply", "changes { key object { id } }", catalog=catalog, dryRun=True)
        assert payload["userErrors"] == []
        assert payload["changes"] == [{"key": "pro", "object": None}]
        assert await dump(api) == before


async def test_a_version_without_a_name_is_none(database_url: str) -> None:
    """An empty `planVersionId` was read as none given."""
    async with serve(database_url) as api:
        me = await Tenant(api, "mine").live()
        found = await me.api.mutate(
            "subscriptionChange", "change { id }", subscriptionId=me.made["other subscription"], planVersionId=""
        )
        assert [(error["code"], error["field"]) for error in found["userErrors"]] == [("NOT_FOUND", "planVersionId")]

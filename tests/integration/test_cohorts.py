"""Moving many subscriptions to another version of their plan."""

from typing import Any

from app import models
from tests.support.api import Api, make_api
from tests.support.catalog import apply
from tests.support.story import fee, price

MOVED = """subscriptions { subscription { id } change { status effectiveAt planVersion { number } }
  userErrors { code field } } remaining replayed"""
PREVIEW = """query($planVersionId: ID!, $fromPlanVersionId: ID, $subscriptionIds: [ID!], $first: Int! = 20) {
  planVersionMigrationPreview(planVersionId: $planVersionId, fromPlanVersionId: $fromPlanVersionId
    subscriptionIds: $subscriptionIds, first: $first) {
    remaining subscriptions { subscription { id } userErrors { code }
      preview { effectiveAt nextInvoice { boundaryAt total { amount } } } } } }"""


async def begin(api: Api, count: int) -> tuple[list[str], dict[int, str], str]:
    """Subscriptions to version 1 of a plan, which then gets a second one; return them, the versions and their clock."""

    def document(*keys: str) -> dict[str, Any]:
        prices = {"seat": fee("10"), "desk": fee("5")}
        return {
            "products": [{"key": "api", "name": "API"}],
            "fees": [{"key": key, "productId": "api", "name": key} for key in prices],
            "prices": [price(key, given) for key, given in prices.items()],
            "plans": [
                {"key": "plan", "productId": "api", "name": "Plan", "billingInterval": "MONTHLY", "priceIds": keys}
            ],
        }

    await apply(api, document("seat"))
    clock = await api.make("testClockCreate", name="clock", now="2026-06-01T00:00:00Z")
    ids = []
    for _ in range(count):
        customer = await api.make("customerCreate", name="Acme", testClockId=clock)
        fields = "subscription { id } invoice { id }"
        made = await api.mutate("subscriptionCreate", fields, customerId=customer, planId="plan")
        await api.mutate("invoiceRecordPayment", "payment { id }", invoiceId=made["invoice"]["id"], method="x")
        ids.append(made["subscription"]["id"])
    await apply(api, document("seat", "desk"))
    found = await api.gql("{ planVersions { nodes { id number } } }")
    return ids, {one["number"]: one["id"] for one in found["planVersions"]["nodes"]}, clock


async def test_a_cohort_moves_page_by_page_and_goes_on_where_it_was(database_url: str) -> None:
    async with make_api(database_url) as api:
        ids, versions, clock = await begin(api, 5)
        asked = {"planVersionId": versions[2], "fromPlanVersionId": versions[1], "first": 2}
        page = (await api.gql(PREVIEW, **asked))["planVersionMigrationPreview"]
        assert page == {
            "remaining": 3,
            "subscriptions": [
                {
                    "subscription": {"id": one},
                    "userErrors": [],
                    "preview": {
                        "effectiveAt": "2026-07-01T00:00:00Z",
                        "nextInvoice": {"boundaryAt": "2026-07-01T00:00:00Z", "total": {"amount": "15.00"}},
                    },
                }
                for one in ids[:2]
            ],
        }
        seen = []
        for remaining in (3, 1, 0):
            payload = await api.mutate("planVersionMigrate", MOVED, **asked)
            assert (payload["remaining"], payload["userErrors"]) == (remaining, [])
            seen += payload["subscriptions"]
        change = {"status": "SCHEDULED", "effectiveAt": "2026-07-01T00:00:00Z", "planVersion": {"number": 2}}
        assert seen == [{"subscription": {"id": one}, "change": change, "userErrors": []} for one in ids]
        made = await api.mutate(
            "testClockAdvance", "invoices { total { amount } }", id=clock, to="2026-07-02T00:00:00Z"
        )
        assert made["invoices"] == [{"total": {"amount": "15.00"}}] * 5
        payload = await api.mutate("planVersionMigrate", MOVED, **asked)
        assert (payload["subscriptions"], payload["remaining"]) == ([], 0)


async def test_who_can_not_move_is_named_and_stays(database_url: str) -> None:
    async with make_api(database_url) as api:
        ids, versions, _ = await begin(api, 2)
        await api.mutate("subscriptionTerminate", "subscription { id }", subscriptionId=ids[0], at="NOW")
        asked = {"planVersionId": versions[2], "subscriptionIds": ids, "at": "NOW", "idempotencyKey": "move"}
        payload = await api.mutate("planVersionMigrate", MOVED, **asked)
        ended = {"code": "SUBSCRIPTION_TERMINATED", "field": "subscriptionId"}
        moved = {"status": "APPLIED", "effectiveAt": "2026-06-01T00:00:00Z", "planVersion": {"number": 2}}
        assert payload["subscriptions"] == [
            {"subscription": {"id": ids[0]}, "change": None, "userErrors": [ended]},
            {"subscription": {"id": ids[1]}, "change": moved, "userErrors": []},
        ]
        again = await api.mutate("planVersionMigrate", MOVED, **asked)
        assert (again["replayed"], again["remaining"]) == (True, None)
        assert again["subscriptions"] == payload["subscriptions"][1:]
        assert len(await api.rows(models.SubscriptionChange)) == 1


async def test_a_cohort_with_a_foreign_id_is_refused_whole(database_url: str) -> None:
    async with make_api(database_url) as api:
        ids, versions, _ = await begin(api, 1)
        foreign = "sub_06bq2m7v1s9e4k8x0t3y5z7w2c"

        async def refused(**asked: Any) -> list[tuple[str, str]]:
            payload = await api.mutate("planVersionMigrate", MOVED, **{"planVersionId": versions[2], **asked})
            return [(error["code"], error["field"]) for error in payload["userErrors"]]

        assert await refused(subscriptionIds=[*ids, foreign, *ids]) == [
            ("NOT_FOUND", "subscriptionIds.1"),
            ("INVALID", "subscriptionIds.2"),
        ]
        assert await refused() == [("INVALID", "subscriptionIds")]
        assert await refused(subscriptionIds=[]) == [("OUT_OF_RANGE", "subscriptionIds")]
        assert await refused(fromPlanVersionId=versions[2], first=0) == [
            ("INVALID", "fromPlanVersionId"),
            ("OUT_OF_RANGE", "first"),
        ]
        draft = await api.make("planVersionCreate", planId="plan", priceIds=["desk"])
        assert await refused(planVersionId=draft, fromPlanVersionId="pver_none") == [
            ("PLAN_VERSION_NOT_PUBLISHED", "planVersionId"),
            ("NOT_FOUND", "fromPlanVersionId"),
        ]
        assert await api.rows(models.SubscriptionChange) == []

"""Two hundred callers race for the last units, through four processes where the database lets them."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.server import CERTIFICATES, Server, serve

CALLERS, UNITS = 200, 150
SELL = """mutation ($product: ProductCreateInput!, $metric: BillableMetricCreateInput!, $feature: FeatureCreateInput!,
  $customer: CustomerCreateInput!) {
  productCreate(input: $product) { userErrors { code } } billableMetricCreate(input: $metric) { userErrors { code } }
  featureCreate(input: $feature) { userErrors { code } } customerCreate(input: $customer) { customer { id } } }"""
ISSUE = """mutation ($input: EntitlementCreateInput!) { entitlementCreate(input: $input) { entitlement { id } } }"""
HISTORY = """query ($id: ID!) { entitlement(id: $id) { balance { balance overage }
  balanceHistory(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z") { balanceChange } } }"""


def processes(database_url: str) -> list[str]:
    return [] if database_url.startswith("sqlite") else ["--workers", "4"]


def entitled(server: Server) -> str:
    """A customer with so many units; return the entitlement's id."""
    metric = {"productId": "api", "key": "calls", "name": "Calls", "unit": "call", "eventType": "call"}
    made = server.gql(
        SELL,
        product={"key": "api", "name": "API"},
        metric={**metric, "aggregation": "SUM", "valueProperty": "$.n"},
        feature={"productId": "api", "key": "calls", "name": "Calls", "kind": "METERED", "billableMetricId": "calls"},
        customer={"name": "Acme", "externalId": "acme"},
    )
    customer_id = made["customerCreate"]["customer"]["id"]
    terms = {"metered": {"issueAfterReset": str(UNITS)}}
    issued = server.gql(ISSUE, input={"customerId": customer_id, "featureId": "calls", "terms": terms})
    return str(issued["entitlementCreate"]["entitlement"]["id"])


def test_never_one_too_many_is_used(database_url: str) -> None:
    with serve(database_url, *processes(database_url)) as server:
        entitlement_id, key = entitled(server), server.key
        headers = {"authorization": f"Bearer {key}"}

        def use(_number: int) -> int:
            body = {"externalId": "acme", "featureKey": "calls", "amount": "1"}
            url = f"{server.base}/v0/entitlements/consume"
            return httpx.post(url, json=body, headers=headers, timeout=60, verify=CERTIFICATES).status_code

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(use, range(CALLERS)))
        assert sorted(answers) == [200] * UNITS + [409] * (CALLERS - UNITS)
        asked = {"externalId": "acme", "featureKey": "calls"}
        found = httpx.get(f"{server.base}/v0/entitlements/check", params=asked, headers=headers, verify=CERTIFICATES)
        assert {name: found.json()[name] for name in ("access", "balance", "usage", "overage")} == {
            "access": False,
            "balance": "0",
            "usage": str(UNITS),
            "overage": "0",
        }
        shown = server.gql(HISTORY, id=entitlement_id)["entitlement"]
        assert shown["balance"] == {"balance": "0", "overage": "0"}
        assert sum(int(entry["balanceChange"]) for entry in shown["balanceHistory"]) == 0


def test_one_key_uses_units_once_for_all_callers(database_url: str) -> None:
    with serve(database_url, *processes(database_url)) as server:
        entitled(server)
        headers = {"authorization": f"Bearer {server.key}"}

        def use(_number: int) -> tuple[bool, str]:
            body = {"externalId": "acme", "featureKey": "calls", "amount": "7", "idempotencyKey": "one"}
            url = f"{server.base}/v0/entitlements/consume"
            answer = httpx.post(url, json=body, headers=headers, timeout=60, verify=CERTIFICATES).json()
            return answer["replayed"], answer["balance"]

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(use, range(64)))
        assert sorted(answers) == [(False, str(UNITS - 7))] + [(True, str(UNITS - 7))] * 63

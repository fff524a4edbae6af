"""What the processes promise together: one result for one key, and nothing acknowledged is lost by kill -9."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.server import Server, serve

CREATE = """mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id name } replayed userErrors { code field } }
}"""
CALLERS = 64


def create(server: Server, name: str, key: str) -> dict[str, object]:
    payload: dict[str, object] = server.gql(CREATE, key=key, input={"name": name, "idempotencyKey": "one"})[
        "productCreate"
    ]
    return payload


def test_one_key_makes_one_product_for_64_callers_and_after_a_restart(database_url: str) -> None:
    several = [] if database_url.startswith("sqlite") else ["--workers", "4"]
    with serve(database_url, *several) as server:
        key = server.key
        with ThreadPoolExecutor(CALLERS) as pool:
            payloads = list(pool.map(lambda _: create(server, "Engine", key), range(CALLERS)))
        assert len({str(payload["product"]) for payload in payloads}) == 1
        assert sorted(payload["replayed"] is True for payload in payloads) == [False] + [True] * (CALLERS - 1)
        assert server.gql("{ products { totalCount } }")["products"] == {"totalCount": 1}
    with serve(database_url) as server:
        again = create(server, "Engine", key)
        assert (again["product"], again["replayed"]) == (payloads[0]["product"], True)
        other = create(server, "Other", key)
        assert other["product"] is None
        assert other["userErrors"] == [{"code": "IDEMPOTENCY_KEY_REUSED", "field": "idempotencyKey"}]
        assert server.gql("{ products { totalCount } }", key=key)["products"] == {"totalCount": 1}


def test_what_was_acknowledged_before_kill_9_is_there_after_it(database_url: str) -> None:
    acknowledged: list[str] = []
    with serve(database_url) as server:
        key = server.key

        def report(number: int) -> None:
            event = {"type": "x", "source": "s", "subject": "c", "data": {}, "idempotencyKey": f"k{number}"}
            try:
                answer = server.post_event(event, key=key)
            except httpx.TransportError:
                return  # it was not acknowledged, so nothing was promised
            if answer.status_code == 202:
                acknowledged.append(answer.json()["id"])
            if len(acknowledged) == 100:
                server.process.kill()

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(report, range(300)))
        server.process.wait(20)
    assert len(acknowledged) >= 100
    with serve(database_url) as server:
        query = "query ($id: ID!) { eventReceipt(eventId: $id) { repeats { totalCount } } }"
        for event_id in acknowledged:
            receipt = server.gql(query, key=key, id=event_id)["eventReceipt"]
            assert receipt == {"repeats": {"totalCount": 0}}

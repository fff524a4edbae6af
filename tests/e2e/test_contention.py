"""Many callers write, read and send events at once for a while, with other processes beside the server: nobody is told
of a lock, nothing is lost, and what was acknowledged is counted.
"""

import itertools
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest

from tests.e2e.test_change_races import processes
from tests.support.server import BILLGRAPH, CERTIFICATES, Server, environment, serve

WRITERS, READERS, SENDERS = 8, 32, 4
SECONDS = 4
SELL = """mutation ($product: ProductCreateInput!, $metric: BillableMetricCreateInput!, $fee: FeeCreateInput!,
  $seat: PriceCreateInput!, $call: PriceCreateInput!, $plan: PlanCreateInput!) {
  productCreate(input: $product) { userErrors { code } } billableMetricCreate(input: $metric) { userErrors { code } }
  feeCreate(input: $fee) { userErrors { code } } seat: priceCreate(input: $seat) { userErrors { code } }
  call: priceCreate(input: $call) { userErrors { code } } planCreate(input: $plan) { userErrors { code } } }"""
CUSTOMER = """mutation ($input: CustomerCreateInput!) { customerCreate(input: $input) {
  customer { id } userErrors { code } } }"""
RENAME = "mutation ($input: CustomerUpdateInput!) { customerUpdate(input: $input) { userErrors { code } } }"
REPRICE = "mutation ($input: ProductUpdateInput!) { productUpdate(input: $input) { userErrors { code } } }"
SUBSCRIBE = """mutation ($input: SubscriptionCreateInput!) { subscriptionCreate(input: $input) {
  subscription { id } invoice { id } userErrors { code } } }"""
PAY = "mutation ($input: InvoiceRecordPaymentInput!) { invoiceRecordPayment(input: $input) { userErrors { code } } }"
CHANGE = "mutation ($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) { userErrors { code } } }"
END = "mutation ($input: SubscriptionTerminateInput!) { subscriptionTerminate(input: $input) { userErrors { code } } }"
READ = """{ customers(first: 5) { nodes { name subscriptions(first: 2) { nodes { status
  invoices(first: 2) { nodes { number lines { description amount { amount } } } } } } } } plans { totalCount } }"""
NUMBERS = "query ($after: String) { invoices(first: 100, after: $after) { nodes { number } pageInfo { endCursor } } }"
USAGE = """{ billableMetric(id: "calls") { usage(from: "2026-01-01T00:00:00Z", to: "2126-01-01T00:00:00Z") {
  total countedUpTo } } }"""


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--contention") or SECONDS)


@dataclass
class Crowd:
    """Callers of one server, until a deadline."""

    server: Server
    ends: float
    done: Counter[str] = field(default_factory=Counter)

    def ask(self, client: httpx.Client, kind: str, query: str, **variables: Any) -> Any:
        """Run a document that must succeed."""
        answer = client.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 200, f"{kind}: {answer.text}"
        body = answer.json()
        assert "errors" not in body, f"{kind}: {body['errors']}"
        refused = [payload["userErrors"] for payload in body["data"].values() if payload and "userErrors" in payload]
        assert not any(refused), f"{kind}: {refused}"
        self.done[kind] += 1
        return body["data"]

    def client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.server.key}"}
        return httpx.Client(base_url=self.server.base, headers=headers, timeout=60, verify=CERTIFICATES)

    def turns(self) -> Iterator[int]:
        """Count until the end; once at least, however long it took to begin."""
        return itertools.takewhile(lambda turn: turn == 0 or time.monotonic() < self.ends, itertools.count())


def write(crowd: Crowd, number: int) -> None:
    chance = random.Random(number)
    with crowd.client() as client:
        shared = crowd.ask(client, "customer", CUSTOMER, input={"name": "A"})["customerCreate"]["customer"]["id"]
        for _ in crowd.turns():
            made = crowd.ask(client, "customer", CUSTOMER, input={"name": "Acme"})["customerCreate"]["customer"]["id"]
            begun = crowd.ask(client, "subscribe", SUBSCRIBE, input={"customerId": made, "planId": "pro"})
            subscription = begun["subscriptionCreate"]["subscription"]["id"]
            invoice = begun["subscriptionCreate"]["invoice"]["id"]
            crowd.ask(client, "pay", PAY, input={"invoiceId": invoice, "method": "card"})
            crowd.ask(client, "rename", RENAME, input={"id": chance.choice([made, shared]), "name": f"B {number}"})
            crowd.ask(client, "reprice", REPRICE, input={"id": "engine", "name": f"Engine {number}"})
            seats = {"priceId": "seat", "quantity": str(chance.randint(2, 9))}
            crowd.ask(client, "change", CHANGE, input={"subscriptionId": subscription, "quantities": [seats]})
            crowd.ask(client, "end", END, input={"subscriptionId": subscription, "at": "NOW"})


def read(crowd: Crowd, _number: int) -> None:
    with crowd.client() as client:
        for _ in crowd.turns():
            crowd.ask(client, "read", READ)


def send(crowd: Crowd, number: int) -> None:
    with crowd.client() as client:
        for turn in crowd.turns():
            event = {"type": "call", "source": "s", "externalSubject": "acme", "idempotencyKey": f"{number} {turn}"}
            answer = client.post("/v0/events", json={**event, "data": {"n": 1}})
            assert answer.status_code == 202, answer.text
            crowd.done["event"] += 1


def run_commands(crowd: Crowd, database_url: str) -> None:
    for turn in crowd.turns():
        for arguments in (("keys", "create", f"--name=key {turn}"), ("usage", "rebuild")):
            command = [str(BILLGRAPH), *arguments]
            ended = subprocess.run(command, env=environment(database_url), capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stderr
            crowd.done["command"] += 1


def sell(server: Server) -> None:
    fee = {"invoiceDisplayName": "Seat", "target": {"feeId": "seats"}, "paymentTerm": "IN_ADVANCE"}
    usage = {"invoiceDisplayName": "Calls", "target": {"billableMetricId": "calls"}, "paymentTerm": "IN_ARREARS"}
    model = {"model": {"standard": {"unitPrice": "1"}}}
    metric = {"key": "calls", "productId": "engine", "name": "Calls", "unit": "call", "eventType": "call"}
    plan = {"key": "pro", "productId": "engine", "name": "Pro", "billingInterval": "MONTHLY"}
    server.gql(
        SELL,
        product={"key": "engine", "name": "Engine"},
        metric={**metric, "aggregation": "COUNT"},
        fee={"key": "seats", "productId": "engine", "name": "Seats"},
        seat={"key": "seat", **fee, **model},
        call={"key": "call", **usage, **model},
        plan={**plan, "priceIds": ["seat", "call"]},
    )
    server.gql(CUSTOMER, input={"name": "Acme", "externalId": "acme"})


def counted(server: Server) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        usage = server.gql(USAGE)["billableMetric"]["usage"]
        if usage["countedUpTo"] is None:
            return int(usage["total"])
    raise AssertionError("the backlog does not end")


def numbers(server: Server) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = server.gql(NUMBERS, after=after)["invoices"]
        found += [one["number"] for one in page["nodes"] if one["number"] is not None]
        after = page["pageInfo"]["endCursor"]
        if len(page["nodes"]) < 100:
            return sorted(found)


def test_writers_readers_and_senders_at_once(
    database_url: str, seconds: float, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(database_url, *processes(database_url)) as server:
        sell(server)
        crowd = Crowd(server, time.monotonic() + seconds)
        callers: list[Callable[[], None]] = [
            *(partial(write, crowd, number) for number in range(WRITERS)),
            *(partial(read, crowd, number) for number in range(READERS)),
            *(partial(send, crowd, number) for number in range(SENDERS)),
            partial(run_commands, crowd, database_url),
        ]
        with ThreadPoolExecutor(len(callers)) as pool:
            for one in [pool.submit(caller) for caller in callers]:
                one.result()
        assert counted(server) == crowd.done["event"] > 0
        found = numbers(server)
        assert found == [f"INV-{number:06d}" for number in range(1, len(found) + 1)]
        assert len(found) >= crowd.done["subscribe"] > 0
        assert min(crowd.done[kind] for kind in ("read", "end", "command")) > 0
    said = capfd.readouterr().err
    assert "locked" not in said
    assert "deadlock" not in said
    assert "Traceback" not in json.dumps(said)

"""Many callers change, pay and end one subscription at once, through several processes where the database lets them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from tests.support.server import Server, serve

CALLERS = 32
SELL = """mutation ($product: ProductCreateInput!, $fee: FeeCreateInput!, $price: PriceCreateInput!,
  $plan: PlanCreateInput!, $clock: TestClockCreateInput!) {
  productCreate(input: $product) { userErrors { code } } feeCreate(input: $fee) { userErrors { code } }
  priceCreate(input: $price) { userErrors { code } } planCreate(input: $plan) { userErrors { code } }
  testClockCreate(input: $clock) { testClock { id } } }"""
CUSTOMER = "mutation ($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } } }"
SUBSCRIBE = """mutation ($input: SubscriptionCreateInput!) { subscriptionCreate(input: $input) {
  subscription { id } invoice { id } } }"""
PAY = "mutation ($input: InvoiceRecordPaymentInput!) { invoiceRecordPayment(input: $input) { userErrors { code } } }"
CHANGE = """mutation ($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) {
  replayed change { id } userErrors { code } } }"""
END = """mutation ($input: SubscriptionTerminateInput!) { subscriptionTerminate(input: $input) {
  userErrors { code } } }"""
FOUND = """query ($id: ID!) { subscription(id: $id) { status changes(first: 100) { nodes { id } } }
  invoices(first: 100) { nodes { id number lines { amount { amount } }
    creditNotes { nodes { lines { amount { amount } } } } } } }"""
REPLAY = "query ($id: ID!) { invoiceReplay(invoiceId: $id) { equal } }"


def processes(database_url: str) -> list[str]:
    return [] if database_url.startswith("sqlite") else ["--workers", "4"]


def subscribed(server: Server) -> str:
    """A subscriber who has paid 49.00 for one seat, on a clock that stands still; return the subscription's id."""
    price = {
        "key": "seat", "invoiceDisplayName": "Seat", "target": {"feeId": "seats"}, "paymentTerm": "IN_ADVANCE",
        "model": {"standard": {"unitPrice": "49"}},
    }  # fmt: skip
    made = server.gql(
        SELL,
        product={"key": "engine", "name": "Engine"},
        fee={"key": "seats", "productId": "engine", "name": "Seats"},
        price=price,
        plan={"key": "pro", "productId": "engine", "name": "Pro", "billingInterval": "MONTHLY", "priceIds": ["seat"]},
        clock={"name": "still", "now": "2026-01-31T00:00:00Z"},
    )
    clock_id = made["testClockCreate"]["testClock"]["id"]
    customer = server.gql(CUSTOMER, input={"name": "Acme", "testClockId": clock_id})["customerCreate"]["customer"]
    begun = server.gql(SUBSCRIBE, input={"customerId": customer["id"], "planId": "pro"})["subscriptionCreate"]
    server.gql(PAY, input={"invoiceId": begun["invoice"]["id"], "method": "card"})
    return str(begun["subscription"]["id"])


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def change(server: Server, subscription_id: str, seats: int, **given: Any) -> dict[str, Any]:
    quantities = [{"priceId": "seat", "quantity": str(seats)}]
    asked = {"subscriptionId": subscription_id, "quantities": quantities, **given}
    done: dict[str, Any] = server.gql(CHANGE, input=asked)["subscriptionChange"]
    return done


def net(found: dict[str, Any]) -> float:
    """What was charged in all, less what was credited: whole cents, so that floats are exact enough."""
    invoices = found["invoices"]["nodes"]
    charged = sum(float(line["amount"]["amount"]) for one in invoices for line in one["lines"])
    notes = [note for one in invoices for note in one["creditNotes"]["nodes"]]
    return round(charged - sum(float(line["amount"]["amount"]) for note in notes for line in note["lines"]), 2)


def numbered_and_replayed(server: Server, found: dict[str, Any]) -> None:
    invoices = found["invoices"]["nodes"]
    numbers = sorted(one["number"] for one in invoices)
    assert numbers == [f"TEST-INV-{number:06d}" for number in range(1, len(numbers) + 1)]
    for one in invoices:
        assert server.gql(REPLAY, id=one["id"])["invoiceReplay"] == {"equal": True}


def test_changes_at_once_are_made_one_after_the_other(database_url: str) -> None:
    with serve(database_url, *processes(database_url)) as server:
        subscription_id = subscribed(server)
        calls = [partial(change, server, subscription_id, seats) for seats in range(2, 2 + CALLERS)]
        done = at_once(calls)
        assert [one["userErrors"] for one in done] == [[]] * CALLERS
        found = server.gql(FOUND, id=subscription_id)
        changes = found["subscription"]["changes"]["nodes"]
        assert len({one["id"] for one in changes}) == CALLERS
        # The clock stands still: each change gives the whole of the one before back.
        assert net(found) in {49.0 * seats for seats in range(2, 2 + CALLERS)}
        numbered_and_replayed(server, found)


def test_one_key_makes_one_change_for_all_callers(database_url: str) -> None:
    with serve(database_url, *processes(database_url)) as server:
        subscription_id = subscribed(server)
        done = at_once([lambda: change(server, subscription_id, 3, idempotencyKey="one")] * CALLERS)
        assert sorted(one["replayed"] for one in done) == [False] + [True] * (CALLERS - 1)
        assert len({one["change"]["id"] for one in done}) == 1
        found = server.gql(FOUND, id=subscription_id)
        assert net(found) == 147.0
        numbered_and_replayed(server, found)


def test_changes_race_an_end(database_url: str) -> None:
    """Before the end they are made, after it they are refused; at the instant of the start nothing is used."""
    with serve(database_url, *processes(database_url)) as server:
        subscription_id = subscribed(server)
        ending = {"subscriptionId": subscription_id, "at": "NOW", "creditUnused": True}
        calls: list[Callable[[], Any]] = [partial(change, server, subscription_id, seats) for seats in range(2, 18)]
        calls.insert(8, lambda: server.gql(END, input=ending)["subscriptionTerminate"])
        refused = [one["userErrors"] for one in at_once(calls) if one["userErrors"]]
        assert all(one == [{"code": "SUBSCRIPTION_TERMINATED"}] for one in refused)
        found = server.gql(FOUND, id=subscription_id)
        assert found["subscription"]["status"] == "TERMINATED"
        assert len(found["subscription"]["changes"]["nodes"]) == 16 - len(refused)
        assert net(found) == 0.0
        numbered_and_replayed(server, found)

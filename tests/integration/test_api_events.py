"""Events through GraphQL: reported, found, matched later, and corrected."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app import models
from tests.support.api import Api, make_api

RECEIPT = """query($id: ID!) { eventReceipt(eventId: $id) { status countedUpTo
  event { id revision isVoided data earlierRevisions { number data reason } customer { name } }
  counted { value invoice { id } period { start end } } reasons { code } repeats { totalCount } } }"""
USAGE = """query($id: ID!, $from: DateTime!, $to: DateTime!) { billableMetric(id: $id) {
  backfill { state countedUpTo } usage(from: $from, to: $to) { total countedUpTo } } }"""
SPAN = {"from": "2026-01-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    async with make_api(database_url) as made:
        yield made


async def ingest(api: Api, *events: dict[str, Any]) -> dict[str, Any]:
    return await api.mutate("meterEventsIngest", "events { id idempotencyKey }", events=list(events))


def call(key: str, tokens: Any = 10, **given: Any) -> dict[str, Any]:
    event = {"type": "call", "source": "s", "externalSubject": "acme-1", "data": {"tokens": tokens}}
    return {**event, "idempotencyKey": key, "timestamp": "2026-02-01T12:00:00Z", **given}


async def sell(api: Api, aggregation: str = "SUM", clock: str | None = None) -> dict[str, str]:
    """Make a metric with a price, and a customer who is subscribed to a plan of it."""
    product = await api.make("productCreate", name="Engine")
    metric = await metric_of(api, product, aggregation)
    model = {"standard": {"unitPrice": "1"}}
    target = {"billableMetricId": metric}
    price = await api.make(
        "priceCreate", target=target, invoiceDisplayName="Calls", paymentTerm="IN_ARREARS", model=model
    )
    plan = await api.make("planCreate", productId=product, name="Pro", billingInterval="MONTHLY", priceIds=[price])
    given = {} if clock is None else {"testClockId": clock}
    customer = await api.make("customerCreate", name="Acme", externalId="acme-1", **given)
    subscribed = await api.mutate("subscriptionCreate", "subscription { id }", customerId=customer, planId=plan)
    return {"metric": metric, "customer": customer, "subscription": subscribed["subscription"]["id"]}


async def metric_of(api: Api, product: str, aggregation: str = "SUM") -> str:
    needs = {} if aggregation == "COUNT" else {"valueProperty": "$.tokens"}
    given = {"unit": "token", "eventType": "call", "aggregation": aggregation, **needs}
    return await api.make("billableMetricCreate", productId=product, name=aggregation, **given)


async def receipt(api: Api, event_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.gql(RECEIPT, id=event_id))["eventReceipt"]
    return found


async def total(api: Api, metric: str) -> str:
    return str((await api.gql(USAGE, id=metric, **SPAN))["billableMetric"]["usage"]["total"])


async def test_good_events_are_taken_in_beside_bad_ones_which_are_named(api: Api) -> None:
    made = await sell(api)
    deep: Any = 1
    for _ in range(20):
        deep = [deep]
    answer = await ingest(
        api, call("a"), call("b", timestamp="yesterday"), call("c", tokens=deep), call("", source=""), call("a", 99)
    )
    assert [error["field"] for error in answer["userErrors"]] == [
        "events.1.timestamp",
        "events.3.source",
        "events.3.idempotencyKey",
    ]
    assert [event and event["idempotencyKey"] for event in answer["events"]] == ["a", None, "c", None, "a"]
    assert await total(api, made["metric"]) == "10"
    first = await receipt(api, answer["events"][0]["id"])
    assert (first["status"], first["counted"][0]["value"], first["repeats"]["totalCount"]) == ("COUNTED", "10", 1)
    third = await receipt(api, answer["events"][2]["id"])
    assert (third["status"], third["reasons"]) == ("UNCOUNTED", [{"code": "VALUE_NOT_A_NUMBER"}])
    assert (await api.mutate("meterEventsIngest", "events { id }", events=[]))["userErrors"][0]["field"] == "events"


async def test_every_digit_is_kept(api: Api) -> None:
    query = """mutation { meterEventsIngest(input: { events: [{ type: "call", source: "s", externalSubject: "a",
      data: {tokens: 12345678901234567890.000000000000000001} }] }) { events { id } userErrors { field } } }"""
    [event] = (await api.gql(query))["meterEventsIngest"]["events"]
    await receipt(api, event["id"])
    [row] = await api.rows(models.MeterEvent)
    assert row.data == '{"tokens":12345678901234567890.000000000000000001}'


async def test_what_is_unmatched_is_listed_and_counted_once_it_fits(api: Api) -> None:
    sent = await ingest(api, call("a"), call("b"), call("c", type="other"))
    ids = [event["id"] for event in sent["events"]]
    await receipt(api, ids[0])
    listed = "query($r: [UncountedReason!]) { unmatchedEvents(filter: {reasons: $r}) { totalCount nodes { id } } }"
    everything = (await api.gql(listed))["unmatchedEvents"]
    assert [node["id"] for node in everything["nodes"]] == ids
    product = await api.make("productCreate", name="Engine")
    metric = await metric_of(api, product)
    assert await total(api, metric) == "0"
    unknown = (await api.gql(listed, r=["CUSTOMER_UNKNOWN"]))["unmatchedEvents"]
    assert [node["id"] for node in unknown["nodes"]] == ids[:2]
    assert (await api.gql(listed, r=["NO_METRIC"]))["unmatchedEvents"]["totalCount"] == 1
    made = await sell(api)  # a second metric of the type, a customer, a subscription
    found = await receipt(api, ids[0])
    assert (found["status"], len(found["counted"]), found["event"]["customer"]) == ("COUNTED", 2, {"name": "Acme"})
    assert [await total(api, one) for one in (metric, made["metric"])] == ["20", "20"]
    assert [node["id"] for node in (await api.gql(listed))["unmatchedEvents"]["nodes"]] == ids[2:]
    answer = (await api.gql(USAGE, id=metric, **SPAN))["billableMetric"]
    assert answer["backfill"]["state"] == "DONE"
    usage = "query($id: ID!) { subscription(id: $id) { usage { quantity } } }"
    assert (await api.gql(usage, id=made["subscription"]))["subscription"]["usage"] == [{"quantity": "20"}]


@pytest.mark.parametrize(
    ("aggregation", "totals"),
    [
        ("SUM", ("31", "26", "16")),
        ("COUNT", ("3", "3", "2")),
        ("AVG", ("10.333333333333333333", "8.666666666666666667", "8")),
        ("MIN", ("1", "1", "1")),
        ("MAX", ("20", "15", "15")),
        ("UNIQUE_COUNT", ("3", "3", "2")),
        ("LATEST", ("20", "15", "15")),
    ],
)
async def test_a_correction_changes_what_is_counted(api: Api, aggregation: str, totals: tuple[str, ...]) -> None:
    made = await sell(api, aggregation)
    sent = await ingest(
        api,
        call("a", 10),
        call("b", 1),
        call("c", 20, timestamp="2026-02-02T12:00:00Z"),
    )
    ids = [event["id"] for event in sent["events"]]
    usage = "query($id: ID!) { subscription(id: $id) { usage { quantity } } }"

    async def both() -> tuple[str, str]:
        charged = (await api.gql(usage, id=made["subscription"]))["subscription"]["usage"][0]["quantity"]
        return await total(api, made["metric"]), charged

    assert await both() == (totals[0],) * 2
    amended = await api.mutate(
        "meterEventAmend", "meterEvent { revision data }", eventId=ids[2], data={"tokens": 15}, reason="typo"
    )
    assert amended == {"meterEvent": {"revision": 1, "data": {"tokens": 15}}, "userErrors": []}
    assert await both() == (totals[1],) * 2
    await api.mutate("meterEventVoid", "meterEvent { isVoided }", eventId=ids[0], reason="test")
    assert await both() == (totals[2],) * 2
    again = await api.mutate("meterEventVoid", "meterEvent { revision isVoided }", eventId=ids[0], reason="test")
    assert again == {"meterEvent": {"revision": 1, "isVoided": True}, "userErrors": []}
    found = await receipt(api, ids[0])
    assert (found["status"], found["counted"], found["reasons"]) == ("VOIDED", [], [])
    assert (await receipt(api, ids[2]))["event"]["earlierRevisions"] == [
        {"number": 0, "data": {"tokens": 20}, "reason": "typo"}
    ]
    await ingest(api, call("a", 10))
    assert (await receipt(api, ids[0]))["repeats"]["totalCount"] == 1
    assert await both() == (totals[2],) * 2


async def test_a_correction_of_a_closed_period_is_marked_and_changes_no_invoice(api: Api) -> None:
    clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
    made = await sell(api, clock=clock)
    sent = await ingest(api, call("a"), call("b"), call("c"))
    ids = [event["id"] for event in sent["events"]]
    advanced = await api.mutate(
        "testClockAdvance", "invoices { id status total { amount } }", id=clock, to="2026-03-05T00:00:00Z"
    )
    assert [invoice["total"]["amount"] for invoice in advanced["invoices"]] == ["30.00"]
    await api.mutate("meterEventAmend", "meterEvent { id }", eventId=ids[0], data={"tokens": 4}, reason="less")
    await api.mutate("meterEventVoid", "meterEvent { id }", eventId=ids[1], reason="never happened")
    late = await ingest(api, call("late", 7))
    found = await receipt(api, late["events"][0]["id"])
    assert (found["status"], found["reasons"]) == ("COUNTED", [{"code": "PERIOD_CLOSED"}])
    assert await total(api, made["metric"]) == "0"  # of the merchant: the customer lives on a clock
    counters = [row for row in await api.rows(models.UsageCounter) if row.kind is models.CounterKind.PERIOD]
    assert [(row.round, row.closed_at is not None, row.event_count, str(row.total)) for row in counters] == [
        (0, True, 3, "30"),
        (1, False, 2, "11"),
    ]
    marks = [row for row in await api.rows(models.CountedEvent) if row.usage_counter_id == counters[1].id]
    assert sorted((row.revision, row.is_withdrawal) for row in marks) == [(0, False), (1, False), (1, True)]
    [invoice] = [row for row in await api.rows(models.Invoice) if row.number is not None]
    replay = "query($id: ID!) { invoiceReplay(invoiceId: $id) { equal eventCount } }"
    assert (await api.gql(replay, id=invoice.id))["invoiceReplay"] == {"equal": True, "eventCount": 3}
    first = await receipt(api, ids[0])
    assert [entry["value"] for entry in first["counted"]] == ["4"]


async def test_corrections_at_once_are_made_one_after_the_other(api: Api) -> None:
    made = await sell(api)
    [event] = (await ingest(api, call("a", 10)))["events"]
    await receipt(api, event["id"])

    async def amend(tokens: int) -> Any:
        given = {"eventId": event["id"], "data": {"tokens": tokens}, "reason": "r"}
        return await api.mutate("meterEventAmend", "meterEvent { revision }", **given)

    async def void() -> Any:
        return await api.mutate("meterEventVoid", "meterEvent { isVoided }", eventId=event["id"], reason="r")

    await asyncio.gather(*(amend(tokens) for tokens in (1, 2, 3, 4)))
    found = (await receipt(api, event["id"]))["event"]
    assert (found["revision"], len(found["earlierRevisions"])) == (4, 4)
    assert await total(api, made["metric"]) == str(found["data"]["tokens"])
    await asyncio.gather(void(), void(), ingest(api, call("a", 10)), ingest(api, call("b", 7)))
    assert (await receipt(api, event["id"]))["status"] == "VOIDED"
    assert await total(api, made["metric"]) == "7"
    usage = "query($id: ID!) { subscription(id: $id) { usage { quantity } } }"
    assert (await api.gql(usage, id=made["subscription"]))["subscription"]["usage"] == [{"quantity": "7"}]


async def test_a_correction_that_can_not_be_is_refused(api: Api) -> None:
    await sell(api)
    [event] = (await ingest(api, call("a")))["events"]

    async def problems(name: str, **given: Any) -> list[tuple[str, str]]:
        payload = await api.mutate(name, "meterEvent { id }", **given)
        assert payload["meterEvent"] is None
        return [(error["code"], error["field"]) for error in payload["userErrors"]]

    assert await problems("meterEventAmend", eventId="evt_x", reason="") == [
        ("NOT_FOUND", "eventId"),
        ("BLANK", "data"),
        ("BLANK", "reason"),
    ]
    amended = {"eventId": event["id"], "reason": "r"}
    assert await problems("meterEventAmend", **amended, data=[1]) == [("INVALID", "data")]
    other = await api.another_merchant()
    foreign = await other.mutate("meterEventVoid", "meterEvent { id }", eventId=event["id"], reason="r")
    assert [(error["code"], error["field"]) for error in foreign["userErrors"]] == [("NOT_FOUND", "eventId")]
    await api.mutate("meterEventVoid", "meterEvent { id }", eventId=event["id"], reason="r")
    assert await problems("meterEventAmend", **amended, data={"tokens": 1}) == [("INVALID", "eventId")]

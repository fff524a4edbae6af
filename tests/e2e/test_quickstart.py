"""examples/quickstart.graphql, verbatim and in order, against the real server on a fresh database of either kind."""

from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse, print_ast

from tests.support.server import Server, serve

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.graphql"
DOCUMENTS = {
    node.name.value: print_ast(node)
    for node in parse(QUICKSTART.read_text()).definitions
    if isinstance(node, OperationDefinitionNode) and node.name
}


def run(server: Server, name: str, **variables: Any) -> dict[str, Any]:
    """Run one document; no payload in it may report a user error."""
    data = server.gql(DOCUMENTS[name], **variables)
    for payload in data.values():
        assert not (isinstance(payload, dict) and payload.get("userErrors")), payload
    return data


def define_catalog(server: Server) -> tuple[str, str]:
    """Steps 1 and 2: product, metric, fee, prices, plan. Returns the ids of the metric and the plan."""
    product = run(server, "DefineProduct")["productCreate"]["product"]
    assert product["name"] == "LLM Inference Engine"
    metric = run(server, "DefineMetric", productId=product["id"])["billableMetricCreate"]["billableMetric"]
    assert (metric["eventType"], metric["aggregation"]) == ("inference.completed", "SUM")
    fee = run(server, "DefineFee", productId=product["id"])["feeCreate"]["fee"]
    prices = run(server, "DefinePrices", metricId=metric["id"], feeId=fee["id"])
    tokens, platform = prices["tokens"]["price"], prices["platform"]["price"]
    assert tokens["paymentTerm"] == "IN_ARREARS"
    assert tokens["model"] == {"__typename": "StandardPrice", "unitPrice": "0.00002"}
    plan = run(server, "DefinePlan", productId=product["id"], priceIds=[tokens["id"], platform["id"]])
    plan = plan["planCreate"]["plan"]
    assert (plan["billingVersion"], plan["currency"], plan["defaultVersion"]["number"]) == (1, "USD", 1)
    assert [price["invoiceDisplayName"] for price in plan["defaultVersion"]["prices"]] == [
        "Output tokens",
        "Platform fee",
    ]
    return metric["id"], plan["id"]


def subscribe_and_pay(server: Server, clock_id: str, plan_id: str) -> tuple[str, str]:
    """Step 3: a customer, a subscription gated by Invoice 0, its payment. Returns customer and subscription."""
    customer = run(server, "CreateCustomer", testClockId=clock_id)["customerCreate"]["customer"]
    assert customer["externalId"] == "acme-1"
    created = run(server, "Subscribe", customerId=customer["id"], planId=plan_id)["subscriptionCreate"]
    assert created["subscription"]["status"] == "PENDING_PAYMENT"
    assert created["subscription"]["currentPeriod"] == {"start": "2026-01-31T00:00:00Z", "end": "2026-02-28T00:00:00Z"}
    invoice = created["invoice"]
    assert invoice["status"] == "ISSUED"
    assert invoice["total"] == {"amount": "49.00", "currency": "USD"}
    assert invoice["amountDue"] == {"amount": "49.00"}
    assert invoice["lines"] == [{"description": "Platform fee", "quantity": "1", "amount": {"amount": "49.00"}}]
    paid = run(server, "PayInvoice", invoiceId=invoice["id"])["invoiceRecordPayment"]
    assert paid["payment"]["amount"] == {"amount": "49.00", "currency": "USD"}
    assert (paid["invoice"]["number"], paid["invoice"]["status"]) == ("TEST-INV-000001", "PAID")
    assert paid["invoice"]["paidAt"] == "2026-01-31T00:00:00Z"
    assert paid["invoice"]["subscription"] == {"id": created["subscription"]["id"], "status": "ACTIVE"}
    return customer["id"], created["subscription"]["id"]


def report_usage(server: Server, customer_id: str, metric_id: str, subscription_id: str) -> str:
    """Step 4: an event of 1,500,000 tokens, twice; it counts once, and says so. Returns its id."""
    event = {
        "type": "inference.completed",
        "source": "https://api.acme.example",
        "subject": customer_id,
        "timestamp": "2026-02-03T12:00:00Z",
        "idempotencyKey": "quickstart-1",
        "data": {"tokens": 1500000, "model": "large"},
    }
    answers = [server.post_event(event) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    event_id: str = answers[0].json()["id"]
    receipt = run(server, "WhatHappened", eventId=event_id)["eventReceipt"]
    assert receipt == {
        "status": "COUNTED",
        "event": {"id": event_id, "type": "inference.completed", "timestamp": "2026-02-03T12:00:00Z"},
        "repeats": {"totalCount": 1, "differing": []},
        "counted": [
            {
                "billableMetric": {"id": metric_id},
                "value": "1500000",
                "subscription": {"id": subscription_id},
                "period": {"start": "2026-01-31T00:00:00Z", "end": "2026-02-28T00:00:00Z"},
                "invoice": None,
            }
        ],
        "reasons": [],
    }
    return event_id


def check_usage(server: Server, subscription_id: str, metric_id: str, customer_id: str) -> None:
    """The running period's usage, the invoice to come, and the metric by day and model."""
    data = run(server, "Usage", subscriptionId=subscription_id, metricId=metric_id, customerId=customer_id)
    assert data["subscription"]["usage"] == [
        {
            "billableMetric": {"name": "Output tokens", "unit": "token"},
            "quantity": "1500000",
            "amount": {"amount": "30.00", "currency": "USD"},
        }
    ]
    assert data["subscription"]["upcomingInvoice"]["total"] == {"amount": "79.00"}
    usage = data["billableMetric"]["usage"]
    assert usage["total"] == "1500000"
    assert len(usage["windows"]) == 28
    assert [window["start"] for window in usage["windows"] if window["value"] != "0"] == ["2026-02-03T00:00:00Z"]
    assert usage["windows"][3]["groups"] == [{"key": [{"name": "model", "value": "large"}], "value": "1500000"}]


def check_invoice(server: Server, invoice_id: str, event_id: str) -> None:
    """The invoice of the month: 30.00 + 49.00 = 79.00, and why."""
    invoice = run(server, "ReadInvoice", invoiceId=invoice_id)["invoice"]
    assert (invoice["number"], invoice["status"]) == ("TEST-INV-000002", "ISSUED")
    assert (invoice["issuedAt"], invoice["dueAt"]) == ("2026-02-28T01:00:00Z", "2026-03-30T01:00:00Z")
    assert (invoice["subtotal"], invoice["tax"]) == ({"amount": "79.00"}, {"amount": "0.00"})
    assert (invoice["total"], invoice["amountDue"]) == ({"amount": "79.00", "currency": "USD"}, {"amount": "79.00"})
    assert invoice["billedTo"] == {"name": "Acme", "email": "billing@acme.example"}
    arrears, advance = invoice["lines"]
    assert (arrears["description"], arrears["quantity"], arrears["paymentTerm"]) == (
        "Output tokens",
        "1500000",
        "IN_ARREARS",
    )
    assert arrears["amount"] == {"amount": "30.00", "currency": "USD"}
    assert arrears["exactAmount"] == "30"
    assert arrears["period"] == {"start": "2026-01-31T00:00:00Z", "end": "2026-02-28T00:00:00Z"}
    steps = arrears["explanation"]["steps"]
    assert [(step["operation"], step["input"], step["output"]) for step in steps] == [
        ("AGGREGATE", "1", "1500000"),
        ("PRICE", "1500000", "30"),
        ("ROUND", "30", "30"),
    ]
    assert steps[1]["description"] == "1,500,000 token \N{MULTIPLICATION SIGN} 0.00002 USD = 30.00 USD"
    assert arrears["explanation"]["events"] == {
        "nodes": [{"id": event_id, "timestamp": "2026-02-03T12:00:00Z"}],
        "totalCount": 1,
    }
    assert (advance["description"], advance["amount"]["amount"]) == ("Platform fee", "49.00")
    assert advance["period"] == {"start": "2026-02-28T00:00:00Z", "end": "2026-03-31T00:00:00Z"}
    assert advance["explanation"]["events"] == {"nodes": [], "totalCount": 0}


def test_quickstart_from_zero_to_a_paid_explained_invoice(database_url: str) -> None:
    with serve(database_url) as server:
        clock = run(server, "CreateClock")["testClockCreate"]["testClock"]
        assert clock["now"] == "2026-01-31T00:00:00Z"
        metric_id, plan_id = define_catalog(server)
        customer_id, subscription_id = subscribe_and_pay(server, clock["id"], plan_id)
        event_id = report_usage(server, customer_id, metric_id, subscription_id)
        check_usage(server, subscription_id, metric_id, customer_id)

        advanced = run(server, "EndOfMonth", testClockId=clock["id"])["testClockAdvance"]
        assert advanced["testClock"]["now"] == "2026-02-28T02:00:00Z"
        [invoice] = advanced["invoices"]
        assert (invoice["number"], invoice["status"]) == ("TEST-INV-000002", "ISSUED")
        assert invoice["total"] == {"amount": "79.00", "currency": "USD"}
        check_invoice(server, invoice["id"], event_id)
        billed = run(server, "WhatHappened", eventId=event_id)["eventReceipt"]["counted"][0]
        assert billed["invoice"] == {"id": invoice["id"]}

        model = {"standard": {"unitPrice": "0.00002"}}
        preview = run(server, "WhatWouldItCost", model=model, quantity="1500000")["pricePreview"]
        assert (preview["amount"], preview["exactAmount"]) == ({"amount": "30.00", "currency": "USD"}, "30")
        single = run(server, "WhatWouldItCost", model=model, events=[{"value": "1000000"}, {"value": "500000"}])
        assert single["pricePreview"]["amount"] == preview["amount"]

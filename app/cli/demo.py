"""billgraph demo: the quickstart, played in the sandbox of a running server."""

import time
from typing import Any
from urllib.parse import urljoin

from app.cli.client import Api
from app.cli.documents import fresh_documents
from app.cli.invoice import show_invoice
from app.cli.target import DEFAULT_URL, CommandError, KeyOption, UrlOption, find_target
from app.cli.terminal import line, working_on
from app.ids import new_idempotency_key

COUNTED_WITHIN = 15
PAGE = "query InvoicePage($invoiceId: ID!) { invoice(id: $invoiceId) { pageUrl } }"
SUFFIX_LENGTH = 10


def demo(url: UrlOption = DEFAULT_URL, key: KeyOption = None) -> None:
    """Play the quickstart in a server's sandbox, from a product to an invoice and the reasons of each of its lines.

    Every run makes its own product, customer and clock, so it can be run again.
    """
    suffix = new_idempotency_key()[-SUFFIX_LENGTH:]
    with Api(find_target(url, key, sandbox=True)) as api:
        line(f"Playing the quickstart in the sandbox of {api.target.url}, run {suffix}")
        story = Story(api, suffix)
        show_invoice(story.play())
        line(f"The same as a page to read and print: {story.page}")
    line(f"Ask for more yourself: POST {api.target.address('/graphql')}")


class Story:
    """One run of the quickstart."""

    def __init__(self, api: Api, suffix: str) -> None:
        """Take a client of the sandbox, and what tells this run from all others."""
        self._api = api
        self._suffix = suffix
        self._documents = fresh_documents(suffix)
        self.page = ""

    def play(self) -> dict[str, Any]:
        """Run all steps and return the invoice of the first month."""
        clock = self._step("a test clock", "CreateClock")["testClock"]
        metric, plan = self._define_catalog()
        customer, subscription = self._subscribe(clock["id"], plan["id"])
        self._report_usage(customer["id"])
        self._watch_usage(subscription["id"], metric["id"], customer["id"])
        with working_on("the month ends"):
            ended = self._change("EndOfMonth", testClockId=clock["id"])["testClockAdvance"]
        issued = [invoice for invoice in ended["invoices"] if invoice["status"] == "ISSUED"]
        if not issued:
            raise CommandError("The month ended without an issued invoice; the server's log may say why.")
        line(f"the month ended at {ended['testClock']['now']}: invoice {issued[-1]['number']} was issued")
        invoice: dict[str, Any] = self._read("ReadInvoice", invoiceId=issued[-1]["id"])["invoice"]
        page = self._api.run(PAGE, invoiceId=issued[-1]["id"])["invoice"]["pageUrl"]
        self.page = urljoin(self._api.target.url, page)
        return invoice

    def _define_catalog(self) -> tuple[dict[str, Any], dict[str, Any]]:
        product = self._step("a product", "DefineProduct")["product"]
        metric = self._step("a billable metric", "DefineMetric", productId=product["id"])["billableMetric"]
        fee = self._step("a fee", "DefineFee", productId=product["id"])["fee"]
        with working_on("two prices"):
            prices = self._change("DefinePrices", metricId=metric["id"], feeId=fee["id"])
        ids = [prices[name]["price"]["id"] for name in ("tokens", "platform")]
        line(f"two prices: {', '.join(ids)}")
        return metric, self._step("a plan", "DefinePlan", productId=product["id"], priceIds=ids)["plan"]

    def _subscribe(self, clock_id: str, plan_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        customer = self._step("a customer", "CreateCustomer", testClockId=clock_id)["customer"]
        subscribed = self._step("a subscription", "Subscribe", customerId=customer["id"], planId=plan_id)
        subscription, invoice = subscribed["subscription"], subscribed["invoice"]
        line(f"the subscription is {subscription['status']}: {_money(invoice['total'])} is due in advance")
        with working_on("the payment"):
            paid = self._change("PayInvoice", invoiceId=invoice["id"])["invoiceRecordPayment"]["invoice"]
        line(f"invoice {paid['number']} is {paid['status']}, the subscription {paid['subscription']['status']}")
        return customer, subscription

    def _report_usage(self, customer_id: str) -> None:
        event = {
            "type": "inference.completed",
            "source": "https://api.acme.example",
            "subject": customer_id,
            "timestamp": "2026-02-03T12:00:00Z",
            "idempotencyKey": f"quickstart-1-{self._suffix}",
            "data": {"tokens": 1500000, "model": "large"},
        }
        with working_on("an event, sent twice"):
            [event_id] = {self._api.post_event(event)["id"] for _ in range(2)}
            receipt = self._receipt(event_id)
        counted = receipt["counted"][0]["value"]
        line(f"an event, sent twice: {event_id} was counted once, for {counted}")

    def _receipt(self, event_id: str) -> dict[str, Any]:
        """Return what became of the event, once it is known."""
        deadline = time.monotonic() + COUNTED_WITHIN
        while True:
            receipt: dict[str, Any] = self._read("WhatHappened", eventId=event_id)["eventReceipt"]
            if receipt["status"] == "COUNTED":
                return receipt
            if receipt["status"] != "RECEIVED":
                reasons = "; ".join(reason["message"] for reason in receipt["reasons"])
                raise CommandError(f"The event was not counted: {reasons}")
            if time.monotonic() > deadline:
                raise CommandError(f"The event is stored, but was not counted within {COUNTED_WITHIN} seconds.")
            time.sleep(0.2)

    def _watch_usage(self, subscription_id: str, metric_id: str, customer_id: str) -> None:
        with working_on("the usage so far"):
            usage = self._read("Usage", subscriptionId=subscription_id, metricId=metric_id, customerId=customer_id)
        so_far = usage["subscription"]["usage"][0]
        upcoming = usage["subscription"]["upcomingInvoice"]["total"]["amount"]
        unit, quantity = so_far["billableMetric"]["unit"], so_far["quantity"]
        line(
            f"the usage so far: {quantity} {unit} for {_money(so_far['amount'])}; the next invoice would be {upcoming}"
        )

    def _step(self, what: str, operation: str, **variables: Any) -> dict[str, Any]:
        """Run one mutation, print what it made, and return its payload."""
        with working_on(what):
            [payload] = self._change(operation, **variables).values()
        made = next(value for value in payload.values() if isinstance(value, dict))
        line(f"{what}: {made['id']}")
        return dict(payload)

    def _change(self, operation: str, **variables: Any) -> dict[str, Any]:
        return self._api.change(self._documents[operation], **variables)

    def _read(self, operation: str, **variables: Any) -> dict[str, Any]:
        return self._api.run(self._documents[operation], **variables)


def _money(money: dict[str, Any]) -> str:
    return f"{money['amount']} {money['currency']}"

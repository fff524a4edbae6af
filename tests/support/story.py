"""Stories of one customer on a test clock: a catalog, usage, time that passes, and invoices written out whole."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app import models
from app.models import EnvironmentKind
from tests.support.api import Api, make_api
from tests.support.catalog import apply
from tests.support.storing import store

INVOICE = """id number status issuedAt dueAt
subtotal { amount } tax { amount } carriedToCredit { amount } total { amount currency }
creditApplied { amount } amountDue { amount }
lines { description quantity amount { amount } period { start end } }"""
PREVIEW = """query(
  $subscriptionId: ID!, $planId: ID, $planVersionId: ID, $quantities: [FeeQuantityInput!], $at: ChangeTime! = NOW
  $discounts: [SubscriptionDiscountInput!]
) { subscriptionChangePreview(
  subscriptionId: $subscriptionId, planId: $planId, planVersionId: $planVersionId, quantities: $quantities, at: $at
  discounts: $discounts
) { effectiveAt creditApplied { amount } amountDue { amount }
  credits { total { amount } reduces: reducesDue { amount } toCredit { amount }
    invoice { status } of: invoice { id number } }
  invoice { subtotal { amount } tax { amount } carriedToCredit { amount } total { amount currency }
    lines { description quantity amount { amount } period { start end } } }
  nextInvoice { boundaryAt total { amount } lines { description quantity amount { amount } } } } }"""
CALLS: dict[str, Any] = {
    "key": "calls",
    "productId": "api",
    "name": "Calls",
    "unit": "call",
    "eventType": "call",
    "aggregation": "SUM",
    "valueProperty": "$.n",
    "groupBy": [{"name": "kind", "path": "$.kind"}],
}


@dataclass
class Story:
    """One customer of a merchant who sells an API."""

    api: Api
    clock_id: str
    customer_id: str
    zero: dict[str, Any] | None = None
    subscription_id: str = ""
    changed: dict[str, Any] | None = None
    following: dict[str, Any] | None = None

    async def sell(
        self,
        prices: dict[str, dict[str, Any]],
        *others: dict[str, Any],
        extra: dict[str, dict[str, Any]] | None = None,
        **plan: Any,
    ) -> None:
        """Make a catalog of these prices, by their keys and in their order, in one monthly plan.

        Besides it has other plans, and extra prices for these.
        """
        sold = prices | (extra or {})
        fees = [{"key": key, "productId": "api", "name": key} for key, given in sold.items() if is_fee(given)]
        peak = {**CALLS, "key": "peak", "aggregation": "MAX", "valueProperty": "$.peak", "groupBy": []}
        document = {
            "products": [{"key": "api", "name": "API"}],
            "billableMetrics": [CALLS, {**peak, "eventType": "peak"}],
            "fees": fees,
            "prices": [price(key, given) for key, given in sold.items()],
            "plans": [
                {
                    "key": "plan", "productId": "api", "name": "Plan", "billingInterval": "MONTHLY",
                    "priceIds": list(prices), **plan,
                },
                *({"productId": "api", "name": one["key"], "billingInterval": "MONTHLY", **one} for one in others),
            ],
        }  # fmt: skip
        await apply(self.api, document)

    async def subscribe(self, **given: Any) -> list[str]:
        """Subscribe to the plan; return Invoice 0, if there is one."""
        fields = f"subscription {{ id }} invoice {{ {INVOICE} }}"
        wanted = {"customerId": self.customer_id, "planId": "plan", **given}
        payload = await self.api.mutate("subscriptionCreate", fields, **wanted)
        assert payload["userErrors"] == []
        self.zero, self.subscription_id = payload["invoice"], payload["subscription"]["id"]
        return [] if self.zero is None else written(self.zero)

    async def change(self, **given: Any) -> list[str]:
        """Change the subscription; return its credit notes and the invoice of the change, after a preview of both."""
        asked = {"subscriptionId": self.subscription_id, **given}
        preview = (await self.api.gql(PREVIEW, **asked))["subscriptionChangePreview"]
        fields = f"""change {{ status }} invoice {{ {INVOICE} }}
          creditNotes {{ total {{ amount }} reducedDue {{ amount }} toCredit {{ amount }} invoice {{ id number }} }}"""
        payload = await self.api.mutate("subscriptionChange", fields, **asked)
        assert payload["userErrors"] == []
        self.changed, self.following = payload["invoice"], preview["nextInvoice"]
        credited = [one for one in preview["credits"] if one["invoice"]["status"] != "DRAFT"]
        assert [
            {"total": one["total"], "reducedDue": one["reduces"], "toCredit": one["toCredit"], "invoice": one["of"]}
            for one in credited
        ] == payload["creditNotes"]
        if self.changed is None:
            assert preview["invoice"] is None
        else:
            assert [preview["amountDue"], preview["creditApplied"]] == [
                self.changed["amountDue"], self.changed["creditApplied"],
            ]  # fmt: skip
            assert preview["invoice"] == {name: self.changed[name] for name in preview["invoice"]}
        notes = [
            f"credit of {one['total']['amount']} on {one['invoice']['number']}, "
            f"{one['reducedDue']['amount']} off what is due, {one['toCredit']['amount']} to credit"
            for one in payload["creditNotes"]
        ]
        return [*notes, *([] if self.changed is None else written(self.changed))]

    async def end(self, **given: Any) -> list[str]:
        """End the subscription; return the draft of its last invoice, if there is one."""
        payload = await self.api.mutate(
            "subscriptionTerminate", f"invoice {{ {INVOICE} }}", subscriptionId=self.subscription_id, **given
        )
        assert payload["userErrors"] == []
        return [] if payload["invoice"] is None else written(payload["invoice"])

    async def standing(self) -> dict[str, Any]:
        """Where the subscription stands."""
        fields = "status terminationReason endingAt endedAt currentPeriod { start end }"
        asked = f"query($id: ID!) {{ subscription(id: $id) {{ {fields} }} }}"
        found: dict[str, Any] = (await self.api.gql(asked, id=self.subscription_id))["subscription"]
        return found

    async def pay(self) -> None:
        """Pay what is due on Invoice 0."""
        assert self.zero is not None
        given = {"invoiceId": self.zero["id"], "method": "bank_transfer"}
        payload = await self.api.mutate("invoiceRecordPayment", "payment { id }", **given)
        assert payload["userErrors"] == []

    async def use(self, at: str, kind: str | None = None, n: str = "1", **data: Any) -> None:
        """Report a call of some kind."""
        await self._send("call", at, {"n": n, **({} if kind is None else {"kind": kind}), **data})

    async def peak(self, at: str, value: str) -> None:
        """Report how many there were at once."""
        await self._send("peak", at, {"peak": value})

    async def until(self, to: str) -> list[list[str]]:
        """Let time pass; return the invoices of the way, oldest first."""
        fields = f"invoices {{ {INVOICE} }}"
        payload = await self.api.mutate("testClockAdvance", fields, id=self.clock_id, to=to)
        assert payload["userErrors"] == []
        return [written(invoice) for invoice in payload["invoices"]]

    async def _send(self, kind: str, at: str, data: dict[str, Any]) -> None:
        event = {"type": kind, "source": "story", "subject": self.customer_id, "timestamp": at, "data": data}
        environments = await self.api.rows(models.Environment)
        [live] = [row.id for row in environments if row.kind is EnvironmentKind.LIVE]
        async with self.api.sessions.begin() as session:
            await store(session, live, event, self.api.clock.now())


def usage(model: dict[str, Any], kind: str | None = None, **given: Any) -> dict[str, Any]:
    """A price for calls, of some kind or of all that no other price takes."""
    wanted = {} if kind is None else {"filter": [{"name": "kind", "in": [kind]}]}
    target = {"billableMetricId": "calls"}
    return {"target": target, "paymentTerm": "IN_ARREARS", "model": model, **wanted, **given}


def standard(unit_price: str) -> dict[str, Any]:
    """The simplest model."""
    return {"standard": {"unitPrice": unit_price}}


def fee(unit_price: str, **given: Any) -> dict[str, Any]:
    """A price in advance for a fee of its own."""
    return {"paymentTerm": "IN_ADVANCE", "model": standard(unit_price), **given}


def is_fee(given: dict[str, Any]) -> bool:
    """Whether a price is for a fee."""
    return "target" not in given


def price(key: str, given: dict[str, Any]) -> dict[str, Any]:
    """A price as a document writes it."""
    return {"target": {"feeId": key}, "invoiceDisplayName": key, "currency": "USD", **given, "key": key}


def written(invoice: dict[str, Any]) -> list[str]:
    """An invoice in lines of text: its number, status and days, each line, and its sums where they are not zero."""
    head = f"{invoice['number']} {invoice['status']}"
    if invoice["issuedAt"] is not None:
        head += f" {_instant(invoice['issuedAt'])}, due {_instant(invoice['dueAt'])}"
    lines = [
        f"{_instant(line['period']['start'])} to {_instant(line['period']['end'])}: "
        f"{line['quantity']} {line['description']} {line['amount']['amount']}"
        for line in invoice["lines"]
    ]
    sums = {
        name: invoice[field]["amount"]
        for name, field in (
            ("tax", "tax"),
            ("carried to credit", "carriedToCredit"),
            ("paid by credit", "creditApplied"),
        )
    }
    foot = [f"{name} {amount}" for name, amount in sums.items() if Decimal(amount)]
    total = f"total {invoice['total']['amount']} {invoice['total']['currency']}, due {invoice['amountDue']['amount']}"
    return [head, *lines, *foot, total]


def _instant(text: str) -> str:
    return text.removesuffix("Z").removesuffix(":00").removesuffix("T00:00")


@asynccontextmanager
async def tell(database_url: str, now: str, timezone: str = "UTC", **customer: Any) -> AsyncIterator[Story]:
    """Begin a story at an instant, in the merchant's timezone."""
    async with make_api(database_url) as api:
        await api.mutate("merchantUpdate", "merchant { id }", timezone=timezone)
        clock_id = await api.make("testClockCreate", name="story", now=now)
        customer_id = await api.make("customerCreate", name="Acme", testClockId=clock_id, **customer)
        yield Story(api, clock_id, customer_id)

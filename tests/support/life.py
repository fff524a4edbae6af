"""The life of a tenant: every mutation with a valid input, in an order in which each of them can be done.

What stands between angle brackets is the id of what an earlier act made, and ~ the tenant's own mark. A mutation that
is new to the schema, or an identifier that is new to an input, needs an act here:
`tests/integration/test_tenants.py` says which is missing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.api import Api

COUNT_METRIC: dict[str, Any] = {"unit": "call", "eventType": "call", "aggregation": "COUNT"}
PRICE: dict[str, Any] = {"invoiceDisplayName": "Price", "model": {"standard": {"unitPrice": "2"}}}
UNITS: dict[str, Any] = {"metered": {"issueAfterReset": "100", "usagePeriod": "MONTHLY"}}
EVENT: dict[str, Any] = {"type": "inference", "source": "life", "data": {"tokens": "5", "model": "large"}}
USED = "2026-02-05T00:00:00Z"


@dataclass(frozen=True)
class Act:
    """One mutation that can be done where all acts before it were, and the ids to take from its payload, by name."""

    mutation: str
    input: Mapping[str, Any]
    saves: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The document."""
        kind = f"{self.mutation[0].upper()}{self.mutation[1:]}Input"
        fields = " ".join([*map(_selected, self.saves.values()), "userErrors { code field message }"])
        return f"mutation($input: {kind}!) {{ {self.mutation}(input: $input) {{ __typename {fields} }} }}"


def _selected(path: str) -> str:
    first, _, rest = path.partition(".")
    if first.isdecimal():
        return _selected(rest)
    return f"{first} {{ {_selected(rest)} }}" if rest else first


LIFE: list[Act] = [
    Act("merchantUpdate", {"name": "Example Inc.", "graceSeconds": 86_400}),
    Act("apiKeyCreate", {"name": "reader", "scopes": ["CATALOG_READ"]}, {"key": "apiKey.id"}),
    Act("apiKeyCreate", {"name": "old", "scopes": ["CATALOG_READ"]}, {"old key": "apiKey.id"}),
    # A document of the catalog names what has no key by its id, and archives what has one and is left out.
    Act("productCreate", {"name": "Bare"}, {"bare product": "product.id"}),
    Act(
        "billableMetricCreate",
        {**COUNT_METRIC, "productId": "<bare product>", "name": "Calls"},
        {"bare metric": "billableMetric.id"},
    ),
    Act("feeCreate", {"productId": "<bare product>", "name": "Desk"}, {"bare fee": "fee.id"}),
    Act(
        "priceCreate",
        {**PRICE, "target": {"billableMetricId": "<bare metric>"}, "paymentTerm": "IN_ARREARS"},
        {"bare price": "price.id"},
    ),
    Act(
        "featureCreate",
        {"productId": "<bare product>", "name": "Support", "key": "support-~", "kind": "BOOLEAN"},
        {"bare feature": "feature.id"},
    ),
    Act(
        "catalogApply",
        {
            "catalog": {
                "products": [{"key": "search", "name": "Search"}],
                "billableMetrics": [{**COUNT_METRIC, "key": "finds", "name": "Finds", "productId": "<bare product>"}],
                "fees": [{"key": "chair", "name": "Chair", "productId": "<bare product>"}],
                "prices": [
                    {**PRICE, "key": "a", "paymentTerm": "IN_ADVANCE", "target": {"feeId": "<bare fee>"}},
                    {**PRICE, "key": "b", "paymentTerm": "IN_ARREARS", "target": {"billableMetricId": "<bare metric>"}},
                ],
                "plans": [
                    {
                        "key": "bare", "name": "Bare", "billingInterval": "MONTHLY", "productId": "<bare product>",
                        "priceIds": ["<bare price>"],
                        "features": [
                            {"featureId": "<bare feature>", "priceId": "<bare price>", "terms": {"boolean": True}}
                        ],
                    },
                ],
            },
            "dryRun": True,
        },
    ),
    # The catalog.
    Act("productCreate", {"name": "Engine", "key": "engine-~"}, {"product": "product.id"}),
    Act("productUpdate", {"id": "<product>", "description": "What answers"}),
    Act("productCreate", {"name": "Old engine"}, {"old product": "product.id"}),
    Act(
        "billableMetricCreate",
        {
            "productId": "<product>", "name": "Tokens", "key": "tokens-~", "unit": "token", "eventType": "inference",
            "aggregation": "SUM", "valueProperty": "$.tokens", "groupBy": [{"name": "model", "path": "$.model"}],
        },
        {"metric": "billableMetric.id"},
    ),
    Act("billableMetricUpdate", {"id": "<metric>", "description": "Counted by the model"}),
    Act("feeCreate", {"productId": "<product>", "name": "Seat", "key": "seat-~"}, {"fee": "fee.id"}),
    Act("feeUpdate", {"id": "<fee>", "description": "For each person"}),
    Act(
        "featureCreate",
        {
            "productId": "<product>", "name": "Tokens", "key": "token-units-~", "kind": "METERED",
            "billableMetricId": "<metric>",
        },
        {"feature": "feature.id"},
    ),
    Act("featureUpdate", {"id": "<feature>", "description": "Units of tokens"}),
    Act(
        "priceCreate",
        {**PRICE, "target": {"billableMetricId": "<metric>"}, "paymentTerm": "IN_ARREARS", "key": "token-price-~"},
        {"price": "price.id"},
    ),
    Act(
        "priceCreate",
        {**PRICE, "target": {"feeId": "<fee>"}, "paymentTerm": "IN_ADVANCE", "key": "seat-price-~"},
        {"fee price": "price.id"},
    ),
    Act("priceUpdate", {"id": "<price>", "key": "price-of-tokens-~"}),
    Act(
        "planCreate",
        {
            "productId": "<product>", "name": "Pro", "key": "pro-~", "billingInterval": "MONTHLY",
            "priceIds": ["<price>", "<fee price>"],
            "features": [{"featureId": "<feature>", "priceId": "<price>", "terms": UNITS}],
        },
        {"plan": "plan.id", "version": "plan.defaultVersion.id"},
    ),
    Act("planUpdate", {"id": "<plan>", "description": "For teams"}),
    Act(
        "planVersionCreate",
        {
            "planId": "<plan>", "priceIds": ["<price>", "<fee price>"],
            "features": [{"featureId": "<feature>", "priceId": "<price>", "terms": UNITS}],
        },
        {"draft": "planVersion.id"},
    ),
    Act(
        "planVersionUpdate",
        {
            "planVersionId": "<draft>", "priceIds": ["<fee price>", "<price>"],
            "features": [{"featureId": "<feature>", "priceId": "<price>", "terms": UNITS}],
        },
    ),
    Act("planVersionPublish", {"planVersionId": "<draft>"}, {"second version": "planVersion.id"}),
    Act("planVersionMakeDefault", {"planVersionId": "<version>"}),
    Act("planVersionCreate", {"planId": "<plan>", "priceIds": ["<price>"]}, {"spare draft": "planVersion.id"}),
    Act("planVersionDelete", {"planVersionId": "<spare draft>"}),
    Act(
        "planCreate",
        {"productId": "<product>", "name": "Solo", "billingInterval": "MONTHLY", "priceIds": ["<fee price>"]},
        {"other plan": "plan.id", "other version": "plan.defaultVersion.id"},
    ),
    Act("catalogArchive", {"id": "<old product>"}, {"old product": "object.id"}),
    Act("catalogRestore", {"id": "<old product>"}, {"old product": "object.id"}),
    # Customers, on a clock.
    Act("testClockCreate", {"name": "clock", "now": "2026-01-31T00:00:00Z"}, {"clock": "testClock.id"}),
    Act(
        "customerCreate",
        {"name": "Acme", "testClockId": "<clock>", "externalId": "acme-~", "email": "a@acme.example"},
        {"customer": "customer.id"},
    ),
    Act("customerUpdate", {"id": "<customer>", "email": "bills@acme.example"}),
    Act("customerCreditAdd", {"customerId": "<customer>", "amount": "1"}, {"credit": "creditEntry.id"}),
    Act(
        "customerCreditRemove",
        {"customerId": "<customer>", "amount": "1", "reason": "A mistake"},
        {"last credit": "creditEntries.0.id"},
    ),
    Act(
        "subscriptionCreate",
        {
            "customerId": "<customer>", "planId": "<plan>",
            "quantities": [{"priceId": "<fee price>", "quantity": "10"}],
        },
        {"subscription": "subscription.id", "invoice": "invoice.id", "line": "invoice.lines.0.id"},
    ),
    Act(
        "subscriptionCreate",
        {"customerId": "<customer>", "planVersionId": "<other version>", "allowConcurrent": True},
        {"other subscription": "subscription.id", "other invoice": "invoice.id"},
    ),
    Act(
        "invoiceRecordPayment",
        {"invoiceId": "<invoice>", "method": "bank_transfer"},
        {"payment": "payment.id", "plan entitlement": "invoice.subscription.customer.entitlements.nodes.0.id"},
    ),
    Act(
        "invoiceRecordPayment",
        {"invoiceId": "<other invoice>", "method": "cash", "amount": "3", "excess": "CREDIT"},
        {"other payment": "payment.id"},
    ),
    Act(
        "discountCreate",
        {"target": {"customerId": "<customer>"}, "name": "Launch", "percentage": "0.1"},
        {"discount": "discount.id"},
    ),
    Act(
        "discountCreate",
        {"target": {"subscriptionId": "<subscription>"}, "name": "Loyal", "percentage": "0.05"},
        {"other discount": "discount.id"},
    ),
    Act("discountEnd", {"id": "<other discount>"}),
    # Usage.
    Act(
        "meterEventsIngest",
        {
            "events": [
                {**EVENT, "subject": "<customer>", "timestamp": USED, "idempotencyKey": f"use-{number}-~"}
                for number in range(2)
            ]
            + [
                {**EVENT, "externalSubject": "acme-~", "timestamp": USED, "externalId": "third-~"},
                {
                    **EVENT, "type": "unheard-of", "subject": "<customer>", "externalSubject": "acme-~",
                    "idempotencyKey": "use-3-~", "externalId": "fourth-~",
                },
            ],
        },
        {"event": "events.0.id", "other event": "events.1.id"},
    ),
    Act("meterEventAmend", {"eventId": "<event>", "reason": "Counted twice", "data": {"tokens": "4"}}),
    Act("meterEventVoid", {"eventId": "<other event>", "reason": "A test"}),
    Act(
        "entitlementCreate",
        {"customerId": "<customer>", "featureId": "<feature>", "terms": UNITS},
        {"entitlement": "entitlement.id"},
    ),
    Act("grantCreate", {"entitlementId": "<entitlement>", "amount": "50"}, {"grant": "grant.id"}),
    Act(
        "grantPurchase",
        {"entitlementId": "<plan entitlement>", "amount": "50", "price": "5"},
        {"bought grant": "grant.id", "bought invoice": "invoice.id"},
    ),
    Act("entitlementConsume", {"customerId": "<customer>", "featureKey": "<feature>", "amount": "1"}),
    Act("entitlementConsume", {"externalId": "acme-~", "featureKey": "token-units-~", "amount": "1"}),
    Act("grantVoid", {"id": "<grant>"}, {"grant": "grant.id"}),
    # Changes and the end.
    Act(
        "subscriptionChange",
        {
            "subscriptionId": "<subscription>", "planId": "<plan>", "at": "PERIOD_END",
            "quantities": [{"priceId": "<fee price>", "quantity": "12"}],
        },
        {"change": "change.id"},
    ),
    Act("subscriptionChangeCancel", {"subscriptionId": "<subscription>"}),
    Act(
        "subscriptionChange",
        {"subscriptionId": "<subscription>", "planVersionId": "<second version>", "at": "PERIOD_END"},
        {"second change": "change.id"},
    ),
    Act("subscriptionChangeCancel", {"subscriptionId": "<subscription>"}),
    Act(
        "planVersionMigrate",
        {"planVersionId": "<second version>", "subscriptionIds": ["<subscription>"], "at": "PERIOD_END"},
        {"moved": "subscriptions.0.subscription.id"},
    ),
    Act(
        "planVersionMigrate",
        {"planVersionId": "<version>", "fromPlanVersionId": "<second version>", "after": "<subscription>"},
    ),
    Act("testClockAdvance", {"id": "<clock>", "to": "2026-02-28T12:00:00Z"}, {"draft invoice": "invoices.0.id"}),
    Act(
        "invoiceLineAdd",
        {"invoiceId": "<draft invoice>", "description": "Help", "unitPrice": "3"},
        {"typed line": "invoiceLine.id"},
    ),
    Act("invoiceLineRemove", {"id": "<typed line>"}),
    Act(
        "testClockAdvance",
        {"id": "<clock>", "to": "2026-03-02T12:00:00Z"},
        {"issued invoice": "invoices.0.id", "usage line": "invoices.0.lines.0.id"},
    ),
    Act(
        "creditNoteCreate",
        {"invoiceId": "<invoice>", "reason": "Outage", "lines": [{"lineId": "<line>", "amount": "2"}]},
        {"credit note": "creditNote.id"},
    ),
    Act(
        "creditNoteCreate",
        {"invoiceId": "<invoice>", "reason": "Outage", "amount": "1", "refund": True},
        {"refunding note": "creditNote.id"},
    ),
    Act(
        "paymentRecordRefund",
        {"paymentId": "<payment>", "amount": "1", "reason": "Outage"},
        {"refund": "refund.id"},
    ),
    Act("invoiceMarkUncollectible", {"invoiceId": "<bought invoice>", "reason": "Bankrupt"}),
    Act("invoiceMarkCollectible", {"invoiceId": "<bought invoice>", "reason": "Back again"}),
    Act("invoiceVoid", {"invoiceId": "<bought invoice>", "reason": "A mistake"}),
    Act("entitlementEnd", {"id": "<entitlement>"}),
    Act("subscriptionTerminate", {"subscriptionId": "<subscription>"}),
    Act("subscriptionReactivate", {"subscriptionId": "<subscription>"}),
    Act("customerTokenCreate", {"customerId": "<customer>"}, {"token": "customerToken.id"}),
    Act("customerTokenRevoke", {"id": "<token>"}),
    Act("customerTokenRevoke", {"customerId": "<customer>"}),
    Act("apiKeyRotate", {"id": "<key>"}, {"new key": "apiKey.id"}),
    Act("apiKeyRevoke", {"id": "<old key>"}),
    Act("customerCreate", {"name": "Ada"}, {"person": "customer.id"}),
    Act("customerErase", {"id": "<person>"}),
]  # fmt: skip

#: The keys that things of the catalog have, by the names of their ids.
KEYS = {
    "product": "engine-~",
    "metric": "tokens-~",
    "fee": "seat-~",
    "feature": "token-units-~",
    "price": "price-of-tokens-~",
    "fee price": "seat-price-~",
    "plan": "pro-~",
    "bare feature": "support-~",
}


@dataclass
class Tenant:
    """A merchant's environment in which the acts are done, and the ids of what they made, by name."""

    api: Api
    mark: str = "1"
    made: dict[str, str] = field(default_factory=dict)

    async def do(self, act: Act) -> None:
        """Do an act, which must succeed."""
        payload = (await self.api.gql(act.query, input=self.filled(act.input)))[act.mutation]
        assert payload["userErrors"] == [], (act, payload["userErrors"])
        for name, path in act.saves.items():
            self.made[name] = _at(payload, path)

    async def live(self) -> "Tenant":
        """Do all acts, and keep an entry of the audit log that they left."""
        for act in LIFE:
            await self.do(act)
        asked = "query($ids: [ID!]) { auditEntries(first: 1, filter: { subjectIds: $ids }) { nodes { id } } }"
        entries = await self.api.gql(asked, ids=[self.made["customer"]])
        self.made["audit entry"] = entries["auditEntries"]["nodes"][0]["id"]
        return self

    def filled(self, value: Any) -> Any:
        """Return an input with the ids and the mark of this tenant."""
        if isinstance(value, Mapping):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, str) and value.startswith("<"):
            return self.made[value[1:-1]]
        return value.replace("~", self.mark) if isinstance(value, str) else value


def _at(payload: Any, path: str) -> str:
    for step in path.split("."):
        payload = payload[int(step) if step.isdecimal() else step]
    assert isinstance(payload, str)
    return payload


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield everything of an input that holds nothing, under its path."""
    inner: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield path, value
    for step, item in inner or ():
        yield from leaves(item, (*path, step))


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return an input with another value at a path."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy

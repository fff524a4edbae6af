"""Every field of the schema that takes an identifier, with arguments of a tenant that are found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type

from tests.support.identifiers import TYPES, identifiers, root
from tests.support.life import KEYS

#: The names under which the acts keep what a list's filter names; what is not an id is written out.
FILTERED: dict[str, str] = {
    "billableMetricIds": "<metric>",
    "creditNoteIds": "<refunding note>",
    "customerIds": "<customer>",
    "entitlementIds": "<plan entitlement>",
    "externalSubjects": "acme-~",
    "featureIds": "<feature>",
    "feeIds": "<fee>",
    "idempotencyKeys": "use-0-~",
    "invoiceIds": "<invoice>",
    "paymentIds": "<payment>",
    "planIds": "<plan>",
    "planVersionIds": "<second version>",
    "priceIds": "<fee price>",
    "productIds": "<product>",
    "subjectIds": "<customer>",
    "subjects": "<customer>",
    "subscriptionIds": "<subscription>",
    "testClockIds": "<clock>",
}
OTHERWISE: dict[tuple[str, str], str] = {
    ("creditEntries", "invoiceIds"): "<other invoice>",
    ("customers", "externalIds"): "acme-~",
    ("events", "externalIds"): "third-~",
    ("meterEvents", "externalIds"): "third-~",
    ("unmatchedEvents", "externalIds"): "fourth-~",
    ("unmatchedEvents", "idempotencyKeys"): "use-3-~",
}
#: The names of the nouns under which the acts keep one of each.
OWN: dict[str, str] = {
    "ApiKey": "key",
    "AuditEntry": "audit entry",
    "BillableMetric": "metric",
    "CreditEntry": "last credit",
    "CreditNote": "refunding note",
    "Customer": "customer",
    "Discount": "discount",
    "Entitlement": "plan entitlement",
    "Feature": "feature",
    "Fee": "fee",
    "Grant": "bought grant",
    "Invoice": "invoice",
    "InvoiceLine": "line",
    "MeterEvent": "event",
    "Payment": "payment",
    "Plan": "plan",
    "PlanVersion": "version",
    "Price": "price",
    "Product": "product",
    "Refund": "refund",
    "Subscription": "subscription",
    "SubscriptionChange": "change",
    "TestClock": "clock",
}
_SPAN: dict[str, Any] = {"from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
_STANDARD: dict[str, Any] = {"standard": {"unitPrice": "3"}}


@dataclass(frozen=True)
class Question:
    """A field with arguments that a tenant has, and the way to it where it is not of the root."""

    owner: str
    field: str
    arguments: Mapping[str, Any]
    selection: str

    @property
    def taken(self) -> GraphQLField:
        """The field in the schema."""
        kind = TYPES[self.owner]
        assert isinstance(kind, GraphQLObjectType)
        taken: GraphQLField = kind.fields[self.field]
        return taken

    @property
    def query(self) -> str:
        """The document, which asks below `$owner` where the field is of a noun."""
        given = ", ".join(f"{name}: ${name}" for name in self.arguments)
        asked = f"asked: {self.field}({given}) {self.selection}"
        declared = [f"${name}: {self.taken.args[name].type}" for name in self.arguments]
        if self.owner == "Query":
            return f"query({', '.join(declared)}) {{ {asked} }}"
        inner = f"explanation {{ {asked} }}" if self.owner == "LineExplanation" else asked
        on = "InvoiceLine" if self.owner == "LineExplanation" else self.owner
        declared.append("$owner: ID!")
        return f"query({', '.join(declared)}) {{ node(id: $owner) {{ ... on {on} {{ {inner} }} }} }}"

    @property
    def above(self) -> dict[str, str]:
        """The variable that says below what it asks."""
        if self.owner == "Query":
            return {}
        name = "InvoiceLine" if self.owner == "LineExplanation" else self.owner
        return {"owner": f"<{BELOW.get((self.owner, self.field), OWN[name])}>"}


#: Below which of several a list has what its filters name.
BELOW: dict[tuple[str, str], str] = {
    ("Invoice", "creditEntries"): "other invoice",
    ("LineExplanation", "events"): "usage line",
    ("PlanVersion", "subscriptions"): "second version",
    ("Price", "invoiceLines"): "fee price",
}
#: A list has nothing that its filter could name: prices of a metric are of no fee, those of a fee of no metric.
NEVER: set[tuple[str, str, str]] = {
    ("BillableMetric", "prices", "feeIds"),
    ("Fee", "prices", "billableMetricIds"),
    ("Fee", "prices", "keys"),
}


def leaves_of(kind: GraphQLObjectType) -> str:
    """The fields of a type that have no fields and take no arguments."""
    return " ".join(name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type)))


#: Fields that are not found by an id alone, nor lists.
ASKED: list[Question] = [
    Question("Query", "nodes", {"ids": ["<customer>", "<invoice>"]}, "{ id }"),
    Question("Query", "eventReceipt", {"eventId": "<event>"}, "{ status event { id } }"),
    Question("Query", "invoiceReplay", {"invoiceId": "<invoice>"}, "{ equal }"),
    Question("Query", "hasAccess", {"customerId": "<customer>", "featureKey": "token-units-~"}, "{ access usage }"),
    Question("Query", "hasAccess", {"externalId": "acme-~", "featureKey": "<feature>"}, "{ access usage }"),
    Question(
        "Query",
        "planVersionDiff",
        {"fromId": "<version>", "toId": "<second version>"},
        "{ sentence toVersion { id } }",
    ),
    Question(
        "Query",
        "planVersionMigrationPreview",
        {"planVersionId": "<other version>", "subscriptionIds": ["<subscription>"]},
        "{ remaining subscriptions { subscription { id } } }",
    ),
    Question(
        "Query",
        "planVersionMigrationPreview",
        {"planVersionId": "<other version>", "fromPlanVersionId": "<version>", "after": "<customer>"},
        "{ remaining subscriptions { subscription { id } } }",
    ),
    Question(
        "Query",
        "subscriptionChangePreview",
        {
            "subscriptionId": "<subscription>", "planId": "<plan>", "at": "PERIOD_END",
            "quantities": [{"priceId": "<fee price>", "quantity": "7"}],
        },
        "{ effectiveAt amountDue { amount } }",
    ),
    Question(
        "Query",
        "subscriptionChangePreview",
        {"subscriptionId": "<subscription>", "planVersionId": "<version>", "at": "PERIOD_END"},
        "{ effectiveAt amountDue { amount } }",
    ),
    Question(
        "Query",
        "priceSimulate",
        {**_SPAN, "metricId": "<metric>", "model": _STANDARD, "customerIds": ["<customer>"]},
        "{ totalCount new { amount } }",
    ),
    Question(
        "Query",
        "planPreview",
        {
            "customerId": "<customer>", "planId": "<plan>",
            "usage": [{"billableMetricId": "<metric>", "quantity": "5"}],
            "quantities": [{"priceId": "<fee price>", "quantity": "7"}],
        },
        "{ total { amount } }",
    ),
    Question("Query", "planPreview", {"priceIds": ["<price>", "<fee price>"]}, "{ total { amount } }"),
    Question("BillableMetric", "usage", {**_SPAN, "customerId": "<customer>"}, "{ total }"),
]  # fmt: skip


def questions() -> Iterator[Question]:
    """Yield every field that takes identifiers, with arguments of a tenant: of lists once for each filter."""
    yield from ASKED
    for kind in TYPES.values():
        if isinstance(kind, GraphQLObjectType) and kind is not root("Mutation") and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                yield from _generated(kind.name, name, field)


def _generated(owner: str, name: str, field: GraphQLField) -> Iterator[Question]:
    kind = get_named_type(field.type)
    if set(field.args) == {"id"}:
        assert isinstance(kind, GraphQLObjectType) or kind.name == "Node"
        selection = "{ id }" if kind.name == "Node" else f"{{ {leaves_of(TYPES[kind.name])} }}"  # type: ignore[arg-type]
        yield Question(owner, name, {"id": f"<{OWN.get(kind.name, 'customer')}>"}, selection)
        if kind.name in OWN and OWN[kind.name] in KEYS:
            yield Question(owner, name, {"id": KEYS[OWN[kind.name]]}, selection)
    for path in identifiers(name, field):
        if path[0] == "filter":
            listed = kind.name.removesuffix("Connection")
            own = KEYS.get(OWN[listed], "") if path[1] == "keys" else FILTERED.get(path[1], "")
            value = OTHERWISE.get((name, path[1]), own)
            yield Question(owner, name, {"filter": {path[1]: [value]}, "first": 5}, "{ totalCount nodes { id } }")

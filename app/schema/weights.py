"""What the cost of a field takes from its declaration, and what is said of it here: lists without pages, and work.

The cost of an operation is about how many values its answer has: a point for a field, times the objects it is selected
of, and more for what takes longer than a value.
"""

from typing import Final, NamedTuple

from graphql import GraphQLField, GraphQLNamedType, GraphQLSchema

from app.schema.connections import DEFAULT_SIZE, MAX_SIZE


class Pages(NamedTuple):
    """Where a field is told how many objects to answer: paths to arguments, a number or a list of that length each.

    The greatest of them counts, `default` where none is given, and never more than `most`.
    """

    paths: tuple[tuple[str, ...], ...]
    default: int = DEFAULT_SIZE
    most: int = MAX_SIZE


CONNECTION: Final = Pages((("first",), ("last",)))
PAGES: Final = {
    "Query.nodes": Pages((("ids",),)),
    "Query.planVersionMigrationPreview": Pages((("first",), ("subscriptionIds",))),
    "Mutation.planVersionMigrate": Pages((("input", "first"), ("input", "subscriptionIds")), default=100),
    "Mutation.meterEventsIngest": Pages((("input", "events"),), most=1000),
}
#: The lists that are as long as the field above them was told, besides `nodes` and `edges`.
OF_PAGES: Final = {
    "MeterEventsIngestPayload.events",
    "PlanVersionMigratePayload.subscriptions",
    "PlanVersionMigrationPreview.subscriptions",
    "PriceSimulation.customers",
}

#: How many objects a list without pages counts as, whatever it has.
LENGTH: Final = 10
LENGTHS: Final = {
    "Account.entries": 100,
    "CatalogApplyPayload.changes": 100,
    "Entitlement.balanceHistory": 100,
    "MetricUsage.groups": 30,
    "MetricUsage.windows": 30,
    # What nearly always is empty, or a few.
    "Customer.creditBalances": 2,
    "Invoice.taxes": 2,
    "LineExplanation.notApplied": 2,
    "PriceExplanation.notApplied": 2,
    "UsageGroup.key": 2,
    # Of the schema itself, as it is: its types are counted, the rest is what a type has in the mean.
    "__Schema.directives": 6,
    "__Type.fields": 3,
    "__Type.interfaces": 1,
    "__Type.possibleTypes": 1,
    "__Type.enumValues": 1,
    "__Type.inputFields": 1,
    "__Field.args": 1,
    "__Directive.args": 2,
}

#: What a request costs whatever it selects, and a mutation whatever it changes. A point is two to five microseconds.
OPERATION: Final = 100
#: Bytes of a request that cost nothing more.
FREE_BYTES: Final = 4096
MUTATION: Final = 1000
#: What other fields cost beside what is selected of them, where it is not 1.
WEIGHTS: Final = {
    "totalCount": 10,
    # Reads what was counted.
    "BillableMetric.usage": 300,
    "Customer.account": 300,
    "Entitlement.balanceHistory": 300,
    "Query.hasAccess": 300,
    "Subscription.usage": 300,
    # Rates it, as an invoice is made.
    "InvoiceLine.explanation": 50,
    "Query.invoiceReplay": 500,
    "Query.planPreview": 500,
    "Query.pricePreview": 500,
    "Query.subscriptionChangePreview": 500,
    "Subscription.projectedInvoices": 500,
    "Subscription.upcomingInvoice": 500,
    # Does it for many.
    "Query.catalogExport": 5000,
    "Query.planVersionMigrationPreview": 5000,
    # Rates up to 200,000 events, which takes seconds.
    "Query.priceSimulate": 60_000,
    "Mutation.catalogApply": 5000,
    "Mutation.planVersionMigrate": 5000,
    "Mutation.testClockAdvance": 5000,
}


def pages_of(parent: GraphQLNamedType, name: str, field: GraphQLField) -> Pages | None:
    """Return where a field is told how many objects to answer; None for one that is not."""
    return PAGES.get(f"{parent.name}.{name}", CONNECTION if "first" in field.args else None)


def takes_page(parent: GraphQLNamedType, name: str) -> bool:
    """Tell whether a list is as long as the field above it was told."""
    is_of_connection = name in ("nodes", "edges") and parent.name.endswith("Connection")
    return is_of_connection or f"{parent.name}.{name}" in OF_PAGES


def length_of(schema: GraphQLSchema, parent: GraphQLNamedType, field: str) -> int:
    """Return how many objects a list without pages counts as."""
    name = f"{parent.name}.{field}"
    return len(schema.type_map) if name == "__Schema.types" else LENGTHS.get(name, LENGTH)


def weight_of(schema: GraphQLSchema, parent: GraphQLNamedType, field: str) -> int:
    """Return what a field costs beside what is selected of it."""
    least = MUTATION if parent is schema.mutation_type and field != "__typename" else 1
    return WEIGHTS.get(f"{parent.name}.{field}", WEIGHTS.get(field, least))

"""The schema: Query and Mutation from the resolver classes, and what guards every request."""

from collections.abc import Sequence

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from app.resolvers.audit import AuditQueries
from app.resolvers.catalog import CatalogMutations, CatalogQueries
from app.resolvers.catalog_as_code import CatalogAsCodeMutations, CatalogAsCodeQueries
from app.resolvers.clocks import ClockMutations, ClockQueries
from app.resolvers.corrections import CorrectionMutations, CorrectionQueries
from app.resolvers.customer_tokens import CustomerTokenMutations, CustomerTokenQueries
from app.resolvers.customers import CustomerMutations, CustomerQueries
from app.resolvers.entitlements import EntitlementMutations, EntitlementQueries
from app.resolvers.events import EventMutations, EventQueries
from app.resolvers.invoices import InvoiceMutations, InvoiceQueries
from app.resolvers.merchants import MerchantMutations, MerchantQueries
from app.resolvers.nodes import NodeQueries
from app.resolvers.plan_versions import PlanVersionMutations, PlanVersionQueries
from app.resolvers.previews import PreviewQueries
from app.resolvers.reductions import ReductionMutations, ReductionQueries
from app.resolvers.subscriptions import SubscriptionMutations, SubscriptionQueries
from app.schema.connections import DEFAULT_SIZE
from app.schema.declarations import NOUNS
from app.schema.documents import CHARACTERS_OF_A_POINT, POINTS_OF_A_TOKEN
from app.schema.execution import Execution
from app.schema.guards import Guard
from app.schema.scalars import SCALARS
from app.schema.shortcuts import take_shortcuts
from app.schema.weights import FREE_BYTES, LENGTH, OPERATION
from app.services.cost_budgets import MAX_COST

COST = (
    f"What an operation costs stands in `extensions.cost.requested` of its answer: {OPERATION}, and 1 for each field, "
    "more for what is computed or done, times the objects that it may be selected of. In a connection those are "
    f"`first` or `last`, else {DEFAULT_SIZE}; a list without pages counts as {LENGTH}, a long one as more. Where keys "
    "have a budget, `extensions.cost.left` is what this one can still spend, and `fullAt` when that is all it can "
    f"have. A text that the server does not know yet costs it {POINTS_OF_A_TOKEN} for each token and 1 for every "
    f"{CHARACTERS_OF_A_POINT} characters more (`extensions.cost.document`), a request of more than {FREE_BYTES} bytes "
    f"1 for every {CHARACTERS_OF_A_POINT} beyond, and what is refused {OPERATION}. "
    f"Refused are, before anything is executed: what costs more than {MAX_COST} (`QUERY_TOO_COSTLY`), what the key "
    "can't pay yet (`RATE_LIMITED`, status 429 with Retry-After), and documents that are too long, deep, wide or "
    "entangled (`QUERY_TOO_COMPLEX`)."
)
#: Said aloud, because tools take a type called Subscription for the root of live operations where nothing is said.
ROOTS = "schema {\n  query: Query\n  mutation: Mutation\n}\n\n"
#: Printed although it is built in; some tools refuse the second definition.
BUILT_IN = "directive @oneOf on INPUT_OBJECT\n\n"


@strawberry.type(description=f"Everything that can be read. {COST}")
class Query(
    NodeQueries,
    MerchantQueries,
    CatalogQueries,
    CatalogAsCodeQueries,
    PlanVersionQueries,
    CustomerQueries,
    CustomerTokenQueries,
    SubscriptionQueries,
    EntitlementQueries,
    InvoiceQueries,
    ReductionQueries,
    CorrectionQueries,
    EventQueries,
    ClockQueries,
    PreviewQueries,
    AuditQueries,
):
    """The root of queries."""


@strawberry.type(
    description="Everything that can be done. What can't be done is answered in `userErrors`, and then nothing was. "
    "Only `meterEventsIngest` takes in what is good beside what is not."
)
class Mutation(
    MerchantMutations,
    CatalogMutations,
    PlanVersionMutations,
    CatalogAsCodeMutations,
    CustomerMutations,
    CustomerTokenMutations,
    SubscriptionMutations,
    EntitlementMutations,
    InvoiceMutations,
    ReductionMutations,
    CorrectionMutations,
    EventMutations,
    ClockMutations,
):
    """The root of mutations."""


class QuietSchema(strawberry.Schema):
    """A schema that leaves errors to the view, which tells those of clients from bugs."""

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing."""


schema = QuietSchema(
    Query,
    Mutation,
    types=[noun.kind for noun in NOUNS.values()],
    execution_context_class=Execution,
    config=StrawberryConfig(sort_schema=True, disable_field_suggestions=True, scalar_map=SCALARS),
    extensions=[Guard],
)
take_shortcuts(schema._schema)  # noqa: SLF001


def export_schema() -> str:
    """Return the schema as text, for schema.graphql."""
    return ROOTS + schema.as_str().replace(BUILT_IN, "")

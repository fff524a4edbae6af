"""What stands before every execution: documents are looked at once, the key's scopes and its budget each time."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from graphql import GraphQLSchema, GraphQLSyntaxError, NoFragmentCyclesRule, NoSchemaIntrospectionCustomRule
from strawberry.extensions import SchemaExtension

from app.billing.access import allows
from app.context import Context
from app.schema.access import needed_access
from app.schema.client_error import ClientError, RateLimited
from app.schema.costs import formula_of
from app.schema.customer_fields import hidden_from_customers
from app.schema.declarations import AnyKey
from app.schema.documents import Document, broken_costs, document_of, validation_errors
from app.schema.scalars import write_instant
from app.schema.shape import TooComplex
from app.services.cost_budgets import MAX_COST, OverBudget
from app.settings import Profile

#: No list of an input takes more, and lists that are given to a nested field are converted for each parent.
MAX_ENTRIES = 1000
#: Entries of all lists together, each as often as its variable is used: every use converts them again, and meanwhile
#: nothing else runs.
MAX_CONVERTED = 10_000


class Guard(SchemaExtension):
    """Parses, validates, checks scopes and takes the cost. One is made for each request."""

    _document: Document

    def on_parse(self) -> Iterator[None]:
        """Take the document from those that are known, or read it, which is owed."""
        execution = self.execution_context
        assert execution.query is not None
        self._document = self._read(execution.query)
        execution.graphql_document = self._document.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Refuse what is too complex, several operations without a name, and literals that no variable may have.

        That is before validation, which would take long over the former and convert the latter. In production the
        schema is hidden.
        """
        execution, document = self.execution_context, self._document
        # Strawberry would run the first one, where the specification (6.1) has none run.
        if document.has_several_operations and execution._provided_operation_name is None:  # noqa: SLF001
            raise ClientError("A document of several operations needs `operationName`.", "BAD_REQUEST")
        if document.too_complex is not None:
            raise _refused_shape(document.too_complex)
        if document.literal_problem is not None:
            raise ClientError(*document.literal_problem)
        context: Context = execution.context
        rules = execution.validation_rules
        if context.settings.profile is Profile.PRODUCTION:
            rules += (NoSchemaIntrospectionCustomRule,)
        if document.goes_in_circles:
            # Rules that follow fragments would go round with them.
            rules = (NoFragmentCyclesRule,)
        execution.pre_execution_errors = validation_errors(self._core, document, rules)
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Refuse lists that nothing takes, fields that the caller may not read, and what costs more than it may."""
        execution = self.execution_context
        context: Context = execution.context
        _refuse_long_lists(execution.variables or {}, self._document.variable_uses)
        if context.principal.customer_id is not None:
            hidden = hidden_from_customers(self._core, self._document, execution.operation_name)
            if hidden is not None:
                raise ClientError(f"{hidden} is not for customer tokens.", "FORBIDDEN")
        needed = needed_access(self._core, self._document, execution.operation_name)
        for access, field in needed.items():
            if isinstance(access, AnyKey) or (access is not None and allows(context.principal.scopes, access)):
                continue
            scope = "a scope that no key has" if access is None else f"the scope {access.name}"
            raise ClientError(f"{field} needs {scope}.", "FORBIDDEN")
        cost = self._cost()
        try:
            await context.spending.take(cost)
        except OverBudget as refusal:
            message = f"The operation costs {cost}, and the key has {refusal.left} left for now."
            raise RateLimited(message, refusal.retry_after) from refusal
        yield

    def _read(self, text: str) -> Document:
        spending = self.execution_context.context.spending
        try:
            document = document_of(text)
        except TooComplex as refusal:
            raise _refused_shape(refusal) from refusal
        except GraphQLSyntaxError as error:
            spending.owe(broken_costs(text, error))
            raise
        spending.document, document.unpaid = document.unpaid, 0
        spending.owe(spending.document)
        return document

    @property
    def _core(self) -> GraphQLSchema:
        return self.execution_context.schema._schema  # noqa: SLF001 - it is shown nowhere else

    def get_results(self) -> dict[str, Any]:
        """Say what was spent, where anything was, and what is left."""
        spending = self.execution_context.context.spending
        if spending.cost is None:
            return {}
        cost: dict[str, Any] = {"requested": spending.cost}
        if (balance := spending.balance()) is not None:
            cost |= {"document": spending.document} if spending.document else {}
            cost |= {"left": balance.left, "fullAt": write_instant(balance.full_at)}
        return {"cost": cost}

    def _cost(self) -> int:
        """Return what the operation costs; refuse what costs more than any operation may."""
        execution, variables = self.execution_context, self.execution_context.variables or {}
        formula = formula_of(self._core, self._document, execution.operation_name)
        cost = formula.cost(variables)
        if cost <= MAX_COST:
            return cost
        place = formula.costliest(variables)
        most = f" Most of it is {place}." if place else ""
        message = f"The operation costs {cost}; {MAX_COST} is the most.{most} Ask for smaller pages or fewer fields."
        raise ClientError(message, "QUERY_TOO_COSTLY", cost=cost, bound=MAX_COST, field=place)


def _refused_shape(beyond: TooComplex) -> ClientError:
    return ClientError(str(beyond), "QUERY_TOO_COMPLEX", measure=beyond.measure, bound=beyond.bound)


def _refuse_long_lists(variables: Mapping[str, Any], uses: Mapping[str, int]) -> None:
    converted = 0
    for name, value in variables.items():
        sizes = list(_sizes_of_lists(value))
        if max(sizes, default=0) > MAX_ENTRIES:
            raise ClientError(f"${name}: A list has at most {MAX_ENTRIES} entries.")
        converted += sum(sizes) * uses.get(name, 0)
        if converted > MAX_CONVERTED:
            message = (
                f"The lists of a request have at most {MAX_CONVERTED} entries in all, each as often as it is used."
            )
            raise ClientError(f"${name}: {message}")


def _sizes_of_lists(value: Any) -> Iterator[int]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            yield len(item)
            waiting += item
        elif isinstance(item, dict):
            waiting += item.values()

"""What stands before every execution: documents are looked at once, and the key's scopes each time."""

from collections.abc import Iterator
from functools import lru_cache

from graphql import (
    DocumentNode,
    FloatValueNode,
    IntValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    visit,
)
from strawberry.extensions import SchemaExtension

from app import strict_json
from app.billing.access import allows
from app.context import Context
from app.schema.access import needed_access
from app.schema.client_error import ClientError
from app.schema.declarations import AnyKey
from app.settings import Profile


class ProfileGuard(SchemaExtension):
    """Hides the schema in production."""

    def on_operation(self) -> Iterator[None]:
        """Add the rule before documents are validated; it is part of what their cache goes by."""
        context: Context = self.execution_context.context
        if context.settings.profile is Profile.PRODUCTION:
            self.execution_context.validation_rules += (NoSchemaIntrospectionCustomRule,)
        yield


class DocumentGuard(SchemaExtension):
    """Refuses literals that the body's decoder would refuse in variables, and several operations without a name."""

    def on_validate(self) -> Iterator[None]:
        """Look before validation, which would convert the literals."""
        document = self.execution_context.graphql_document
        assert document is not None
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        # Strawberry would run the first one, where the specification (6.1) has none run.
        if len(operations) > 1 and self.execution_context._provided_operation_name is None:  # noqa: SLF001
            raise ClientError("A document of several operations needs `operationName`.", "BAD_REQUEST")
        if (problem := literal_problem(document)) is not None:
            raise ClientError(*problem)
        yield


class ScopeGuard(SchemaExtension):
    """Refuses an operation that selects a field which the key may not read; nothing of it is executed."""

    def on_execute(self) -> Iterator[None]:
        """Check each selected field once, whatever the number of its values."""
        execution = self.execution_context
        context: Context = execution.context
        assert execution.graphql_document is not None
        needed = needed_access(execution.schema._schema, execution.graphql_document, execution.operation_name)  # noqa: SLF001
        for access, field in needed.items():
            if isinstance(access, AnyKey) or (access is not None and allows(context.principal.scopes, access)):
                continue
            scope = "a scope that no key has" if access is None else f"the scope {access.name}"
            raise ClientError(f"{field} needs {scope}.", "FORBIDDEN")
        yield


@lru_cache(maxsize=128)
def literal_problem(document: DocumentNode) -> tuple[str, str] | None:
    """Return the message and code of a literal that can't be stored or counted, or None."""
    found = _Literals()
    visit(document, found)
    return found.problem


class _Literals(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.problem: tuple[str, str] | None = None

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        try:
            strict_json.refuse_bad_text(node.value)
        except strict_json.MalformedJson:
            self.problem = ("A string holds a NUL character or a lone surrogate.", "BAD_TEXT")

    def enter_int_value(self, node: IntValueNode | FloatValueNode, *_: object) -> None:
        try:
            strict_json.decode(node.value.encode())
        except strict_json.MalformedJson as error:
            self.problem = (f"A literal can't be read: {error}.", "BAD_NUMBER")

    enter_float_value = enter_int_value

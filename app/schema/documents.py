"""Documents, and what is known of each: all requests that send the same text share it."""

from collections import Counter
from functools import lru_cache
from typing import Final

from graphql import (
    ASTValidationRule,
    FloatValueNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    StringValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    validate,
    visit,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app import strict_json

MAX_TOKENS: Final = 2000
#: How many documents are remembered.
KNOWN: Final = 128


class Document:
    """A parsed document. It is told from others by identity, where its nodes would be hashed and compared in depth."""

    def __init__(self, text: str) -> None:
        """Parse a text; GraphQLSyntaxError where that fails."""
        self.node = parse(text, max_tokens=MAX_TOKENS)
        operations = [node for node in self.node.definitions if isinstance(node, OperationDefinitionNode)]
        self.has_several_operations = len(operations) > 1
        #: The message and code of a literal that can't be stored or counted, or None.
        found = _Looked()
        visit(self.node, found)
        self.literal_problem = found.problem
        #: How often each variable is used, by its name.
        self.variable_uses = found.variable_uses


@lru_cache(maxsize=KNOWN)
def document_of(text: str) -> Document:
    """Return the document of a text."""
    return Document(text)


@lru_cache(maxsize=KNOWN)
def validation_errors(
    schema: GraphQLSchema, document: Document, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    """Return what the schema has against a document, without the names that are near a wrong one."""
    rules = (*rules, MaybeNullValidationRule, OneOfInputValidationRule)
    return validate(schema, document.node, rules, hide_suggestions=True)


class _Looked(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.problem: tuple[str, str] | None = None
        self.variable_uses: Counter[str] = Counter()

    def enter_variable(self, node: VariableNode, _key: object, parent: object, *_: object) -> None:
        if not isinstance(parent, VariableDefinitionNode):
            self.variable_uses[node.name.value] += 1

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

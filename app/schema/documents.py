"""Documents, and what is known of each: all requests that send the same text share it."""

from collections import Counter
from functools import lru_cache
from typing import Final

from graphql import (
    ASTValidationRule,
    FloatValueNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    IntValueNode,
    Node,
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
from app.schema.shape import TooComplex, check_shape

MAX_TOKENS: Final = 2000
#: Characters of a text: comments and long strings are few tokens. What is longer than a query is for variables.
MAX_LENGTH: Final = 100_000
#: What a text that is not known costs: to read and to validate, that takes about as long as points do.
POINTS_OF_A_TOKEN: Final = 5
CHARACTERS_OF_A_POINT: Final = 10
#: How many things that are wrong with a document are said.
MAX_ERRORS: Final = 5
#: How many documents are remembered.
KNOWN: Final = 128


class Document:
    """A parsed document. It is told from others by identity, where its nodes would be hashed and compared in depth."""

    def __init__(self, text: str) -> None:
        """Parse a text; TooComplex where it is too long for that, GraphQLSyntaxError where it fails."""
        if len(text) > MAX_LENGTH:
            raise TooComplex("length", MAX_LENGTH, f"The document has {len(text)} characters;")
        self.node = parse(text, max_tokens=MAX_TOKENS)
        #: What reading it costs, until somebody has paid.
        self.unpaid = _reading_costs(text, self.node.token_count or 0)
        operations = [node for node in self.node.definitions if isinstance(node, OperationDefinitionNode)]
        self.has_several_operations = len(operations) > 1
        #: Which bound the document goes beyond, or None; and whether its fragments go in circles.
        self.too_complex: TooComplex | None = None
        self.goes_in_circles = False
        try:
            self.goes_in_circles = check_shape(self.node)
        except TooComplex as refusal:
            self.too_complex = refusal
        #: The message and code of the first literal that can't be stored or counted, and its node; or None.
        found = _Looked()
        visit(self.node, found)
        self.literal_problem = found.problem
        #: How often each variable is used, by its name.
        self.variable_uses = found.variable_uses


@lru_cache(maxsize=KNOWN)
def document_of(text: str) -> Document:
    """Return the document of a text; TooComplex or GraphQLSyntaxError where it can't be read."""
    return Document(text)


def broken_costs(text: str, error: GraphQLSyntaxError) -> int:
    """Return what a text costs in which an error was found: most tokens have two characters or more, with spaces."""
    [position, *_] = error.positions or [len(text)]
    return _reading_costs(text, min(MAX_TOKENS, position // 2))


def _reading_costs(text: str, tokens: int) -> int:
    return tokens * POINTS_OF_A_TOKEN + len(text) // CHARACTERS_OF_A_POINT


@lru_cache(maxsize=KNOWN)
def validation_errors(
    schema: GraphQLSchema, document: Document, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    """Return what the schema has against a document: the first things, and no more of what may be a thousand."""
    rules += (MaybeNullValidationRule, OneOfInputValidationRule)
    # Looking for names that are like a wrong one takes long, and would tell of what is hidden.
    return validate(schema, document.node, rules, max_errors=MAX_ERRORS, hide_suggestions=True)


class _Looked(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.problem: tuple[str, str, Node] | None = None
        self.variable_uses: Counter[str] = Counter()

    def enter_variable(self, node: VariableNode, _key: object, parent: object, *_: object) -> None:
        if not isinstance(parent, VariableDefinitionNode):
            self.variable_uses[node.name.value] += 1

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        try:
            strict_json.refuse_bad_text(node.value)
        except strict_json.MalformedJson:
            problem = ("A string holds a NUL character or a lone surrogate.", "BAD_TEXT", node)
            self.problem = self.problem or problem

    def enter_int_value(self, node: IntValueNode | FloatValueNode, *_: object) -> None:
        try:
            strict_json.decode(node.value.encode())
        except strict_json.MalformedJson as error:
            problem = (f"A literal can't be read: {error}.", "BAD_NUMBER", node)
            self.problem = self.problem or problem

    enter_float_value = enter_int_value

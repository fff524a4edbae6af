"""Documents that are too deep, wide or entangled: refused before anything else looks at them, in no time."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from graphql import DocumentNode, parse, specified_rules

from app.graphql import schema
from app.schema.costs import formula_of
from app.schema.documents import MAX_TOKENS, Document, validation_errors
from app.schema.shape import TooComplex, check_shape

RULES = tuple(specified_rules)
BOUND = 0.1


def spreading(count: int, kind: str = "Query", end: str = "__typename") -> str:
    """Fragments that each spread the next one twice."""
    twice = "fragment F{0} on {2} {{ ...F{1} ...F{1} }}"
    chain = [twice.format(number, number + 1, kind) for number in range(count)]
    return " ".join(["{ ...F0 }", *chain, f"fragment F{count} on {kind} {{ {end} }}"])


def nested(count: int, begin: str = "a { ", end: str = "b") -> str:
    return f"{{ {begin * count}{end}{' }' * count} }}"


def quickest(work: Callable[[], object]) -> float:
    """The least CPU seconds of three attempts: what is more is of the machine."""
    return min(_seconds(work) for _ in range(3))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


@pytest.mark.parametrize(
    ("text", "measure", "words"),
    [
        (nested(20), "depth", "Too many fields lie within each other, up to b; 20 is the most."),
        ("{ a { ...F } } fragment F on T " + nested(19), "depth", "up to b;"),
        ("{ a { " + "b " * 201 + "} }", "breadth", "Of a too many fields are selected; 200 is the most."),
        ("{ " + "__typename " * 500 + "}", "breadth", "Of the query too many fields are selected;"),
        (spreading(14), "breadth", "Of the fragment F6 too many fields are selected;"),
        (spreading(30), "breadth", "200 is the most."),
        (spreading(49), "breadth", "200 is the most."),
        (spreading(90), "fragments", "The document has 91 fragments; 50 is the most."),
        (nested(60, "... { "), "fragments", "In the query too many fragments lie within each other; 50 is the most."),
        ("{ " + "".join(f"a{n} {{ {'b ' * 150}}} " for n in range(7)) + "}", "fields", "1000 is the most."),
        ("".join(f"query Q{n} {{ {'b ' * 150}}} " for n in range(7)), "fields", "1000 is the most."),
        ("{ " + " ".join(f"a{n}: b" for n in range(101)) + "}", "aliases", "100 is the most."),
        ("{ " + "a { ...F } " * 26 + "} fragment F on T { a: b c: d e: f g: h }", "aliases", "too many aliases;"),
        ("{ a " + "@x " * 51 + "}", "directives", "50 is the most."),
        ("query " + "@x " * 51 + "{ a }", "directives", "50 is the most."),
        ("query ($a: Int " + "@x " * 51 + ") { a }", "directives", "50 is the most."),
        ("{ a } fragment F on T " + "@x " * 51 + "{ a }", "directives", "50 is the most."),
        ("{ ...F } fragment F on T { " + "... @x { a } " * 51 + "}", "directives", "50 is the most."),
        ("{ " + ("a { " + "b " * 101 + "} ") * 2 + "}", "breadth", "Of a too many fields are selected, in all;"),
        ("{ " + "a { b } " * 52 + "}", "repeats", "a and other fields with a selection"),
        ("{ x { " + "... { a { b } } " * 52 + "} }", "repeats", "50 is the most."),
        ("{ " + ("x { " + "a { b } " * 13 + "} ") * 4 + "}", "repeats", "50 is the most."),
    ],
)
def test_what_goes_beyond_a_bound_is_named(text: str, measure: str, words: str) -> None:
    document = parse(text, max_tokens=MAX_TOKENS)
    with pytest.raises(TooComplex) as caught:
        check_shape(document)
    assert caught.value.measure == measure
    assert words in str(caught.value)
    assert quickest(lambda: Document(text)) < BOUND


@pytest.mark.parametrize(
    "text",
    [
        nested(19),
        "{ a { " + "b " * 200 + "} }",
        "{ " + "".join(f"a{n} {{ {'b ' * 199}}} " for n in range(5)) + "}",
        "{ " + " ".join(f"a{n}: b" for n in range(100)) + "}",
        "{ a " + "@x " * 50 + "}",
        nested(50, "... { "),
        "{ " + "a { b } " * 51 + "}",
        "{ ...F0 } " + " ".join(f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(49)) + "fragment F49 on T { a }",
        # What is unknown is left to validation.
        "{ ...Nope }",
    ],
)
def test_what_keeps_every_bound_passes(text: str) -> None:
    assert check_shape(parse(text, max_tokens=MAX_TOKENS)) is False


@pytest.mark.parametrize(
    "text",
    [
        "{ ...F } fragment F on T { ...F }",
        "{ a } fragment F on T { b { ...G } } fragment G on T { ...F ...G }",
        "{ ...F0 } " + " ".join(f"fragment F{n} on T {{ a {{ ...F{(n + 1) % 9} }} }}" for n in range(9)),
    ],
)
def test_circles_are_found(text: str) -> None:
    document = Document(text)
    assert (document.goes_in_circles, document.too_complex) == (True, None)


def test_what_fragments_hold_is_counted_wherever_they_are_spread() -> None:
    # Looked at first where it lies shallow, spread again where it lies deep.
    text = "{ ...F " + nested(10)[1:-1].replace("b", "...F") + "} fragment F on T " + nested(10)
    with pytest.raises(TooComplex, match="lie within each other"):
        check_shape(parse(text))


def _documents(size: int) -> dict[str, str]:
    dense = [f"fragment F{n} on Query {{ a {' '.join(f'...F{m}' for m in range(n + 1, size))} }}" for n in range(size)]
    return {
        "fields": "{ " + "a " * size * 3 + "}",
        "fragments": " ".join(["{ ...F0 }", *dense]),
        "circles": " ".join(
            ["{ ...F0 }", *(f"fragment F{n} on Query {{ ...F{(n + 1) % size} }}" for n in range(size))]
        ),
        "inline": "{ " + "... { a } " * size + "}",
    }


@pytest.mark.parametrize("kind", ["fields", "fragments", "circles", "inline"])
def test_the_work_is_linear_in_the_document(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are looked at once, however much there is: counted, as seconds are the machine's."""
    for bound in ("BREADTH", "FIELDS", "FRAGMENTS"):
        monkeypatch.setattr(f"app.schema.shape.MAX_{bound}", 10**30)
    looked: list[object] = []

    def directives(node: object) -> int:
        looked.append(node)
        return 0

    monkeypatch.setattr("app.schema.shape._directives", directives)
    counts = []
    for size in (10, 20, 40):
        looked.clear()
        document = parse(_documents(size)[kind])
        check_shape(document)
        counts.append((len(looked), _parts(document)))
    assert all(count <= parts + 1 for count, parts in counts), counts


def _parts(document: DocumentNode) -> int:
    """How many fields, spreads, fragments and operations a document has."""
    text = document.loc.source.body if document.loc else ""
    return text.count("a ") + text.count("...") + len(document.definitions)


HOSTILE = {
    "the same field again and again": "{ customers { " + "nodes { id name email } " * 51 + "} }",
    "and fragments in it": "{ customers { " + "nodes { ...F ...G ...H } " * 51 + "} } "
    + " ".join(f"fragment {name} on Customer {{ id name email }}" for name in "FGH"),
    "one value, often": "{ " + "".join(f"c{n}: customers {{ {'totalCount ' * 199} }} " for n in range(5)) + "}",
    "fragments side by side": "{ customers { nodes { " + " ".join(f"...F{n}" for n in range(50)) + "} } } "
    + " ".join(f"fragment F{n} on Customer {{ id name email }}" for n in range(50)),
    "conflicts": "{ customers { nodes { " + "a: id a: name " * 50 + "} } }",
    "other types side by side": "{ node(id: 1) { " + "... on Plan { id } ... on Invoice { id } " * 90 + "} }",
    "unknown fields": "{ customers { nodes { " + " ".join(f"nam{n}" for n in range(199)) + "} } }",
    "unknown types": "{ node(id: 1) { " + " ".join(f"... on Custome{n} {{ id }}" for n in range(190)) + "} }",
    "unknown inputs": "{ invoices(filter: {" + " ".join(f"status{n}: 1" for n in range(600)) + "}) { totalCount } }",
    "unknown members": "{ invoices(filter: {statuses: ["
    + " ".join(f"ISSUE{n}" for n in range(1900))
    + "]}) { totalCount } }",
    "unknown directives": "{ merchant { id " + "@inclu " * 50 + "} }",
    "variables": "query(" + " ".join(f"$v{n}: Int" for n in range(390)) + ") { merchant { id } }",
    "operations": " ".join(f"query Q{n} {{ merchant {{ id }} }}" for n in range(180)),
    "circles": "{ customers { nodes { ...F0 } } } "
    + " ".join(f"fragment F{n} on Customer {{ ...F{(n + 1) % 49} ...F{(n * 7) % 49} }}" for n in range(49)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_validation_never_takes_long_either(name: str) -> None:
    document = Document(HOSTILE[name])
    assert document.too_complex is None
    validate = partial(validation_errors.__wrapped__, schema._schema, document, RULES)
    assert quickest(validate) < BOUND
    errors = validate()
    assert len(errors) <= 6
    assert "Did you mean" not in str(errors)
    if not errors and not document.has_several_operations:
        assert quickest(lambda: formula_of.__wrapped__(schema._schema, document, None).cost({})) < BOUND

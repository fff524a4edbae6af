"""docs/pricing-models.md: what each table says is what the price above it comes to. test_docs creates the prices."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import ArgumentNode, FieldNode, OperationDefinitionNode, parse
from graphql.utilities import value_from_ast_untyped

from app.billing.line_inputs import LineInputs
from app.billing.money import minor_to_decimal
from app.billing.price_models import PriceModel, model_from_json
from app.billing.pricing import price_line
from app.graphql import schema
from tests.support.pages import FENCE
from tests.support.price_lines import metered, of_events

PAGE = Path(__file__).parents[2] / "docs" / "pricing-models.md"
TABLE = re.compile(r"^\| (quantity|events) \| total \|\n\|---\|---\|\n((?:\|.*\|\n)+)", re.MULTILINE)


def tables() -> Iterator[tuple[PriceModel, str, str, str]]:
    """Each row of the page: the model above it, what its first column is called, and its two cells."""
    text = PAGE.read_text()
    blocks = [(found.start(), found[4]) for found in FENCE.finditer(text) if found[2] == "graphql"]
    for table in TABLE.finditer(text):
        block = [document for start, document in blocks if start < table.start()][-1]
        for row in table[2].splitlines():
            _, given, total, _ = (cell.strip() for cell in row.split("|"))
            yield model_of(block), table[1], given, total


def model_of(document: str) -> PriceModel:
    """The model of the price that a document creates."""
    [operation] = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    [field] = operation.selection_set.selections
    assert isinstance(field, FieldNode)
    [argument] = field.arguments or ()
    assert isinstance(argument, ArgumentNode)
    given: Any = value_from_ast_untyped(argument.value)
    [(kind, parameters)] = given["model"].items()
    # What the input leaves out is PER_EVENT.
    default = {"chargeScope": "PER_EVENT"} if kind == "percentage" else {}
    return model_from_json({**default, **parameters, "type": kind.upper()})


def inputs_of(model: PriceModel, column: str, given: str) -> LineInputs:
    """The inputs of a line over the quantity or the events that a cell tells."""
    plain = given.replace(",", "")
    if column == "quantity":
        return metered(model, plain)
    told = [] if plain == "none" else [event.split(" at ") for event in plain.split("; ")]
    return of_events(model, [event_of(*parts) for parts in told])


def event_of(value: str, carried: str | None = None) -> tuple[str, str | None]:
    return value.removesuffix(" without a price"), carried


ROWS = list(tables())


@pytest.mark.parametrize(("model", "column", "given", "total"), ROWS)
def test_a_row_is_what_the_price_comes_to(model: PriceModel, column: str, given: str, total: str) -> None:
    line = price_line(inputs_of(model, column, given))
    assert f"{minor_to_decimal(line.amount_minor, 'USD'):,}" == total


def test_every_model_has_its_table() -> None:
    kinds: Any = schema._schema.type_map["PriceModelInput"]
    shown = {type(model).__name__.removesuffix("Price").lower() for model, *_ in ROWS}
    assert shown == set(kinds.fields)
    assert len(ROWS) >= 30


def test_a_row_of_events_is_read_as_it_is_written() -> None:
    model = next(model for model, column, *_ in ROWS if column == "events")
    inputs = inputs_of(model, "events", "1,000; 10 at 2; 5 without a price")
    assert (inputs.quantity, inputs.event_count) == (Decimal(1015), 3)

"""Cursors: what was handed out comes back exactly, and nothing else comes through."""

import base64
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app import models
from app.loaders.orders import Order, Position
from app.schema.client_error import ClientError
from app.schema.cursors import Place, read_cursor, write_cursor

ID = "inv_00000000000000000000000001"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2500, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - as the strategy wants
VALUES = {
    "created_at": INSTANTS,
    "issued_at": st.none() | INSTANTS,
    "number": st.none() | TEXTS,
    "boundary_at": st.none() | INSTANTS,
    None: st.none(),
}


def place(column: str | None = None, connection: str = "Query.invoices", environment: str = "env_1") -> Place:
    return Place(connection, environment, models.Invoice, Order(column))


def cursor_of(where: Place, value: Any) -> str:
    return write_cursor(where, SimpleNamespace(**{"id": ID, where.order.column or "_": value}))


POSITIONS = st.sampled_from(list(VALUES)).flatmap(lambda column: st.tuples(st.just(column), VALUES[column]))


@given(POSITIONS)
def test_a_position_comes_back_as_it_was(held: tuple[str | None, Any]) -> None:
    column, value = held
    position = read_cursor(place(column), "after", cursor_of(place(column), value))
    assert position == (value, ID)
    assert type(position[0]) is type(value)


def reading(where: Place, cursor: str) -> Position | None:
    """What a cursor leads to; None for one that is refused."""
    try:
        return read_cursor(where, "after", cursor)
    except ClientError as error:
        code = error.extensions and error.extensions["code"]
    assert code == "BAD_CURSOR"
    return None


def spliced(draw: st.DrawFn, data: list[Any], items: st.SearchStrategy[Any]) -> list[Any]:
    """A list with something put in, taken out, replaced or appended."""
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, len(data)))
    return [*data[:start], *draw(st.lists(items, max_size=8)), *data[end:]]


@st.composite
def mutations(draw: st.DrawFn, cursor: str) -> str:
    """A cursor with a change in its text, or in the bytes that its text stands for."""
    if draw(st.booleans()):
        return "".join(spliced(draw, list(cursor), st.characters()))
    content = spliced(draw, list(base64.urlsafe_b64decode(cursor)), st.integers(0, 255))
    return base64.urlsafe_b64encode(bytes(content)).decode()


@given(POSITIONS, st.data())
def test_a_cursor_that_was_touched_is_refused(held: tuple[str | None, Any], data: st.DataObject) -> None:
    column, value = held
    whole = cursor_of(place(column), value)
    touched = data.draw(mutations(whole))
    assert reading(place(column), touched) == ((value, ID) if touched == whole else None)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    for column in VALUES:
        assert reading(place(column), text) is None


PLACES = st.builds(
    Place,
    st.sampled_from(["Query.invoices", "Customer.invoices"]),
    st.sampled_from(["env_1", "env_2"]),
    st.just(models.Invoice),
    st.builds(Order, st.sampled_from([None, "issued_at", "number"]), st.booleans()),
)


@given(PLACES, PLACES)
def test_a_cursor_works_in_its_place_only(own: Place, other: Place) -> None:
    assume(own != other)
    cursor = cursor_of(own, None)
    assert reading(own, cursor) == (None, ID)
    assert reading(other, cursor) is None


@pytest.mark.parametrize("column", VALUES)
def test_the_environment_is_not_in_a_cursor(column: str | None) -> None:
    cursor = cursor_of(place(column, environment="env_secret"), None)
    assert b"env_secret" not in base64.urlsafe_b64decode(cursor)
    assert b"invoices" not in base64.urlsafe_b64decode(cursor)

"""The SQL of orders, where the test servers can't show a difference: theirs sort text by its bytes anyway."""

import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from app import models
from app.loaders.orders import Order, beyond, sorting
from app.models import table_of

DRIVERS = {"postgresql": "postgresql+asyncpg://", "sqlite": "sqlite+aiosqlite://"}
CUSTOMERS = table_of(models.Customer)


def sql(order: Order, value: str, database: str) -> str:
    page = beyond(CUSTOMERS, order, (value, "cus_1"), after=True)
    statement = select(CUSTOMERS.c.id).where(page).order_by(*sorting(CUSTOMERS, order, backward=False))
    return str(statement.compile(dialect=make_url(DRIVERS[database]).get_dialect()())).partition("WHERE ")[2]


@pytest.mark.parametrize("column", ["name", "email"])
def test_text_is_compared_and_sorted_by_its_bytes_on_postgresql(column: str) -> None:
    text = sql(Order(column), "Acme", "postgresql")
    assert text.startswith(f'((customer.{column} COLLATE "C"), customer.id) > ')
    assert f'ORDER BY (customer.{column} COLLATE "C") ASC' in text


def test_what_is_no_text_is_compared_as_it_is() -> None:
    assert "COLLATE" not in sql(Order("created_at"), "2026", "postgresql")
    assert "COLLATE" not in sql(Order("name"), "Acme", "sqlite")

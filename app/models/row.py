"""What the tables share: the environment in every key, and composite foreign keys that can't leave it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint, inspect
from sqlmodel import Field, SQLModel

from app.db import Instant


class EnvironmentRow(SQLModel):
    """A row of one environment. `created_at` is the instant of its rules: a test clock's time for what lives on one."""

    environment_id: str = Field(primary_key=True, foreign_key="environment.id")
    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=Instant)


def belongs_to(column: str, table: str) -> ForeignKeyConstraint:
    """Return a foreign key to `table` that carries the environment, so that a row can't point into another one."""
    return ForeignKeyConstraint(["environment_id", column], [f"{table}.environment_id", f"{table}.id"])


def unique(*columns: str, name: str | None = None) -> UniqueConstraint:
    """Return a unique constraint within the environment; `name` where its columns would make too long a one."""
    return UniqueConstraint("environment_id", *columns, name=name)


def index(*columns: str) -> Index:
    """Return an index whose last column is the id, in the order in which connections are paged."""
    return Index(None, "environment_id", *columns, "id")


def table_of(model: type[SQLModel]) -> Table:
    """Return a model's table, for statements that read light rows instead of instances."""
    table: Any = inspect(model).local_table
    assert isinstance(table, Table)
    return table


class CatalogRow(EnvironmentRow):
    """A catalog noun: it may carry a `key` of the merchant's choosing, accepted wherever its id is.

    What is archived stays with those who use it and takes nothing new.
    """

    key: str | None = None
    archived_at: datetime | None = Field(default=None, sa_type=Instant)

"""Whose rows a loader may read."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table


@dataclass(frozen=True)
class Owner:
    """The merchant and the environment of a request: no loader reads beyond them."""

    merchant_id: str
    environment_id: str


def owned_by(owner: Owner, table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is the owner's: of the environment, or of the merchant where rows have none."""
    if "environment_id" in table.c:
        return table.c.environment_id == owner.environment_id
    return (table.c.merchant_id if "merchant_id" in table.c else table.c.id) == owner.merchant_id

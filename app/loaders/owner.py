"""Whose rows a loader may read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import BindParameter, ColumnElement, Executable, Row, Table, bindparam, or_

from app.db import Sessions
from app.loaders.customer_rows import LINKED, is_the_customers


@dataclass(frozen=True, eq=False)
class Owner:
    """The merchant and the environment of a request, and the customer whom it is for: no loader reads beyond them.

    Each is equal to itself only: as a key of kept statements it is hashed for every batch.
    """

    merchant_id: str
    environment_id: str
    customer_id: str | None = None

    def own(self, customer_id: str) -> str:
        """Return the id of a customer whom the owner may ask about; for any other one that nobody has."""
        return customer_id if self.customer_id in {None, customer_id} else NOBODY


#: The id of no row: who names another's reads what who names nobody's reads.
NOBODY: Final = ""
#: So many rows, found by a unique key or in its order, are read at once.
FEW: Final = 20
# Statements are built once, with these in the place of what each request asks for: building takes as long as running.
# Only `owned_rows` chooses between the two, so that no loader can take the wider one for a customer.
_ANY_MERCHANT: Final = Owner(cast("Any", bindparam("merchant_id")), cast("Any", bindparam("environment_id")))
_ANY_CUSTOMER: Final = Owner(
    _ANY_MERCHANT.merchant_id, _ANY_MERCHANT.environment_id, cast("Any", bindparam("customer_id"))
)
ANY_KEYS: Final[BindParameter[Any]] = bindparam("keys", expanding=True)


def owned_by(owner: Owner, table: Table, *, linked: bool = False) -> ColumnElement[bool]:
    """Return the condition that a row is the owner's: of the environment, or of the merchant where rows have none.

    For a customer: that it is its own or, if `linked`, of what its own rows lead to.
    """
    condition = or_(*_of_merchant(owner, table))
    if owner.customer_id is None or (linked and table in LINKED):
        return condition
    return condition & is_the_customers(table, owner.environment_id, owner.customer_id)


def ways_to_own(owner: Owner, table: Table) -> list[ColumnElement[bool]]:
    """Return the conditions of which one holds of what is the owner's. There are two where rows are of the one or the
    other, each with an index of its own.
    """
    ways = _of_merchant(owner, table)
    return ways if len(ways) > 1 and owner.customer_id is None else [owned_by(owner, table)]


def _of_merchant(owner: Owner, table: Table) -> list[ColumnElement[bool]]:
    ways = []
    if "environment_id" in table.c:
        ways.append(table.c.environment_id == owner.environment_id)
    if "merchant_id" in table.c:
        ways.append(table.c.merchant_id == owner.merchant_id)
    return ways or [table.c.id == owner.merchant_id]


async def owned_rows(
    sessions: Sessions,
    owner: Owner,
    statement: Callable[[Owner], Executable],
    keys: Sequence[str],
    *,
    at_once: bool = False,
) -> Sequence[Row[Any]]:
    """Run a statement on what has one of ANY_KEYS, for these keys and this owner.

    It is made for any owner of the kind, and may be kept: who it is comes with each run.
    """
    given: dict[str, Any] = {"merchant_id": owner.merchant_id, "environment_id": owner.environment_id, "keys": keys}
    if owner.customer_id is None:
        return await sessions.rows(statement(_ANY_MERCHANT), given, at_once=at_once)
    return await sessions.rows(statement(_ANY_CUSTOMER), given | {"customer_id": owner.customer_id}, at_once=at_once)

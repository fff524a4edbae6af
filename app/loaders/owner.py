"""Whose rows a loader may read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import BindParameter, ColumnElement, Executable, Row, Table, bindparam, or_

from app.db import Sessions


@dataclass(frozen=True)
class Owner:
    """The merchant and the environment of a request: no loader reads beyond them."""

    merchant_id: str
    environment_id: str


#: So many rows, found by a unique key or in its order, are read at once.
FEW: Final = 20
# Statements are built once, with these in the place of what each request asks for: building takes as long as running.
ANY_OWNER: Final = Owner(cast("Any", bindparam("merchant_id")), cast("Any", bindparam("environment_id")))
ANY_KEYS: Final[BindParameter[Any]] = bindparam("keys", expanding=True)


def owned_by(owner: Owner, table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is the owner's: of the environment, or of the merchant where rows have none."""
    return or_(*ways_to_own(owner, table))


def ways_to_own(owner: Owner, table: Table) -> list[ColumnElement[bool]]:
    """Return the conditions of which one holds of what is the owner's. There are two where rows are of the one or the
    other, each with an index of its own.
    """
    ways = []
    if "environment_id" in table.c:
        ways.append(table.c.environment_id == owner.environment_id)
    if "merchant_id" in table.c:
        ways.append(table.c.merchant_id == owner.merchant_id)
    return ways or [table.c.id == owner.merchant_id]


async def owned_rows(
    sessions: Sessions, owner: Owner, statement: Executable, keys: Sequence[str], *, at_once: bool = False
) -> Sequence[Row[Any]]:
    """Run a statement on what is of ANY_OWNER and has one of ANY_KEYS, for this owner and these keys."""
    given = {"merchant_id": owner.merchant_id, "environment_id": owner.environment_id, "keys": keys}
    return await sessions.rows(statement, given, at_once=at_once)

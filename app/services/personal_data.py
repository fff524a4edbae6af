"""Which values of the audit log are personal data, so that they can be erased without its entries."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlmodel import SQLModel

from app import models
from app.billing.erasure import CUSTOMER_FIELDS, withheld

#: The fields of a noun that hold a customer's personal data, and the one that holds the customer's id.
_FIELDS: Final[Mapping[type[SQLModel], tuple[Sequence[str], str]]] = {
    models.Customer: (CUSTOMER_FIELDS, "id"),
    models.Invoice: (("billed_to",), "customer_id"),
}
#: The nouns whose entries may have any.
PERSONAL_NOUNS: Final = frozenset(model.__name__ for model in _FIELDS)


def take_out(entry: dict[str, Any], row: SQLModel) -> dict[str, Any] | None:
    """Put marks in the place of an entry's personal data; return the row of AuditPersonalData that holds it."""
    if type(row) not in _FIELDS:
        return None
    names, customer = _FIELDS[type(row)]
    taken = {}
    for side in ("before", "after"):
        entry[side], taken[side] = withheld(entry[side], names)
    if not any(taken.values()):
        return None
    own = {"id": entry["id"], "environment_id": entry["environment_id"]}
    return {**own, "customer_id": row.__dict__[customer], **taken}

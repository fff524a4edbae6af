"""Personal data of customers: which fields hold it, and what the audit log shows in its place."""

from collections.abc import Collection, Mapping
from typing import Any, Final

#: What stands where personal data stood.
ERASED: Final = "[erased]"
#: The fields of a customer that are, or lead to, a person. The rest (locale, tax rate, clock) says nothing of anybody.
CUSTOMER_FIELDS: Final = ("external_id", "name", "email", "address", "tax_id", "tax_exemption", "details")

Values = Mapping[str, Any]


def withheld(values: Values, names: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return values as they can be shown for ever, and of the fields named what was taken out of them.

    What is null or empty stays: that a field was not set is no personal data.
    """
    personal = {name: values[name] for name in names if values.get(name)}
    return {**values, **dict.fromkeys(personal, ERASED)}, personal


def restored(values: Values, personal: Values) -> dict[str, Any]:
    """Return values as they were before `withheld` took the personal ones out.

    Only what is marked comes back: nothing that an entry says can be overwritten from beside it.
    """
    return {name: personal.get(name, value) if value == ERASED else value for name, value in values.items()}


def erased_customer(fields: Values) -> dict[str, Any]:
    """Return the personal fields of a customer as they are once erased.

    A name has to be there. One who was exempt of tax stays so, for what may still be billed.
    """
    gone: dict[str, Any] = dict.fromkeys(CUSTOMER_FIELDS)
    exemption = ERASED if fields.get("tax_exemption") else None
    return gone | {"name": ERASED, "tax_exemption": exemption, "details": {}}

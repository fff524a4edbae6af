"""Where a merchant or a customer is."""

from typing import Any

import strawberry

from app.billing import catalog
from app.schema.declarations import field, value

LINE1 = "Street and number, or whatever comes first. Example: `Example Street 1`."
LINE2 = "What comes next. Example: `Floor 3`."
CITY = "The city. Example: `Berlin`."
POSTAL_CODE = "The postal code. Example: `10115`."
REGION = "The state or region where addresses have one. Example: `CA`."
COUNTRY = "The country of ISO 3166-1, as two capitals. Example: `DE`."

ADDRESS = "Where it is, as invoices say it."
TAX_ID = "What it is known by to its tax office, up to 64 characters. Example: `DE123456789`."


@value("A postal address.")
class Address:
    """Read from the stored form of `billing.catalog.Address`."""

    line1: str = field(LINE1, of=lambda stored: stored["line1"])
    line2: str | None = field(LINE2, of=lambda stored: stored["line2"])
    city: str = field(CITY, of=lambda stored: stored["city"])
    postal_code: str | None = field(POSTAL_CODE, of=lambda stored: stored["postalCode"])
    region: str | None = field(REGION, of=lambda stored: stored["region"])
    country: str = field(COUNTRY, of=lambda stored: stored["country"])


@strawberry.input(description="A postal address; each part has up to 255 characters.")
class AddressInput:
    """See `billing.catalog.Address`."""

    line1: str = field(LINE1)
    line2: str | None = field(LINE2, default=None)
    city: str = field(CITY)
    postal_code: str | None = field(POSTAL_CODE, default=None)
    region: str | None = field(REGION, default=None)
    country: str = field(COUNTRY)


def address_of(given: AddressInput | None) -> catalog.Address | None:
    """Return an address that is asked for."""
    if given is None:
        return None
    return catalog.Address(
        line1=given.line1,
        line2=given.line2,
        city=given.city,
        postal_code=given.postal_code,
        region=given.region,
        country=given.country,
    )


def with_address(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes of an update with its address, where it has one, as drafts hold it."""
    return changes | {"address": address_of(changes["address"])} if "address" in changes else changes

"""What invoices say of a party besides its name: where it is, its tax id, and how it reads numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.billing.errors import ErrorCode, InvariantBroken, Problems
from app.billing.text import check_name, check_optional_text

MAX_ADDRESS_LENGTH = 255
MAX_TAX_ID_LENGTH = 64

_COUNTRY = re.compile(r"[A-Z]{2}")
# The part of BCP 47 that number and date formats depend on: language, script, region.
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A postal address; `country` is an ISO 3166-1 alpha-2 code in capitals."""

    line1: str
    line2: str | None = None
    city: str
    postal_code: str | None = None
    region: str | None = None
    country: str

    def to_json(self) -> dict[str, str | None]:
        """Return the stored form."""
        return {
            "line1": self.line1,
            "line2": self.line2,
            "city": self.city,
            "postalCode": self.postal_code,
            "region": self.region,
            "country": self.country,
        }


def address_to_json(address: Address | None) -> dict[str, str | None] | None:
    """Return the stored form of an address, or None where there is none."""
    return None if address is None else address.to_json()


def address_from_json(data: Mapping[str, str | None] | None) -> Address | None:
    """Read what `address_to_json` returned. InvariantBroken when it is something else."""
    match data:
        case None:
            return None
        case {"line1": str(line1), "city": str(city), "country": str(country)}:
            return Address(
                line1=line1,
                line2=data.get("line2"),
                city=city,
                postal_code=data.get("postalCode"),
                region=data.get("region"),
                country=country,
            )
        case _:
            raise InvariantBroken("The stored address lacks something.")


def check_address(problems: Problems, field: str, address: Address | None) -> None:
    """Note every problem of an address in the order of its fields; None is fine. Whether its country exists is not
    known here.
    """
    if address is None:
        return
    check_name(problems, f"{field}.line1", address.line1, MAX_ADDRESS_LENGTH)
    check_optional_text(problems, f"{field}.line2", address.line2, MAX_ADDRESS_LENGTH)
    check_name(problems, f"{field}.city", address.city, MAX_ADDRESS_LENGTH)
    check_optional_text(problems, f"{field}.postalCode", address.postal_code, MAX_ADDRESS_LENGTH)
    check_optional_text(problems, f"{field}.region", address.region, MAX_ADDRESS_LENGTH)
    if _COUNTRY.fullmatch(address.country) is None:
        problems.add(ErrorCode.INVALID, f"{field}.country", "Must be two capitals of ISO 3166, like DE.")


def check_tax_id(problems: Problems, field: str, tax_id: str | None) -> None:
    """Note a problem if a tax id is blank, longer than 64 characters or no plain text; None is fine."""
    if tax_id is not None:
        check_name(problems, field, tax_id, MAX_TAX_ID_LENGTH)


def check_locale(problems: Problems, field: str, locale: str | None) -> None:
    """Note a problem if a locale has not the form of one; None is fine. Whether it exists is not known here."""
    if locale is not None and _LOCALE.fullmatch(locale) is None:
        message = "Must be a language, then a script and a region where needed, like en, de-AT or zh-Hant-TW."
        problems.add(ErrorCode.INVALID, field, message)

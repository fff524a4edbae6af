"""What of the world's places and languages is known: countries of ISO 3166, and locales whose formats we have."""

from functools import cache, lru_cache
from importlib.resources import files

from babel import Locale, UnknownLocaleError

from app.billing.catalog import Address
from app.billing.errors import ErrorCode, Problems


@cache
def countries() -> frozenset[str]:
    """Return the alpha-2 codes of ISO 3166-1, as the time zone database lists them."""
    lines = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line.split("\t")[0] for line in lines if not line.startswith("#"))


@lru_cache(maxsize=256)
def known_locale(name: str) -> bool:
    """Tell whether the formats of a well-formed locale like de-AT are known."""
    try:
        found = Locale.parse(name, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    # What names no language or no region, like "und" and "de-ZZ", is read as a likely one.
    return {found.language, found.script, found.territory} >= set(name.split("-"))


def refuse_unknown_places(problems: Problems, address: Address | None, locale: str | None) -> None:
    """Note a country or a locale that does not exist, unless a problem of its form is noted already."""
    wrong = {error.field for error in problems.errors}
    if address is not None and "address.country" not in wrong and address.country not in countries():
        problems.add(ErrorCode.INVALID, "address.country", "Must be a country of ISO 3166, like DE.")
    if locale is not None and "locale" not in wrong and not known_locale(locale):
        problems.add(ErrorCode.INVALID, "locale", "Must be a locale of the CLDR, like en, de-AT or zh-Hant-TW.")

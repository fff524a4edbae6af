"""Numbers and dates as locales write them, with the digits of ISO 4217 and not one rounded away."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.api.locale_formats import Formats
from app.billing.periods import Period

NARROW, NO_BREAK, RIGHT_TO_LEFT = "\u202f", "\u00a0", "\u200f"


@pytest.mark.parametrize(
    ("locale", "currency", "minor", "written"),
    [
        ("en", "USD", 123456789, "$1,234,567.89"),
        ("en", "USD", 0, "$0.00"),
        ("en", "USD", -5, "-$0.05"),
        ("en", "USD", 10**40, f"$100{',000' * 12}.00"),
        ("en", "USD", -(10**60 + 1), f"-$10{',000' * 19}.01"),
        ("de", "EUR", 123456789, f"1.234.567,89{NO_BREAK}€"),
        ("de-AT", "EUR", 123456, f"€{NO_BREAK}1.234,56"),
        ("de-CH", "CHF", -123456, "CHF-1\u2019234.56"),
        ("fr", "EUR", 123456789, f"1{NARROW}234{NARROW}567,89{NO_BREAK}€"),
        ("ja", "JPY", 1234567, "\uffe51,234,567"),
        ("en", "JPY", 1234567, "¥1,234,567"),
        ("en", "KWD", 1234567, f"KWD{NO_BREAK}1,234.567"),
        ("en", "CLF", 1234567, f"CLF{NO_BREAK}123.4567"),
        ("es-419", "CLF", 10, f"CLF{NO_BREAK}0.0010"),
        ("en", "IQD", 1500, f"IQD{NO_BREAK}1.500"),
        ("en", "UGX", 1500, f"UGX{NO_BREAK}1,500"),
        ("ar", "SAR", 123456, f"{RIGHT_TO_LEFT}1,234.56{NO_BREAK}ر.س.{RIGHT_TO_LEFT}"),
        ("ar-EG", "USD", -150, f"{RIGHT_TO_LEFT}-1.50{NO_BREAK}US$"),
        ("hi", "INR", 1234567800, "₹1,23,45,678.00"),
    ],
)
def test_money_has_the_places_of_its_currency(locale: str, currency: str, minor: int, written: str) -> None:
    assert Formats(locale, currency, "UTC").money(minor) == written


@pytest.mark.parametrize(
    ("locale", "currency", "price", "written"),
    [
        ("en", "USD", "0.00002", "$0.00002"),
        ("en", "USD", "49", "$49.00"),
        ("en", "USD", "0.10", "$0.10"),
        ("en", "USD", "-0.000000000000000001", "-$0.000000000000000001"),
        ("en", "USD", "12345678901234567890.123456789012345678", "$12,345,678,901,234,567,890.123456789012345678"),
        ("de", "EUR", "0.00002", f"0,00002{NO_BREAK}€"),
        ("ja", "JPY", "0.5", "\uffe50.5"),
        ("en", "KWD", "1", f"KWD{NO_BREAK}1.000"),
    ],
)
def test_a_price_has_all_its_places(locale: str, currency: str, price: str, written: str) -> None:
    assert Formats(locale, currency, "UTC").price(Decimal(price)) == written


@pytest.mark.parametrize(
    ("locale", "value", "written"),
    [
        ("en", "1500000", "1,500,000"),
        ("en", "1E+3", "1,000"),
        ("en", "0", "0"),
        ("en", "-12.50", "-12.5"),
        ("de", "1234.000000000000000001", "1.234,000000000000000001"),
        ("fr", "1234.5", f"1{NARROW}234,5"),
        ("ar", "1234.5", "1,234.5"),
    ],
)
def test_a_number_has_all_its_places(locale: str, value: str, written: str) -> None:
    assert Formats(locale, "USD", "UTC").number(Decimal(value)) == written


@pytest.mark.parametrize(
    ("locale", "share", "written"),
    [
        ("en", "0.19", "19%"),
        ("en", "0.0725", "7.25%"),
        ("en", "0", "0%"),
        ("en", "1", "100%"),
        ("en", "0.000000000000000001", "0.0000000000000001%"),
        ("de", "0.081", f"8,1{NO_BREAK}%"),
        ("fr", "0.055", f"5,5{NO_BREAK}%"),
    ],
)
def test_a_percentage_has_all_its_places(locale: str, share: str, written: str) -> None:
    assert Formats(locale, "USD", "UTC").percent(Decimal(share)) == written


@pytest.mark.parametrize(
    ("locale", "timezone", "written"),
    [
        ("en", "UTC", "February 28, 2026"),
        ("en", "Asia/Tokyo", "March 1, 2026"),
        ("de", "Europe/Berlin", "1. M\u00e4rz 2026"),
        ("fr", "UTC", "28 f\u00e9vrier 2026"),
        ("ja", "Asia/Tokyo", "2026\u5e743\u67081\u65e5"),
        ("ar", "UTC", "28 \u0641\u0628\u0631\u0627\u064a\u0631 2026"),
    ],
)
def test_a_date_is_that_of_the_zone(locale: str, timezone: str, written: str) -> None:
    assert Formats(locale, "USD", timezone).date(datetime(2026, 2, 28, 23, 30, tzinfo=UTC)) == written


START = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "timezone", "written"),
    [
        (datetime(2026, 2, 28, tzinfo=UTC), "UTC", "Jan 31 - Feb 27, 2026"),
        (datetime(2026, 2, 1, tzinfo=UTC), "UTC", "Jan 31, 2026"),
        (START, "UTC", "Jan 31, 2026"),
        (START + timedelta(microseconds=1), "UTC", "Jan 31, 2026"),
        (datetime(2026, 2, 28, tzinfo=UTC), "America/New_York", "Jan 30 - Feb 27, 2026"),
        (datetime(2026, 2, 28, 10, tzinfo=UTC), "UTC", "Jan 31 - Feb 28, 2026"),
        (datetime(2027, 1, 31, tzinfo=UTC), "UTC", "Jan 31, 2026 - Jan 30, 2027"),
    ],
)
def test_a_period_is_shown_with_the_days_it_touches(end: datetime, timezone: str, written: str) -> None:
    span = Formats("en", "USD", timezone).span(Period(START, end))
    assert span == written.replace(" - ", "\u2009\N{EN DASH}\u2009")

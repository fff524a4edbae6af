from typing import Any

import pytest

from app.billing.catalog import Address, address_from_json, address_to_json
from app.billing.catalog.addresses import check_address, check_locale, check_tax_id
from app.billing.errors import InvariantBroken, Problems
from app.services.places import countries, known_locale, refuse_unknown_places

BERLIN = Address(line1="Example Street 1", city="Berlin", postal_code="10115", country="DE")


def found(problems: Problems) -> list[tuple[str, str | None]]:
    return [(error.code.value, error.field) for error in problems.errors]


@pytest.mark.parametrize(
    ("part", "value", "code"),
    [
        ("line1", "Example Street 1", None),
        ("line1", "", "BLANK"),
        ("line1", "x" * 255, None),
        ("line1", "x" * 256, "TOO_LONG"),
        ("line2", None, None),
        ("line2", "x" * 256, "TOO_LONG"),
        ("city", " ", "BLANK"),
        ("city", "Ber\u202elin", "INVALID"),
        ("postal_code", "10115\x00", "INVALID"),
        ("region", "x" * 256, "TOO_LONG"),
        ("country", "AT", None),
        ("country", "at", "INVALID"),
        ("country", "AUT", "INVALID"),
        ("country", "", "INVALID"),
        ("country", "\uff21\uff34", "INVALID"),
    ],
)
def test_each_part_of_an_address_is_bounded(part: str, value: str | None, code: str | None) -> None:
    parts: dict[str, Any] = {"line1": "1", "city": "Berlin", "country": "DE", part: value}
    problems = Problems()
    check_address(problems, "address", Address(**parts))
    path = "address.postalCode" if part == "postal_code" else f"address.{part}"
    assert found(problems) == ([] if code is None else [(code, path)])


def test_an_address_is_stored_whole_or_not_at_all() -> None:
    assert address_from_json(address_to_json(BERLIN)) == BERLIN
    assert address_from_json(address_to_json(None)) is None
    with pytest.raises(InvariantBroken):
        address_from_json({"line1": "Example Street 1"})


@pytest.mark.parametrize(
    ("tax_id", "code"),
    [
        (None, None),
        ("DE123456789", None),
        ("x" * 64, None),
        ("x" * 65, "TOO_LONG"),
        ("", "BLANK"),
        ("a\x07", "INVALID"),
    ],
)
def test_a_tax_id_is_a_short_text(tax_id: str | None, code: str | None) -> None:
    problems = Problems()
    check_tax_id(problems, "taxId", tax_id)
    assert found(problems) == ([] if code is None else [(code, "taxId")])


@pytest.mark.parametrize(
    ("locale", "formed", "known"),
    [
        ("en", True, True),
        ("de-AT", True, True),
        ("zh-TW", True, True),
        ("zh-Hant-TW", True, True),
        ("es-419", True, True),
        ("und", True, False),
        ("xx", True, False),
        ("de-ZZ", True, False),
        ("", False, False),
        ("EN", False, False),
        ("de_AT", False, False),
        ("de-at", False, False),
        ("../../etc", False, False),
        ("de\n", False, False),
    ],
)
def test_a_locale_has_a_form_and_exists(locale: str, formed: bool, known: bool) -> None:
    problems = Problems()
    check_locale(problems, "locale", locale)
    assert found(problems) == ([] if formed else [("INVALID", "locale")])
    assert not formed or known_locale(locale) is known
    refuse_unknown_places(problems, None, locale)
    assert found(problems) == ([] if known else [("INVALID", "locale")])


@pytest.mark.parametrize(
    ("country", "known"), [("DE", True), ("JP", True), ("XX", False), ("UK", False), ("ZZ", False)]
)
def test_a_country_is_one_of_the_standard(country: str, known: bool) -> None:
    problems = Problems()
    refuse_unknown_places(problems, Address(line1="1", city="C", country=country), None)
    assert found(problems) == ([] if known else [("INVALID", "address.country")])
    assert len(countries()) == 249


def test_what_has_no_form_is_refused_once() -> None:
    problems = Problems()
    check_address(problems, "address", Address(line1="1", city="C", country="Germany"))
    check_locale(problems, "locale", "english")
    refuse_unknown_places(problems, Address(line1="1", city="C", country="Germany"), "english")
    assert found(problems) == [("INVALID", "address.country"), ("INVALID", "locale")]

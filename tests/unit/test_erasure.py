"""Which values are personal, and that nothing secret is written to the audit log."""

import re
from decimal import Decimal

from sqlmodel import SQLModel

from app import models
from app.billing.erasure import CUSTOMER_FIELDS, ERASED, erased_customer, restored, withheld
from app.services.audit import _SECRET, _UNRECORDED

VALUES = {"name": "Jane", "email": None, "details": {}, "address": {"city": "Berlin"}, "tax_rate": "0.19"}


def test_what_is_withheld_comes_back() -> None:
    kept, personal = withheld(VALUES, CUSTOMER_FIELDS)
    assert kept == {"name": ERASED, "email": None, "details": {}, "address": ERASED, "tax_rate": "0.19"}
    assert personal == {"name": "Jane", "address": {"city": "Berlin"}}
    assert restored(kept, personal) == VALUES
    assert list(kept) == list(VALUES)


def test_nothing_but_what_is_marked_comes_back() -> None:
    kept, _ = withheld(VALUES, CUSTOMER_FIELDS)
    forged = {"name": "Jane", "tax_rate": "0.5", "email": "x@example.com", "new": 1}
    assert restored(kept, forged) == {**kept, "name": "Jane"}


def test_nothing_is_withheld_of_what_has_no_person_in_it() -> None:
    assert withheld({"tax_rate": Decimal("0.19"), "name": None}, CUSTOMER_FIELDS)[1] == {}
    assert withheld({}, CUSTOMER_FIELDS) == ({}, {})


def test_every_column_of_a_customer_is_personal_or_known_not_to_be() -> None:
    others = {"environment_id", "id", "created_at", "locale", "test_clock_id", "tax_rate", "erased_at"}
    assert set(models.Customer.model_fields) == {*CUSTOMER_FIELDS, *others}


def test_an_erased_customer_keeps_being_exempt_and_called_something() -> None:
    erased = erased_customer({"name": "Jane", "tax_exemption": "Certificate 1"})
    assert erased["name"] == erased["tax_exemption"] == ERASED
    assert erased_customer({"name": "Jane", "tax_exemption": None})["tax_exemption"] is None
    assert set(erased) == set(CUSTOMER_FIELDS)


def test_no_column_of_a_secret_is_recorded() -> None:
    recorded = [
        model
        for name in models.__all__
        if isinstance(model := getattr(models, name), type) and issubclass(model, SQLModel)
        if not issubclass(model, _UNRECORDED)
    ]
    names = {name for model in recorded for name in model.model_fields}
    assert {name for name in names if re.search("secret|token|hash|password", name)} == _SECRET

"""What was told of discounts and taxes once is told for ever: see `tests.support.adjustment_rules`."""

import pytest

from app.billing import adjustments
from app.billing.pricing import RULES_VERSION
from tests.support import adjustment_rules
from tests.support.adjustment_rules import INVOICES, assessed_again, recorded, stored, told

#: Invoices of version 1 had neither discounts nor taxes.
VERSIONS = range(2, RULES_VERSION + 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_adjustments_of_a_version_are_told_as_they_were(version: int) -> None:
    for invoice in recorded(version):
        assert told(invoice["stored"]) == invoice["told"], invoice["name"]
        assert assessed_again(invoice["stored"]) == invoice["stored"], invoice["name"]


def test_the_current_version_has_every_invoice() -> None:
    assert {invoice["name"]: invoice["stored"] for invoice in recorded(RULES_VERSION)} == {
        name: stored(invoice) for name, invoice in INVOICES.items()
    }


def test_every_version_has_its_file_of_adjustments() -> None:
    files = [adjustment_rules.file_of(version) for version in VERSIONS]
    assert sorted(adjustment_rules.FOLDER.glob("adjustments_*.json")) == files


def test_another_word_of_a_discount_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adjustments, "spell_money", lambda amount, currency: f"about {amount} {currency}")
    differing = {invoice["name"] for invoice in recorded(RULES_VERSION) if told(invoice["stored"]) != invoice["told"]}
    assert "two discounts and a tax" in differing
    assert "nothing but lines" not in differing

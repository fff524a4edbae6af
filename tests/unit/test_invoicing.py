import pytest

from app.billing.errors import InvariantBroken
from app.billing.invoicing import AssessedLine, Series, assess, invoice_number
from app.billing.tax import TaxTerms


@pytest.mark.parametrize(
    ("amounts", "total"), [([], 0), ([3000, 4900], 7900), ([5000, -1200], 3800), ([10**40, 1], 10**40 + 1)]
)
def test_the_total_is_the_sum_of_the_rounded_lines(amounts: list[int], total: int) -> None:
    assessment = assess([AssessedLine(amount, None) for amount in amounts], (), TaxTerms())
    assert (assessment.subtotal_minor, assessment.tax_minor, assessment.total_minor) == (total, 0, total)


@pytest.mark.parametrize(
    ("prefix", "series", "number", "text"),
    [
        ("INV", Series.LIVE, 1, "INV-000001"),
        ("INV", Series.SANDBOX, 1, "SANDBOX-INV-000001"),
        ("INV", Series.TEST, 12, "TEST-INV-000012"),
        ("ACME-EU", Series.LIVE, 1_000_000, "ACME-EU-1000000"),
    ],
)
def test_numbers_tell_their_series(prefix: str, series: Series, number: int, text: str) -> None:
    assert invoice_number(prefix, series, number) == text


@pytest.mark.parametrize("number", [0, -1])
def test_a_series_starts_at_one(number: int) -> None:
    with pytest.raises(InvariantBroken):
        invoice_number("INV", Series.LIVE, number)

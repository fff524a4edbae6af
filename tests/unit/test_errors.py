import pytest

from app.billing.errors import DESCRIPTIONS, ErrorCode, Problems, Refused, UserError


def test_all_problems_are_raised_at_once_in_the_order_they_were_added() -> None:
    problems = Problems()
    problems.add(ErrorCode.BLANK, "name", "Must not be blank.")
    problems.add(ErrorCode.INVALID, "groupBy.0.path", "Must be a path of the form $.a.b.")
    problems.add(ErrorCode.INVALID, None, "Says nothing.")
    with pytest.raises(Refused) as refused:
        problems.raise_if_any()
    assert refused.value.errors == (
        UserError(ErrorCode.BLANK, "name", "Must not be blank."),
        UserError(ErrorCode.INVALID, "groupBy.0.path", "Must be a path of the form $.a.b."),
        UserError(ErrorCode.INVALID, None, "Says nothing."),
    )
    assert "name: Must not be blank." in str(refused.value)


def test_without_problems_nothing_is_raised() -> None:
    problems = Problems()
    problems.raise_if_any()
    assert problems.errors == ()


def test_every_code_is_described_and_reads_as_its_name() -> None:
    assert list(DESCRIPTIONS) == list(ErrorCode)
    assert [code.value for code in ErrorCode] == [code.name for code in ErrorCode]

import pytest

from app.metering.index_text import LONGEST, index_text


@pytest.mark.parametrize("text", ["", "a", "ü" * LONGEST])
def test_a_short_text_stands_for_itself(text: str) -> None:
    assert index_text(text) == text


def test_a_long_one_is_cut_and_told_from_all_others() -> None:
    long = ["a" * (LONGEST + 1), "a" * (LONGEST + 2), "a" * 60_000, "a" * 59_999 + "b"]
    cut = [index_text(text) for text in long]
    assert len(set(cut)) == 4
    assert {len(text) for text in cut} == {LONGEST + 65}
    assert index_text(cut[0]) not in cut  # as it is long itself, it never stands for what it was cut from

from datetime import UTC, datetime

from app.billing.calendars import Calendar
from app.billing.phases import joined


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def span(start: int, end: int | None, anchor: int = 1, zone: str = "UTC") -> Calendar:
    return Calendar(at(anchor), at(start), zone, None if end is None else at(end))


def test_one_phase_is_as_it_is() -> None:
    assert joined([(span(1, None), ["seats", "tokens"])]) == [(span(1, None), ["seats", "tokens"])]
    assert joined([]) == []


def test_a_change_splits_only_what_it_replaces() -> None:
    phases = [(span(1, 16), ["small", "tokens", "support"]), (span(16, None), ["tokens", "large", "support"])]
    assert joined(phases) == [
        (span(1, 16), ["small"]),
        (span(1, None), ["tokens", "support"]),
        (span(16, None), ["large"]),
    ]


def test_what_comes_back_later_is_a_span_of_its_own() -> None:
    phases = [(span(1, 5), ["small"]), (span(5, 9), ["large"]), (span(9, 20), ["small"])]
    assert joined(phases) == [(span(1, 5), ["small"]), (span(5, 9), ["large"]), (span(9, 20), ["small"])]


def test_what_comes_back_at_once_was_never_gone() -> None:
    phases = [
        (span(1, 5), ["small", "tokens"]),
        (span(5, 5), ["large", "tokens"]),
        (span(5, None), ["small", "tokens"]),
    ]
    assert joined(phases) == [(span(1, None), ["small", "tokens"])]


def test_another_anchor_splits_everything() -> None:
    phases = [(span(1, 16), ["tokens"]), (span(16, None, anchor=16), ["tokens"])]
    assert joined(phases) == phases


def test_a_phase_that_ended_when_it_began_holds_nothing() -> None:
    assert joined([(span(1, 1), ["small"]), (span(1, None), ["large"])]) == [(span(1, None), ["large"])]

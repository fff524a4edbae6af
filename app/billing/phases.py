"""The phases of a subscription: what it agreed to between two changes, and what goes on over them."""

from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from app.billing.calendars import Calendar

Kept = TypeVar("Kept", bound=Hashable)


def joined(phases: Iterable[tuple[Calendar, Iterable[Kept]]]) -> list[tuple[Calendar, list[Kept]]]:
    """Return what holds in which span, of phases that follow each other, each given by what holds in it.

    What holds on both sides of a change is one span, unless the change begins another calendar: a change splits only
    what it replaces or alters (domain.md section 5). Spans stand in the order in which they begin, what holds in one of
    them in its order there. A phase without length holds nothing.
    """
    listed = [(calendar, list(held)) for calendar, held in phases if calendar.ended_at != calendar.started_at]
    if len(listed) == 1:
        return listed
    spans: list[tuple[Calendar, Kept]] = []
    running: dict[Kept, int] = {}
    for calendar, held in listed:
        for one in held:
            place = running.get(one)
            if place is not None and _goes_on(spans[place][0], calendar):
                spans[place] = (replace(spans[place][0], ended_at=calendar.ended_at), one)
            else:
                running[one] = len(spans)
                spans.append((calendar, one))
    grouped: dict[Calendar, list[Kept]] = {}
    for calendar, one in spans:
        grouped.setdefault(calendar, []).append(one)
    return sorted(grouped.items(), key=lambda span: span[0].started_at)


def _goes_on(earlier: Calendar, later: Calendar) -> bool:
    """Tell whether a calendar is the continuation of an earlier one."""
    same = (earlier.anchor_at, earlier.zone, earlier.place) == (later.anchor_at, later.zone, later.place)
    return same and earlier.ended_at == later.started_at

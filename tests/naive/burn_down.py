"""The burn-down of grants, one event after the other: domain.md section 7. Slow and plain on purpose.

Instants are whole numbers here, and so are periods: a usage period is so many of them long.
"""

from dataclasses import dataclass, field
from fractions import Fraction

#: Units come in multiples of this.
BIT = Fraction(1, 2)


@dataclass(frozen=True)
class Giver:
    """An entitlement: from `start` until before `end`, with resets every `period` from its start; None is never."""

    start: int
    end: int | None
    period: int | None
    issue: Fraction
    soft: bool
    preserve: bool
    least: Fraction
    most: Fraction | None

    def is_active(self, at: int) -> bool:
        return self.start <= at and (self.end is None or at < self.end)

    def is_reset(self, at: int) -> bool:
        return self.period is not None and at > self.start and (at - self.start) % self.period == 0


@dataclass(frozen=True)
class Gift:
    """A grant under the entitlement of a place: again every `again`, until it expires or is voided."""

    giver: int
    amount: Fraction
    start: int
    end: int | None
    priority: int
    again: int | None


@dataclass
class Heap:
    """What is left of what was given at one instant."""

    giver: int
    gift: int | None
    left: Fraction
    key: tuple[int, float, int, int]


@dataclass
class World:
    """Who gives what, what is left, and what nobody covered, by entitlement."""

    givers: list[Giver]
    gifts: list[Gift]
    heaps: list[Heap] = field(default_factory=list)
    over: dict[int, Fraction] = field(default_factory=dict)
    used: Fraction = Fraction(0)
    billed: list[Fraction] = field(default_factory=list)
    taken: list[Heap] = field(default_factory=list)

    def balance(self, giver: int) -> Fraction:
        return sum((heap.left for heap in self.heaps if heap.giver == giver), Fraction(0))


def units_billed(
    givers: list[Giver], gifts: list[Gift], events: list[tuple[int, Fraction]], until: int
) -> list[Fraction]:
    """How many units of each event are billed, of events in the order of their instants."""
    return live(givers, gifts, events, until).billed


def live(givers: list[Giver], gifts: list[Gift], events: list[tuple[int, Fraction]], until: int) -> World:
    """Go from instant to instant: what ends, resets, is given and is owed comes before what is used at it."""
    world = World(givers, gifts)
    for at in range(until + 1):
        _tick(world, at)
        for _, units in [event for event in events if event[0] == at]:
            _use(world, at, units)
    return world


def _tick(world: World, at: int) -> None:
    world.heaps = [heap for heap in world.heaps if heap.gift is None or world.gifts[heap.gift].end != at]
    for place, giver in enumerate(world.givers):
        if giver.end == at:
            world.heaps = [heap for heap in world.heaps if heap.giver != place]
            world.over[place] = Fraction(0)
        elif giver.is_active(at) and giver.is_reset(at):
            _reset(world, place)
    for place, giver in enumerate(world.givers):
        if giver.is_active(at) and (at == giver.start or giver.is_reset(at)) and giver.issue:
            world.heaps.append(Heap(place, None, giver.issue, (1, float("inf"), at, place)))
    for place, gift in enumerate(world.gifts):
        if _gives(gift, at) and world.givers[gift.giver].is_active(at):
            end = float("inf") if gift.end is None else float(gift.end)
            world.heaps.append(Heap(gift.giver, place, gift.amount, (gift.priority, end, at, 100 + place)))
    for place, owed in world.over.items():
        if not world.givers[place].soft or world.givers[place].preserve:
            world.over[place] = owed - _take(world, owed)


def _gives(gift: Gift, at: int) -> bool:
    if at < gift.start or (gift.end is not None and at >= gift.end):
        return False
    return at == gift.start if gift.again is None else (at - gift.start) % gift.again == 0


def _reset(world: World, place: int) -> None:
    giver = world.givers[place]
    world.taken = [heap for heap in world.taken if heap.giver != place]
    for heap in [heap for heap in world.heaps if heap.giver == place]:
        carried = max(heap.left, giver.least)
        heap.left = carried if giver.most is None else min(carried, giver.most)
        if not heap.left:
            world.heaps.remove(heap)
    if not giver.preserve:
        world.over[place] = Fraction(0)


def _use(world: World, at: int, units: Fraction) -> None:
    active = [place for place, giver in enumerate(world.givers) if giver.is_active(at)]
    if not active:
        world.billed.append(units)
        return
    world.used += units
    if units < 0:
        _put_back(world, -units)
        return
    rest = units - _take(world, units)
    [debtor, *_] = [place for place in active if world.givers[place].soft] or active
    world.over[debtor] = world.over.get(debtor, Fraction(0)) + rest
    giver = world.givers[debtor]
    world.billed.append(rest if giver.soft and not giver.preserve else Fraction(0))


def _put_back(world: World, units: Fraction) -> None:
    """Less is owed first; the rest goes back bit by bit to where the last one came from, else to what would be last."""
    for place in sorted(range(len(world.givers)), key=lambda place: not world.givers[place].soft):
        less = min(world.over.get(place, Fraction(0)), units)
        world.over[place] = world.over.get(place, Fraction(0)) - less
        units -= less
    while units and world.taken:
        heap = world.taken.pop()
        if any(there is heap for there in world.heaps):
            heap.left += BIT
            units -= BIT
    if units and world.heaps:
        max(world.heaps, key=lambda heap: heap.key).left += units


def _take(world: World, units: Fraction) -> Fraction:
    taken = Fraction(0)
    for heap in sorted(world.heaps, key=lambda heap: heap.key):
        part = min(heap.left, units - taken)
        heap.left -= part
        taken += part
        world.taken += [heap] * int(part / BIT)
    return taken

"""The burn-down: which grants the usage of a metered feature takes its units from, and what no grant covers.

Everything is computed from facts, so that late, withdrawn and amended usage, and grants that are made or voided
afterwards, give what they would have given in time (domain.md section 7). Units are exact decimals.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from app.billing.balance_entries import Entry, EntryKind
from app.billing.decimals import exact_difference, exact_sum
from app.billing.entitlements import DEFAULT_PRIORITY
from app.billing.grants import NEVER, NONE, TICK, GivenGrant, MeteredEntitlement, resumes
from app.billing.periods import Period


@dataclass(slots=True)
class _Lot:
    """Units of one grant, as far as they are left."""

    entitlement_id: str
    grant_id: str | None
    left: Decimal
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    order: int
    #: The entitlement that it was resumed from.
    resumed_from: str | None = None

    @property
    def rank(self) -> tuple[int, datetime, datetime, int]:
        return self.priority, self.expires_at or NEVER, self.effective_at, self.order


@dataclass(slots=True)
class BurnDown:
    """How entitlements to one feature of one customer stand, and each change that led there, in order."""

    entitlements: Sequence[MeteredEntitlement]
    balances: dict[str, Decimal] = field(default_factory=dict)
    overages: dict[str, Decimal] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    _lots: list[_Lot] = field(default_factory=list)
    _taken: list[tuple[_Lot, Decimal]] = field(default_factory=list)
    _left: dict[str, list[_Lot]] = field(default_factory=dict)
    _owed: dict[str, Decimal] = field(default_factory=dict)

    def _note(
        self, at: datetime, kind: EntryKind, lot: tuple[str, str | None], balance: Decimal, overage: Decimal = NONE
    ) -> None:
        identifier, grant_id = lot
        self.balances[identifier] = exact_sum((self.balances.get(identifier, NONE), balance))
        self.overages[identifier] = exact_sum((self.overages.get(identifier, NONE), overage))
        now = self.balances[identifier], self.overages[identifier]
        self.entries.append(Entry(at, kind, identifier, grant_id, balance, overage, *now))

    def give(self, lot: _Lot) -> None:
        """Give units; what no grant has covered so far takes them first."""
        self._lots.append(lot)
        self._note(lot.effective_at, EntryKind.GRANTED, (lot.entitlement_id, lot.grant_id), lot.left)

    def cover_overage(self, at: datetime) -> None:
        """Let units that are there cover what none covered, unless that is billed."""
        for one in self.entitlements:
            if one.bills_overage:
                continue
            owed = self.overages.get(one.id, NONE)
            for lot, taken in self._take(owed):
                self._note(at, EntryKind.OVERAGE_COVERED, (lot.entitlement_id, lot.grant_id), taken.copy_negate())
                self._note(at, EntryKind.OVERAGE_COVERED, (one.id, None), NONE, taken.copy_negate())

    def use(self, period: Period, units: Decimal) -> None:
        """Take units out of grants: the lowest priority first, then what expires first, then the oldest."""
        if units < 0:
            self._give_back(period, units.copy_negate())
            return
        for lot, taken in self._take(units):
            units = exact_difference(units, taken)
            self._note_used(period, EntryKind.BURNED, (lot.entitlement_id, lot.grant_id), taken.copy_negate())
        if units:
            self._note_used(period, EntryKind.OVERAGE, (self._debtor(period.start).id, None), NONE, units)

    def _note_used(
        self, period: Period, kind: EntryKind, lot: tuple[str, str | None], balance: Decimal, overage: Decimal = NONE
    ) -> None:
        self._note(period.end, kind, lot, balance, overage)
        self.entries[-1] = self.entries[-1]._replace(since=period.start)

    def _take(self, units: Decimal) -> Iterator[tuple[_Lot, Decimal]]:
        for lot in sorted(self._lots, key=lambda lot: lot.rank):
            taken = min(lot.left, units)
            if taken > 0:
                lot.left, units = exact_difference(lot.left, taken), exact_difference(units, taken)
                self._taken.append((lot, taken))
                yield lot, taken

    def _give_back(self, period: Period, units: Decimal) -> None:
        """Take usage below zero off what no grant covers, then give it back to what was taken from last.

        What is more than was ever taken of what is there goes to the grant that would be used last.
        """
        # A debtor with a soft limit comes before the others, so what it owes is the last that was used.
        for one in sorted(self.entitlements, key=lambda one: not one.terms.is_soft_limit):
            less = min(self.overages.get(one.id, NONE), units)
            if less > 0:
                units = exact_difference(units, less)
                self._note_used(period, EntryKind.OVERAGE, (one.id, None), NONE, less.copy_negate())
        while units and self._taken:
            lot, taken = self._taken.pop()
            if not any(there is lot for there in self._lots):  # it has expired, or was reset
                continue
            back = min(taken, units)
            units = exact_difference(units, back)
            if back < taken:
                self._taken.append((lot, exact_difference(taken, back)))
            self._return(period, lot, back)
        if units and self._lots:
            self._return(period, max(self._lots, key=lambda lot: lot.rank), units)

    def _return(self, period: Period, lot: _Lot, units: Decimal) -> None:
        lot.left = exact_sum((lot.left, units))
        self._note_used(period, EntryKind.BURNED, (lot.entitlement_id, lot.grant_id), units)

    def _debtor(self, instant: datetime) -> MeteredEntitlement:
        """Return whose overage it is: the oldest entitlement that bills it, else the oldest."""
        active = [one for one in self.entitlements if one.is_active(instant)]
        return next((one for one in active if one.terms.is_soft_limit), active[0])

    def drop(self, at: datetime, kind: EntryKind, lots: Iterable[_Lot]) -> None:
        """Let units be gone."""
        for lot in lots:
            self._lots.remove(lot)
            if lot.left:
                self._note(at, kind, (lot.entitlement_id, lot.grant_id), lot.left.copy_negate())

    def lots_of(self, entitlement_id: str) -> list[_Lot]:
        """Return what an entitlement has, what will be used first before the rest."""
        mine = [lot for lot in self._lots if lot.entitlement_id == entitlement_id]
        return sorted(mine, key=lambda lot: lot.rank)

    def lots_of_grant(self, grant_id: str) -> list[_Lot]:
        """Return what is left of what a grant gave."""
        return [lot for lot in self._lots if lot.grant_id == grant_id]

    def reset(self, one: MeteredEntitlement, at: datetime) -> None:
        """Begin another usage period: of each grant there is carried over what the terms say, and no more."""
        lots = self.lots_of(one.id)
        self.drop(at, EntryKind.RESET, lots)
        for lot in lots:
            carried = max(lot.left, one.terms.reset_min_rollover)
            if one.terms.reset_max_rollover is not None:
                carried = min(carried, one.terms.reset_max_rollover)
            if carried > 0:
                self._lots.append(replace(lot, left=carried, resumed_from=None))
                self._note(at, EntryKind.ROLLED_OVER, (one.id, lot.grant_id), carried)
            if lot.resumed_from is not None and lot.left > carried:
                # The usage period that it was given for may still run: a change back resumes it.
                self._left[lot.resumed_from].append(replace(lot, left=exact_difference(lot.left, max(carried, NONE))))
        if not one.terms.preserve_overage_at_reset:
            self.forgive(one, at)

    def end(self, one: MeteredEntitlement, at: datetime) -> None:
        """End an entitlement, and all that was granted under it. What it gave itself may be resumed by another."""
        lots = self.lots_of(one.id)
        self._left[one.id] = [lot for lot in lots if lot.grant_id is None]
        self._owed[one.id] = NONE if one.bills_overage else self.overages.get(one.id, NONE)
        self.drop(at, EntryKind.ENDED, lots)
        self.forgive(one, at)

    def resume(self, one: MeteredEntitlement, at: datetime) -> None:
        """Let an entitlement begin with what others left that ended in the same usage period."""
        if at != one.started_at:
            return
        for former in self.entitlements:
            if former.id in self._left and resumes(one, former):
                lots, self._left[former.id] = self._left[former.id], []
                for lot in lots:
                    lot.entitlement_id, lot.resumed_from = one.id, former.id
                    self._lots.append(lot)
                    if lot.left:
                        self._note(at, EntryKind.RESUMED, (one.id, None), lot.left)
                owed = self._owed.pop(former.id, NONE)
                if owed and not one.bills_overage:
                    self._note(at, EntryKind.RESUMED, (one.id, None), NONE, owed)

    def forgive(self, one: MeteredEntitlement, at: datetime) -> None:
        """Let what no grant covered be settled: it is no longer taken out of what is given."""
        owed = self.overages.get(one.id, NONE)
        if owed:
            self._note(at, EntryKind.OVERAGE_RESET, (one.id, None), NONE, owed.copy_negate())


class _Point(NamedTuple):
    """Something that happens at an instant, in this order: expiry and voids, ends, resets, then what is given."""

    at: datetime
    rank: int
    order: int
    subject: MeteredEntitlement | GivenGrant


_EXPIRE, _END, _RESET, _ISSUE, _GIVE = range(5)


def change_points(
    entitlements: Sequence[MeteredEntitlement], grants: Sequence[GivenGrant], until: datetime
) -> list[datetime]:
    """Return the instants up to another, in order and each once, between which units are only used."""
    return sorted({point.at for point in _points(entitlements, grants, until) if point.at <= until})


def burn_down(
    entitlements: Sequence[MeteredEntitlement],
    grants: Sequence[GivenGrant],
    used: Iterable[tuple[Period, Decimal]],
    until: datetime,
    since: datetime | None = None,
) -> BurnDown:
    """Return how entitlements to one feature stand at an instant, the oldest first.

    `used` says, in order, what was used between each two change points (and the instant); usage while no entitlement
    is active takes from nothing. What was before `since`, an instant of `forgotten_until`, is left out.
    """
    run = BurnDown(entitlements)
    points = iter([point for point in _points(entitlements, grants, until) if since is None or since <= point.at])
    waiting = next(points, None)
    for period, units in used:
        waiting = _pass(run, points, waiting, period.start)
        if units and any(one.is_active(period.start) for one in entitlements):
            run.use(period, units)
    _pass(run, points, waiting, until + TICK)  # with the grants that are voided at the instant itself
    return run


def _pass(run: BurnDown, points: Iterator[_Point], waiting: _Point | None, until: datetime) -> _Point | None:
    """Let everything happen up to an instant; return what comes next."""
    while waiting is not None and waiting.at <= until:
        at = waiting.at
        while waiting is not None and waiting.at == at:
            _happen(run, waiting)
            waiting = next(points, None)
        run.cover_overage(at)
    return waiting


def _happen(run: BurnDown, point: _Point) -> None:
    at, rank, order, subject = point
    if isinstance(subject, MeteredEntitlement):
        if rank == _END:
            run.end(subject, at)
        elif rank == _RESET:
            run.reset(subject, at)
        else:
            run.resume(subject, at)
            if subject.issue(at):
                run.give(_Lot(subject.id, None, subject.issue(at), DEFAULT_PRIORITY, at, None, order))
    elif rank == _EXPIRE:
        lots = run.lots_of_grant(subject.id)
        if subject.voided_at is None or subject.expires_at == at:
            run.drop(at, EntryKind.EXPIRED, lots)
        else:
            run.drop(subject.voided_at, EntryKind.VOIDED, lots)
    else:
        given = (subject.amount, subject.priority, at, subject.expires_at, order)
        run.give(_Lot(subject.entitlement_id, subject.id, *given))


def _points(entitlements: Sequence[MeteredEntitlement], grants: Sequence[GivenGrant], until: datetime) -> list[_Point]:
    points = []
    by_id = {one.id: one for one in entitlements}
    for order, one in enumerate(entitlements):
        if one.started_at <= until:
            resets = one.resets(until)
            points += [_Point(at, _RESET, order, one) for at in resets]
            points += [_Point(at, _ISSUE, order, one) for at in (one.started_at, *resets) if one.is_active(at)]
        if one.ended_at is not None and one.started_at < one.ended_at <= until:
            points.append(_Point(one.ended_at, _END, order, one))
    for order, grant in enumerate(grants, len(entitlements)):
        owner = by_id[grant.entitlement_id]
        given = [at for at in grant.given(owner.timezone, until) if owner.is_active(at)]
        points += [_Point(at, _GIVE, order, grant) for at in given]
        if given and grant.is_over(until):
            points.append(_Point(grant.ended_at, _EXPIRE, order, grant))
    return sorted(points, key=lambda point: point[:3])

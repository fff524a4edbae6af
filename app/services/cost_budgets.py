"""What keys may spend on GraphQL: a bucket for each, shared by all processes.

The bucket is a row that says when it is full again. A process takes a share of it at once and spends that from memory,
so that a write is needed for each share and not for each query. What is left of a share is lost with its process.
"""

import asyncio
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions
from app.models import CostBudget, table_of
from app.services.principal import Principal
from app.settings import Settings

#: No operation may cost more.
MAX_COST: Final = 200_000
#: What is saved up at most, in seconds, where it is not said.
SAVED_SECONDS: Final = 60
#: A share is this part of a full bucket.
SHARES: Final = 20
#: What a value takes of an answer, and its share of what is around it. Longer answers are paid for by their length.
BYTES_OF_A_VALUE: Final = 100
#: How many keys are known at once.
MOST: Final = 10_000

_SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_budgets = table_of(CostBudget)


class OverBudget(Exception):
    """A key can't pay yet: what it has left, and after how many seconds it can."""

    def __init__(self, left: int, retry_after: int) -> None:
        """Take both."""
        super().__init__(f"{left} left, enough in {retry_after} s")
        self.left = left
        self.retry_after = retry_after


@dataclass(frozen=True)
class Balance:
    """What a key has left, as far as this process knows, and when that will be all it can have."""

    left: int
    full_at: datetime


@dataclass
class _Share:
    """What a process has of a key's bucket: below zero it owes. Instants are in microseconds since 1970."""

    left: int = 0
    drawn_at: int = 0
    #: When the bucket is full again, as last seen; never later than it is.
    full_at: int = 0
    #: Since when it owes, where it does.
    owed_at: int = 0
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)


class CostBudgets:
    """The budgets of all keys. One for a process."""

    def __init__(self, sessions: Sessions, per_second: float, most: float | None) -> None:
        """Refill at an even rate, up to `most`; SAVED_SECONDS' worth where that is None."""
        self._sessions = sessions
        self._per_second = per_second
        self._most = max(1, math.floor(per_second * SAVED_SECONDS if most is None else most))
        self._share = max(1, self._most // SHARES)
        self._shares: dict[str, _Share] = {}

    async def take(self, spender_id: str, cost: int) -> None:
        """Take what an operation costs; OverBudget, and nothing taken, where it is not there.

        More than a full bucket holds is let through by a full one, which is in debt afterwards.
        """
        share = self._share_of(spender_id)
        if share.left < cost:
            async with share.drawing:
                if share.left < cost:
                    more = max(self._share, cost - share.left)
                    await self._draw(spender_id, share, more - max(0, -share.left))
        self._spend(share, cost)

    def owe(self, spender_id: str, more: int) -> None:
        """Take what an answer turned out to cost more; it was given already, so the key may be in debt, to a bound."""
        share = self._share_of(spender_id)
        self._spend(share, max(0, min(more, share.left + self._most)))

    def balance(self, spender_id: str) -> Balance:
        """Return what is left, as far as this process knows: others may have taken shares since it last looked."""
        share, now = self._share_of(spender_id), self._now()
        left = min(self._most, max(0, share.left) + self._room(self._full_at(share), now))
        return Balance(left, _instant(now + self._time_of(self._most - left)))

    def _share_of(self, spender_id: str) -> _Share:
        share = self._shares.get(spender_id)
        if share is None:
            if len(self._shares) >= MOST:
                self._shares.clear()
            share = self._shares[spender_id] = _Share()
        elif share.left > 0 and not 0 <= self._now() - share.drawn_at <= self._time_of(self._most):
            # Meanwhile the bucket is full without it. Else every process could save up a share beside the bucket.
            share.left = 0
        return share

    def _spend(self, share: _Share, amount: int) -> None:
        share.left -= amount
        if share.left < 0 < amount:
            share.owed_at = self._now()

    def _full_at(self, share: _Share) -> int:
        """Return when the bucket is full again, with what is owed taken from it when that was."""
        if share.left >= 0:
            return share.full_at
        return max(share.full_at, min(share.owed_at, self._now())) + self._time_of(-share.left)

    async def _draw(self, spender_id: str, share: _Share, amount: int) -> None:
        """Take an amount from the bucket, and what is owed, or leave it as it is and raise OverBudget."""
        now, debt = self._now(), max(0, -share.left)
        if self._room(self._full_at(share), now) >= min(amount, self._most):
            owed = (min(share.owed_at, now), self._time_of(debt)) if debt else (0, 0)
            async with self._sessions.begin() as session:
                full_at, taken = await self._drawn(session, spender_id, amount, now, owed)
            share.full_at = full_at
            if taken:
                share.left, share.drawn_at = share.left + debt + amount, now
                return
        # Others can only have taken more, so until then nobody needs to look.
        room = self._room(self._full_at(share), now)
        missing = min(amount, self._most) - room
        raise OverBudget(max(0, max(0, share.left) + room), max(1, math.ceil(missing / self._per_second)))

    async def _drawn(
        self, session: AsyncSession, spender_id: str, amount: int, now: int, owed: tuple[int, int]
    ) -> tuple[int, bool]:
        """Return when the bucket is full again, and whether an amount was taken: at once, so that nobody is between."""
        values: dict[str, Any] = {
            "spender": spender_id,
            "now": now,
            "owed": owed[0],
            "debt": owed[1],
            "time": self._time_of(amount),
            "first": max(now, sum(owed)) + self._time_of(amount),
            "full": now + self._time_of(self._most),
            "latest": now + self._time_of(max(0, self._most - amount)),
            "wrong": now + self._time_of(2 * self._most + MAX_COST) + _SECOND,
        }
        taken = (await session.execute(_taking(session.get_bind().dialect.name), values)).scalar_one_or_none()
        if taken is not None:
            return taken, True
        columns, full = _budgets.c, values["full"]
        seen: int = (
            await session.execute(select(columns.full_at).where(columns.spender_id == spender_id))
        ).scalar_one()
        if seen <= values["wrong"]:
            return seen, False
        mine = (columns.spender_id == spender_id, columns.full_at == seen)
        await session.execute(update(CostBudget).where(*mine).values(full_at=full))
        return full, False

    def _room(self, full_at: int, now: int) -> int:
        """Return what a bucket that is full at an instant has in it; below zero it owes."""
        if full_at - now > self._time_of(2 * self._most + MAX_COST) + _SECOND:
            full_at = now  # The clock was put back: only the bucket's row can say how it stands.
        return self._most - math.ceil(max(0, full_at - now) * self._per_second / _SECOND)

    def _time_of(self, amount: int) -> int:
        """Return in how many microseconds an amount is refilled."""
        return math.ceil(amount * _SECOND / self._per_second)

    def _now(self) -> int:
        return (self._sessions.clock.now() - _EPOCH) // timedelta(microseconds=1)


@cache
def _taking(dialect: str) -> Any:
    """Return the statement that takes an amount from a bucket, if it has so much, and says when it is full again.

    What is owed is taken as of when it came to be owed: the bucket may have been full since, and then gained nothing.
    A bucket that would be full far later than any debt explains was seen by a clock that was wrong: it counts as empty.
    """
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    now, owed, debt, time, first, full, latest, wrong = (bindparam(name, type_=BigInteger()) for name in _BOUND)
    full_at = _budgets.c.full_at
    paid = case((full_at > owed, full_at), else_=owed) + debt
    begin = case((full_at > wrong, full), (paid > now, paid), else_=now)
    return (
        insert(_budgets)
        .values(spender_id=bindparam("spender"), full_at=first)
        .on_conflict_do_update(index_elements=["spender_id"], set_={"full_at": begin + time}, where=begin <= latest)
        .returning(_budgets.c.full_at)
    )


_BOUND: Final = ("now", "owed", "debt", "time", "first", "full", "latest", "wrong")


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@dataclass
class Spending:
    """What a request spends, out of the budget of its caller where keys have one."""

    spender_id: str
    budgets: CostBudgets | None
    #: What its operation costs, once that was taken; and what was owed for its document, where it was not known.
    cost: int | None = None
    document: int = 0

    async def pay_debt(self) -> None:
        """Pay what the caller owes, so that it can ask on; OverBudget where that is not there yet."""
        if self.budgets is not None:
            await self.budgets.take(self.spender_id, 0)

    async def take(self, cost: int) -> None:
        """Take what the operation costs; OverBudget where the caller can't pay it yet."""
        if self.budgets is not None:
            await self.budgets.take(self.spender_id, cost)
        self.cost = cost

    def owe(self, more: int) -> None:
        """Take what was done before its cost was known."""
        if self.budgets is not None:
            self.budgets.owe(self.spender_id, more)

    def balance(self) -> Balance | None:
        """Return what the caller has left."""
        return None if self.budgets is None else self.budgets.balance(self.spender_id)

    def settle(self, size: int) -> None:
        """Take for an answer of that many bytes what it turned out to be more than it cost."""
        self.owe(size // BYTES_OF_A_VALUE - (self.cost or 0))


def spending_of(sessions: Sessions, settings: Settings, principal: Principal) -> Spending:
    """Return what a request begins with: nothing is taken yet."""
    # A browser spends its customer's budget: a visitor must not use up that of the key.
    return Spending(principal.customer_id or principal.api_key_id, _budgets_of(sessions, settings))


def _budgets_of(sessions: Sessions, settings: Settings) -> CostBudgets | None:
    if settings.cost_per_second is None:
        return None
    budgets: CostBudgets | None = sessions.shared.get(CostBudgets)
    if budgets is None:
        budgets = CostBudgets(sessions, settings.cost_per_second, settings.cost_burst)
        sessions.shared[CostBudgets] = budgets
    return budgets

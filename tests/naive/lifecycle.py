"""The life of one subscription, written down again without the product: a fee of 31.00 a month, and 1.00 a unit used.

Months begin at midnight, everything else happens at noon. Money is in minor units.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

FEE, GRACE, TERMS, EXPIRY = 3100, timedelta(hours=1), timedelta(days=30), timedelta(days=7)


@dataclass
class Bill:
    """An invoice: what it bills, what it comes to, and what of that is left."""

    reason: str
    total: int
    status: str = "DRAFT"
    left: int = 0
    paid: int = 0
    by_credit: int = 0
    closes_at: datetime | None = None
    due_at: datetime | None = None
    month: datetime | None = None


def next_month(instant: datetime) -> datetime:
    return (instant.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)


@dataclass
class Life:
    """All that is known of the subscription at an instant."""

    start: datetime
    now: datetime
    status: str = "PENDING_PAYMENT"
    bills: list[Bill] = field(default_factory=list)
    credit: int = 0
    used: dict[datetime, int] = field(default_factory=dict)
    billed: dict[datetime, int] = field(default_factory=dict)
    boundary: datetime | None = None
    ending: datetime | None = None
    ended: datetime | None = None
    supplement_at: datetime | None = None

    @classmethod
    def begin(cls, start: datetime) -> "Life":
        first = Bill("SUBSCRIPTION_START", FEE, "ISSUED", FEE, due_at=start)
        return cls(start, start, bills=[first], boundary=next_month(start))

    def until(self, to: datetime) -> None:
        """Let time pass: what falls due happens in order."""
        while (due := min((at for at in self._dues() if at <= to), default=None)) is not None:
            self.now = max(self.now, due)
            self._happen(due)
        self.now = to

    def _dues(self) -> list[datetime]:
        found = [one.closes_at for one in self.bills if one.closes_at is not None]
        if self.status in ("ACTIVE", "PAST_DUE") and self.boundary is not None:
            found.append(self.boundary)
        if self.status == "PENDING_PAYMENT":
            found.append(self.start + EXPIRY)
        if self.status == "ACTIVE":
            found += [one.due_at for one in self.bills[1:] if one.status == "ISSUED" and one.due_at is not None]
        return found + [at for at in (self.supplement_at,) if at is not None]

    def _happen(self, at: datetime) -> None:
        if at == self.boundary and self.status in ("ACTIVE", "PAST_DUE"):
            self._pass(at)
        elif closing := [one for one in self.bills if one.closes_at == at]:
            self._close(closing[0])
        elif self.status == "PENDING_PAYMENT":
            self._void_first("TERMINATED", at)
        elif at == self.supplement_at:
            self._supplement()
        else:
            self.status = "PAST_DUE"

    def _pass(self, at: datetime) -> None:
        month = self.start if at == next_month(self.start) else (at - timedelta(days=1)).replace(day=1, hour=0)
        month = max(month, self.start)
        ends = self.ending is not None and at >= self.ending
        reason = "SUBSCRIPTION_END" if ends else "SUBSCRIPTION_CYCLE"
        total = self.used.get(month, 0) + (0 if ends else FEE)
        self.bills.append(Bill(reason, total, left=total, closes_at=at + GRACE, month=month))
        if ends:
            self.status, self.ended, self.boundary = "TERMINATED", at, None
        else:
            self.boundary = next_month(at)

    def _close(self, bill: Bill) -> None:
        assert bill.month is not None
        bill.total = self.used.get(bill.month, 0) + (0 if bill.reason == "SUBSCRIPTION_END" else FEE)
        self.billed[bill.month] = self.used.get(bill.month, 0)
        bill.closes_at = None
        self._issue(bill)
        if self.ended is not None:
            self._note_supplement()

    def _issue(self, bill: Bill) -> None:
        bill.total += self._late()
        bill.by_credit = min(self.credit, bill.total)
        self.credit -= bill.by_credit
        bill.left = bill.total - bill.by_credit
        bill.status, bill.due_at = ("ISSUED" if bill.left else "PAID"), self.now + TERMS

    def _late(self) -> int:
        late = sum(self.used.get(month, 0) - billed for month, billed in self.billed.items())
        self.billed = {month: self.used.get(month, 0) for month in self.billed}
        return late

    def _note_supplement(self) -> None:
        self.supplement_at = self.now.replace(hour=0) + timedelta(days=1)

    def _supplement(self) -> None:
        self.supplement_at = None
        if any(self.used.get(month, 0) != billed for month, billed in self.billed.items()):
            bill = Bill("SUBSCRIPTION_SUPPLEMENT", 0)
            self.bills.append(bill)
            self._issue(bill)

    def _void_first(self, status: str, at: datetime) -> None:
        first = self.bills[0]
        self.credit += first.paid
        first.status, first.left = "VOID", 0
        self.status, self.ended, self.boundary = status, at, None
        self.used.clear()

    def use(self, at: datetime, units: int) -> None:
        """Count what was used at an instant that is past."""
        if self.ended is not None and (at >= self.ended or self.bills[0].status == "VOID"):
            return
        month = max(at.replace(day=1, hour=0), self.start)
        self.used[month] = self.used.get(month, 0) + units * 100
        if self.ended is not None and month in self.billed:
            self._note_supplement()

    def pay(self, bill: Bill, amount: int) -> None:
        """Receive money for an issued invoice; what is more than due becomes credit."""
        taken = min(amount, bill.left)
        self.credit += amount - taken
        bill.left, bill.paid = bill.left - taken, bill.paid + taken
        if bill.left == 0:
            bill.status = "PAID"
            if self.status == "PENDING_PAYMENT":
                self.status = "ACTIVE"
            overdue = [
                one
                for one in self.bills
                if one.status == "ISSUED" and one.due_at is not None and one.due_at <= self.now
            ]
            if self.status == "PAST_DUE" and not overdue:
                self.status = "ACTIVE"

    def end_now(self) -> None:
        if self.status == "PENDING_PAYMENT":
            self._void_first("TERMINATED", self.now)
            return
        self.ending = self.boundary = self.now
        if self.now == self.start:  # it lasted for nothing, so there is nothing to bill
            self.status, self.ended, self.boundary = "TERMINATED", self.now, None
        else:
            self._pass(self.now)

    def end_with_period(self) -> None:
        if self.status == "PENDING_PAYMENT":
            self.end_now()
        else:
            self.ending = self.boundary

    def go_on(self) -> None:
        self.ending = None

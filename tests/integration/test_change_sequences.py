"""Any sequence of changes charges each instant once, at its price, within one minor unit for each line."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from dateutil.relativedelta import relativedelta

from tests.support.story import Story, fee, tell

START = datetime(2026, 1, 31, tzinfo=UTC)
LENGTHS = {"MONTHLY": relativedelta(months=1), "YEARLY": relativedelta(years=1)}
PLANS = {"plan": ("MONTHLY", "19.99"), "pro": ("MONTHLY", "0.05"), "annual": ("YEARLY", "777.77")}
MONEY = """{ customers { nodes { creditBalances { amount } } }
  invoices(first: 100) { nodes { id amountDue { amount } payments { nodes { amount { amount } } }
    lines { amount { amount } } creditNotes { nodes { lines { amount { amount } } } } } } }"""
REPLAY = "query($id: ID!) { invoiceReplay(invoiceId: $id) { equal differences { what } } }"


@dataclass
class Naive:
    """What each instant costs, added up: the terms that hold, since when, and the anchor of their periods."""

    plan: str = "plan"
    quantity: int = 1
    anchor: datetime = START
    since: datetime = START
    cost: Fraction = Fraction(0)

    def until(self, now: datetime) -> None:
        while self.since < now:
            interval, price = PLANS[self.plan]
            start, end = self.period(LENGTHS[interval])
            stop = min(end, now)
            second = timedelta(seconds=1)
            self.cost += (
                Fraction(price) * self.quantity * Fraction((stop - self.since) // second, (end - start) // second)
            )
            self.since = stop

    def period(self, length: relativedelta) -> tuple[datetime, datetime]:
        number = 0
        while self.anchor + length * (number + 1) <= self.since:
            number += 1
        return self.anchor + length * number, self.anchor + length * (number + 1)

    def change(self, plan: str, quantity: int) -> None:
        if PLANS[plan][0] != PLANS[self.plan][0]:
            self.anchor = self.since
        self.plan, self.quantity = plan, quantity


def minor(text: str) -> int:
    return int(Fraction(text) * 100)


async def money(story: Story) -> tuple[int, int, int]:
    """What was charged in all less what was credited, how many lines that took, and what the customer owes and paid."""
    found = await story.api.gql(MONEY)
    invoices = found["invoices"]["nodes"]
    charged = [minor(line["amount"]["amount"]) for one in invoices for line in one["lines"]]
    notes = [note for one in invoices for note in one["creditNotes"]["nodes"]]
    credited = [minor(line["amount"]["amount"]) for note in notes for line in note["lines"]]
    in_hand = sum(minor(one["amount"]) for one in found["customers"]["nodes"][0]["creditBalances"])
    paid = sum(minor(pay["amount"]["amount"]) for one in invoices for pay in one["payments"]["nodes"])
    owed = sum(minor(one["amountDue"]["amount"]) for one in invoices) - in_hand
    for one in invoices:
        replay = (await story.api.gql(REPLAY, id=one["id"]))["invoiceReplay"]
        assert replay == {"equal": True, "differences": []}
    assert owed + paid == sum(charged) - sum(credited)
    return sum(charged) - sum(credited), len(charged), owed


@pytest.mark.parametrize("seed", range(6))
async def test_each_instant_is_charged_once(database_url: str, seed: int) -> None:
    random, naive, now = Random(seed), Naive(), START
    async with tell(database_url, START.isoformat()) as story:
        prices = {"basic": fee(PLANS["plan"][1])}
        others = [
            {"key": "pro", "priceIds": ["more"]},
            {"key": "annual", "priceIds": ["year"], "billingInterval": "YEARLY"},
        ]
        await story.sell(prices, *others, extra={"more": fee(PLANS["pro"][1]), "year": fee(PLANS["annual"][1])})
        await story.subscribe()
        await story.pay()
        key = {"plan": "basic", "pro": "more", "annual": "year"}
        for _ in range(random.randrange(4, 9)):
            now += random.choice((timedelta(), timedelta(seconds=random.randrange(1, 90_000)), timedelta(days=17)))
            await story.until(now.isoformat())
            plan, quantity = random.choice(list(PLANS)), random.randrange(1, 4)
            naive.until(now)
            if (plan, quantity) != (naive.plan, naive.quantity):
                await story.change(planId=plan, quantities=[{"priceId": key[plan], "quantity": str(quantity)}])
                naive.change(plan, quantity)
        now += timedelta(days=random.randrange(40))
        await story.until(now.isoformat())
        naive.until(now)
        await story.end(at="NOW", creditUnused=True)
        await story.until((now + timedelta(days=2)).isoformat())
        net, lines, _ = await money(story)
        assert abs(net - naive.cost * 100) <= lines

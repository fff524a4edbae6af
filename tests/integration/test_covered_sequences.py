"""Random grants, resets and uses: what invoices take off is what a naive burn-down, event by event, does not bill."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from tests.integration.test_covered_invoices import replays_equal
from tests.integration.test_entitlements import feature, grant, issue
from tests.naive.burn_down import Gift, Giver, units_billed
from tests.support.story import Story, standard, tell, usage

START, TICK, WEEK, WEEKS = datetime(2026, 6, 1, tzinfo=UTC), timedelta(hours=12), 14, 4
PRICES = {"large": usage(standard("1"), "large"), "rest": usage(standard("0.10"))}
UNITS = [Fraction(number) for number in (1, 3, 10, 25, 40)]


@dataclass(frozen=True)
class Use:
    """Units of a kind at a tick; several at one come one second after the other."""

    tick: int
    kind: str
    units: Fraction


def at(tick: int, seconds: int = 0) -> str:
    return (START + tick * TICK + timedelta(seconds=seconds)).isoformat()


def random_giver(random: Random, start: int) -> Giver:
    most = random.choice((None, Fraction(0), Fraction(0), Fraction(15)))
    return Giver(
        start=start,
        end=None,
        period=random.choice((None, WEEK)),
        issue=random.choice(UNITS),
        soft=random.random() < 0.6,
        preserve=random.random() < 0.3,
        least=Fraction(0),
        most=most,
    )


def random_gift(random: Random, givers: list[Giver]) -> Gift:
    giver = random.randrange(len(givers))
    start = random.randrange(givers[giver].start, WEEK * 3)
    end = random.choice((None, start + random.randrange(1, 20)))
    return Gift(giver, random.choice(UNITS), start, end, random.randrange(3), random.choice((None, None, WEEK)))


def metered_terms(giver: Giver) -> dict[str, Any]:
    return {
        "metered": {
            "issueAfterReset": str(giver.issue),
            "usagePeriod": None if giver.period is None else "WEEKLY",
            "isSoftLimit": giver.soft,
            "preserveOverageAtReset": giver.preserve,
            "resetMaxRollover": None if giver.most is None else str(giver.most),
        }
    }


async def entitle(story: Story, givers: list[Giver], gifts: list[Gift]) -> None:
    made = [await issue(story, terms=metered_terms(one), startsAt=at(one.start)) for one in givers]
    for gift in gifts:
        again = None if gift.again is None else "WEEKLY"
        ends = None if gift.end is None else at(gift.end)
        given = {"effectiveAt": at(gift.start), "expiresAt": ends, "priority": gift.priority, "recurrence": again}
        await grant(story, made[gift.giver], str(gift.amount), **given)


def expected(givers: list[Giver], gifts: list[Gift], uses: list[Use]) -> dict[tuple[int, str], Fraction]:
    """The units of each week and price that are not billed."""
    billed = units_billed(givers, gifts, [(use.tick, use.units) for use in uses], WEEK * WEEKS)
    found: defaultdict[tuple[int, str], Fraction] = defaultdict(Fraction)
    for use, units in zip(uses, billed, strict=True):
        found[use.tick // WEEK, "large" if use.kind == "large" else "rest"] += use.units - units
    return {key: units for key, units in found.items() if units}


async def taken_off(story: Story) -> dict[tuple[int, str], Fraction]:
    """The same, as invoices have it: what they take off by what a unit costs."""
    asked = "{ invoices(first: 100) { nodes { lines { covers { description } period { start } amount { amount } } } } }"
    found = {}
    for invoice in (await story.api.gql(asked))["invoices"]["nodes"]:
        for line in invoice["lines"]:
            if line["covers"] is not None:
                price = line["covers"]["description"]
                week = (datetime.fromisoformat(line["period"]["start"]) - START) // (WEEK * TICK)
                unit_price = Fraction(1) if price == "large" else Fraction("0.10")
                found[week, price] = -Fraction(line["amount"]["amount"]) / unit_price
    return found


@pytest.mark.parametrize("seed", range(10))
async def test_what_is_taken_off_is_what_the_naive_burn_down_does_not_bill(database_url: str, seed: int) -> None:
    random = Random(seed)
    givers = sorted((random_giver(random, random.choice((0, 0, 3, 16))) for _ in range(2)), key=lambda one: one.start)
    gifts = [random_gift(random, givers) for _ in range(random.randrange(4))]
    ticks = sorted(random.randrange(WEEK * WEEKS) for _ in range(12))
    uses = [Use(tick, random.choice(("large", "small")), random.choice(UNITS)) for tick in ticks]
    async with tell(database_url, START.isoformat()) as story:
        await story.sell(PRICES, billingInterval="WEEKLY")
        await feature(story, "calls", "METERED", billableMetricId="calls")
        await story.subscribe()
        await entitle(story, givers, gifts)
        for place, use in enumerate(uses):
            await story.use(at(use.tick, place), use.kind, n=str(use.units))
        await story.until(at(WEEK * WEEKS + 1))
        assert await taken_off(story) == expected(givers, gifts, uses)
        await replays_equal(story)


def owed(givers: list[Giver], gifts: list[Gift], uses: list[Use]) -> dict[tuple[int, str], Fraction]:
    """What each price comes to in each week, whenever the events came."""
    ordered = sorted(uses, key=lambda use: use.tick)
    billed = units_billed(givers, gifts, [(use.tick, use.units) for use in ordered], WEEK * WEEKS)
    found: defaultdict[tuple[int, str], Fraction] = defaultdict(Fraction)
    for use, units in zip(ordered, billed, strict=True):
        price, unit_price = ("large", Fraction(1)) if use.kind == "large" else ("rest", Fraction("0.10"))
        found[use.tick // WEEK, price] += units * unit_price
    return {key: amount for key, amount in found.items() if amount}


async def charged(story: Story) -> dict[tuple[int, str], Fraction]:
    """The same, as all lines of a period add up on whatever invoices they are."""
    asked = "description period { start } amount { amount }"
    found: defaultdict[tuple[int, str], Fraction] = defaultdict(Fraction)
    invoices = await story.api.gql(f"{{ invoices(first: 100) {{ nodes {{ lines {{ {asked} }} }} }} }}")
    for line in (line for invoice in invoices["invoices"]["nodes"] for line in invoice["lines"]):
        week = (datetime.fromisoformat(line["period"]["start"]) - START) // (WEEK * TICK)
        found[week, line["description"].partition(" ")[0]] += Fraction(line["amount"]["amount"])
    return {key: amount for key, amount in found.items() if amount}


@pytest.mark.parametrize("seed", range(6))
async def test_late_usage_shifts_what_other_prices_and_later_periods_are_billed(database_url: str, seed: int) -> None:
    random = Random(100 + seed)
    givers = [random_giver(random, 0)]
    gifts = [random_gift(random, givers) for _ in range(random.randrange(3))]
    uses = [
        Use(tick, random.choice(("large", "small")), random.choice(UNITS))
        for tick in sorted(random.sample(range(WEEK * WEEKS), 12))
    ]
    late = {
        place: use.tick + random.randrange(WEEK, WEEK * 3) for place, use in enumerate(uses) if random.random() < 0.4
    }
    comes = sorted(range(len(uses)), key=lambda place: late.get(place, uses[place].tick))
    async with tell(database_url, START.isoformat()) as story:
        await story.sell(PRICES, billingInterval="WEEKLY")
        await feature(story, "calls", "METERED", billableMetricId="calls")
        await story.subscribe()
        await entitle(story, givers, gifts)
        for place in comes:
            use = uses[place]
            if place in late:
                await story.until(at(late[place]))
            await story.use(at(use.tick), use.kind, n=str(use.units))
        await story.until(at(WEEK * (WEEKS + 4)))
        assert await charged(story) == owed(givers, gifts, uses)
        await replays_equal(story)

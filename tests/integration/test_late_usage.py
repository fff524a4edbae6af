"""Usage that comes, or is corrected, after its period was billed: a line of the difference on the next invoice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app import models
from app.billing.aggregation import Aggregation
from app.billing.catalog.discounts import DiscountDraft
from app.billing.lifecycle import InvoiceStatus
from app.metering.receipts import receipts
from app.services.discounts import discount_customer
from app.services.event_corrections import EventAmendDraft, amend_event, void_event
from app.services.previews import UpcomingInvoice, upcoming_by_subscription
from app.services.replay import replay_invoice
from tests.support.storing import store
from tests.support.world import JANUARY_31, World, make_world

FEBRUARY_10, MARCH_10 = datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)
FEBRUARY_28, MARCH_31 = datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
Line = tuple[str, str, int, int, int]


@dataclass
class Story:
    """A customer on a clock who pays 0.00002 a token, monthly from 31 January."""

    world: World
    customer: models.Customer
    subscription: models.Subscription

    async def used(self, tokens: int, at: datetime = FEBRUARY_10, **data: Any) -> str:
        """Report usage; return the event's id."""
        sent = {"type": "inference", "source": "t", "subject": self.customer.id, "timestamp": at.isoformat()}
        body, me = {**sent, "data": {"tokens": tokens, **data}}, self.world.principal
        return (await self.world.do(lambda s: store(s, me.environment_id, body, self.world.clock.now()))).id

    async def issued(self, to: datetime) -> tuple[models.Invoice, list[Line]]:
        """Let time pass until a boundary's invoice is issued; return it, and its lines."""
        [invoice] = await self.world.advance(self.customer.test_clock_id, to.replace(hour=1))
        assert invoice.status in {InvoiceStatus.ISSUED, InvoiceStatus.PAID}
        async with self.world.sessions.read() as session:
            replay = await replay_invoice(session, invoice.environment_id, invoice.id)
        assert replay is not None
        assert replay.differences == ()
        return invoice, await self.lines_of(invoice.id)

    async def lines_of(self, invoice_id: str) -> list[Line]:
        """Each line's name, quantity, amount, and shares of discounts and tax in minor units."""
        rows = [row for row in await self.world.rows(models.InvoiceLine) if row.invoice_id == invoice_id]
        return [
            (
                row.description,
                f"{row.quantity:f}",
                row.amount_minor,
                sum(one["shareMinor"] or 0 for one in row.adjustments["discounts"]),
                sum(one["shareMinor"] or 0 for one in row.adjustments["tax"]["charged"]),
            )
            for row in sorted(rows, key=lambda row: row.position)
        ]

    async def upcoming(self) -> UpcomingInvoice:
        """What the next invoice would be."""
        async with self.world.sessions.read() as session:
            found = await upcoming_by_subscription(session, self.customer.environment_id, [self.subscription.id])
        return found[self.subscription.id]


@asynccontextmanager
async def begun(database_url: str, **metric: Any) -> AsyncIterator[Story]:
    async with make_world(database_url) as world:
        plan, customer = await world.catalog(upfront=None), await world.customer(clock_at=JANUARY_31)
        if metric:
            async with world.sessions.begin() as session:
                made = world.made["metric"]
                row = await session.get_one(models.BillableMetric, (made.environment_id, made.id))
                row.sqlmodel_update(metric)
        subscription, _ = await world.subscribe(customer, plan)
        yield Story(world, customer, subscription)


async def test_usage_that_came_late_is_on_the_next_invoice_and_again_on_the_one_after(database_url: str) -> None:
    async with begun(database_url) as story:
        await story.used(1_500_000)
        first, lines = await story.issued(FEBRUARY_28)
        assert lines == [("Tokens", "1500000", 3000, 0, 0)]
        late = await story.used(500_000)
        await story.used(100_000, MARCH_10)
        upcoming = await story.upcoming()
        second, lines = await story.issued(MARCH_31)
        assert lines == [("Tokens", "100000", 200, 0, 0), ("Tokens (late usage)", "2000000", 1000, 0, 0)]
        assert [(line.amount_minor, line.period.start) for line in upcoming.lines] == [
            (200, FEBRUARY_28), (1000, JANUARY_31),
        ]  # fmt: skip
        assert (upcoming.assessment.total_minor, second.total_minor, first.total_minor) == (1200, 1200, 3000)
        later, of_march = await story.used(1), await story.used(50_000, MARCH_10)
        third, lines = await story.issued(datetime(2026, 4, 30, tzinfo=UTC))
        assert lines == [
            ("Tokens", "0", 0, 0, 0),
            ("Tokens (late usage)", "2000001", 0, 0, 0),
            ("Tokens (late usage)", "150000", 100, 0, 0),
        ]
        assert third.total_minor == 100
        async with story.world.sessions.read() as session:
            found = await receipts(session, first.environment_id, [late, later, of_march])
        billed = {event: [(one.invoice_id, found[event].reasons) for one in found[event].counted] for event in found}
        assert billed == {late: [(second.id, ())], later: [(third.id, ())], of_march: [(third.id, ())]}
        rows = sorted(await story.world.rows(models.InvoiceLine), key=lambda row: row.id)
        own = {row.invoice_id: row.id for row in rows if row.corrects_line_id is None}
        corrected = sorted(row.corrects_line_id for row in rows if row.corrects_line_id is not None)
        assert corrected == sorted([own[first.id], own[first.id], own[second.id]])


async def test_what_is_withdrawn_comes_back_as_credit(database_url: str) -> None:
    async with begun(database_url) as story:
        event = await story.used(1_500_000)
        await story.issued(FEBRUARY_28)
        me = story.world.principal
        await story.world.do(lambda s: void_event(s, me, MARCH_10, event, "never happened"))
        invoice, lines = await story.issued(MARCH_31)
        assert lines == [("Tokens", "0", 0, 0, 0), ("Tokens (late usage)", "0", -3000, 0, 0)]
        assert (invoice.total_minor, invoice.carried_to_credit_minor) == (0, 3000)
        # Nothing of it is billed once more, nor given back twice.
        _, lines = await story.issued(datetime(2026, 4, 30, tzinfo=UTC))
        assert lines == [("Tokens", "0", 0, 0, 0)]


async def test_an_event_that_is_moved_into_the_running_period_is_billed_there(database_url: str) -> None:
    async with begun(database_url) as story:
        event, _ = await story.used(1_500_000), await story.used(50_000)
        await story.issued(FEBRUARY_28)
        moved = EventAmendDraft(event, "wrong day", timestamp=MARCH_10)
        await story.world.do(lambda s: amend_event(s, story.world.principal, MARCH_10, moved))
        less = EventAmendDraft(event, "less", data={"tokens": 1_000_000})
        await story.world.do(lambda s: amend_event(s, story.world.principal, MARCH_10, less))
        _, lines = await story.issued(MARCH_31)
        assert lines == [("Tokens", "1000000", 2000, 0, 0), ("Tokens (late usage)", "50000", -3000, 0, 0)]


async def test_late_usage_has_the_discounts_and_the_tax_of_the_line_it_corrects(database_url: str) -> None:
    """30.00 less 10 % at 19 %; 10.00 more of that period later, when there is no discount and the tax is 7 %."""
    async with begun(database_url) as story:
        discount = DiscountDraft(name="Launch", percentage=Decimal("0.1"), ends_at=FEBRUARY_28)
        await taxed(story, "0.19")
        await discounted(story, discount)
        await story.used(1_500_000)
        first, lines = await story.issued(FEBRUARY_28)
        assert (lines, first.total_minor) == ([("Tokens", "1500000", 3000, 300, 513)], 3213)
        await taxed(story, "0.07")
        await story.used(500_000)
        await story.used(100_000, MARCH_10)
        upcoming = await story.upcoming()
        second, lines = await story.issued(MARCH_31)
        assert lines == [("Tokens", "100000", 200, 0, 14), ("Tokens (late usage)", "2000000", 1000, 100, 171)]
        assert (second.subtotal_minor, second.discount_minor, second.tax_minor, second.total_minor) == (
            1200, 100, 185, 1285,
        )  # fmt: skip
        assert [(part["rate"], part["baseMinor"], part["taxMinor"]) for part in second.summary["taxes"]] == [
            ("0.07", 200, 14), ("0.19", 900, 171),
        ]  # fmt: skip
        assert upcoming.assessment.total_minor == second.total_minor


async def test_an_amount_off_is_given_once_however_often_its_period_is_billed(database_url: str) -> None:
    """25.00 off 30.00, then off nothing: 5.00 had been owed, and 5.00 come back. Then off 60.00: 35.00 are owed."""
    async with begun(database_url) as story:
        discount = DiscountDraft(name="Welcome", amount=Decimal(25), currency="USD", ends_at=FEBRUARY_28)
        await discounted(story, discount)
        event = await story.used(1_500_000)
        first, _ = await story.issued(FEBRUARY_28)
        assert first.total_minor == 500
        await story.world.do(lambda s: void_event(s, story.world.principal, MARCH_10, event, "wrong"))
        second, lines = await story.issued(MARCH_31)
        assert lines[1] == ("Tokens (late usage)", "0", -3000, -2500, 0)
        assert second.carried_to_credit_minor == 500
        await story.used(3_000_000)
        third, lines = await story.issued(datetime(2026, 4, 30, tzinfo=UTC))
        assert lines[1] == ("Tokens (late usage)", "3000000", 6000, 2500, 0)
        assert (third.total_minor, third.credit_applied_minor) == (3500, 500)


async def test_what_can_not_be_subtracted_is_counted_again(database_url: str) -> None:
    async with begun(database_url, aggregation=Aggregation.MAX) as story:
        await story.used(1_000_000)
        most = await story.used(1_500_000)
        await story.issued(FEBRUARY_28)
        await story.used(1_200_000)
        _, lines = await story.issued(MARCH_31)
        assert lines[1] == ("Tokens (late usage)", "1500000", 0, 0, 0)
        await story.world.do(lambda s: void_event(s, story.world.principal, MARCH_10, most, "wrong"))
        _, lines = await story.issued(datetime(2026, 4, 30, tzinfo=UTC))
        assert lines[1] == ("Tokens (late usage)", "1200000", -600, 0, 0)
        # What was withdrawn before stays so when something fresh comes.
        await story.used(1_300_000)
        _, lines = await story.issued(datetime(2026, 5, 31, tzinfo=UTC))
        assert lines[1] == ("Tokens (late usage)", "1300000", 200, 0, 0)


async def test_sums_stay_right_after_a_withdrawal_when_something_fresh_comes(database_url: str) -> None:
    async with begun(database_url) as story:
        event = await story.used(1_500_000)
        await story.issued(FEBRUARY_28)
        await story.world.do(lambda s: void_event(s, story.world.principal, MARCH_10, event, "wrong"))
        await story.issued(MARCH_31)
        await story.used(100_000)
        _, lines = await story.issued(datetime(2026, 4, 30, tzinfo=UTC))
        assert lines[1] == ("Tokens (late usage)", "100000", 200, 0, 0)


@pytest.mark.parametrize(
    ("corrections", "own", "late"),
    [
        ([{"tokens": 1_500_000}, MARCH_10], 3000, -2000),
        ([{"tokens": 1_500_000}, None], 0, -2000),
        ([{"tokens": 1_500_000}, {"words": 1}], 0, -2000),
        ([{"words": 1}, {"tokens": 1_500_000}], 0, 1000),
        ([MARCH_10, FEBRUARY_10], 0, 0),
        ([{"words": 1}, None], 0, -2000),
    ],
)
async def test_the_last_of_several_corrections_holds(
    database_url: str, corrections: list[Any], own: int, late: int
) -> None:
    """An event of 1,000,000 tokens was billed with 20.00. None voids it, a date moves it, the rest is other data."""
    async with begun(database_url) as story:
        event = await story.used(1_000_000)
        await story.issued(FEBRUARY_28)
        for correction in corrections:
            await corrected(story, event, correction)
        _, lines = await story.issued(MARCH_31)
        assert [line[2] for line in lines] == [own, late]
        assert [line[2] for line in (await story.issued(datetime(2026, 4, 30, tzinfo=UTC)))[1]] == [0]


async def test_corrections_of_what_was_billed_as_late_go_on_from_there(database_url: str) -> None:
    async with begun(database_url) as story:
        event = await story.used(1_000_000)
        await story.issued(FEBRUARY_28)
        await corrected(story, event, {"tokens": 1_500_000})
        assert [line[2] for line in (await story.issued(MARCH_31))[1]] == [0, 1000]
        await corrected(story, event, {"tokens": 1_600_000})
        await corrected(story, event, None)
        assert [line[2] for line in (await story.issued(datetime(2026, 4, 30, tzinfo=UTC)))[1]] == [0, -3000]


async def test_what_a_draft_will_take_is_not_shown_for_the_invoice_after_it(database_url: str) -> None:
    async with begun(database_url) as story:
        await story.issued(FEBRUARY_28)
        await story.used(500_000)
        await story.world.advance(story.customer.test_clock_id, MARCH_31.replace(minute=30))
        assert [line.amount_minor for line in (await story.upcoming()).lines] == [0]
        assert [line[2] for line in (await story.issued(MARCH_31))[1]] == [0, 1000]


async def corrected(story: Story, event: str, correction: Any) -> None:
    """Void an event, move it, or let it say something else."""
    me = story.world.principal
    if correction is None:
        await story.world.do(lambda s: void_event(s, me, MARCH_10, event, "wrong"))
        return
    said = {"timestamp": correction} if isinstance(correction, datetime) else {"data": correction}
    draft = EventAmendDraft(event, "wrong", **said)
    await story.world.do(lambda s: amend_event(s, me, MARCH_10, draft))


async def test_late_usage_that_is_withdrawn_before_it_is_billed_is_on_no_invoice(database_url: str) -> None:
    async with begun(database_url) as story:
        await story.issued(FEBRUARY_28)
        event = await story.used(1_500_000)
        await story.world.do(lambda s: void_event(s, story.world.principal, MARCH_10, event, "wrong"))
        _, lines = await story.issued(MARCH_31)
        assert lines == [("Tokens", "0", 0, 0, 0)]


async def test_a_line_older_than_discounts_and_taxes_is_corrected_without(database_url: str) -> None:
    async with begun(database_url) as story:
        await story.used(1_500_000)
        first, _ = await story.issued(FEBRUARY_28)
        async with story.world.sessions.begin() as session:
            invoice = await session.get_one(models.Invoice, (first.environment_id, first.id))
            invoice.summary = {}
            for line in await story.world.rows(models.InvoiceLine):
                row = await session.get_one(models.InvoiceLine, (line.environment_id, line.id))
                row.adjustments = {}
        await taxed(story, "0.19")
        await story.used(500_000)
        _, lines = await story.issued(MARCH_31)
        assert lines == [("Tokens", "0", 0, 0, 0), ("Tokens (late usage)", "2000000", 1000, 0, 0)]


async def taxed(story: Story, rate: str) -> None:
    async with story.world.sessions.begin() as session:
        row = await session.get_one(models.Customer, (story.customer.environment_id, story.customer.id))
        row.tax_rate = Decimal(rate)


async def discounted(story: Story, draft: DiscountDraft) -> None:
    me, now = story.world.principal, story.world.clock.now()
    await story.world.do(lambda s: discount_customer(s, me, now, story.customer.id, draft))

"""Anything that may happen to a subscription, in any order, against a model that shares no code with the product."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app import models
from app.billing.catalog import PaymentDraft
from app.billing.catalog.changes import TerminationDraft
from app.billing.lifecycle import ChangeTime, PaymentExcess
from app.services.endings import reactivate_subscription, terminate_subscription
from app.services.payments import record_payment
from tests.naive.lifecycle import Bill, Life
from tests.support.storing import store
from tests.support.world import World, make_world

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = timedelta(hours=12)
DAYS = st.sampled_from((1, 2, 6, 9, 29, 31))


class Machine(RuleBasedStateMachine):
    """One customer, on a test clock, who subscribes, uses, pays, ends and goes on."""

    world: World
    run: Callable[[Any], Any]

    @initialize()
    def subscribe(self) -> None:
        self.run(self._subscribe())
        self.life = Life.begin(START)

    async def _subscribe(self) -> None:
        self.customer = await self.world.customer(clock_at=START)
        self.subscription, _ = await self.world.subscribe(self.customer, self.world.made["plan"])

    @rule(days=DAYS)
    def pass_time(self, days: int) -> None:
        to = self.life.now.replace(hour=0) + timedelta(days=days) + NOON
        self.run(self.world.advance(self.customer.test_clock_id, to))
        self.life.until(to)

    @rule(days=st.integers(0, 70), units=st.integers(1, 9))
    def use(self, days: int, units: int) -> None:
        at = max(self.life.now.replace(hour=0) - timedelta(days=days), START) + timedelta(hours=6)
        if at < self.life.now:
            self.run(self._use(at, units))
            self.life.use(at, units)

    async def _use(self, at: datetime, units: int) -> None:
        sent = {"type": "inference", "source": "t", "subject": self.customer.id, "timestamp": at.isoformat()}
        body, me = {**sent, "data": {"tokens": units}}, self.world.principal
        await self.world.do(lambda s: store(s, me.environment_id, body, self.world.clock.now()))

    def payable(self) -> list[tuple[int, Bill]]:
        return [(place, one) for place, one in enumerate(self.life.bills) if one.status == "ISSUED"]

    @precondition(lambda self: self.payable())
    @rule(data=st.data(), share=st.sampled_from((0.5, 1, 1.5)))
    def pay(self, data: st.DataObject, share: float) -> None:
        place, bill = data.draw(st.sampled_from(self.payable()))
        amount = max(int(bill.left * share), 1)
        invoice = self.run(self._invoices())[place]
        draft = PaymentDraft(invoice=invoice.id, amount=Decimal(amount) / 100, method="x", excess=PaymentExcess.CREDIT)
        self.run(self.world.do(lambda s: record_payment(s, self.world.principal, self.world.clock.now(), draft)))
        self.life.pay(bill, amount)

    @precondition(lambda self: self.life.status != "TERMINATED")
    @rule(at=st.sampled_from(ChangeTime))
    def end(self, at: ChangeTime) -> None:
        if at is ChangeTime.PERIOD_END and self.life.ending is not None:
            return
        draft = TerminationDraft(subscription=self.subscription.id, at=at)
        self.run(
            self.world.do(lambda s: terminate_subscription(s, self.world.principal, self.world.clock.now(), draft))
        )
        if at is ChangeTime.NOW:
            self.life.end_now()
        else:
            self.life.end_with_period()

    @precondition(lambda self: self.life.status != "TERMINATED" and self.life.ending is not None)
    @rule()
    def go_on(self) -> None:
        me, own = self.world.principal, self.subscription.id
        self.run(self.world.do(lambda s: reactivate_subscription(s, me, self.world.clock.now(), own)))
        self.life.go_on()

    async def _invoices(self) -> list[models.Invoice]:
        rows = [one for one in await self.world.rows(models.Invoice) if one.subscription_id == self.subscription.id]
        return sorted(rows, key=lambda one: one.id)

    @invariant()
    def is_as_the_model_says(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        [own] = [row for row in await self.world.rows(models.Subscription) if row.id == self.subscription.id]
        entries = [row for row in await self.world.rows(models.CreditEntry) if row.customer_id == self.customer.id]
        found = [
            (one.reason.value, one.status.value, one.due_minor, None if one.issued_at is None else one.total_minor)
            for one in await self._invoices()
        ]
        expected = [
            (one.reason, one.status, one.left if one.status == "ISSUED" else 0, one.total) for one in self.life.bills
        ]
        assert [row if row[1] != "DRAFT" else (row[0], "DRAFT", 0, None) for row in found] == [
            row if row[1] != "DRAFT" else (row[0], "DRAFT", 0, None) for row in expected
        ]
        assert own.status.value == self.life.status
        assert sum(entry.amount_minor for entry in entries) == self.life.credit


def test_anything_that_may_happen_happens_as_the_model_says(database_url: str, request: pytest.FixtureRequest) -> None:
    async def begin() -> tuple[Any, World]:
        opened = make_world(database_url)
        world = await opened.__aenter__()
        await world.catalog(upfront="31", usage="1")
        return opened, world

    with asyncio.Runner() as runner:
        opened, world = runner.run(begin())
        Machine.world, Machine.run = world, staticmethod(runner.run)
        some = settings(
            max_examples=request.config.getoption("--lives"), stateful_step_count=20, deadline=None, database=None
        )
        try:
            run_state_machine_as_test(Machine, settings=some)
        finally:
            runner.run(opened.__aexit__(None, None, None))

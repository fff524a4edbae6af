"""Histories played through the real services on a database, and read back from its tables."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import Row, event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app import models
from app.billing.aggregation import Aggregation
from app.billing.catalog import (
    BillableMetricDraft,
    CustomerDraft,
    FeeDraft,
    PaymentDraft,
    PlanDraft,
    PriceDraft,
    ProductDraft,
    SubscriptionDraft,
    TestClockDraft,
)
from app.billing.catalog.customers import FeeQuantity
from app.billing.catalog.discounts import DiscountDraft
from app.billing.catalog.invoices import InvoiceLineDraft
from app.billing.errors import Refused
from app.billing.extraction import GroupBy
from app.billing.lifecycle import CreditKind, InvoiceReason, InvoiceStatus
from app.billing.money import minor_to_decimal
from app.billing.periods import BillingInterval
from app.ids import event_id, new_id
from app.models import table_of
from app.services.audit import record_changes, start_recording
from app.services.billable_metrics import create_billable_metric
from app.services.clocks import begin_advance, create_clock, step
from app.services.customers import create_customer
from app.services.event_corrections import void_event
from app.services.fees import create_fee
from app.services.invoice_lines import add_line
from app.services.merchants import update_merchant
from app.services.payments import record_payment
from app.services.plans import create_plan
from app.services.prices import create_price
from app.services.products import create_product
from app.services.replay import replay_invoice
from app.services.subscriptions import create_subscription
from tests.naive.history import Act, Catalog, Change, Discount, Event, History, Metric, Plan, Price, Subscription, Typed
from tests.naive.invoices import CreditNote, Invoice, Line, Reason
from tests.support.database_acts import is_of, perform
from tests.support.history_terms import (
    anchor_of,
    behavior_of,
    cadence_of,
    filter_of,
    model_of,
    payment_term_of,
)
from tests.support.storing import store
from tests.support.world import World

# A clock moves at most two years in one call.
LONGEST_LEAP = timedelta(days=700)


@dataclass
class Played:
    """What the database calls the things of one history: subscriptions and prices by their names there."""

    history: History
    customer_id: str
    clock_id: str
    catalog: "CatalogIds"
    now: datetime
    subscription_ids: list[str] = field(default_factory=list)


@dataclass
class CatalogIds:
    """The ids of a catalog's plans, and of the prices of each, by name."""

    plans: dict[str, str] = field(default_factory=dict)
    prices: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class Stage:
    """A database on which histories are played one after the other, each on a clock of its own."""

    world: World
    catalog: Catalog | None = None
    ids: CatalogIds = field(default_factory=CatalogIds)

    async def play(self, history: History) -> Played:
        """Let everything of a history happen."""
        if self.catalog != history.catalog:
            self.ids = await self.world.do(lambda session: self._make_catalog(session, history.catalog))
            self.catalog = history.catalog
        played = await self.world.do(lambda session: self._begin(session, history))
        for stop in history.stops():
            await self._advance(played, stop)
            await self.world.do(lambda session, stop=stop: self._act(session, played, stop))  # type: ignore[misc]
            for act in history.acts:
                if act.at == stop and act.subscription < len(played.subscription_ids):
                    await self._do(played, act)
        return played

    async def _do(self, played: Played, act: Act) -> None:
        """Do what somebody wants, each in a transaction of its own, as some of it is refused."""
        subscription_id = played.subscription_ids[act.subscription]
        prices = {name: price_id for (plan, name), price_id in played.catalog.prices.items() if is_of(act, plan)}
        plan_id = played.catalog.plans.get(act.plan.name, "") if isinstance(act, Change) else ""
        with suppress(Refused):
            await self.world.do(lambda s: perform(s, self.world, act, subscription_id, plan_id, prices))

    async def _begin(self, session: AsyncSession, history: History) -> Played:
        me, now, start = self.world.principal, self.world.clock.now(), history.stops()[0]
        clock = await create_clock(session, me, now, TestClockDraft(name="clock", now=start))
        draft = CustomerDraft(name="Customer", external_id=f"h{history.seed}", test_clock=clock.id)
        customer = await create_customer(session, me, now, draft)
        customer.tax_rate, customer.tax_exemption = history.tax_rate, history.tax_exemption
        played = Played(history, customer.id, clock.id, self.ids, start)
        for one in history.credit:
            session.add(
                models.CreditEntry(
                    **self._row("cre", start),
                    customer_id=customer.id,
                    currency=one.currency,
                    kind=CreditKind.ADDED,
                    amount_minor=one.amount_minor,
                )
            )
            await session.flush()
        session.add_all(self._discount(played, one, None) for one in history.discounts if one.subscription is None)
        return played

    async def _advance(self, played: Played, to: datetime) -> None:
        me, now = self.world.principal, self.world.clock.now()
        while played.now < to:
            leap = played.now = min(to, played.now + LONGEST_LEAP)
            await self.world.do(lambda s, leap=leap: begin_advance(s, me, now, played.clock_id, leap))  # type: ignore[misc]
            more = True
            while more:
                done = await self.world.do(lambda s, leap=leap: step(s, me, now, played.clock_id, leap))  # type: ignore[misc]
                more = done.more

    async def _act(self, session: AsyncSession, played: Played, stop: datetime) -> None:
        """Do what is done from outside at an instant."""
        history = played.history
        for subscription in history.subscriptions:
            if subscription.started_at == stop:
                await self._subscribe(session, played, subscription)
        now = self.world.clock.now()
        for one in history.events:
            if one.arrives_at == stop:
                sent = _body(played, one)
                await store(session, self.world.principal.environment_id, sent, now)
        await self._withdraw(session, history, stop)
        for typed in history.typed:
            if typed.at == stop and typed.subscription < len(played.subscription_ids):
                await self._type(session, played, typed)
        for subscription in history.subscriptions:
            if subscription.paid_at == stop and subscription.place < len(played.subscription_ids):
                await self._pay_first(session, played.subscription_ids[subscription.place])

    async def _pay_first(self, session: AsyncSession, subscription_id: str) -> None:
        """Pay the first invoice of a subscription that is not paid yet, be it that this comes too late."""
        invoices = table_of(models.Invoice).c
        first = (invoices.subscription_id == subscription_id, invoices.reason == InvoiceReason.SUBSCRIPTION_START)
        invoice = await session.scalar(select(models.Invoice).where(*first))
        if invoice is not None and invoice.status in (InvoiceStatus.ISSUED, InvoiceStatus.VOID):
            payment = PaymentDraft(invoice=invoice.id, method="bank transfer")
            await record_payment(session, self.world.principal, self.world.clock.now(), payment)

    async def _withdraw(self, session: AsyncSession, history: History, stop: datetime) -> None:
        """Withdraw the events whose instant this is."""
        me, now = self.world.principal, self.world.clock.now()
        for void in history.voids:
            if void.at == stop:
                name = event_id(me.environment_id, f"h{history.seed}-{void.key}")
                await void_event(session, me, now, name, "wrong")

    async def _subscribe(self, session: AsyncSession, played: Played, subscription: Subscription) -> None:
        me, now, plan = self.world.principal, self.world.clock.now(), subscription.plan
        await update_merchant(session, me, {"timezone": subscription.zone})
        draft = SubscriptionDraft(
            customer=played.customer_id,
            plan=played.catalog.plans[plan.name],
            quantities=tuple(
                FeeQuantity(played.catalog.prices[plan.name, name], quantity)
                for name, quantity in subscription.quantities
            ),
            discounts=tuple(
                _discount_draft(one)
                for one in played.history.discounts
                if one.at_once and one.subscription == subscription.place
            ),
            allow_concurrent=True,
            trial_days=subscription.trial_days,
            ending_at=subscription.ending_at,
        )
        made, _ = await create_subscription(session, me, now, draft)
        played.subscription_ids.append(made.id)
        for one in played.history.discounts:
            if one.subscription == subscription.place and not one.at_once:
                session.add(self._discount(played, one, made.id))

    async def _type(self, session: AsyncSession, played: Played, typed: Typed) -> None:
        """Add a line to a draft, where there is one."""
        invoices = table_of(models.Invoice).c
        mine = invoices.subscription_id == played.subscription_ids[typed.subscription]
        draft = (mine, invoices.boundary_at == typed.boundary, invoices.status == InvoiceStatus.DRAFT)
        invoice = await session.scalar(select(models.Invoice).where(*draft))
        if invoice is None:
            return
        line = InvoiceLineDraft(
            invoice=invoice.id,
            description=typed.description,
            unit_price=minor_to_decimal(typed.amount_minor, invoice.currency),
            taxable=typed.taxable,
        )
        await add_line(session, self.world.principal, self.world.clock.now(), line)

    def _discount(self, played: Played, one: Discount, subscription_id: str | None) -> models.Discount:
        return models.Discount(
            **self._row("disc", played.now),
            customer_id=played.customer_id,
            subscription_id=subscription_id,
            name="Discount",
            percentage=one.percentage,
            amount_minor=one.amount_minor,
            currency=one.currency,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
        )

    def _row(self, prefix: str, now: datetime) -> dict[str, Any]:
        return {"environment_id": self.world.principal.environment_id, "id": new_id(prefix), "created_at": now}

    async def _make_catalog(self, session: AsyncSession, catalog: Catalog) -> CatalogIds:
        me, now, ids = self.world.principal, self.world.clock.now(), CatalogIds()
        product = await create_product(session, me, now, ProductDraft(name="Product"))
        metrics: dict[Metric, str] = {}
        shared: dict[tuple[str, Price], str] = {}
        for metric in catalog.metrics:
            metrics[metric] = (await create_billable_metric(session, me, now, _metric(product.id, metric))).id
        for plan in catalog.plans:
            for price in plan.prices:
                if (plan.currency, price) in shared:
                    ids.prices[plan.name, price.name] = shared[plan.currency, price]
                    continue
                if price.metric is None:
                    fee = await create_fee(session, me, now, FeeDraft(product=product.id, name=price.name))
                    target = {"fee": fee.id}
                else:
                    target = {"billable_metric": metrics[price.metric]}
                made = await create_price(session, me, now, _price(plan, price, target))
                ids.prices[plan.name, price.name] = shared[plan.currency, price] = made.id
            draft = _plan(product.id, plan, [ids.prices[plan.name, price.name] for price in plan.prices])
            ids.plans[plan.name] = (await create_plan(session, me, now, draft)).id
        return ids


@asynccontextmanager
async def hurried(world: World) -> AsyncIterator[None]:
    """Do without what only a real merchant needs: the audit log, and on SQLite transactions that outlive a crash."""
    engine = world.sessions.engine
    await engine.dispose()
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    event.remove(Session, "after_flush", record_changes)
    try:
        yield
    finally:
        start_recording()


async def issued_invoices(world: World, played: Sequence[Played]) -> list[list[Invoice]]:
    """Read the issued invoices of some histories from the tables, in the order of issue."""
    invoices, lines, counted = table_of(models.Invoice), table_of(models.InvoiceLine), table_of(models.CountedEvent)
    mine = invoices.c.customer_id.in_([one.customer_id for one in played]) & invoices.c.number.is_not(None)
    of_invoice = (lines.c.environment_id == invoices.c.environment_id) & (lines.c.invoice_id == invoices.c.id)
    of_line = counted.c.usage_counter_id == lines.c.usage_counter_id
    meter = table_of(models.MeterEvent)
    of_event = meter.c.number == counted.c.event_number
    async with world.sessions.read() as session:
        headers = (await session.execute(select(invoices).where(mine))).all()
        rows = (await session.execute(select(lines).join(invoices, of_invoice).where(mine))).all()
        assigned = select(lines.c.id, meter.c.idempotency_key).select_from(counted).join(meter, of_event)
        keys = await session.execute(assigned.join(lines, of_line).join(invoices, of_invoice).where(mine))
        keys_by_line = _grouped((row.id, row.idempotency_key) for row in keys)
    lines_by_invoice = _grouped((row.invoice_id, row) for row in rows)
    by_customer = _grouped((row.customer_id, row) for row in headers)
    return [
        [
            _invoice(one, row, lines_by_invoice[row.id], keys_by_line)
            for row in sorted(by_customer[one.customer_id], key=lambda row: int(row.number.rpartition("-")[2]))
        ]
        for one in played
    ]


async def credit_notes(world: World, played: Sequence[Played]) -> list[list[CreditNote]]:
    """Read the credit notes of some histories from the tables, in the order in which they were made."""
    invoices, notes = table_of(models.Invoice), table_of(models.CreditNote)
    of_invoice = (notes.c.environment_id == invoices.c.environment_id) & (notes.c.invoice_id == invoices.c.id)
    found = []
    async with world.sessions.read() as session:
        for one in played:
            mine = (invoices.c.customer_id == one.customer_id, invoices.c.number.is_not(None))
            numbers = (await session.scalars(select(invoices.c.number).where(*mine))).all()
            order = sorted(numbers, key=lambda number: int(number.rpartition("-")[2]))
            listed = select(notes, invoices.c.number).join(invoices, of_invoice).where(*mine).order_by(notes.c.id)
            found.append([_note(row, order) for row in await session.execute(listed)])
    return found


async def unlike_their_replays(world: World, played: Sequence[Played]) -> dict[str, list[str]]:
    """Say, by the numbers of the issued invoices of some histories, what is another when they are computed again."""
    invoices, said = table_of(models.Invoice).c, {}
    mine = invoices.customer_id.in_([one.customer_id for one in played]) & invoices.number.is_not(None)
    async with world.sessions.snapshot() as session:
        for row in (await session.execute(select(invoices.id, invoices.number).where(mine))).all():
            replay = await replay_invoice(session, world.principal.environment_id, row.id)
            assert replay is not None
            if replay.differences:
                said[row.number] = [repr(one) for one in replay.differences]
    return said


def _grouped(pairs: Iterable[tuple[str, Any]]) -> defaultdict[str, list[Any]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _invoice(played: Played, row: Row[Any], lines: list[Row[Any]], keys: dict[str, list[str]]) -> Invoice:
    reason: Reason = row.reason.removeprefix("SUBSCRIPTION_")
    return Invoice(
        subscription=played.subscription_ids.index(row.subscription_id),
        reason=reason,
        boundary=None if reason == "START" else row.boundary_at or row.issued_at,
        lines=tuple(_line(line, keys) for line in sorted(lines, key=lambda line: line.position)),
        subtotal_minor=row.subtotal_minor,
        discount_minor=row.discount_minor,
        tax_minor=row.tax_minor,
        carried_minor=row.carried_to_credit_minor,
        total_minor=row.total_minor,
        credit_minor=row.credit_applied_minor,
    )


def _note(row: Row[Any], numbers: list[str]) -> CreditNote:
    return CreditNote(
        invoice=numbers.index(row.number),
        amount_minor=row.amount_minor,
        discount_minor=row.discount_minor,
        tax_minor=row.tax_minor,
        total_minor=row.total_minor,
        reduced_minor=row.reduced_due_minor,
        to_credit_minor=row.to_credit_minor,
        refunded_minor=row.refunded_minor,
    )


def _line(row: Row[Any], keys: dict[str, list[str]]) -> Line:
    return Line(
        description=row.description,
        start=row.period_start,
        end=row.period_end,
        quantity=Fraction(row.quantity),
        exact=Fraction(row.exact_amount),
        amount_minor=row.amount_minor,
        discount_minor=sum(one["shareMinor"] or 0 for one in row.adjustments["discounts"]),
        tax_minor=sum(one["shareMinor"] or 0 for one in row.adjustments["tax"]["charged"]),
        events=frozenset(key.partition("-")[2] for key in keys[row.id]),
    )


def _body(played: Played, one: Event) -> bytes:
    """An event as it is sent."""
    subjects = {"CUSTOMER": played.customer_id, "STRANGER": "cus_stranger"}
    external_subjects = {"CUSTOMER": f"h{played.history.seed}", "STRANGER": "stranger"}
    envelope = {
        "type": one.type,
        "source": "test",
        "subject": one.subject and subjects[one.subject],
        "externalSubject": one.external_subject and external_subjects[one.external_subject],
        "timestamp": one.timestamp.isoformat(),
        "idempotencyKey": f"h{played.history.seed}-{one.key}",
        "data": msgspec.Raw(one.data.encode()),
    }
    return msgspec.json.encode(envelope)


def _discount_draft(one: Discount) -> DiscountDraft:
    amount = None
    if one.amount_minor is not None:
        assert one.currency is not None
        amount = minor_to_decimal(one.amount_minor, one.currency)
    return DiscountDraft(
        name="Discount",
        percentage=one.percentage,
        amount=amount,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
    )


def _metric(product_id: str, metric: Metric) -> BillableMetricDraft:
    return BillableMetricDraft(
        product=product_id,
        name=metric.name,
        unit="unit",
        event_type=metric.event_type,
        aggregation=Aggregation(metric.aggregation),
        value_property=metric.value_property,
        group_by=tuple(GroupBy(*dimension) for dimension in metric.group_by),
        event_from=metric.event_from,
    )


def _price(plan: Plan, price: Price, target: dict[str, str]) -> PriceDraft:
    return PriceDraft(
        **target,
        invoice_display_name=price.name,
        payment_term=payment_term_of(price),
        currency=plan.currency,
        model=model_of(price.model),
        quantity=price.quantity,
        filter=filter_of(price),
        cadence=cadence_of(price),
        is_obligation=price.is_obligation,
        period_minimum=price.period_minimum,
        period_maximum=price.period_maximum,
    )


def _plan(product_id: str, plan: Plan, price_ids: list[str]) -> PlanDraft:
    return PlanDraft(
        product=product_id,
        name=plan.name,
        billing_interval=BillingInterval(plan.interval),
        currency=plan.currency,
        billing_anchor=anchor_of(plan.anchor),
        tax_behavior=behavior_of(plan),
        prices=tuple(price_ids),
    )

"""Fifty of every noun, each with neighbours of its own and unlike the others, put into the database directly."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from app import models
from app.billing.aggregation import Aggregation
from app.billing.entitlements import BooleanTerms, FeatureKind, MeteredTerms, terms_to_json
from app.billing.invoicing import Series
from app.billing.lifecycle import (
    ChangeStatus,
    CreditKind,
    InvoiceDecisionKind,
    InvoiceReason,
    InvoiceStatus,
    PaymentTerm,
    SubscriptionStatus,
)
from app.billing.periods import BillingInterval
from app.billing.price_models import StandardPrice, model_to_json
from app.billing.pricing import LineInputs
from app.ids import event_id, new_id
from app.metering.deciding import period_key
from app.models import EnvironmentKind, table_of
from tests.support.api import Api
from tests.support.variety import START, scarce, vary

SIZE = 50
MODEL = StandardPrice(Decimal("0.00002"))
INPUTS = LineInputs(MODEL, "USD", Decimal(1500), Aggregation.SUM, "token", 1)


async def fill(api: Api, size: int = SIZE) -> list[list[SQLModel]]:
    """Insert the crowd into the live environment, table by table in the order of the foreign keys; return its rows."""
    environments = table_of(models.Environment).c
    async with api.sessions.begin() as session:
        live = select(models.Environment).where(environments.kind == EnvironmentKind.LIVE)
        environment = (await session.scalars(live)).one()
        members = [_member(environment, number) for number in range(size)]
        for number, rows in enumerate(members):
            for row in rows:
                vary(row, number)
        for same_noun in zip(*members, strict=True):
            session.add_all(same_noun)
            await session.flush()
    return members


def _member(environment: models.Environment, number: int) -> list[SQLModel]:
    mine: dict[str, Any] = {"environment_id": environment.id, "created_at": START}
    product = models.Product(**mine, id=new_id("prod"), name="Engine", details={})
    metric = models.BillableMetric(
        **mine,
        id=new_id("bm"),
        product_id=product.id,
        name="Tokens",
        unit="token",
        event_type=f"inference.{number}",
        aggregation=Aggregation.SUM,
        value_property="$.tokens",
        group_by=[],
    )
    fee = models.Fee(**mine, id=new_id("fee"), product_id=product.id, name="Platform")
    prices = [
        models.Price(
            **mine,
            id=new_id("price"),
            product_id=product.id,
            invoice_display_name="Price",
            payment_term=term,
            currency="USD",
            pricing=model_to_json(MODEL),
            billable_metric_id=metric_id,
            fee_id=fee_id,
            key=f"{term.name.lower()}-{number}" if number % 3 else None,
        )
        for term, metric_id, fee_id in (
            (PaymentTerm.IN_ARREARS, metric.id, None),
            (PaymentTerm.IN_ADVANCE, None, fee.id),
        )
    ]
    return [product, metric, fee, *prices, *_sold(environment, mine, product, metric, prices, number)]


def _sold(
    environment: models.Environment,
    mine: dict[str, Any],
    product: models.Product,
    metric: models.BillableMetric,
    prices: list[models.Price],
    number: int,
) -> list[SQLModel]:
    interval = BillingInterval.MONTHLY
    plan = models.Plan(
        **mine,
        id=new_id("plan"),
        product_id=product.id,
        name="Pro",
        billing_interval=interval,
        currency="USD",
        billing_version=1,
        default_number=1,
    )
    version = models.PlanVersion(**mine, id=new_id("pver"), plan_id=plan.id, number=1, published_at=START)
    links = [
        models.PlanVersionPrice(
            **mine, id=new_id("pvp"), plan_version_id=version.id, price_id=price.id, position=position
        )
        for position, price in enumerate(prices)
    ]
    clock = models.TestClock(**mine, id=new_id("clk"), name="clock", now=START)
    customer = models.Customer(
        **mine, id=new_id("cus"), name="Acme", details={}, test_clock_id=scarce(number, clock.id)
    )
    subscription = models.Subscription(
        **mine,
        id=new_id("sub"),
        customer_id=customer.id,
        plan_id=plan.id,
        plan_version_id=version.id,
        product_id=product.id,
        status=SubscriptionStatus.ACTIVE,
        allow_concurrent=False,
        started_at=START,
        anchor_at=START,
        phase_started_at=START,
        timezone="UTC",
        billing_interval=interval,
        currency="USD",
        payment_term_days=30,
        period_number=0,
        next_boundary_at=START + timedelta(days=31),
        activated_at=START,
    )
    period = models.SubscriptionPeriod(
        **mine,
        id=new_id("per"),
        subscription_id=subscription.id,
        cadence=interval,
        number=0,
        start_at=START,
        end_at=START + timedelta(days=31),
    )
    key = models.ApiKey(
        id=new_id("key"),
        created_at=START,
        merchant_id=environment.merchant_id,
        name="key",
        secret_hash=str(number),
        hint="abcd",
        scopes=["all"],
    )
    change = models.SubscriptionChange(
        **mine,
        id=new_id("chg"),
        subscription_id=subscription.id,
        status=ChangeStatus.APPLIED,
        effective_at=START,
        plan_id=plan.id,
        plan_version_id=version.id,
        former_plan_version_id=version.id,
        billing_interval=interval,
        quantities={},
    )
    event = _event(environment, mine, customer, metric, number)
    billed = _billed(mine, subscription, prices[0], metric, event)
    sold = [plan, version, *links, clock, customer, subscription, period, change, key, event, *billed]
    return [*sold, *_entitled(mine, version, subscription, metric, number)]


def _entitled(
    mine: dict[str, Any],
    version: models.PlanVersion,
    subscription: models.Subscription,
    metric: models.BillableMetric,
    number: int,
) -> list[SQLModel]:
    """Every second one is to units, the others to nothing but access."""
    is_metered = number % 2 == 0
    terms = terms_to_json(MeteredTerms(issue_after_reset=Decimal(100)) if is_metered else BooleanTerms())
    feature = models.Feature(
        **mine,
        id=new_id("feat"),
        key=f"feature-{number}",
        product_id=subscription.product_id,
        name="Calls",
        kind=FeatureKind.METERED if is_metered else FeatureKind.BOOLEAN,
        billable_metric_id=metric.id if is_metered else None,
        details={},
    )
    given = models.PlanFeature(
        **mine, id=new_id("pft"), plan_version_id=version.id, feature_id=feature.id, position=0, terms=terms
    )
    entitlement = models.Entitlement(
        **mine,
        id=new_id("ent"),
        customer_id=subscription.customer_id,
        feature_id=feature.id,
        subscription_id=scarce(number, subscription.id),
        terms=terms,
        started_at=START,
        anchor_at=START,
        timezone="UTC",
    )
    grant = models.Grant(
        **mine, id=new_id("grt"), entitlement_id=entitlement.id, amount=Decimal(5), effective_at=START, details={}
    )
    return [feature, given, entitlement, grant]


def _event(
    environment: models.Environment,
    mine: dict[str, Any],
    customer: models.Customer,
    metric: models.BillableMetric,
    number: int,
) -> models.MeterEvent:
    return models.MeterEvent(
        **mine,
        number=number + 1,
        customer_id=customer.id,
        id=event_id(environment.id, f"event-{number}"),
        type=metric.event_type,
        source="test",
        subject=customer.id,
        idempotency_key=f"event-{number}",
        timestamp=START + timedelta(days=1),
        timestamp_given=True,
        data='{"tokens":1500}',
    )


def _billed(
    mine: dict[str, Any],
    subscription: models.Subscription,
    price: models.Price,
    metric: models.BillableMetric,
    event: models.MeterEvent,
) -> list[SQLModel]:
    invoice = models.Invoice(
        **mine,
        id=new_id("inv"),
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        reason=InvoiceReason.SUBSCRIPTION_CYCLE,
        cause=subscription.id,
        status=InvoiceStatus.DRAFT,
        series=Series.TEST,
        currency="USD",
        billed_to={"name": "Acme", "email": None},
        billed_from={"name": "Example Inc."},
        subtotal_minor=3,
        tax_minor=0,
        total_minor=3,
        paid_minor=1,
    )
    line = models.InvoiceLine(
        **mine,
        id=new_id("li"),
        invoice_id=invoice.id,
        position=0,
        price_id=price.id,
        description="Tokens",
        payment_term=PaymentTerm.IN_ARREARS,
        period_start=START,
        period_end=START + timedelta(days=31),
        quantity=Decimal(1500),
        currency="USD",
        amount_minor=3,
        exact_amount=Decimal("0.03"),
        inputs=INPUTS.to_json(),
        rules_version=1,
        usage_counter_id=event.number,
    )
    key = models.EventKey(id=event.id, number=event.number)
    counter = models.UsageCounter(
        id=event.number,
        key=f"{period_key(subscription.id, price.id, START)}/0",
        kind=models.CounterKind.PERIOD,
        environment_id=mine["environment_id"],
        customer_id=subscription.customer_id,
        billable_metric_id=metric.id,
        subscription_id=subscription.id,
        price_id=price.id,
        start_at=START,
        end_at=START + timedelta(days=31),
        event_count=1,
        total=Decimal(1500),
    )
    link = models.CountedEvent(
        event_number=event.number,
        billable_metric_id=metric.id,
        revision=0,
        is_withdrawal=False,
        usage_counter_id=event.number,
    )
    discount = models.Discount(
        **mine,
        id=new_id("disc"),
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        name="Launch",
        amount_minor=1,
        currency="USD",
        starts_at=START,
    )
    credit = models.CreditEntry(
        **mine,
        id=new_id("cre"),
        customer_id=subscription.customer_id,
        currency="USD",
        kind=CreditKind.ADDED,
        amount_minor=2,
        invoice_id=invoice.id,
    )
    payment = models.Payment(
        **mine,
        id=new_id("pay"),
        invoice_id=invoice.id,
        customer_id=subscription.customer_id,
        amount_minor=1,
        currency="USD",
        method="cash",
    )
    corrected = _corrected(mine, invoice, line, payment)
    credit.credit_note_id, credit.refund_id = corrected[0].id, corrected[2].id
    return [key, counter, invoice, line, link, payment, discount, *corrected, credit]


def _corrected(
    mine: dict[str, Any], invoice: models.Invoice, line: models.InvoiceLine, payment: models.Payment
) -> list[Any]:
    whose: dict[str, Any] = {**mine, "customer_id": invoice.customer_id, "currency": "USD", "reason": "Outage"}
    note = models.CreditNote(
        **whose,
        id=new_id("cn"),
        invoice_id=invoice.id,
        amount_minor=1,
        discount_minor=0,
        tax_minor=0,
        total_minor=1,
        reduced_due_minor=0,
        to_credit_minor=0,
        refunded_minor=1,
    )
    piece = models.CreditNoteLine(
        **mine,
        id=new_id("cnl"),
        credit_note_id=note.id,
        invoice_line_id=line.id,
        position=0,
        currency="USD",
        amount_minor=1,
        discount_minor=0,
        tax_minor=0,
        total_minor=1,
    )
    refund = models.Refund(**whose, id=new_id("rfd"), payment_id=payment.id, credit_note_id=note.id, amount_minor=1)
    decision = models.InvoiceDecision(
        **whose, id=new_id("dec"), invoice_id=invoice.id, kind=InvoiceDecisionKind.WRITE_OFF, amount_minor=2
    )
    return [note, piece, refund, decision]

"""Invoices as the rules make them, put into the database directly: of any model, currency and locale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app import models
from app.billing.adjustments import invoice_summary, line_adjustments
from app.billing.aggregation import Aggregation
from app.billing.discounts import DiscountTerms
from app.billing.invoicing import AssessedLine, Series, assess
from app.billing.lifecycle import InvoiceReason, InvoiceStatus, PaymentTerm
from app.billing.line_inputs import LineInputs
from app.billing.periods import Period
from app.billing.price_models import ChargeScope, GraduatedPrice, PackagePrice, PercentagePrice, StandardPrice, Tier
from app.billing.pricing import RULES_VERSION, price_line
from app.billing.proration import Share
from app.billing.tax import TaxTerms
from app.ids import new_id
from tests.support.rows import NOW, World

FEBRUARY = Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
MARCH = Period(FEBRUARY.end, datetime(2026, 4, 1, tzinfo=UTC))
EXAMPLE_INC = {
    "name": "Example Inference GmbH",
    "address": {
        "line1": "Beispielstra\u00dfe 12", "line2": None, "city": "Berlin", "postalCode": "10115", "region": None,
        "country": "DE",
    },
    "taxId": "DE123456789",
}  # fmt: skip
ACME = {
    "name": "Acme Robotics, Inc.",
    "email": "billing@acme.example",
    "address": {
        "line1": "500 Sample Avenue", "line2": "Suite 210", "city": "San Francisco", "postalCode": "94105",
        "region": "CA", "country": "US",
    },
    "taxId": "12-3456789",
    "locale": "en",
}  # fmt: skip


@dataclass(frozen=True)
class Charged:
    """A line to be put on an invoice, of a price or typed by hand."""

    description: str
    inputs: LineInputs
    period: Period = FEBRUARY
    by_hand: bool = False


def fee(
    unit_price: str, currency: str = "USD", quantity: str = "1", unit: str | None = None, **given: Any
) -> LineInputs:
    """The inputs of a fee."""
    model = StandardPrice(Decimal(unit_price))
    return LineInputs(model, currency, Decimal(quantity), None, unit, 0, **given)


def usage(model: Any, quantity: str, unit: str = "token", currency: str = "USD", **given: Any) -> LineInputs:
    """The inputs of metered usage."""
    return LineInputs(model, currency, Decimal(quantity), Aggregation.SUM, unit, 3, **given)


async def invoiced(
    world: World,
    *lines: Charged,
    discounts: Sequence[DiscountTerms] = (),
    tax: TaxTerms = TaxTerms(),  # noqa: B008 - it is frozen
    timezone: str = "UTC",
    **given: Any,
) -> models.Invoice:
    """Put an issued invoice with some lines into the database; `given` are columns of it."""
    metric = await world.metric()
    price = await world.price(metric)
    version = await world.plan_version(price)
    subscription = await world.subscription(await world.customer(), version, FEBRUARY.start, timezone=timezone)
    priced = [price_line(line.inputs) for line in lines]
    starts = [line.period.start for line in lines]
    assessment = assess(
        [AssessedLine(one.amount_minor, start) for one, start in zip(priced, starts, strict=True)], discounts, tax
    )
    mine: dict[str, Any] = {"environment_id": world.environment_id, "created_at": NOW}
    values: dict[str, Any] = {
        **mine,
        "id": new_id("inv"),
        "customer_id": subscription.customer_id,
        "subscription_id": subscription.id,
        "reason": InvoiceReason.SUBSCRIPTION_CYCLE,
        "cause": new_id("test"),
        "status": InvoiceStatus.ISSUED,
        "series": Series.LIVE,
        "number": "INV-000042",
        "currency": lines[0].inputs.currency if lines else "USD",
        "billed_to": ACME,
        "billed_from": EXAMPLE_INC,
        "tax_behavior": tax.behavior,
        "subtotal_minor": assessment.subtotal_minor,
        "discount_minor": assessment.discount_minor,
        "tax_minor": assessment.tax_minor,
        "carried_to_credit_minor": assessment.carried_to_credit_minor,
        "total_minor": assessment.total_minor,
        "paid_minor": 0,
        "summary": invoice_summary(assessment),
        "issued_at": FEBRUARY.end + timedelta(hours=1),
        "due_at": FEBRUARY.end + timedelta(days=30, hours=1),
    }
    invoice = models.Invoice(**(values | given))
    async with world.sessions.begin() as session:
        session.add(invoice)
        await session.flush()
        for place, (line, one) in enumerate(zip(lines, priced, strict=True)):
            session.add(
                models.InvoiceLine(
                    **mine, id=new_id("li"), invoice_id=invoice.id, position=place,
                    price_id=None if line.by_hand else price.id, description=line.description,
                    payment_term=PaymentTerm.IN_ARREARS,
                    period_start=line.period.start, period_end=line.period.end, quantity=line.inputs.quantity,
                    currency=line.inputs.currency, amount_minor=one.amount_minor, exact_amount=one.exact_amount,
                    inputs=line.inputs.to_json(), rules_version=RULES_VERSION,
                    adjustments=line_adjustments(assessment, place),
                )
            )  # fmt: skip
    return invoice


async def showcase(world: World, **given: Any) -> models.Invoice:
    """An invoice with everything on it: tiers, a part of a period, discounts, tax, credit and a payment."""
    tiers = (
        Tier(Decimal(1_000_000), Decimal("0.00002"), Decimal(5)),
        Tier(Decimal(10_000_000), Decimal("0.000015")),
        Tier(None, Decimal("0.00001")),
    )
    lines = (
        Charged("Output tokens, large model", usage(GraduatedPrice(tiers), "14250000")),
        Charged("Embeddings", usage(PackagePrice(Decimal(1000), Decimal("0.4"), Decimal(5000)), "48200", "document")),
        Charged(
            "Card payments",
            usage(PercentagePrice(Decimal("0.029"), charge_scope=ChargeScope.PER_PERIOD), "1180.5", "USD"),
        ),
        Charged("Log storage", usage(StandardPrice(Decimal("0.0025")), "12840.75", "GB-hour")),
        Charged("Platform fee", fee("49", quantity="3"), MARCH),
        Charged("Support, from 18 February on", fee("280", share=Share(Decimal(11), Decimal(28)))),
    )
    since = datetime(2026, 1, 1, tzinfo=UTC)
    discounts = (
        DiscountTerms("dsc_1", "Launch year", Decimal("0.1"), None, since, None),
        DiscountTerms("dsc_2", "Service credit for 3 February", None, 2500, since, MARCH.start),
    )
    kept: dict[str, Any] = {"credit_applied_minor": 4000, "paid_minor": 10000}
    return await invoiced(world, *lines, discounts=discounts, tax=TaxTerms(rate=Decimal("0.19")), **(kept | given))

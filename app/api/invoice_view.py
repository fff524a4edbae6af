"""From the rows of an invoice to the texts of its page, written as its locale does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel import Locale

from app.api.locale_formats import Formats
from app.billing.adjustments import discounts_taken
from app.billing.catalog.merchants import DEFAULT_LOCALE
from app.billing.decimals import parse_plain
from app.billing.invoicing import Series
from app.billing.lifecycle import InvoiceStatus
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.price_models import GraduatedPrice, PackagePrice, PercentagePrice, StandardPrice, VolumePrice
from app.billing.tax import TaxBehavior
from app.schema.explanation import ExplainedLine, explain_line
from app.schema.money import period_of
from app.services.invoice_documents import InvoiceDocument

_STATUSES = {
    InvoiceStatus.DRAFT: "Draft",
    InvoiceStatus.ISSUED: "Issued",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.VOID: "Void",
    # That nobody expects it to be paid is the merchant's to know, not the customer's.
    InvoiceStatus.UNCOLLECTIBLE: "Unpaid",
}
_NOTICES = {
    InvoiceStatus.DRAFT: "This is a draft: it has no number, may still change, and is not to be paid.",
    InvoiceStatus.VOID: "This invoice is void: it is no longer owed.",
}
_TRIAL = "This invoice was made for trying things out: no real money is owed."
_SAMPLE = Decimal("1234.56")


@dataclass(frozen=True)
class PartyView:
    """A merchant or a customer."""

    name: str
    address: tuple[str, ...]
    tax_id: str | None
    email: str | None = None


@dataclass(frozen=True)
class DateView:
    """A day in words, and as machines read it."""

    label: str
    text: str
    day: date


@dataclass(frozen=True)
class LineView:
    """A line, with the sentences that explain it."""

    description: str
    period: str
    quantity: str
    unit: str | None
    unit_price: str | None
    amount: str
    explanation: ExplainedLine


@dataclass(frozen=True)
class SumView:
    """A row below the lines."""

    label: str
    amount: str
    kind: str = "part"


@dataclass(frozen=True)
class TaxView:
    """What was taxed at a rate."""

    rate: str
    base: str
    amount: str


@dataclass(frozen=True)
class InvoiceView:
    """Everything that the template puts in its places."""

    title: str
    status: str
    status_class: str
    notices: tuple[str, ...]
    seller: PartyView
    buyer: PartyView
    dates: tuple[DateView, ...]
    currency: str
    locale: str
    lines: tuple[LineView, ...]
    sums: tuple[SumView, ...]
    taxes: tuple[TaxView, ...]
    prices_hold_tax: bool
    exemption: str | None
    timezone: str
    numbers_differ: bool = field(default=False)


def view_of(document: InvoiceDocument) -> InvoiceView:
    """Return what the page of an invoice says."""
    invoice = document.invoice
    locale = invoice.billed_to.get("locale", DEFAULT_LOCALE)
    formats = Formats(locale, invoice.currency, document.timezone)
    return InvoiceView(
        title="Draft invoice" if invoice.number is None else f"Invoice {invoice.number}",
        status=_STATUSES[invoice.status],
        status_class=invoice.status.lower(),
        notices=tuple(_notices(invoice)),
        seller=_party(invoice.billed_from),
        buyer=_party(invoice.billed_to),
        dates=tuple(_dates(invoice, formats)),
        currency=_currency(invoice.currency),
        locale=locale,
        lines=tuple(_line(row, formats) for row in document.lines),
        sums=tuple(_sums(invoice, formats)),
        taxes=tuple(_taxes(invoice, formats)),
        prices_hold_tax=invoice.tax_behavior is TaxBehavior.INCLUSIVE,
        exemption=invoice.summary.get("tax", {}).get("exemption"),
        timezone=document.timezone,
        numbers_differ=formats.number(_SAMPLE) != f"{_SAMPLE:,}",
    )


def _notices(invoice: Any) -> Iterator[str]:
    if invoice.status in _NOTICES:
        yield _NOTICES[invoice.status]
    if invoice.series is not Series.LIVE:
        yield _TRIAL


def _party(snapshot: Mapping[str, Any]) -> PartyView:
    address = snapshot.get("address")
    lines = () if address is None else tuple(_address(address))
    return PartyView(snapshot["name"], lines, snapshot.get("taxId"), snapshot.get("email"))


def _address(address: Mapping[str, str | None]) -> Iterator[str]:
    """Return an address line by line: where there are regions the postal code follows them, else it leads the city."""
    city, code, region = address["city"], address["postalCode"], address["region"]
    locality = f"{city}, {region} {code or ''}" if region else f"{code or ''} {city}"
    country = Locale("en").territories.get(address["country"], address["country"])
    for line in (address["line1"], address["line2"], locality, country):
        if line is not None and line.strip():
            yield line.strip()


def _currency(code: str) -> str:
    name = Locale("en").currencies.get(code)
    return code if name is None else f"{name} ({code})"


def _dates(invoice: Any, formats: Formats) -> Iterator[DateView]:
    dated: dict[str, datetime | None] = {
        "Date of issue": invoice.issued_at,
        "Due date": invoice.due_at,
        "Paid on": invoice.paid_at,
    }
    for label, instant in dated.items():
        if instant is not None:
            yield DateView(label, formats.date(instant), formats.day(instant))


def _line(row: Any, formats: Formats) -> LineView:
    inputs = line_inputs_from_json(row.inputs)
    return LineView(
        description=row.description,
        period=formats.span(period_of(row)),
        quantity=formats.number(row.quantity),
        unit=inputs.unit,
        unit_price=_unit_price(inputs, formats),
        amount=formats.money(row.amount_minor),
        explanation=explain_line(row),
    )


def _unit_price(inputs: LineInputs, formats: Formats) -> str | None:
    """Say what one costs, for models in which that can be said in a few words."""
    match inputs.model:
        case StandardPrice(unit_price):
            return formats.price(unit_price) + (f" per {inputs.unit}" if inputs.unit else "")
        case PackagePrice(size, price):
            return f"{formats.price(price)} per {formats.number(size)} {inputs.unit or ''}".rstrip()
        case PercentagePrice(percentage, fixed_charge):
            fixed = f" + {formats.price(fixed_charge)}" if fixed_charge else ""
            return formats.percent(percentage) + fixed
        case VolumePrice() | GraduatedPrice():
            return "By tiers"
        case _:
            return None


def _sums(invoice: Any, formats: Formats) -> Iterator[SumView]:
    """Return the rows from the subtotal to what is due, leaving out what made no difference."""
    yield SumView("Subtotal", formats.money(invoice.subtotal_minor))
    for item in discounts_taken(invoice.summary):
        share = item["percentage"]
        label = item["name"] if share is None else f"{item['name']} ({formats.percent(parse_plain(share))})"
        yield SumView(label, formats.money(-item["takenMinor"]))
    if invoice.tax_behavior is TaxBehavior.EXCLUSIVE:
        for part in invoice.summary.get("taxes", ()):
            yield SumView(f"Tax {formats.percent(parse_plain(part['rate']))}", formats.money(part["taxMinor"]))
    if invoice.carried_to_credit_minor:
        yield SumView("Carried to your credit", formats.money(invoice.carried_to_credit_minor))
    yield SumView("Total", formats.money(invoice.total_minor), "total")
    # Nothing is to be paid for a draft yet, and nothing any more for what is void.
    if invoice.status not in _NOTICES:
        yield from _payment(invoice, formats)


def _payment(invoice: Any, formats: Formats) -> Iterator[SumView]:
    if invoice.credit_applied_minor:
        yield SumView("Credit applied", formats.money(-invoice.credit_applied_minor))
    if invoice.credited_minor:
        yield SumView("Credit notes", formats.money(-invoice.credited_minor))
    if invoice.paid_minor:
        yield SumView("Paid", formats.money(-invoice.paid_minor))
    due = invoice.total_minor - invoice.credit_applied_minor - invoice.credited_minor - invoice.paid_minor
    yield SumView("Amount due", formats.money(due), "due")


def _taxes(invoice: Any, formats: Formats) -> Iterator[TaxView]:
    for part in invoice.summary.get("taxes", ()):
        rate = formats.percent(parse_plain(part["rate"]))
        yield TaxView(rate, formats.money(part["baseMinor"]), formats.money(part["taxMinor"]))

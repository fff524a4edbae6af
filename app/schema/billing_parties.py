"""Who bills whom, as an invoice keeps it."""

from app.billing.catalog.merchants import DEFAULT_LOCALE
from app.schema.address import ADDRESS, TAX_ID, Address
from app.schema.declarations import field, value


@value("Whom an invoice was issued to: a copy, which later changes of the customer leave alone.")
class BilledTo:
    """Read from `invoice.billed_to`. Invoices from before there were addresses have none."""

    name: str = field("The customer's name. Example: `Acme`.", of=lambda snapshot: snapshot["name"])
    email: str | None = field(
        "Where the invoice goes. Example: `billing@acme.example`.", of=lambda snapshot: snapshot.get("email")
    )
    address: Address | None = field(ADDRESS, of=lambda snapshot: snapshot.get("address"))
    tax_id: str | None = field(TAX_ID, of=lambda snapshot: snapshot.get("taxId"))
    locale: str = field(
        "How the page of the invoice writes numbers and dates. Example: `de-AT`.",
        of=lambda snapshot: snapshot.get("locale", DEFAULT_LOCALE),
    )


@value("Who issued an invoice: a copy, which later changes of the merchant leave alone.")
class BilledFrom:
    """Read from `invoice.billed_from`."""

    name: str = field("The merchant's name. Example: `Example Inc.`.", of=lambda snapshot: snapshot["name"])
    address: Address | None = field(ADDRESS, of=lambda snapshot: snapshot.get("address"))
    tax_id: str | None = field(TAX_ID, of=lambda snapshot: snapshot.get("taxId"))

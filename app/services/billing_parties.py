"""The copies of who bills whom that an invoice keeps, so that later changes of either leave it as it is."""

from app import models


def copy_parties(invoice: models.Invoice, customer: models.Customer, merchant: models.Merchant) -> None:
    """Write on an invoice what its customer and its merchant are called now, where they are, and how it is written."""
    invoice.billed_to = {
        "name": customer.name,
        "email": customer.email,
        "address": customer.address,
        "taxId": customer.tax_id,
        "locale": customer.locale or merchant.locale,
    }
    invoice.billed_from = {"name": merchant.name, "address": merchant.address, "taxId": merchant.tax_id}

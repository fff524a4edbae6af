"""The account of a customer: what it owes less what it has in hand, entry by entry."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlmodel import SQLModel
from strawberry import Info, Parent

from app import models
from app.billing import account as billing
from app.billing.access import Scope
from app.billing.money import Money as BillingMoney
from app.context import Context
from app.db import Sessions
from app.loaders.owner import Owner
from app.schema.client_error import ClientError
from app.schema.declarations import edge, field, followed, value
from app.schema.enums import AccountEntryKind
from app.schema.money import Money
from app.schema.scalars import CurrencyCode
from app.services.account import entries_by_customer

if TYPE_CHECKING:
    from app.schema.credit import CreditEntry
    from app.schema.credit_note import CreditNote
    from app.schema.invoice import Invoice
    from app.schema.payment import Payment
    from app.schema.refund import Refund

#: Entries that are listed at once.
MAX_ENTRIES = 1000


def _source(description: str, model: type[SQLModel], *kinds: AccountEntryKind) -> Any:
    """Declare the way to the row that made an entry, of an entry of some kinds."""

    def follow(root: Any, context: Context) -> Any:
        return context.loaders.by_id(model).load(root.entry.source_id) if root.entry.kind in kinds else None

    return followed(description, follow)


@value("A change of an account, with the balance after it.", access=Scope.BILLING_READ)
class AccountEntry:
    """Resolvers return `billing.account.BalancedEntry`."""

    kind: AccountEntryKind = field("What moved the account.", of="entry.kind")
    at: datetime = field("When, in the customer's time.", of="entry.at")
    amount: Money = field(
        "By how much: above zero where the customer owes more, or has less in hand.",
        of=lambda one: BillingMoney(one.entry.amount_minor, one.entry.currency),
    )
    balance: Money = field(
        "What is owed, less what is in hand, after it.",
        of=lambda one: BillingMoney(one.balance_minor, one.entry.currency),
    )
    invoice: Annotated["Invoice", strawberry.lazy("app.schema.invoice")] | None = edge(
        "The invoice it is about; null for refunds, and for credit given or removed by hand.",
        models.Invoice,
        "entry.invoice_id",
    )
    payment: Annotated["Payment", strawberry.lazy("app.schema.payment")] | None = _source(
        "The payment; null for all else.", models.Payment, AccountEntryKind.PAYMENT
    )
    refund: Annotated["Refund", strawberry.lazy("app.schema.refund")] | None = _source(
        "The refund; null for all else.", models.Refund, AccountEntryKind.REFUND
    )
    credit_note: Annotated["CreditNote", strawberry.lazy("app.schema.credit_note")] | None = _source(
        "The credit note; null for all else.", models.CreditNote, AccountEntryKind.CREDIT_NOTE
    )
    credit_entry: Annotated["CreditEntry", strawberry.lazy("app.schema.credit")] | None = _source(
        "What gave, carried or removed credit; null for all else.",
        models.CreditEntry,
        AccountEntryKind.CREDIT_ADDED,
        AccountEntryKind.CREDIT_CARRIED,
        AccountEntryKind.CREDIT_REMOVED,
    )


@value("A span of a customer's account in a currency.", access=Scope.BILLING_READ)
class Account:
    """Resolvers return `billing.account.Account`."""

    currency: CurrencyCode = field("The currency. Example: `USD`.")
    opening_balance: Money = field(
        "The balance before the first entry.", of=lambda row: BillingMoney(row.opening_minor, row.currency)
    )
    closing_balance: Money = field(
        "The balance after the last entry: of the whole account, what is due on issued invoices less the credit in "
        "hand. Below zero where the customer has more in hand than it owes.",
        of=lambda row: BillingMoney(row.closing_minor, row.currency),
    )
    entries: list[AccountEntry] = field("What moved it, oldest first.")
    has_more: bool = field(f"Whether the span has more than the first {MAX_ENTRIES} entries: ask for the rest of it.")


async def _accounts_by_customer(
    sessions: Sessions,
    owner: Owner,
    currency: str,
    start: datetime | None,
    before: datetime | None,
    customer_ids: Sequence[str],
) -> list[billing.Account]:
    """Return the accounts of some customers."""
    async with sessions.snapshot() as session:
        found = await entries_by_customer(session, owner.environment_id, customer_ids, currency)
    return [
        billing.balance_account(found.get(customer_id, ()), currency, start, before, MAX_ENTRIES)
        for customer_id in customer_ids
    ]


async def resolve_account(
    root: Parent[Any],
    info: Info[Context, None],
    currency: Annotated[CurrencyCode, strawberry.argument(description="The currency of the account. Example: `USD`.")],
    from_: Annotated[
        datetime | None,
        strawberry.argument(
            name="from", description="The first instant; null for the beginning. Example: `2026-01-01T00:00:00Z`."
        ),
    ] = None,
    before: Annotated[
        datetime | None,
        strawberry.argument(
            description="Only what is earlier than this; null for all. Example: `2026-02-01T00:00:00Z`."
        ),
    ] = None,
) -> Any:
    """Return a span of a customer's account."""
    if from_ is not None and before is not None and from_ >= before:
        raise ClientError("`from` must be earlier than `before`.")
    return await info.context.loaders.of(_accounts_by_customer, currency, from_, before).load(root.id)

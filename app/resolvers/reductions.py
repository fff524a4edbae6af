"""Root fields of what reduces invoices: discounts and credit."""

from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.credit import (
    CreditEntry,
    CustomerCreditAddInput,
    CustomerCreditAddPayload,
    CustomerCreditRemoveInput,
    CustomerCreditRemovePayload,
)
from app.schema.discount import (
    Discount,
    DiscountCreateInput,
    DiscountCreatePayload,
    DiscountEndInput,
    DiscountEndPayload,
    target_of,
)
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.services import credit, discounts


@strawberry.type
class ReductionQueries:
    """What is taken off, and what was paid before."""

    discount: Discount | None = single("A discount by its id.", models.Discount)
    discounts: Connection[Discount] = connection("All discounts, ended ones too.", Relation(models.Discount))
    credit_entry: CreditEntry | None = single("A change of credit by its id.", models.CreditEntry)
    credit_entries: Connection[CreditEntry] = connection("All changes of credit.", Relation(models.CreditEntry))


@strawberry.type
class ReductionMutations:
    """Giving discounts and credit."""

    @mutation("Take a discount off the invoices of a customer or of a subscription.", access=Scope.BILLING_WRITE)
    async def discount_create(self, call: Call, input: DiscountCreateInput) -> DiscountCreatePayload:
        me, draft, (customer_id, subscription_id) = call.principal, input.to_draft(), target_of(input)

        async def work(session: AsyncSession, now: Any) -> tuple[Any, ...]:
            if customer_id is not None:
                return (await discounts.discount_customer(session, me, now, customer_id, draft),)
            return (await discounts.discount_subscription(session, me, now, subscription_id or "", draft),)

        done = await call.once(input, input.idempotency_key, work)
        return DiscountCreatePayload(discount=done.rows[0], replayed=done.replayed)

    @mutation("Let a discount end.", access=Scope.BILLING_WRITE)
    async def discount_end(self, call: Call, input: DiscountEndInput) -> DiscountEndPayload:
        me, end = call.principal, input.ends_at
        row: Any = await call.transaction(lambda s: discounts.end_discount(s, me, call.now(), input.id, end))
        return DiscountEndPayload(discount=row)

    @mutation("Give a customer credit, which its next invoices take.", access=Scope.BILLING_WRITE)
    async def customer_credit_add(self, call: Call, input: CustomerCreditAddInput) -> CustomerCreditAddPayload:
        done = await call.create(input, credit.give_credit)
        return CustomerCreditAddPayload(credit_entry=done.rows[0], replayed=done.replayed)

    @mutation("Take credit from a customer, never more than it has.", access=Scope.BILLING_WRITE)
    async def customer_credit_remove(self, call: Call, input: CustomerCreditRemoveInput) -> CustomerCreditRemovePayload:
        done = await call.create(input, credit.remove_credit)
        return CustomerCreditRemovePayload(credit_entries=list(done.rows), replayed=done.replayed)

"""Root fields of customers."""

from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.customer import (
    Customer,
    CustomerCreateInput,
    CustomerCreatePayload,
    CustomerEraseInput,
    CustomerErasePayload,
    CustomerUpdateInput,
    CustomerUpdatePayload,
)
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.services import customers
from app.services.erasure import erase_customer


@strawberry.type
class CustomerQueries:
    """Whom the merchant bills."""

    customer: Customer | None = single("A customer by its id.", models.Customer)
    customers: Connection[Customer] = connection("All customers.", Relation(models.Customer))


@strawberry.type
class CustomerMutations:
    """Creating and changing customers."""

    @mutation("Create a customer, in real time or on a test clock.", access=Scope.CUSTOMERS_WRITE)
    async def customer_create(self, call: Call, input: CustomerCreateInput) -> CustomerCreatePayload:
        done = await call.create(input, customers.create_customer)
        return CustomerCreatePayload(customer=done.rows[0], replayed=done.replayed)

    @mutation("Change a customer.", access=Scope.CUSTOMERS_WRITE)
    async def customer_update(self, call: Call, input: CustomerUpdateInput) -> CustomerUpdatePayload:
        return CustomerUpdatePayload(customer=await call.update(input, customers.update_customer))

    @mutation(
        "Erase a customer's personal data for good: name, external id, email, address, tax id, tax exemption and "
        "metadata, in the customer and in the audit log, whose entries stay. Refused while a subscription runs or an "
        "invoice is a draft. Issued invoices are legal documents and keep `billedTo`; events keep what was sent, and "
        "notes and reasons what was typed. A repeat changes nothing.",
        access=Scope.CUSTOMERS_WRITE,
    )
    async def customer_erase(self, call: Call, input: CustomerEraseInput) -> CustomerErasePayload:
        async def work(session: AsyncSession) -> Any:
            return await erase_customer(session, call.principal, call.now(), input.id)

        return CustomerErasePayload(customer=await call.transaction(work))

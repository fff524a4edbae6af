"""Root fields of customers."""

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.customer import (
    Customer,
    CustomerCreateInput,
    CustomerCreatePayload,
    CustomerUpdateInput,
    CustomerUpdatePayload,
)
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.services import customers


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

"""Root fields of customer tokens: making them, and whom one shows."""

from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

from app import models
from app.billing.access import Scope
from app.context import Context
from app.schema.customer import Customer
from app.schema.customer_token import (
    CustomerTokenCreateInput,
    CustomerTokenCreatePayload,
    CustomerTokenRevokeInput,
    CustomerTokenRevokePayload,
)
from app.schema.declarations import field
from app.schema.mutation import Call, mutation
from app.services import customer_tokens


async def _me(info: Info[Context, None]) -> Any:
    mine = info.context.principal.customer_id
    return None if mine is None else await info.context.loaders.by_id(models.Customer).load(mine)


@strawberry.type
class CustomerTokenQueries:
    """Who asks with a customer token."""

    me: Customer | None = field(
        "The customer whose token this is; null for an API key, which speaks for the merchant.",
        resolver=_me,
        access=models.Customer,
    )


@strawberry.type
class CustomerTokenMutations:
    """Making and revoking customer tokens."""

    @mutation(
        "Make a token that shows a browser one customer's own data, and nothing else: it only reads, with what the key "
        "that makes it may read of customers, billing, catalog and entitlements, and ends with that key.",
        access=Scope.CUSTOMERS_READ,
    )
    async def customer_token_create(self, call: Call, input: CustomerTokenCreateInput) -> CustomerTokenCreatePayload:
        secrets = list[str]()

        async def work(session: AsyncSession, now: Any) -> tuple[Any, ...]:
            token, secret = await customer_tokens.create_customer_token(session, call.principal, now, input.to_draft())
            secrets[:] = [secret]
            return (token,)

        done = await call.once(input, input.idempotency_key, work)
        secret = None if done.replayed else secrets[0]
        return CustomerTokenCreatePayload(customer_token=done.rows[0], secret=secret, replayed=done.replayed)

    @mutation("Revoke a customer token, or all of a customer, at once everywhere.", access=Scope.CUSTOMERS_READ)
    async def customer_token_revoke(self, call: Call, input: CustomerTokenRevokeInput) -> CustomerTokenRevokePayload:
        me, target = call.principal, input.to_target()
        count = await call.transaction(lambda s: customer_tokens.revoke_customer_tokens(s, me, call.now(), target))
        return CustomerTokenRevokePayload(revoked_count=count)

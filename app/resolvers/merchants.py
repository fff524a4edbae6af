"""Root fields of the merchant and its keys."""

from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

from app import models
from app.billing.access import Scope
from app.context import Context
from app.loaders.pages import Relation
from app.schema.api_key import (
    ApiKey,
    ApiKeyCreateInput,
    ApiKeyCreatePayload,
    ApiKeyRevokeInput,
    ApiKeyRevokePayload,
    ApiKeyRotateInput,
    ApiKeyRotatePayload,
)
from app.schema.connections import Connection, connection
from app.schema.declarations import ANY_KEY, field
from app.schema.merchant import Merchant, MerchantUpdateInput, MerchantUpdatePayload
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.services import keys, merchants
from app.services.key_rotation import rotate_key


async def _merchant(info: Info[Context, None]) -> Any:
    return await info.context.loaders.by_id(models.Merchant).load(info.context.principal.merchant_id)


@strawberry.type
class MerchantQueries:
    """The tenant and who may act for it."""

    merchant: Merchant = field("The merchant whose key this is.", resolver=_merchant, access=ANY_KEY)
    api_key: ApiKey | None = single("An API key by its id.", models.ApiKey)
    api_keys: Connection[ApiKey] = connection("All API keys, revoked ones too.", Relation(models.ApiKey))


@strawberry.type
class MerchantMutations:
    """Settings."""

    @mutation("Change the merchant's settings.", access=Scope.SETTINGS_WRITE)
    async def merchant_update(self, call: Call, input: MerchantUpdateInput) -> MerchantUpdatePayload:
        async def work(session: AsyncSession) -> Any:
            return await merchants.update_merchant(session, call.principal, input.to_changes())

        return MerchantUpdatePayload(merchant=await call.transaction(work))

    @mutation("Create an API key. Its secret is shown this once.", access=Scope.SETTINGS_WRITE)
    async def api_key_create(self, call: Call, input: ApiKeyCreateInput) -> ApiKeyCreatePayload:
        me, secrets = call.principal, list[str]()

        async def work(session: AsyncSession, now: Any) -> tuple[Any, ...]:
            key, secret = await keys.create_key(session, me.merchant_id, now, *input.wanted(), granted=me.scopes)
            secrets[:] = [secret]
            return (key,)

        done = await call.once(input, input.idempotency_key, work)
        secret = None if done.replayed else secrets[0]
        return ApiKeyCreatePayload(api_key=done.rows[0], secret=secret, replayed=done.replayed)

    @mutation(
        "Rotate an API key: make one with the same name and scopes, whose secret is shown this once. The old one stays "
        "valid for the overlap and then expires by itself. A key that is revoked, expired or replaced already is "
        "refused.",
        access=Scope.SETTINGS_WRITE,
    )
    async def api_key_rotate(self, call: Call, input: ApiKeyRotateInput) -> ApiKeyRotatePayload:
        me, secrets = call.principal, list[str]()

        async def work(session: AsyncSession, now: Any) -> tuple[Any, ...]:
            made, old, secret = await rotate_key(session, me.merchant_id, now, *input.wanted(), granted=me.scopes)
            secrets[:] = [secret]
            return made, old

        done = await call.once(input, input.idempotency_key, work)
        (made, old), secret = done.rows, None if done.replayed else secrets[0]
        return ApiKeyRotatePayload(api_key=made, replaced=old, secret=secret, replayed=done.replayed)

    @mutation("Revoke an API key, within a second everywhere.", access=Scope.SETTINGS_WRITE)
    async def api_key_revoke(self, call: Call, input: ApiKeyRevokeInput) -> ApiKeyRevokePayload:
        async def work(session: AsyncSession) -> Any:
            return await keys.revoke_key(session, call.principal.merchant_id, call.now(), input.id)

        return ApiKeyRevokePayload(api_key=await call.transaction(work))

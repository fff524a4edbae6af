"""Root fields of features and of what customers may use."""

from typing import Any

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema import entitlement as schema
from app.schema.connections import Connection, connection
from app.schema.declarations import field
from app.schema.entitlement import Entitlement, Grant
from app.schema.feature import (
    Feature,
    FeatureCreateInput,
    FeatureCreatePayload,
    FeatureUpdateInput,
    FeatureUpdatePayload,
)
from app.schema.feature_access import (
    EntitlementConsumeInput,
    EntitlementConsumePayload,
    FeatureAccess,
    consume_once,
    resolve_access,
)
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.services import entitlements, features, purchases


@strawberry.type
class EntitlementQueries:
    """What there is to use, and who may."""

    feature: Feature | None = single("A feature by its id or key.", models.Feature)
    features: Connection[Feature] = connection("All features.", Relation(models.Feature))
    entitlement: Entitlement | None = single("An entitlement by its id.", models.Entitlement)
    entitlements: Connection[Entitlement] = connection("All entitlements.", Relation(models.Entitlement))
    grants: Connection[Grant] = connection("All grants.", Relation(models.Grant))
    has_access: FeatureAccess = field(
        "Whether a customer may use a feature at an instant, and how much is left. Events that are not counted yet do "
        "not count.",
        resolver=resolve_access,
        access=Scope.ENTITLEMENTS_READ,
    )


@strawberry.type
class EntitlementMutations:
    """Changing what there is to use, and using it."""

    @mutation("Create a feature.", access=Scope.CATALOG_WRITE)
    async def feature_create(self, call: Call, input: FeatureCreateInput) -> FeatureCreatePayload:
        done = await call.create(input, features.create_feature)
        return FeatureCreatePayload(feature=done.rows[0], replayed=done.replayed)

    @mutation("Change what a feature is called. What it gives stays.", access=Scope.CATALOG_WRITE)
    async def feature_update(self, call: Call, input: FeatureUpdateInput) -> FeatureUpdatePayload:
        return FeatureUpdatePayload(feature=await call.update(input, features.update_feature))

    @mutation("Let a customer use a feature, whatever it subscribes to.", access=Scope.ENTITLEMENTS_WRITE)
    async def entitlement_create(
        self, call: Call, input: schema.EntitlementCreateInput
    ) -> schema.EntitlementCreatePayload:
        done = await call.create(input, entitlements.create_entitlement)
        return schema.EntitlementCreatePayload(entitlement=done.rows[0], replayed=done.replayed)

    @mutation("End an entitlement that was issued by hand.", access=Scope.ENTITLEMENTS_WRITE)
    async def entitlement_end(self, call: Call, input: schema.EntitlementEndInput) -> schema.EntitlementEndPayload:
        ended: Any = await call.transaction(
            lambda s: entitlements.end_entitlement(s, call.principal, call.now(), input.id, input.ends_at)
        )
        return schema.EntitlementEndPayload(entitlement=ended)

    @mutation("Give units under a metered entitlement.", access=Scope.ENTITLEMENTS_WRITE)
    async def grant_create(self, call: Call, input: schema.GrantCreateInput) -> schema.GrantCreatePayload:
        done = await call.create(input, entitlements.create_grant)
        return schema.GrantCreatePayload(grant=done.rows[0], replayed=done.replayed)

    @mutation(
        "Sell units on an invoice; they are there once it is paid. What is paid after they expired, or after the "
        "entitlement ended, becomes credit by a credit note.",
        access=Scope.BILLING_WRITE,
    )
    async def grant_purchase(self, call: Call, input: schema.GrantPurchaseInput) -> schema.GrantPurchasePayload:
        done = await call.create(input, purchases.purchase_grant)
        return schema.GrantPurchasePayload(grant=done.rows[0], invoice=done.rows[1], replayed=done.replayed)

    @mutation("Take back what is left of a grant.", access=Scope.ENTITLEMENTS_WRITE)
    async def grant_void(self, call: Call, input: schema.GrantVoidInput) -> schema.GrantVoidPayload:
        grant: Any = await call.transaction(lambda s: entitlements.void_grant(s, call.principal, call.now(), input.id))
        return schema.GrantVoidPayload(grant=grant)

    @mutation(
        "Use units of a metered feature now: checked and recorded at once, so that two callers never both use the last "
        "one. It does not wait for events that are not counted yet.",
        access=Scope.ENTITLEMENTS_WRITE,
    )
    async def entitlement_consume(self, call: Call, input: EntitlementConsumeInput) -> EntitlementConsumePayload:
        return EntitlementConsumePayload(**await consume_once(call, input))

"""Root fields of plan versions: preparing, comparing, publishing and offering them."""

from typing import Any

import strawberry

from app.billing.access import Scope
from app.schema import plan_version as schema
from app.schema.declarations import field
from app.schema.feature import plan_features_of
from app.schema.mutation import Call, mutation
from app.schema.plan_version_diff import PlanVersionDiff, resolve_plan_version_diff
from app.services import plan_versions


@strawberry.type
class PlanVersionQueries:
    """What sets versions apart."""

    plan_version_diff: PlanVersionDiff = field(
        "What changed from one version of a plan to another: prices added, removed and replaced, and in what.",
        resolver=resolve_plan_version_diff,
        access=Scope.CATALOG_READ,
    )


@strawberry.type
class PlanVersionMutations:
    """From a draft to the version that new subscriptions get."""

    @mutation("Create a draft of a plan's next version.", access=Scope.CATALOG_WRITE)
    async def plan_version_create(
        self, call: Call, input: schema.PlanVersionCreateInput
    ) -> schema.PlanVersionCreatePayload:
        done = await call.create(input, plan_versions.create_plan_version)
        return schema.PlanVersionCreatePayload(plan_version=done.rows[0], replayed=done.replayed)

    @mutation("Give a draft of a plan version other prices, and other features.", access=Scope.CATALOG_WRITE)
    async def plan_version_update(
        self, call: Call, input: schema.PlanVersionUpdateInput
    ) -> schema.PlanVersionUpdatePayload:
        me, draft, prices = call.principal, input.plan_version_id, input.price_ids
        features = plan_features_of(input.features)
        row: Any = await call.transaction(
            lambda session: plan_versions.update_plan_version(session, me, call.now(), draft, prices, features)
        )
        return schema.PlanVersionUpdatePayload(plan_version=row)

    @mutation("Delete a draft of a plan version.", access=Scope.CATALOG_WRITE)
    async def plan_version_delete(
        self, call: Call, input: schema.PlanVersionDeleteInput
    ) -> schema.PlanVersionDeletePayload:
        me, draft = call.principal, input.plan_version_id
        plan: Any = await call.transaction(lambda session: plan_versions.delete_plan_version(session, me, draft))
        return schema.PlanVersionDeletePayload(plan=plan)

    @mutation(
        "Publish a draft of a plan version, which is checked once more: it never changes from then on, and new "
        "subscriptions get it unless `makeDefault` is false. Those that are there keep theirs.",
        access=Scope.CATALOG_WRITE,
    )
    async def plan_version_publish(
        self, call: Call, input: schema.PlanVersionPublishInput
    ) -> schema.PlanVersionPublishPayload:
        done = await call.create(input, plan_versions.publish_plan_version)
        return schema.PlanVersionPublishPayload(plan_version=done.rows[0], replayed=done.replayed)

    @mutation(
        "Let new subscriptions to a plan get a published version of it, an earlier one too. Those that are there "
        "keep theirs.",
        access=Scope.CATALOG_WRITE,
    )
    async def plan_version_make_default(
        self, call: Call, input: schema.PlanVersionMakeDefaultInput
    ) -> schema.PlanVersionMakeDefaultPayload:
        me, version = call.principal, input.plan_version_id
        row: Any = await call.transaction(lambda session: plan_versions.make_plan_version_default(session, me, version))
        return schema.PlanVersionMakeDefaultPayload(plan_version=row)

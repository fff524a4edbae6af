"""Root fields of subscriptions."""

from typing import Any, cast

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.cohort import (
    PlanVersionMigrateInput,
    PlanVersionMigratePayload,
    PlanVersionMigrationPreview,
    migrate,
    resolve_migration_preview,
)
from app.schema.connections import Connection, connection
from app.schema.declarations import field
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.schema.subscription import Subscription, SubscriptionCreateInput, SubscriptionCreatePayload
from app.schema.subscription_change import (
    SubscriptionChange,
    SubscriptionChangeCancelInput,
    SubscriptionChangeCancelPayload,
    SubscriptionChangeInput,
    SubscriptionChangePayload,
    SubscriptionChangePreview,
    resolve_change_preview,
)
from app.schema.subscription_end import (
    SubscriptionReactivateInput,
    SubscriptionReactivatePayload,
    SubscriptionTerminateInput,
    SubscriptionTerminatePayload,
)
from app.services import changes, endings, subscriptions


@strawberry.type
class SubscriptionQueries:
    """Who uses which plan."""

    subscription: Subscription | None = single("A subscription by its id.", models.Subscription)
    subscriptions: Connection[Subscription] = connection("All subscriptions.", Relation(models.Subscription))
    subscription_change: SubscriptionChange | None = single("A change by its id.", models.SubscriptionChange)
    subscription_changes: Connection[SubscriptionChange] = connection(
        "All changes of all subscriptions.", Relation(models.SubscriptionChange)
    )
    subscription_change_preview: SubscriptionChangePreview = field(
        "What a change of a subscription would come to, now or at the end of its period.",
        resolver=resolve_change_preview,
        access=Scope.BILLING_READ,
    )
    plan_version_migration_preview: PlanVersionMigrationPreview = field(
        "What moving a page of a cohort of subscriptions to a plan version would come to, one by one.",
        resolver=resolve_migration_preview,
        access=Scope.BILLING_READ,
    )


@strawberry.type
class SubscriptionMutations:
    """Starting, changing and ending subscriptions."""

    @mutation(
        "Subscribe a customer to a plan. Where something is due upfront it becomes active when that is paid.",
        access=Scope.BILLING_WRITE,
    )
    async def subscription_create(self, call: Call, input: SubscriptionCreateInput) -> SubscriptionCreatePayload:
        done = await call.create(input, subscriptions.create_subscription)
        subscription, invoice = done.rows
        return SubscriptionCreatePayload(subscription=subscription, invoice=invoice, replayed=done.replayed)

    @mutation(
        "Change the terms of a subscription, now or at the end of its period. Now: what was charged in advance for "
        "terms that stop is given back for the time that is left, and the advance of those that begin is charged for "
        "it. Usage is charged by the terms that held when it happened.",
        access=Scope.BILLING_WRITE,
    )
    async def subscription_change(self, call: Call, input: SubscriptionChangeInput) -> SubscriptionChangePayload:
        done = await call.create(input, changes.change_subscription)
        change, subscription, invoice, *notes = done.rows
        return SubscriptionChangePayload(
            change=change, subscription=subscription, invoice=invoice, credit_notes=notes, replayed=done.replayed
        )

    @mutation(
        "Move a cohort of subscriptions to a plan version: those that are named, or a page of those of a version. Each "
        "moves by itself; who can't is reported, and stays as it is.",
        access=Scope.BILLING_WRITE,
    )
    async def plan_version_migrate(self, call: Call, input: PlanVersionMigrateInput) -> PlanVersionMigratePayload:
        return await migrate(call, input)

    @mutation("Cancel the change of a subscription that is to come.", access=Scope.BILLING_WRITE)
    async def subscription_change_cancel(
        self, call: Call, input: SubscriptionChangeCancelInput
    ) -> SubscriptionChangeCancelPayload:
        me = call.principal
        row: Any = await call.transaction(lambda s: changes.cancel_change(s, me, call.now(), input.subscription_id))
        return SubscriptionChangeCancelPayload(subscription=row)

    @mutation(
        "End a subscription now or at the end of its period. What it still owes is on a last invoice; one that waits "
        "for its first payment ends at once, and that invoice is void.",
        access=Scope.BILLING_WRITE,
    )
    async def subscription_terminate(
        self, call: Call, input: SubscriptionTerminateInput
    ) -> SubscriptionTerminatePayload:
        done = await call.create(input, endings.terminate_subscription)
        subscription, invoice, *notes = done.rows
        return SubscriptionTerminatePayload(
            subscription=subscription, invoice=invoice, credit_notes=notes, replayed=done.replayed
        )

    @mutation("Let a subscription that was to end go on.", access=Scope.BILLING_WRITE)
    async def subscription_reactivate(
        self, call: Call, input: SubscriptionReactivateInput
    ) -> SubscriptionReactivatePayload:
        me = call.principal
        row, invoice = await call.transaction(
            lambda s: endings.reactivate_subscription(s, me, call.now(), input.subscription_id)
        )
        return SubscriptionReactivatePayload(subscription=cast(Any, row), invoice=cast(Any, invoice))

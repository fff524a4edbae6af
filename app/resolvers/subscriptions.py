"""Root fields of subscriptions."""

from typing import Any

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.schema.subscription import Subscription, SubscriptionCreateInput, SubscriptionCreatePayload
from app.schema.subscription_end import (
    SubscriptionReactivateInput,
    SubscriptionReactivatePayload,
    SubscriptionTerminateInput,
    SubscriptionTerminatePayload,
)
from app.services import endings, subscriptions


@strawberry.type
class SubscriptionQueries:
    """Who uses which plan."""

    subscription: Subscription | None = single("A subscription by its id.", models.Subscription)
    subscriptions: Connection[Subscription] = connection("All subscriptions.", Relation(models.Subscription))


@strawberry.type
class SubscriptionMutations:
    """Starting and ending subscriptions."""

    @mutation(
        "Subscribe a customer to a plan. Where something is due upfront it becomes active when that is paid.",
        access=Scope.BILLING_WRITE,
    )
    async def subscription_create(self, call: Call, input: SubscriptionCreateInput) -> SubscriptionCreatePayload:
        done = await call.create(input, subscriptions.create_subscription)
        subscription, invoice = done.rows
        return SubscriptionCreatePayload(subscription=subscription, invoice=invoice, replayed=done.replayed)

    @mutation(
        "End a subscription now or at the end of its period. What it still owes is on a last invoice; one that waits "
        "for its first payment ends at once, and that invoice is void.",
        access=Scope.BILLING_WRITE,
    )
    async def subscription_terminate(
        self, call: Call, input: SubscriptionTerminateInput
    ) -> SubscriptionTerminatePayload:
        done = await call.create(input, endings.terminate_subscription)
        subscription, invoice = done.rows
        return SubscriptionTerminatePayload(subscription=subscription, invoice=invoice, replayed=done.replayed)

    @mutation("Let a subscription that was to end go on.", access=Scope.BILLING_WRITE)
    async def subscription_reactivate(
        self, call: Call, input: SubscriptionReactivateInput
    ) -> SubscriptionReactivatePayload:
        me = call.principal
        row: Any = await call.transaction(
            lambda s: endings.reactivate_subscription(s, me, call.now(), input.subscription_id)
        )
        return SubscriptionReactivatePayload(subscription=row)

"""Root fields of subscriptions."""

import strawberry

from app import models
from app.billing.access import Scope
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.mutation import Call, mutation
from app.schema.single import single
from app.schema.subscription import Subscription, SubscriptionCreateInput, SubscriptionCreatePayload
from app.services import subscriptions


@strawberry.type
class SubscriptionQueries:
    """Who uses which plan."""

    subscription: Subscription | None = single("A subscription by its id.", models.Subscription)
    subscriptions: Connection[Subscription] = connection("All subscriptions.", Relation(models.Subscription))


@strawberry.type
class SubscriptionMutations:
    """Starting subscriptions."""

    @mutation(
        "Subscribe a customer to a plan. Where something is due upfront it becomes active when that is paid.",
        access=Scope.BILLING_WRITE,
    )
    async def subscription_create(self, call: Call, input: SubscriptionCreateInput) -> SubscriptionCreatePayload:
        done = await call.create(input, subscriptions.create_subscription)
        subscription, invoice = done.rows
        return SubscriptionCreatePayload(subscription=subscription, invoice=invoice, replayed=done.replayed)

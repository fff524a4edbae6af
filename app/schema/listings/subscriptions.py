"""Lists of subscriptions and of their changes."""

import strawberry

from app import models
from app.schema.enums import ChangeStatus, SubscriptionStatus, VersionPolicy
from app.schema.listings.listing import By, InstantRange, listing, one_of, one_of_these, within


@listing(
    models.Subscription,
    CREATED_AT=By("created_at", "When it was created."),
    STARTED_AT=By("started_at", "When it started."),
    ACTIVATED_AT=By("activated_at", "When it became active; null before."),
    ENDED_AT=By("ended_at", "When it ended; null while it has not."),
)
class SubscriptionFilter:
    """Rows of `subscription`."""

    statuses: list[SubscriptionStatus] | None = one_of(
        "status", "With one of these statuses. Example: `[ACTIVE, PAST_DUE]`."
    )
    customer_ids: list[strawberry.ID] | None = one_of(
        "customer_id", "Of one of the customers with these ids; external ids are not looked up."
    )
    plan_ids: list[strawberry.ID] | None = one_of_these(
        "plan_id", models.Plan, 'To one of the plans with these ids or keys. Example: `["pro-2026"]`.'
    )
    product_ids: list[strawberry.ID] | None = one_of_these(
        "product_id", models.Product, 'To one of the products with these ids or keys. Example: `["pro-2026"]`.'
    )
    plan_version_ids: list[strawberry.ID] | None = one_of(
        "plan_version_id", "To one of the plan versions with these ids."
    )
    version_policies: list[VersionPolicy] | None = one_of(
        "version_policy", "With one of these version policies. Example: `[FLOATING]`."
    )
    started_at: InstantRange | None = within("started_at", "When they started.")
    created_at: InstantRange | None = within("created_at", "When they were created.")


@listing(
    models.SubscriptionChange,
    CREATED_AT=By("created_at", "When it was asked for."),
    EFFECTIVE_AT=By("effective_at", "When it took effect, or will."),
)
class SubscriptionChangeFilter:
    """Rows of `subscription_change`."""

    subscription_ids: list[strawberry.ID] | None = one_of(
        "subscription_id", "Of one of the subscriptions with these ids."
    )
    statuses: list[ChangeStatus] | None = one_of("status", "With one of these statuses. Example: `[SCHEDULED]`.")
    effective_at: InstantRange | None = within("effective_at", "When they took effect, or will.")
    created_at: InstantRange | None = within("created_at", "When they were asked for.")

"""Lists of features, of entitlements and of grants."""

import strawberry

from app import models
from app.schema.feature_kind import FeatureKind
from app.schema.listings.catalog import ARCHIVED, BY_CREATION, BY_KEY, BY_NAME, CREATED, KEYS, NAME, PRODUCTS
from app.schema.listings.listing import By, InstantRange, containing, is_given, listing, one_of, one_of_these, within

FEATURES = 'To one of the features with these ids or keys. Example: `["api-calls"]`.'


@listing(models.Feature, CREATED_AT=BY_CREATION, NAME=BY_NAME, KEY=BY_KEY)
class FeatureFilter:
    """Rows of `feature`."""

    keys: list[str] | None = one_of("key", KEYS)
    name_contains: str | None = containing("name", NAME)
    product_ids: list[strawberry.ID] | None = one_of_these("product_id", models.Product, PRODUCTS)
    kinds: list[FeatureKind] | None = one_of("kind", "Of one of these kinds. Example: `[METERED]`.")
    archived: bool | None = is_given("archived_at", ARCHIVED)
    created_at: InstantRange | None = within("created_at", CREATED)


@listing(
    models.Entitlement,
    CREATED_AT=By("created_at", "When it was made, in the customer's time."),
    STARTED_AT=By("started_at", "When it begins."),
)
class EntitlementFilter:
    """Rows of `entitlement`."""

    feature_ids: list[strawberry.ID] | None = one_of_these("feature_id", models.Feature, FEATURES)
    customer_ids: list[strawberry.ID] | None = one_of("customer_id", "Of one of the customers with these ids.")
    subscription_ids: list[strawberry.ID] | None = one_of(
        "subscription_id", "That one of the subscriptions with these ids gives."
    )
    by_subscription: bool | None = is_given("subscription_id", "Whether a subscription gives them.")
    ended: bool | None = is_given("ended_at", "Whether an end of theirs is known.")
    started_at: InstantRange | None = within("started_at", "When they begin.")
    created_at: InstantRange | None = within("created_at", "When they were made, in the customer's time.")


@listing(
    models.Grant,
    CREATED_AT=By("created_at", "When it was made, in the customer's time."),
    EFFECTIVE_AT=By("effective_at", "From when on its units can be used."),
)
class GrantFilter:
    """Rows of `entitlement_grant`."""

    entitlement_ids: list[strawberry.ID] | None = one_of(
        "entitlement_id", "Under one of the entitlements with these ids."
    )
    voided: bool | None = is_given("voided_at", "Whether they were taken back.")
    effective_at: InstantRange | None = within("effective_at", "From when on their units can be used.")
    created_at: InstantRange | None = within("created_at", "When they were made, in the customer's time.")

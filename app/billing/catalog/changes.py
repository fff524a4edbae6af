"""What a user may want to become of a subscription."""

from dataclasses import dataclass

from app.billing.catalog.customers import MAX_DISCOUNTS, FeeQuantity
from app.billing.catalog.discounts import DiscountDraft
from app.billing.catalog.prices import check_quantity
from app.billing.errors import ErrorCode, Problems
from app.billing.lifecycle import ChangeTime

#: Subscriptions that one call moves at most, or previews.
MAX_COHORT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TerminationDraft:
    """The end of a subscription as a user wants it. `credit_unused` gives back what it paid in advance beyond now."""

    subscription: str
    at: ChangeTime = ChangeTime.PERIOD_END
    credit_unused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeDraft:
    """What a user wants a subscription to become: of a plan (its default version), of a version, or of what it is of.

    `quantities` take the place of those it has, fee by fee; `discounts` are added to it.
    """

    subscription: str
    plan: str | None = None
    plan_version: str | None = None
    quantities: tuple[FeeQuantity, ...] = ()
    discounts: tuple[DiscountDraft, ...] = ()
    at: ChangeTime = ChangeTime.NOW


def check_change(draft: ChangeDraft, problems: Problems) -> None:
    """Note every problem of a change that can be seen without a look-up, in the order of its fields."""
    if draft.plan is not None and draft.plan_version is not None:
        problems.add(ErrorCode.INVALID, "planVersionId", "Give a plan or a plan version, not both.")
    for place, item in enumerate(draft.quantities):
        check_quantity(item.quantity, problems, f"quantities.{place}.quantity")
    if len(draft.discounts) > MAX_DISCOUNTS:
        problems.add(ErrorCode.OUT_OF_RANGE, "discounts", f"Must be at most {MAX_DISCOUNTS}.")
    elif draft.discounts and draft.at is ChangeTime.PERIOD_END:
        message = "A change at the end of the period takes no discounts: give them with `discountCreate(startsAt)`."
        problems.add(ErrorCode.INVALID, "discounts", message)


@dataclass(frozen=True, kw_only=True, slots=True)
class CohortDraft:
    """Subscriptions that are to go over to a plan version: those that are named, or a page of those of a version.

    The page has the `first` ones with ids after `after`.
    """

    plan_version: str
    subscriptions: tuple[str, ...] | None = None
    from_version: str | None = None
    at: ChangeTime = ChangeTime.PERIOD_END
    first: int = MAX_COHORT
    after: str | None = None


def check_cohort(draft: CohortDraft, problems: Problems) -> None:
    """Note every problem of a cohort that can be seen without a look-up, in the order of its fields."""
    if (draft.subscriptions is None) == (draft.from_version is None):
        problems.add(ErrorCode.INVALID, "subscriptionIds", "Give either `subscriptionIds` or `fromPlanVersionId`.")
    if draft.subscriptions is not None and not 1 <= len(draft.subscriptions) <= MAX_COHORT:
        problems.add(ErrorCode.OUT_OF_RANGE, "subscriptionIds", f"Must be 1 to {MAX_COHORT}.")
    if draft.from_version == draft.plan_version:
        problems.add(ErrorCode.INVALID, "fromPlanVersionId", "It is the version to go over to.")
    if not 1 <= draft.first <= MAX_COHORT:
        problems.add(ErrorCode.OUT_OF_RANGE, "first", f"Must be 1 to {MAX_COHORT}.")

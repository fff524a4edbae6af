"""Moving many subscriptions to a plan version, and what that would come to."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import Info

from app import models
from app.billing.catalog.changes import MAX_COHORT, CohortDraft
from app.context import Context
from app.schema.client_error import names_arguments
from app.schema.declarations import edge, field, value
from app.schema.enums import ChangeTime
from app.schema.inputs import idempotency_key
from app.schema.mutation import Call
from app.schema.subscription_change import SubscriptionChange, SubscriptionChangePreview
from app.schema.user_errors import Payload, UserError
from app.services import cohorts

if TYPE_CHECKING:
    from app.schema.subscription import Subscription

TARGET = "The id of the published version to go over to."
IDS = f"The ids of the subscriptions, 1 to {MAX_COHORT}; or give `fromPlanVersionId`."
FROM = "The id of a plan version, whose active subscriptions are taken page by page; or give `subscriptionIds`."
AT = "When they go over."
FIRST = f"Beside `fromPlanVersionId`: how many, 1 to {MAX_COHORT}. Example: `50`."
AFTER = "Beside `fromPlanVersionId`: only subscriptions with ids after this one, to pass by those that can't move."


@value("What became, or would become, of a subscription of a cohort.")
class MigratedSubscription:
    """Resolvers return `services.cohorts.Moved`."""

    subscription: Annotated["Subscription", strawberry.lazy("app.schema.subscription")] = edge(
        "The subscription.", models.Subscription, "subscription_id"
    )
    change: SubscriptionChange | None = field("Its change; null in a preview, and where it can't move.")
    preview: SubscriptionChangePreview | None = field(
        "What its change would come to, its next invoice included; null once it was made, and where it can't move."
    )
    user_errors: list[UserError] = field("Why it can't move; then it stays as it is.", of="refusals")


@strawberry.input(
    description="A cohort of subscriptions to move to a plan version. A repeat with `fromPlanVersionId` goes on where "
    "the last call came to: who is there, or about to be, is left out."
)
class PlanVersionMigrateInput:
    """See `CohortDraft`."""

    plan_version_id: strawberry.ID = field(TARGET)
    subscription_ids: list[strawberry.ID] | None = field(IDS, default=None)
    from_plan_version_id: strawberry.ID | None = field(FROM, default=None)
    at: ChangeTime = field(AT, default=ChangeTime.PERIOD_END)
    first: int = field(FIRST, default=MAX_COHORT)
    after: strawberry.ID | None = field(AFTER, default=None)
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> CohortDraft:
        """Return what is asked for."""
        return _draft(
            self.plan_version_id, self.subscription_ids, self.from_plan_version_id, self.at, self.first, self.after
        )


def _draft(
    plan_version_id: str,
    subscription_ids: list[strawberry.ID] | None,
    from_plan_version_id: str | None,
    at: ChangeTime,
    first: int,
    after: str | None,
) -> CohortDraft:
    return CohortDraft(
        plan_version=plan_version_id,
        subscriptions=None if subscription_ids is None else tuple(subscription_ids),
        from_version=from_plan_version_id,
        at=at,
        first=first,
        after=after,
    )


@value("The subscriptions of a page that were moved, or could not be.")
class PlanVersionMigratePayload(Payload):
    """The answer of `planVersionMigrate`."""

    subscriptions: list[MigratedSubscription] = field(
        "What became of each, in the order of their ids, or as they were named; of a repeat with an idempotency key "
        "only those that were moved.",
        default_factory=list,
    )
    remaining: int | None = field("How many come after these; null where that is not known.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key moved them.", default=False)


async def migrate(call: Call, asked: PlanVersionMigrateInput) -> PlanVersionMigratePayload:
    """Move a page of a cohort; a repeat with an idempotency key returns what was moved."""
    pages: list[cohorts.Page] = []

    async def work(session: AsyncSession, now: datetime) -> tuple[Any, ...]:
        # The transaction may be tried again: the last page is the one that counts.
        pages.append(await cohorts.migrate_cohort(session, call.principal, now, asked.to_draft()))
        return tuple(one.change for one in pages[-1].moved if one.change is not None)

    done = await call.once(asked, asked.idempotency_key, work)
    page = cohorts.moved_again(done.rows) if done.replayed else pages[-1]
    moved: Any = list(page.moved)
    return PlanVersionMigratePayload(subscriptions=moved, remaining=page.remaining, replayed=done.replayed)


@value("What moving a page of a cohort would come to.")
class PlanVersionMigrationPreview:
    """Resolvers return `services.cohorts.Page`."""

    subscriptions: list[MigratedSubscription] = field("What would become of each.", of="moved")
    remaining: int = field("How many come after these.")


Target = Annotated[strawberry.ID, strawberry.argument(description=TARGET)]
Ids = Annotated[list[strawberry.ID] | None, strawberry.argument(description=IDS)]
From = Annotated[strawberry.ID | None, strawberry.argument(description=FROM)]
At = Annotated[ChangeTime, strawberry.argument(description=AT)]
First = Annotated[int, strawberry.argument(description=FIRST)]
After = Annotated[strawberry.ID | None, strawberry.argument(description=AFTER)]


async def resolve_migration_preview(
    info: Info[Context, None],
    plan_version_id: Target,
    subscription_ids: Ids = None,
    from_plan_version_id: From = None,
    at: At = ChangeTime.PERIOD_END,
    first: First = 20,
    after: After = None,
) -> Any:
    """Return what moving a page would come to, or say which arguments are wrong."""
    context = info.context
    draft = _draft(plan_version_id, subscription_ids, from_plan_version_id, at, first, after)
    async with context.sessions.long_work, context.sessions.snapshot() as session:
        with names_arguments():
            return await cohorts.preview_cohort(session, context.principal, context.clock.now(), draft)

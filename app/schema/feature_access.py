"""Whether a customer may use a feature, and how much is left: asked, and used."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.errors import Problems
from app.context import Context
from app.loaders.owner import NOBODY
from app.schema.client_error import names_arguments
from app.schema.declarations import field, value
from app.schema.inputs import idempotency_key
from app.schema.money import Period
from app.schema.mutation import Call
from app.schema.user_errors import Payload
from app.services.consuming import ConsumptionDraft, consume, standing_after
from app.services.customer_tokens import known_feature
from app.services.standings import access_now

if TYPE_CHECKING:
    from app.schema.entitlement import Entitlement
    from app.schema.feature import Feature

EXTERNAL_ID = "Your own id of the customer, or give `customerId`. Example: `acme-1`."
CUSTOMER_ID = "The id of the customer, or give `externalId`."
CUSTOMER_ASKED = f"{CUSTOMER_ID} With a customer token neither is needed."
FEATURE_KEY = "The key or the id of the feature. Example: `api-calls`."


@value("How a customer stands with a feature at an instant.", access=Scope.ENTITLEMENTS_READ)
class FeatureAccess:
    """Resolvers return `services.standings.Standing`."""

    access: bool = field(
        "Whether it may use the feature: any entitlement gives access, and units are left or needn't be."
    )
    at: datetime = field("The instant that is spoken of, in the customer's time.", of=lambda row: row.asked.at)
    static_value: JSON | None = field('The value of a static feature. Example: `{"seats": 5}`.')
    balance: Decimal | None = field('The units left; null for what is not metered. Example: `"250"`.')
    usage: Decimal | None = field(
        'The units used in the running usage period, covered or not; null for what is not metered. Example: `"750"`.'
    )
    overage: Decimal | None = field(
        'The units used that no grant covers; null for what is not metered. Example: `"0"`.'
    )
    period: Period | None = field("The usage period that runs; null where there is none that ends.")
    entitlements: list[Annotated["Entitlement", strawberry.lazy("app.schema.entitlement")]] = field(
        "The entitlements that are active, oldest first."
    )
    feature: Annotated["Feature", strawberry.lazy("app.schema.feature")] = field("The feature.")


async def resolve_access(
    info: Info[Context, None],
    feature_key: Annotated[str, strawberry.argument(description=FEATURE_KEY)],
    customer_id: Annotated[strawberry.ID | None, strawberry.argument(description=CUSTOMER_ASKED)] = None,
    external_id: Annotated[str | None, strawberry.argument(description=EXTERNAL_ID)] = None,
    at: Annotated[
        datetime | None,
        strawberry.argument(
            description="The instant, at most 2 years ahead; null for now. Example: `2026-08-01T00:00:00Z`."
        ),
    ] = None,
) -> Any:
    """Return how a customer stands with a feature, or say which argument is wrong."""
    context, problems = info.context, Problems()
    customer = await _named(context, customer_id, external_id)
    async with context.sessions.read() as session:
        if (mine := context.principal.customer_id) is not None:
            feature_key = await known_feature(session, context.principal.environment_id, mine, feature_key) or NOBODY
        with names_arguments():
            return await access_now(
                session, problems, context.principal.environment_id, customer, feature_key, at, context.clock.now()
            )


async def _named(context: Context, customer_id: str | None, external_id: str | None) -> tuple[str | None, str | None]:
    """Return how the customer is named. With a customer token it needn't be, and any other one is nobody."""
    mine = context.principal.customer_id
    if mine is None:
        return customer_id, external_id
    if external_id is None:
        return context.owner.own(customer_id or mine), None
    me = await context.loaders.by_id(models.Customer).load(mine)
    return customer_id, external_id if me.external_id == external_id else NOBODY


@strawberry.input(description="Units of a metered feature that a customer uses now.")
class EntitlementConsumeInput:
    """See `ConsumptionDraft`."""

    customer_id: strawberry.ID | None = field(CUSTOMER_ID, default=None)
    external_id: str | None = field(EXTERNAL_ID, default=None)
    feature_key: strawberry.ID = field(FEATURE_KEY)
    amount: Decimal = field(
        'How many units, above zero; whole ones, at most 1,000, where the metric counts events. Example: `"1"`.'
    )
    data: JSON | None = field(
        'What else the event says that is recorded, for the metric\'s dimensions. Example: `{"model": "large"}`.',
        default=None,
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> ConsumptionDraft:
        """Return what is asked for."""
        data: Any = self.data
        return ConsumptionDraft(
            customer=self.customer_id,
            external_id=self.external_id,
            feature=self.feature_key,
            amount=self.amount,
            data={} if data is None else data,
        )


@value("What was used, and what is left.")
class EntitlementConsumePayload(Payload):
    """The answer of `entitlementConsume`."""

    access: FeatureAccess | None = field("How the customer stands with the feature now.", default=None)
    event_ids: list[strawberry.ID] | None = field(
        "The ids of the events that say so, one unless the metric counts events.", default=None
    )
    replayed: bool = field("Whether an earlier call with this idempotency key used them.", default=False)


async def consume_once(call: Call, asked: EntitlementConsumeInput) -> dict[str, Any]:
    """Use what is asked for, once for an idempotency key; return the fields of the payload."""
    key, draft = asked.idempotency_key, asked.to_draft()
    done, standing = await call.once_and_read(
        asked,
        key,
        lambda s, now: consume(s, call.principal, now, key, draft),
        lambda s, now, events: standing_after(s, call.principal, now, draft, events),
    )
    ids = [strawberry.ID(event.id) for event in done.rows]
    return {"access": standing, "event_ids": ids, "replayed": done.replayed}

"""How subscriptions end."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from app.billing.catalog.changes import TerminationDraft
from app.schema.declarations import field, value
from app.schema.enums import ChangeTime
from app.schema.inputs import idempotency_key
from app.schema.invoice import Invoice
from app.schema.subscription import Subscription
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.credit_note import CreditNote


@strawberry.input(description="The end of a subscription.")
class SubscriptionTerminateInput:
    """See `TerminationDraft`."""

    subscription_id: strawberry.ID = field("The id of the subscription.")
    at: ChangeTime = field("When it ends.", default=ChangeTime.PERIOD_END)
    credit_unused: bool = field(
        "Whether what was charged in advance for the time after the end is given back. Only where it ends now.",
        default=False,
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> TerminationDraft:
        """Return what is asked for."""
        return TerminationDraft(subscription=self.subscription_id, at=self.at, credit_unused=self.credit_unused)


@value("The subscription that ends.")
class SubscriptionTerminatePayload(Payload):
    """The answer of `subscriptionTerminate`."""

    subscription: Subscription | None = field("The subscription.", default=None)
    invoice: Invoice | None = field(
        "The draft that bills its last arrears, issued after the grace time; null where there are none, and where it "
        "goes on until the end of its period.",
        default=None,
    )
    credit_notes: list[Annotated["CreditNote", strawberry.lazy("app.schema.credit_note")]] = field(
        "What was given back of what had been charged in advance.", default_factory=list
    )
    replayed: bool = field("Whether an earlier call with this idempotency key ended it.", default=False)


@strawberry.input(description="A subscription that is to go on.")
class SubscriptionReactivateInput:
    """Its id."""

    subscription_id: strawberry.ID = field("The id of the subscription, which has not ended yet.")


@value("The subscription that goes on.")
class SubscriptionReactivatePayload(Payload):
    """The answer of `subscriptionReactivate`."""

    subscription: Subscription | None = field("The subscription.", default=None)
    invoice: Invoice | None = field(
        "What is charged for the rest of a period that was charged in advance until the end only; null where none was.",
        default=None,
    )

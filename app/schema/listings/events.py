"""Lists of events."""

import strawberry

from app import models
from app.ids import event_id
from app.schema.enums import UncountedReason
from app.schema.listings.listing import By, InstantRange, listing, one_of, within


@listing(
    models.MeterEvent,
    TIMESTAMP=By("timestamp", "When it happened."),
    RECEIVED_AT=By("created_at", "When it was received."),
)
class MeterEventFilter:
    """Rows of `meter_event`."""

    types: list[str] | None = one_of("type", 'Of one of these types. Example: `["inference.completed"]`.')
    subjects: list[strawberry.ID] | None = one_of("subject", "Whose `subject` is one of these, as it was sent.")
    external_subjects: list[str] | None = one_of(
        "external_subject", 'Whose `externalSubject` is one of these, as it was sent. Example: `["acme-1"]`.'
    )
    idempotency_keys: list[str] | None = one_of(
        "id", 'With one of these idempotency keys. Example: `["evt-1"]`.', derived=event_id
    )
    external_ids: list[str] | None = one_of("external_id", 'With one of these ids of your own. Example: `["ext-1"]`.')
    reasons: list[UncountedReason] | None = one_of(
        "reason", "That count for nothing, or that nobody is billed for, for one of these reasons."
    )
    timestamp: InstantRange | None = within("timestamp", "When they happened.")
    received_at: InstantRange | None = within("created_at", "When they were received.")

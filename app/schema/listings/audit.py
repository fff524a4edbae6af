"""Lists of audit entries."""

import strawberry

from app import models
from app.schema.audit_words import AuditChange
from app.schema.listings.listing import By, InstantRange, listing, one_of, within


@listing(models.AuditEntry, AT=By("at", "When it was done."))
class AuditEntryFilter:
    """Rows of `audit_entry`."""

    nouns: list[str] | None = one_of(
        "noun", 'Of objects of one of these types. Example: `["Customer", "Subscription"]`.'
    )
    subject_ids: list[strawberry.ID] | None = one_of("subject_id", "Of one of the objects with these ids.")
    actors: list[str] | None = one_of(
        "actor", 'By one of these: ids of API keys, `worker`, `cli` or `system`. Example: `["worker"]`.'
    )
    changes: list[AuditChange] | None = one_of("change", "That did one of these. Example: `[DELETE]`.")
    at: InstantRange | None = within("at", "When it was done, in real time.")

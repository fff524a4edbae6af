"""Root fields of the audit log."""

import strawberry

from app import models
from app.loaders.pages import Relation
from app.schema.audit import AuditEntry
from app.schema.connections import Connection, connection
from app.schema.single import single


@strawberry.type
class AuditQueries:
    """Who changed what."""

    audit_entry: AuditEntry | None = single("An entry of the audit log by its id.", models.AuditEntry)
    audit_entries: Connection[AuditEntry] = connection(
        "The audit log: every change in this environment, and those of the merchant and its keys, which both "
        "environments show.",
        Relation(models.AuditEntry),
    )

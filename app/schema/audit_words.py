"""The enums of the audit log."""

from app.billing.audit import AuditActorKind, AuditChange
from app.schema.enums import describe

describe(
    AuditChange,
    "What was done to an object.",
    {
        AuditChange.CREATE: "It was made: `before` is empty.",
        AuditChange.UPDATE: "Fields of it were changed: `before` and `after` have those.",
        AuditChange.DELETE: "It was deleted: `after` is empty.",
        AuditChange.ERASE: "The personal data of a customer was erased, here too.",
        AuditChange.RUN: "A run of due work: `after` says for which subjects, and which invoices it made or changed.",
    },
)
describe(
    AuditActorKind,
    "What kind of actor did something.",
    {
        AuditActorKind.API_KEY: "A caller of the API, known by the key.",
        AuditActorKind.WORKER: "The billing worker, as time went by.",
        AuditActorKind.COMMAND_LINE: "Somebody at the command line of the server.",
        AuditActorKind.SYSTEM: "The server itself.",
    },
)

__all__ = ["AuditActorKind", "AuditChange"]

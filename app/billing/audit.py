"""The words of the audit log."""

from enum import StrEnum


class AuditChange(StrEnum):
    """What was done."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    ERASE = "ERASE"
    RUN = "RUN"


class AuditActorKind(StrEnum):
    """What kind of actor did it."""

    API_KEY = "API_KEY"
    WORKER = "WORKER"
    COMMAND_LINE = "COMMAND_LINE"
    SYSTEM = "SYSTEM"

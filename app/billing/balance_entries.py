"""What changes the balance and the overage of an entitlement, entry by entry."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class EntryKind(StrEnum):
    """What changed a balance, or what no grant covers."""

    GRANTED = "GRANTED"
    RESUMED = "RESUMED"
    BURNED = "BURNED"
    OVERAGE = "OVERAGE"
    OVERAGE_COVERED = "OVERAGE_COVERED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"
    RESET = "RESET"
    ROLLED_OVER = "ROLLED_OVER"
    OVERAGE_RESET = "OVERAGE_RESET"
    ENDED = "ENDED"


class Entry(NamedTuple):
    """One change of an entitlement's balance or overage, and what both are then. Changes add up to them.

    `grant_id` is None for what the entitlement itself gives. `since` is from when on the units of usage were used.
    """

    at: datetime
    kind: EntryKind
    entitlement_id: str
    grant_id: str | None
    balance_change: Decimal
    overage_change: Decimal
    balance: Decimal
    overage: Decimal
    since: datetime | None = None

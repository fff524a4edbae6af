"""Who is asking, and in which environment."""

from dataclasses import dataclass
from datetime import datetime

from app.billing.access import Scope
from app.models import EnvironmentKind


@dataclass(frozen=True)
class Principal:
    """A caller whose key was checked: every query and every write is bound to its environment.

    `expires_at` is when the key stops being valid by itself. With a customer token the caller is that customer: it
    reads its own rows alone, and `api_key_id` is the key that made the token.
    """

    api_key_id: str
    merchant_id: str
    environment_id: str
    environment_kind: EnvironmentKind
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    customer_id: str | None = None
    customer_token_id: str | None = None

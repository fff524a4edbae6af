"""API keys: who may do what."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.schema.declarations import edge, field, noun, value
from app.schema.inputs import idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.merchant import Merchant


@noun("key", models.ApiKey, Scope.SETTINGS_WRITE, "A bearer secret of the merchant, valid in both environments.")
class ApiKey(Node):
    """Rows of `api_key`."""

    name: str = field("What it is called. Example: `billing backend`.")
    hint: str = field("The last four characters of its secret. Example: `x7Qd`.")
    scopes: list[Scope] = field("What it may do.", of=lambda row: [Scope(scope) for scope in row.scopes])
    created_at: datetime = field("When it was created.")
    expires_at: datetime | None = field("From when on it is refused; null for never.")
    revoked_at: datetime | None = field("When it was revoked; null while it is valid.")
    last_used_at: datetime | None = field("When it was last used, to the minute; null for never.")
    merchant: Annotated["Merchant", strawberry.lazy("app.schema.merchant")] = edge(
        "In whose name it acts.", models.Merchant, "merchant_id"
    )


@strawberry.input(description="An API key to create.")
class ApiKeyCreateInput:
    """See `services.keys.create_key`."""

    name: str = field("What it is called, up to 255 characters. Example: `billing backend`.")
    scopes: list[Scope] = field("What it may do, at least one. Example: `[EVENTS_CREATE]`.")
    expires_at: datetime | None = field("From when on it is refused; null for never.", default=None)
    idempotency_key: str | None = idempotency_key()

    def wanted(self) -> tuple[str, list[Scope], datetime | None]:
        """Return name, scopes and expiry."""
        return self.name, self.scopes, self.expires_at


@strawberry.input(description="An API key to revoke.")
class ApiKeyRevokeInput:
    """See `services.keys.revoke_key`."""

    id: strawberry.ID = field("The id of the key.")


@value("The API key that was created.")
class ApiKeyCreatePayload(Payload):
    """The answer of `apiKeyCreate`."""

    api_key: ApiKey | None = field("The key.", default=None)
    secret: str | None = field("What to send as bearer token. Shown only this once: null when replayed.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The API key that was revoked.")
class ApiKeyRevokePayload(Payload):
    """The answer of `apiKeyRevoke`."""

    api_key: ApiKey | None = field("The key.", default=None)

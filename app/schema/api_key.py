"""API keys: who may do what."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.access import Scope
from app.schema.declarations import edge, field, noun, value
from app.schema.inputs import idempotency_key
from app.schema.node import Node
from app.schema.user_errors import Payload
from app.services.key_rotation import DEFAULT_OVERLAP

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
    replaced_by: Annotated["ApiKey", strawberry.lazy("app.schema.api_key")] | None = edge(
        "The key that takes its place, as it was rotated; else null.", models.ApiKey, "replaced_by_id"
    )
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


@strawberry.input(description="An API key to rotate: another takes its place.")
class ApiKeyRotateInput:
    """See `services.key_rotation.rotate_key`."""

    id: strawberry.ID = field("The id of the key.")
    overlap_seconds: int = field(
        "For how long the old key stays valid beside the new one, in seconds, at most 30 days; then it expires by "
        "itself. Example: `3600`.",
        default=int(DEFAULT_OVERLAP.total_seconds()),
    )
    expires_at: datetime | None = field(
        "From when on the new key is refused; left out, it lives as long as the old one was made to.", default=None
    )
    idempotency_key: str | None = idempotency_key()

    def wanted(self) -> tuple[str, timedelta, datetime | None]:
        """Return the key's id, the overlap and the expiry of the new key."""
        return self.id, timedelta(seconds=self.overlap_seconds), self.expires_at


@value("The API key that was created.")
class ApiKeyCreatePayload(Payload):
    """The answer of `apiKeyCreate`."""

    api_key: ApiKey | None = field("The key.", default=None)
    secret: str | None = field("What to send as bearer token. Shown only this once: null when replayed.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The API key that was made, and the one whose place it takes.")
class ApiKeyRotatePayload(Payload):
    """The answer of `apiKeyRotate`."""

    api_key: ApiKey | None = field("The new key, with the name and the scopes of the old one.", default=None)
    replaced: ApiKey | None = field("The old key: `expiresAt` says until when it is valid.", default=None)
    secret: str | None = field("What to send as bearer token. Shown only this once: null when replayed.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("The API key that was revoked.")
class ApiKeyRevokePayload(Payload):
    """The answer of `apiKeyRevoke`."""

    api_key: ApiKey | None = field("The key.", default=None)

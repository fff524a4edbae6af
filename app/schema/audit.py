"""The audit log: who changed what, when, from what to what."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Final

import strawberry
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from app import models
from app.billing.access import Scope
from app.billing.erasure import ERASED, restored
from app.context import Context
from app.ids import prefix_of
from app.loaders.personal_data import personal_data_by_entry
from app.schema.api_key import ApiKey
from app.schema.audit_words import AuditActorKind, AuditChange
from app.schema.declarations import field, followed, noun, value
from app.schema.node import Node, node_with
from app.services.personal_data import PERSONAL_NOUNS

#: What cursors are sealed with stays here, as do secrets, which are not even written.
_HIDDEN: Final = frozenset({"environment_id", "page_secret", "secret_hash"})
#: Columns that the API calls otherwise.
_NAMES: Final = {"details": "metadata"}
_KINDS: Final = {"worker": AuditActorKind.WORKER, "cli": AuditActorKind.COMMAND_LINE}


def _kind(actor: str) -> AuditActorKind:
    if prefix_of(actor) == "key":
        return AuditActorKind.API_KEY
    return _KINDS.get(actor, AuditActorKind.SYSTEM)


def _key(actor: str, context: Context) -> Awaitable[Any] | None:
    return context.loaders.by_id(models.ApiKey).load(actor) if prefix_of(actor) == "key" else None


@value("Who did something.", Scope.AUDIT_READ)
class AuditActor:
    """Read from `audit_entry.actor`."""

    kind: AuditActorKind = field("What kind of actor it is.", of=_kind)
    name: str = field(
        "The id of an API key, `worker`, `cli` or `system`: what the filter `actors` takes. Example: `worker`.",
        of=str,
    )
    api_key: ApiKey | None = followed("The API key; null for other actors.", _key)


def _personal(root: Any, context: Context) -> Awaitable[Any] | None:
    if root.noun not in PERSONAL_NOUNS:
        return None
    return context.loaders.of(personal_data_by_entry).load(root.id)


def _before(root: Any, personal: Any) -> Any:
    return _shown(root, root.before if personal is None else restored(root.before, personal.before))


def _after(root: Any, personal: Any) -> Any:
    return _shown(root, root.after if personal is None else restored(root.after, personal.after))


def _is_erased(root: Any, personal: Any) -> bool:
    marked = root.noun in PERSONAL_NOUNS and ERASED in (*root.before.values(), *root.after.values())
    return personal is None and marked


def _shown(root: Any, values: dict[str, Any]) -> dict[str, Any]:
    hidden = _HIDDEN | {"id"} if root.noun == models.Environment.__name__ else _HIDDEN
    return {_NAMES.get(name, to_camel_case(name)): item for name, item in values.items() if name not in hidden}


def _subject_id(row: Any) -> str:
    """Return the id of what was changed; that of an environment stays here, and its merchant's stands for it."""
    subject_id: str = row.merchant_id if row.noun == models.Environment.__name__ else row.subject_id
    return subject_id


@noun("aud", models.AuditEntry, Scope.AUDIT_READ, "The record of one change. It never changes itself.")
class AuditEntry(Node):
    """Rows of `audit_entry`."""

    at: datetime = field("When it was done, in real time, whatever clock its object lives by.")
    actor: AuditActor = field("Who did it.", of="actor")
    change: AuditChange = field("What was done.", of=lambda row: AuditChange(row.change))
    noun: str = field(
        "The type of what was changed, of the API or of what is behind it; `DueWork` of a run. Example: `Customer`."
    )
    subject_id: strawberry.ID = field("The id of what was changed; for a run, what fell due.", of=_subject_id)
    subject: Node | None = followed(
        "What was changed, as it is now; null where it is gone, has no type of its own, or this key may not read it.",
        lambda row, context: node_with(context, _subject_id(row)),
    )
    before: JSON = followed(
        "The values before by the names of fields, as they are stored: amounts in minor units, ids instead of "
        f"objects. What was erased reads `{ERASED}`. Secrets are never here.",
        _personal,
        _before,
    )
    after: JSON = followed("The values after, in the same form.", _personal, _after)
    is_erased: bool = followed(
        f"Whether it held personal data of a customer that was erased: `{ERASED}` stands in its place.",
        _personal,
        _is_erased,
    )

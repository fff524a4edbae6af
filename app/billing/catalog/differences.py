"""What has to happen to make the catalog that is there the one that is wanted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.billing.catalog.as_code import SECTIONS, CatalogDraft, CatalogNoun, Draft, item_of
from app.billing.errors import ErrorCode, Problems


class CatalogAction(StrEnum):
    """What happens to one object."""

    CREATE = "CREATE"
    CHANGE = "CHANGE"
    NEW_VERSION = "NEW_VERSION"
    RESTORE = "RESTORE"
    ARCHIVE = "ARCHIVE"
    UNTOUCHED = "UNTOUCHED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Existing:
    """An object that is there; `published` says that a published plan version uses it."""

    id: str
    draft: Draft
    published: bool = False
    archived: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """What a field says before and after, as a document writes it; None where it says nothing."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogChange:
    """What happens to one object. `place` is its index in the document; -1 for one that the document leaves out."""

    action: CatalogAction
    noun: CatalogNoun
    key: str
    id: str | None
    fields: tuple[FieldChange, ...] = ()
    place: int = -1

    @property
    def path(self) -> str:
        """The path of the object in the document."""
        return f"{SECTIONS[self.noun]}.{self.place}"


#: The objects that are there, by noun and key. Their drafts name others by key, or by id where those have none.
Current = Mapping[CatalogNoun, Mapping[str, Existing]]

_NEVER: Mapping[CatalogNoun, frozenset[str]] = {
    CatalogNoun.PRODUCT: frozenset(),
    CatalogNoun.BILLABLE_METRIC: frozenset({"productId"}),
    CatalogNoun.FEE: frozenset({"productId"}),
    CatalogNoun.PRICE: frozenset({"target"}),
    CatalogNoun.PLAN: frozenset({"productId", "billingInterval", "currency", "billingVersion"}),
}
_NOT_ONCE_PUBLISHED: Mapping[CatalogNoun, frozenset[str]] = {
    CatalogNoun.BILLABLE_METRIC: frozenset({"eventType", "aggregation", "valueProperty", "groupBy", "eventFrom"}),
    CatalogNoun.PRICE: frozenset({"invoiceDisplayName", "paymentTerm", "currency", "model", "quantity"}),
}


def compare(current: Current, wanted: CatalogDraft, problems: Problems) -> list[CatalogChange]:
    """Return what happens to each object: those of the document in its order, then what it leaves out, by key.

    Notes a problem for each field that can't change, under its path in the document.
    """
    kept = [change for noun in CatalogNoun for change in _kept(noun, current[noun], wanted.of(noun))]
    for change in kept:
        _refuse_fixed(change, current, problems)
    return [*kept, *(change for noun in reversed(CatalogNoun) for change in _left_out(noun, current[noun], wanted))]


def _kept(noun: CatalogNoun, current: Mapping[str, Existing], wanted: Sequence[Draft]) -> Iterator[CatalogChange]:
    for place, draft in enumerate(wanted):
        if draft.key is None:
            continue  # a problem of its own, noted where the document is checked
        there = current.get(draft.key)
        if there is None:
            yield CatalogChange(action=CatalogAction.CREATE, noun=noun, key=draft.key, id=None, place=place)
            continue
        fields = _changed(item_of(there.draft), item_of(draft))
        action = _action(there, {change.field for change in fields})
        yield CatalogChange(action=action, noun=noun, key=draft.key, id=there.id, fields=fields, place=place)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    names = list(dict.fromkeys((*before, *after)))
    return tuple(
        FieldChange(field=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _action(there: Existing, fields: set[str]) -> CatalogAction:
    if "priceIds" in fields:
        return CatalogAction.NEW_VERSION
    if there.archived:
        return CatalogAction.RESTORE
    return CatalogAction.CHANGE if fields else CatalogAction.UNTOUCHED


def _left_out(noun: CatalogNoun, current: Mapping[str, Existing], wanted: CatalogDraft) -> Iterator[CatalogChange]:
    keys = {draft.key for draft in wanted.of(noun)}
    for key, there in sorted(current.items()):
        if key not in keys and not there.archived:
            yield CatalogChange(action=CatalogAction.ARCHIVE, noun=noun, key=key, id=there.id)


def _refuse_fixed(change: CatalogChange, current: Current, problems: Problems) -> None:
    there = current[change.noun].get(change.key)
    if there is None:
        return
    for item in change.fields:
        path = f"{change.path}.{item.field}"
        if item.field in _NEVER[change.noun]:
            problems.add(ErrorCode.IMMUTABLE, path, "This never changes. Make another object, under a key of its own.")
        elif there.published and item.field in _NOT_ONCE_PUBLISHED.get(change.noun, ()):
            message = (
                f'A published plan version uses "{change.key}", so this can\'t change. Give what is to be another key, '
                "and put it into the plan: that publishes a new version."
            )
            problems.add(ErrorCode.IN_USE, path, message)

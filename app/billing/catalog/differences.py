"""What has to happen to make the catalog that is there the one that is wanted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.billing.catalog.as_code import SECTIONS, CatalogDraft, CatalogNoun, Draft, item_of
from app.billing.catalog.metrics import MEASURES
from app.billing.catalog.prices import CHARGES
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
    """An object that is there.

    `used` says that a published plan version contains it (a price), or bills it, or that events are there for it (a
    metric). `holders` are the ids of objects without a key that refer to it and are not archived.
    """

    id: str
    draft: Draft
    used: bool = False
    archived: bool = False
    holders: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """What a field says before and after, as a document writes it; None where it says nothing."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogChange:
    """What happens to one object. `place` is its index in the document; None for one that the document leaves out."""

    action: CatalogAction
    noun: CatalogNoun
    key: str
    id: str | None
    fields: tuple[FieldChange, ...] = ()
    place: int | None = None


#: The objects that are there, by noun and key. Their drafts name others by key, or by id where those have none.
Current = Mapping[CatalogNoun, Mapping[str, Existing]]

#: How many of those who use an object a message names.
MAX_NAMED = 10
#: No document writes it, so that it can be told from what one does.
ARCHIVED = FieldChange(field="archived", before=True, after=None)

_NEVER: Mapping[CatalogNoun, frozenset[str]] = {
    CatalogNoun.PRODUCT: frozenset(),
    CatalogNoun.BILLABLE_METRIC: frozenset({"productId"}),
    CatalogNoun.FEE: frozenset({"productId"}),
    CatalogNoun.PRICE: frozenset({"target"}),
    CatalogNoun.PLAN: frozenset(
        {"productId", "billingInterval", "currency", "billingVersion", "billingAnchor", "taxBehavior"}
    ),
}
_NOT_ONCE_USED: Mapping[CatalogNoun, frozenset[str]] = {
    CatalogNoun.BILLABLE_METRIC: frozenset(MEASURES.values()),
    CatalogNoun.PRICE: frozenset(CHARGES.values()),
}
_USED: Mapping[CatalogNoun, str] = {
    CatalogNoun.BILLABLE_METRIC: "Events are there for this metric, or a published plan version bills it, so what it "
    "measures can't change. Another metric takes another key.",
    CatalogNoun.PRICE: "A published plan version contains this price, so it can't change. Give what is to be a key of "
    "its own and put that into the plan: a new version is published.",
}


def compare(current: Current, wanted: CatalogDraft, problems: Problems) -> list[CatalogChange]:
    """Return what happens to each object: those of the document in its order, then what it leaves out, users first.

    Notes a problem for each field that can't change, under its path in the document, and for each object that can't be
    left out, under its section.
    """
    kept = [change for noun in CatalogNoun for change in _kept(noun, current[noun], wanted.of(noun))]
    left_out = [change for noun in reversed(CatalogNoun) for change in _left_out(noun, current[noun], wanted)]
    for change in kept:
        _refuse_fixed(change, current, problems)
    for change in left_out:
        _refuse_held(change, current, problems)
    return [*kept, *left_out]


def _kept(noun: CatalogNoun, current: Mapping[str, Existing], wanted: Sequence[Draft]) -> Iterator[CatalogChange]:
    for place, draft in enumerate(wanted):
        assert draft.key is not None, "every object of a document has a key"
        there = current.get(draft.key)
        if there is None:
            yield CatalogChange(action=CatalogAction.CREATE, noun=noun, key=draft.key, id=None, place=place)
            continue
        fields = changed_fields(item_of(there.draft), item_of(draft))
        action = _action(there, {change.field for change in fields})
        fields = (*fields, ARCHIVED) if there.archived else fields
        yield CatalogChange(action=action, noun=noun, key=draft.key, id=there.id, fields=fields, place=place)


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return the fields that say something else in another item, in the order of the first."""
    names = dict.fromkeys((*before, *after))
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
        path = f"{SECTIONS[change.noun]}.{change.place}.{item.field}"
        if item.field in _NEVER[change.noun]:
            problems.add(ErrorCode.IMMUTABLE, path, "This never changes. Make another object, under a key of its own.")
        elif there.used and item.field in _NOT_ONCE_USED.get(change.noun, ()):
            problems.add(ErrorCode.IN_USE, path, _USED[change.noun])


def _refuse_held(change: CatalogChange, current: Current, problems: Problems) -> None:
    holders = current[change.noun][change.key].holders
    if holders:
        named = ", ".join(holders[:MAX_NAMED]) + (", …" if len(holders) > MAX_NAMED else "")
        message = f'"{change.key}" is left out, but used by what has no key: {named}. Archive that first.'
        problems.add(ErrorCode.IN_USE, SECTIONS[change.noun], message)

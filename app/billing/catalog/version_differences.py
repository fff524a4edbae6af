"""What changed between two versions of a plan, price by price, in words that people understand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.billing.catalog.as_code import item_of
from app.billing.catalog.differences import FieldChange, changed_fields
from app.billing.catalog.price_words import PriceField, sentence_of
from app.billing.catalog.prices import PriceDraft
from app.billing.decimals import plain


class PriceChangeKind(StrEnum):
    """What became of a price."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    REPLACED = "REPLACED"
    KEPT = "KEPT"


@dataclass(frozen=True, slots=True)
class VersionPrice:
    """A price that a version holds. Both versions name metrics and fees in the same way, by id or by key."""

    id: str
    draft: PriceDraft


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceFieldChange:
    """What a field of a price says before and after, as a catalog document writes it; None where it says nothing."""

    name: PriceField
    before: Any
    after: Any
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceChange:
    """What became of a price; the ids are None where a version does not hold it."""

    kind: PriceChangeKind
    before_id: str | None
    after_id: str | None
    fields: tuple[PriceFieldChange, ...] = ()
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionDifference:
    """The changes in the order of the later version, then what it no longer holds in the order of the earlier one.

    `is_reordered` says that what both hold stands in another order.
    """

    changes: tuple[PriceChange, ...]
    is_reordered: bool
    sentence: str


def compare_versions(before: Sequence[VersionPrice], after: Sequence[VersionPrice]) -> VersionDifference:
    """Return what changed. A price takes the place of one that charges the same fee, or the same events of a metric."""
    pairs, removed = _paired(before, after)
    changes = tuple(_change(old, new) for old, new in pairs) + tuple(_removed(old) for old in removed)
    places = {price.id: place for place, price in enumerate(before)}
    order = [places[old.id] for old, _ in pairs if old is not None]
    is_reordered = order != sorted(order)
    return VersionDifference(
        changes=changes, is_reordered=is_reordered, sentence=_summary(changes, is_reordered=is_reordered)
    )


def _paired(
    before: Sequence[VersionPrice], after: Sequence[VersionPrice]
) -> tuple[list[tuple[VersionPrice | None, VersionPrice]], list[VersionPrice]]:
    """Return each later price with the one it was or replaces, and the earlier ones that are left."""
    kept = {price.id for price in after}
    same = {price.id: price for price in before}
    left = [price for price in before if price.id not in kept]
    pairs = []
    for price in after:
        old = same.get(price.id)
        if old is None:
            old = next((one for one in left if _charged_by(one.draft) == _charged_by(price.draft)), None)
            left = [one for one in left if one is not old]
        pairs.append((old, price))
    return pairs, left


def _charged_by(draft: PriceDraft) -> tuple[object, ...]:
    # The order of conditions, and of values in them, changes nothing.
    conditions = frozenset((condition.name, frozenset(condition.values)) for condition in draft.filter)
    return draft.billable_metric, draft.fee, conditions


def _change(old: VersionPrice | None, new: VersionPrice) -> PriceChange:
    name = new.draft.invoice_display_name
    if old is None:
        added = PriceChangeKind.ADDED
        return PriceChange(kind=added, before_id=None, after_id=new.id, sentence=f'"{name}" is added.')
    if old.id == new.id:
        kept = PriceChangeKind.KEPT
        return PriceChange(kind=kept, before_id=old.id, after_id=new.id, sentence=f'"{name}" stays as it is.')
    fields = field_changes(old.draft, new.draft)
    told = " ".join(change.sentence for change in fields) or "It charges the same."
    return PriceChange(
        kind=PriceChangeKind.REPLACED,
        before_id=old.id,
        after_id=new.id,
        fields=fields,
        sentence=f'"{old.draft.invoice_display_name}" is replaced. {told}',
    )


def _removed(old: VersionPrice) -> PriceChange:
    sentence = f'"{old.draft.invoice_display_name}" is removed.'
    return PriceChange(kind=PriceChangeKind.REMOVED, before_id=old.id, after_id=None, sentence=sentence)


def field_changes(before: PriceDraft, after: PriceDraft) -> tuple[PriceFieldChange, ...]:
    """Return the fields that say something else in another price of the same fee or events.

    Of another model all parameters are others: `model` alone says it.
    """
    currencies = (before.currency or "", after.currency or "")
    return tuple(_field_change(change, currencies) for change in changed_fields(*_charges(before, after)))


def _field_change(change: FieldChange, currencies: tuple[str, str]) -> PriceFieldChange:
    name = PriceField(change.field)
    sentence = sentence_of(name, change.before, change.after, currencies)
    return PriceFieldChange(name=name, before=change.before, after=change.after, sentence=sentence)


def _charges(before: PriceDraft, after: PriceDraft) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what two prices charge, with the parameters of their model beside all else if both have the same."""
    items = _item(before), _item(after)
    if items[0]["model"].keys() != items[1]["model"].keys():
        return items
    return _flat(items[0]), _flat(items[1])


def _item(draft: PriceDraft) -> dict[str, Any]:
    item = {name: value for name, value in item_of(draft).items() if name not in {"key", "target", "filter"}}
    if draft.fee is not None:
        item["quantity"] = plain(1 if draft.quantity is None else draft.quantity)
    return item


def _flat(item: Mapping[str, Any]) -> dict[str, Any]:
    [parameters] = item["model"].values()
    return {**{name: value for name, value in item.items() if name != "model"}, **parameters}


def _summary(changes: Sequence[PriceChange], *, is_reordered: bool) -> str:
    kinds = [change.kind for change in changes]
    if set(kinds) <= {PriceChangeKind.KEPT}:
        return "The prices are the same, in another order." if is_reordered else "The prices are the same."
    counted = [f"{kinds.count(kind)} {kind.value.lower()}" for kind in PriceChangeKind if kind in kinds]
    order = " What is in both is in another order." if is_reordered else ""
    return f"Prices: {', '.join(counted)}.{order}"

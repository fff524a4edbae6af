"""What applying a catalog changes, line by line."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.cli.terminal import line

#: For each action its sign, and its words before and after it is done. What stays untouched is only counted.
_ACTIONS = {
    "CREATE": ("+", "to create", "created"),
    "CHANGE": ("~", "to change", "changed"),
    "NEW_VERSION": ("^", "to get a new version", "with a new version"),
    "RESTORE": ("*", "to restore", "restored"),
    "ARCHIVE": ("-", "to archive", "archived"),
}
UNTOUCHED = "UNTOUCHED"
#: The server names no more of those who are affected.
CUSTOMERS_NAMED = 10
Change = Mapping[str, Any]


def has_changes(changes: Sequence[Change]) -> bool:
    """Tell whether anything is to be done."""
    return any(change["action"] != UNTOUCHED for change in changes)


def show_changes(changes: Sequence[Change], *, done: bool) -> None:
    """Print every change with its fields and whom it affects, and a line that counts them."""
    for change in changes:
        if change["action"] != UNTOUCHED:
            _show(change)
    line(summary(changes, done=done))


def summary(changes: Sequence[Change], *, done: bool) -> str:
    """Return how much of what there is to do, or was done."""
    counts = Counter(change["action"] for change in changes)
    parts = [
        f"{counts[action]} {after if done else before}"
        for action, (_, before, after) in _ACTIONS.items()
        if counts[action]
    ]
    if not parts:
        return f"nothing to change, {counts[UNTOUCHED]} untouched"
    return f"{'applied' if done else 'plan'}: {', '.join(parts)}, {counts[UNTOUCHED]} untouched"


def _show(change: Change) -> None:
    sign, noun = _ACTIONS[change["action"]][0], change["noun"].lower().replace("_", " ")
    line(f"{sign} {noun} {change['key']}")
    for field in change["fields"]:
        line(f"    {field['field']}: {written(field['before'])} -> {written(field['after'])}")
    if count := change["affected"]["subscriptionCount"]:
        names = [customer["name"] for customer in change["affected"]["customers"]]
        others = " and others" if len(names) >= CUSTOMERS_NAMED else ""
        line(f"    affects {count} subscription{'' if count == 1 else 's'}, of {', '.join(names)}{others}")


def written(value: Any) -> str:
    """Return a value as JSON, its decimals as they are."""
    return json.dumps(value, ensure_ascii=False, default=_decimal)


def _decimal(value: object) -> str:
    assert isinstance(value, Decimal)
    return str(value)

"""What a request carries: who asks, when, and the loaders that batch its reads."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlmodel import SQLModel
from strawberry.dataloader import DataLoader

from app.clock import Clock
from app.db import Sessions
from app.loaders.by_id import rows_by_id, rows_by_key, rows_linked
from app.loaders.conditions import Given
from app.loaders.owner import Owner
from app.loaders.pages import Relation, Window, counts_by_parent, pages_by_parent
from app.metering.allowance import Allowance
from app.services.cost_budgets import Spending, spending_of
from app.services.principal import Principal
from app.settings import Settings

#: Keys of one statement, below the parameters that either database takes.
BATCH = 1000

Batch = Callable[..., Awaitable[Sequence[Any]]]


class Loaders:
    """The loaders of a request, each made when it is first asked for."""

    def __init__(self, sessions: Sessions, owner: Owner) -> None:
        """Read with these sessions, and only what is the owner's."""
        self._sessions, self._owner = sessions, owner
        self._made: dict[tuple[Any, ...], DataLoader[str, Any]] = {}

    def of(self, batch: Batch, *arguments: Any) -> DataLoader[str, Any]:
        """Return the loader of a batch function, the same one for the same arguments."""
        key = (batch, *arguments)
        if key not in self._made:
            load = partial(batch, self._sessions, self._owner, *arguments)
            self._made[key] = DataLoader(load, max_batch_size=BATCH)
        return self._made[key]

    def by_id(self, model: type[SQLModel]) -> DataLoader[str, Any]:
        """Rows of a noun by id."""
        return self.of(rows_by_id, model)

    def linked(self, model: type[SQLModel]) -> DataLoader[str, Any]:
        """Rows of a noun by an id that stands in a row: as `by_id`, but that so a customer sees the catalog, too."""
        return self.by_id(model) if self._owner.customer_id is None else self.of(rows_linked, model)

    def by_key(self, model: type[SQLModel]) -> DataLoader[str, Any]:
        """Rows of a catalog noun by key."""
        return self.of(rows_by_key, model)

    def pages(self, relation: Relation, given: Given, window: Window) -> DataLoader[str, Any]:
        """Pages of a relation by the parent's id."""
        return self.of(pages_by_parent, relation, given, window)

    def counts(self, relation: Relation, given: Given) -> DataLoader[str, Any]:
        """Sizes of a relation by the parent's id."""
        return self.of(counts_by_parent, relation, given)


@dataclass
class Context:
    """One request. `sessions` act in the name of its key."""

    sessions: Sessions
    clock: Clock
    principal: Principal
    settings: Settings
    spending: Spending = field(init=False)
    #: What may still be read for its figures.
    allowance: Allowance = field(init=False)
    owner: Owner = field(init=False)
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        """Begin with loaders that know nothing yet."""
        me = self.principal
        self.spending = spending_of(self.sessions, self.settings, me)
        self.allowance = Allowance(self.spending.owe, self.spending.pay_debt)
        self.owner = Owner(me.merchant_id, me.environment_id, me.customer_id)
        self.forget()

    def forget(self) -> None:
        """Drop what was read: a mutation may have changed it."""
        self.loaders = Loaders(self.sessions, self.owner)

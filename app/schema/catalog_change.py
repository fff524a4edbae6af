"""Catalog as code: what happens to each object, and who is affected."""

from typing import Any

import strawberry
from strawberry import Info, Parent
from strawberry.scalars import JSON

from app import models
from app.billing.access import Scope
from app.billing.catalog import differences
from app.billing.catalog.as_code import CatalogNoun
from app.billing.catalog.differences import CatalogAction
from app.context import Context
from app.loaders.affected_by_object import Affected, affected_by_object
from app.schema.customer import Customer
from app.schema.declarations import field, value
from app.schema.node import Node
from app.schema.user_errors import Payload
from app.services.catalog_state import MODELS

_NOBODY = Affected(0, ())


@value("A field that says something else than before, as a catalog document writes it.")
class CatalogFieldChange:
    """Resolvers return `billing.catalog.differences.FieldChange`."""

    name: str = field("The field of the document's object. Example: `priceIds`.", of="field", name="field")
    before: JSON | None = field("What it said; null where it said nothing.")
    after: JSON | None = field("What it says; null where it says nothing.")


async def _customers(root: Parent[Any], info: Info[Context, None]) -> Any:
    return await info.context.loaders.by_id(models.Customer).load_many(root.customer_ids)


@value("The subscriptions that a change concerns: they are live and bill by the object.", Scope.BILLING_READ)
class CatalogAffected:
    """Resolvers return `loaders.affected_by_object.Affected`."""

    subscription_count: int = field("How many there are. A new plan version leaves them on theirs.")
    customers: list[Customer] = field("Whose they are, at most ten.", resolver=_customers, access=models.Customer)


async def _object(root: Parent[Any], info: Info[Context, None]) -> Any:
    return None if root.id is None else await info.context.loaders.by_id(MODELS[root.noun]).load(root.id)


async def _affected(root: Parent[Any], info: Info[Context, None]) -> Any:
    if root.id is None or root.action in (CatalogAction.CREATE, CatalogAction.UNTOUCHED):
        return _NOBODY
    return await info.context.loaders.of(affected_by_object, root.noun).load(root.id)


@value("What happens to one object of the catalog.", Scope.CATALOG_READ)
class CatalogChange:
    """Resolvers return `billing.catalog.differences.CatalogChange`."""

    action: CatalogAction = field("What happens.")
    noun: CatalogNoun = field("What kind of object it is.")
    key: str = field("Its key. Example: `pro-2026`.")
    object: Node | None = field("The object as it is now; null for one that a dry run would create.", resolver=_object)
    fields: list[CatalogFieldChange] = field("What it says that is new; empty for one that is created.")
    affected: CatalogAffected = field("Who is affected; nobody by what is created or stays.", resolver=_affected)


@value("What happened to the catalog, or would.")
class CatalogApplyPayload(Payload):
    """The answer of `catalogApply`."""

    changes: list[CatalogChange] = field(
        "What happens to each object: those of the document in its order, then what it leaves out.",
        default_factory=list[differences.CatalogChange],
    )
    dry_run: bool = field("Whether this was only to be shown.", default=False)


@strawberry.input(description="The object of the catalog to archive.")
class CatalogArchiveInput:
    """See `services.archiving`."""

    id: strawberry.ID = field("The id of a product, billable metric, fee, price or plan. A key would not say which.")


@strawberry.input(description="The object of the catalog to restore.")
class CatalogRestoreInput:
    """See `services.archiving`."""

    id: strawberry.ID = field("The id of a product, billable metric, fee, price or plan. A key would not say which.")


@value("The object, archived.")
class CatalogArchivePayload(Payload):
    """The answer of `catalogArchive`."""

    object: Node | None = field("The object.", default=None, access=Scope.CATALOG_READ)


@value("The object, restored.")
class CatalogRestorePayload(Payload):
    """The answer of `catalogRestore`."""

    object: Node | None = field("The object.", default=None, access=Scope.CATALOG_READ)

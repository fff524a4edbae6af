"""Root fields of the catalog as one document, and of its archive."""

from typing import Any

import strawberry
from strawberry import Info
from strawberry.scalars import JSON

from app.billing.access import Scope
from app.context import Context
from app.schema.catalog_change import (
    CatalogApplyPayload,
    CatalogArchiveInput,
    CatalogArchivePayload,
    CatalogRestoreInput,
    CatalogRestorePayload,
)
from app.schema.catalog_document import CatalogApplyInput
from app.schema.declarations import field
from app.schema.mutation import Call, mutation
from app.services.archiving import archive, restore
from app.services.catalog_apply import apply_catalog, plan_catalog, rehearse_catalog
from app.services.catalog_state import export_catalog


async def _export(info: Info[Context, None]) -> Any:
    async with info.context.sessions.snapshot() as session:
        return await export_catalog(session, info.context.principal.environment_id)


@strawberry.type
class CatalogAsCodeQueries:
    """The catalog as one document."""

    catalog_export: JSON = field(
        "The catalog as a document in the form of `CatalogInput`: what has a key and is not archived. Given to "
        "`catalogApply` as it is, it changes nothing; within the bounds of one request, 1,000 objects of each noun.",
        resolver=_export,
        access=Scope.CATALOG_READ,
    )


@strawberry.type
class CatalogAsCodeMutations:
    """Applying a document, and the archive."""

    @mutation(
        "Make the catalog the one of a document, in one transaction. The second time it does nothing, so it takes "
        "no idempotency key.",
        access=Scope.CATALOG_WRITE,
    )
    async def catalog_apply(self, call: Call, input: CatalogApplyInput) -> CatalogApplyPayload:
        principal, wanted = call.principal, input.catalog.to_draft()
        changes: Any
        if input.dry_run:
            async with call.context.sessions.snapshot() as session:
                changes = await plan_catalog(session, principal, wanted)
            if any(plan.features for plan in wanted.plans):
                await call.transaction(lambda session: rehearse_catalog(session, principal, call.now(), wanted))
        else:
            changes = await call.transaction(lambda session: apply_catalog(session, principal, call.now(), wanted))
        return CatalogApplyPayload(changes=changes, dry_run=input.dry_run)

    @mutation(
        "Archive an object of the catalog: it stays with those who use it and takes nothing new.",
        access=Scope.CATALOG_WRITE,
    )
    async def catalog_archive(self, call: Call, input: CatalogArchiveInput) -> CatalogArchivePayload:
        row: Any = await call.transaction(lambda session: archive(session, call.principal, call.now(), input.id))
        return CatalogArchivePayload(object=row)

    @mutation("Take an object of the catalog back from the archive.", access=Scope.CATALOG_WRITE)
    async def catalog_restore(self, call: Call, input: CatalogRestoreInput) -> CatalogRestorePayload:
        row: Any = await call.transaction(lambda session: restore(session, call.principal, input.id))
        return CatalogRestorePayload(object=row)

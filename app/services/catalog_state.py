"""The catalog that is there, as drafts that name each other by key."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.anchors import anchor_from_json
from app.billing.catalog import BillableMetricDraft, FeeDraft, GroupBy, PlanDraft, PriceDraft, ProductDraft
from app.billing.catalog.as_code import SECTIONS, CatalogNoun, Draft, item_of
from app.billing.catalog.differences import Existing
from app.billing.filters import filter_from_json
from app.billing.price_models import model_from_json
from app.models import table_of
from app.models.row import CatalogRow
from app.services.catalog_use import used_metrics, used_prices

MODELS: Mapping[CatalogNoun, type[CatalogRow]] = {
    CatalogNoun.PRODUCT: models.Product,
    CatalogNoun.BILLABLE_METRIC: models.BillableMetric,
    CatalogNoun.FEE: models.Fee,
    CatalogNoun.PRICE: models.Price,
    CatalogNoun.PLAN: models.Plan,
}


@dataclass(frozen=True, slots=True)
class CatalogState:
    """All catalog objects of an environment by noun and id, those without a key too."""

    rows: Mapping[CatalogNoun, Mapping[str, Row[Any]]]
    prices_by_plan: Mapping[str, list[str]]
    used: frozenset[str]

    def reference(self, noun: CatalogNoun, identifier: str) -> str:
        """Return how a document names an object: by its key, or by its id where it has none."""
        row = self.rows[noun].get(identifier)
        return identifier if row is None or row.key is None else str(row.key)

    def with_key(self) -> dict[CatalogNoun, dict[str, Existing]]:
        """Return the objects that have a key, by it, in order of creation."""
        holders = self._holders()
        return {
            noun: {row.key: self._existing(noun, row, holders) for row in rows.values() if row.key is not None}
            for noun, rows in self.rows.items()
        }

    def without_key(self) -> dict[CatalogNoun, dict[str, Existing]]:
        """Return the objects that have no key, by their ids."""
        return {
            noun: {row.id: self._existing(noun, row, {}) for row in rows.values() if row.key is None}
            for noun, rows in self.rows.items()
        }

    def _existing(self, noun: CatalogNoun, row: Row[Any], holders: Mapping[str, list[str]]) -> Existing:
        return Existing(
            id=row.id,
            draft=_DRAFTS[noun](self, row),
            used=row.id in self.used,
            archived=row.archived_at is not None,
            holders=holders.get(row.id, ()),
        )

    def _holders(self) -> dict[str, list[str]]:
        """Return the ids of the objects without a key that are not archived, by what they refer to."""
        found: dict[str, list[str]] = defaultdict(list)
        for rows in self.rows.values():
            for row in rows.values():
                if row.key is None and row.archived_at is None:
                    columns = ("product_id", "billable_metric_id", "fee_id")
                    needed = [getattr(row, column, None) for column in columns]
                    for identifier in (*filter(None, needed), *self.prices_by_plan.get(row.id, ())):
                        found[identifier].append(row.id)
        return found


async def load_catalog(session: AsyncSession, environment_id: str) -> CatalogState:
    """Read an environment's whole catalog, in eight statements whatever its size.

    The session has to be on one snapshot, or in the catalog's turn: else they see the catalog at different instants.
    """
    rows: dict[CatalogNoun, dict[str, Row[Any]]] = {}
    for noun, model in MODELS.items():
        table = table_of(model)
        statement = select(table).where(table.c.environment_id == environment_id).order_by(table.c.id)
        rows[noun] = {row.id: row for row in await session.execute(statement)}
    used = await used_prices(session, environment_id) | await used_metrics(session, environment_id)
    return CatalogState(rows, await _prices_by_plan(session, environment_id), frozenset(used))


async def export_catalog(session: AsyncSession, environment_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the catalog as a document: what has a key and is not archived, in order of creation."""
    state = (await load_catalog(session, environment_id)).with_key()
    return {
        section: [item_of(there.draft) for there in state[noun].values() if not there.archived]
        for noun, section in SECTIONS.items()
    }


async def _prices_by_plan(session: AsyncSession, environment_id: str) -> dict[str, list[str]]:
    """Return the ids of the prices of each plan's default version, in their order."""
    plans, versions, links = (table_of(m) for m in (models.Plan, models.PlanVersion, models.PlanVersionPrice))
    default = (versions.c.environment_id == plans.c.environment_id) & (versions.c.plan_id == plans.c.id)
    contained = (links.c.environment_id == versions.c.environment_id) & (links.c.plan_version_id == versions.c.id)
    statement = (
        select(plans.c.id, links.c.price_id)
        .join(versions, default & (versions.c.number == plans.c.default_number))
        .join(links, contained)
        .where(plans.c.environment_id == environment_id)
        .order_by(plans.c.id, links.c.position)
    )
    found: dict[str, list[str]] = {}
    for plan_id, price_id in await session.execute(statement):
        found.setdefault(plan_id, []).append(price_id)
    return found


def _product(_state: CatalogState, row: Row[Any]) -> Draft:
    return ProductDraft(key=row.key, name=row.name, description=row.description, metadata=row.details)


def _billable_metric(state: CatalogState, row: Row[Any]) -> Draft:
    return BillableMetricDraft(
        key=row.key,
        product=state.reference(CatalogNoun.PRODUCT, row.product_id),
        name=row.name,
        description=row.description,
        unit=row.unit,
        event_type=row.event_type,
        aggregation=row.aggregation,
        value_property=row.value_property,
        group_by=tuple(GroupBy(**item) for item in row.group_by),
        event_from=row.event_from,
    )


def _fee(state: CatalogState, row: Row[Any]) -> Draft:
    product = state.reference(CatalogNoun.PRODUCT, row.product_id)
    return FeeDraft(key=row.key, product=product, name=row.name, description=row.description)


def _price(state: CatalogState, row: Row[Any]) -> Draft:
    metric, fee = row.billable_metric_id, row.fee_id
    return PriceDraft(
        key=row.key,
        billable_metric=metric and state.reference(CatalogNoun.BILLABLE_METRIC, metric),
        fee=fee and state.reference(CatalogNoun.FEE, fee),
        invoice_display_name=row.invoice_display_name,
        payment_term=row.payment_term,
        currency=row.currency,
        model=model_from_json(row.pricing),
        quantity=row.quantity,
        filter=filter_from_json(row.filter),
        cadence=row.cadence,
        is_obligation=row.is_obligation,
        period_minimum=row.period_minimum,
        period_maximum=row.period_maximum,
    )


def _plan(state: CatalogState, row: Row[Any]) -> Draft:
    return PlanDraft(
        key=row.key,
        product=state.reference(CatalogNoun.PRODUCT, row.product_id),
        name=row.name,
        description=row.description,
        billing_interval=row.billing_interval,
        currency=row.currency,
        billing_version=row.billing_version,
        billing_anchor=anchor_from_json(row.billing_anchor),
        tax_behavior=row.tax_behavior,
        prices=tuple(state.reference(CatalogNoun.PRICE, price) for price in state.prices_by_plan.get(row.id, ())),
    )


_DRAFTS = {
    CatalogNoun.PRODUCT: _product,
    CatalogNoun.BILLABLE_METRIC: _billable_metric,
    CatalogNoun.FEE: _fee,
    CatalogNoun.PRICE: _price,
    CatalogNoun.PLAN: _plan,
}

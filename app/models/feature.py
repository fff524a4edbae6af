"""What plans give access to."""

from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from app.billing.entitlements import FeatureKind
from app.db import EnumText, JsonColumn
from app.models.row import CatalogRow, belongs_to, index, unique

_IS_METERED = text("billable_metric_id IS NOT NULL")


class Feature(CatalogRow, table=True):
    """Something a customer may use: access, a value, or units of a metric, which belong to one feature alone."""

    __table_args__ = (
        unique("key"),
        belongs_to("product_id", "product"),
        belongs_to("billable_metric_id", "billable_metric"),
        index("product_id"),
        Index(
            "uq_feature_billable_metric",
            "environment_id",
            "billable_metric_id",
            unique=True,
            sqlite_where=_IS_METERED,
            postgresql_where=_IS_METERED,
        ),
    )

    product_id: str
    name: str
    description: str | None = None
    kind: FeatureKind = Field(sa_type=EnumText(FeatureKind))
    billable_metric_id: str | None = None
    details: dict[str, Any] = Field(sa_type=JsonColumn)

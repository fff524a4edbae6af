"""How usage is measured."""

from datetime import datetime

from sqlmodel import Field

from app.billing.aggregation import Aggregation
from app.db import EnumText, Instant, JsonColumn
from app.models.row import CatalogRow, belongs_to, index, unique


class BillableMetric(CatalogRow, table=True):
    """How usage is measured: which events, and what of them is added up how."""

    __tablename__ = "billable_metric"
    __table_args__ = (
        unique("key"),
        belongs_to("product_id", "product"),
        index("product_id"),
        index("event_type"),
    )

    product_id: str
    name: str
    description: str | None = None
    unit: str
    event_type: str
    aggregation: Aggregation = Field(sa_type=EnumText(Aggregation))
    value_property: str | None = None
    group_by: list[dict[str, str]] = Field(sa_type=JsonColumn)
    event_from: datetime | None = Field(default=None, sa_type=Instant)

"""What plan versions give of features."""

from typing import Any

from sqlmodel import Field

from app.db import JsonColumn
from app.models.row import EnvironmentRow, belongs_to, index, unique


class PlanFeature(EnvironmentRow, table=True):
    """That a version gives an entitlement to a feature under some terms, by itself or with one of its prices."""

    __tablename__ = "plan_feature"
    __table_args__ = (
        unique("plan_version_id", "feature_id"),
        unique("plan_version_id", "position"),
        belongs_to("plan_version_id", "plan_version"),
        belongs_to("feature_id", "feature"),
        belongs_to("price_id", "price"),
        index("feature_id"),
    )

    plan_version_id: str
    feature_id: str
    price_id: str | None = None
    position: int
    terms: dict[str, Any] = Field(sa_type=JsonColumn)

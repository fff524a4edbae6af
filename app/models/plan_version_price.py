"""Which prices a plan version contains."""

from app.models.row import EnvironmentRow, belongs_to, index, unique


class PlanVersionPrice(EnvironmentRow, table=True):
    """That a version contains a price, and at which place on the invoice."""

    __tablename__ = "plan_version_price"
    __table_args__ = (
        unique("plan_version_id", "price_id"),
        unique("plan_version_id", "position"),
        belongs_to("plan_version_id", "plan_version"),
        belongs_to("price_id", "price"),
        index("price_id"),
    )

    plan_version_id: str
    price_id: str
    position: int

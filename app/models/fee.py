"""What is charged without measuring."""

from app.models.row import CatalogRow, belongs_to, index, unique


class Fee(CatalogRow, table=True):
    """Something charged without measuring it."""

    __table_args__ = (unique("key"), belongs_to("product_id", "product"), index("product_id"))

    product_id: str
    name: str
    description: str | None = None

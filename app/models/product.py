"""What is sold."""

from sqlmodel import Field

from app.db import JsonColumn
from app.models.row import CatalogRow, unique


class Product(CatalogRow, table=True):
    """What is sold."""

    __table_args__ = (unique("key"),)

    name: str
    description: str | None = None
    details: dict[str, str] = Field(sa_type=JsonColumn)

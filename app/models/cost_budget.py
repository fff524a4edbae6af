"""What keys have left to spend on GraphQL."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class CostBudget(SQLModel, table=True):
    """The bucket of a key, by the instant at which it is full again, in microseconds since 1970.

    It is shared by both environments. Rows are made when a key first spends; without one the bucket is full.
    """

    __tablename__ = "cost_budget"

    api_key_id: str = Field(primary_key=True, foreign_key="api_key.id")
    full_at: int = Field(sa_type=BigInteger)

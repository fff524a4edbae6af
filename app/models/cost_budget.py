"""What callers have left to spend on GraphQL."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class CostBudget(SQLModel, table=True):
    """The bucket of whoever spends, by the instant at which it is full again, in microseconds since 1970.

    A key has one for both environments. Rows are made when somebody first spends; without one the bucket is full.
    `spender_id` is the id of a key, or of the customer whose tokens ask.
    """

    __tablename__ = "cost_budget"

    spender_id: str = Field(primary_key=True)
    full_at: int = Field(sa_type=BigInteger)

"""What callers have left to spend on GraphQL."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "cost_budget",
        sa.Column("spender_id", sa.String(), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("spender_id", name=op.f("pk_cost_budget")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("cost_budget")

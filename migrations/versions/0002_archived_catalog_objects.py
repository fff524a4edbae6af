"""Archived catalog objects."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import app.db

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = ("product", "billable_metric", "fee", "price", "plan")


def upgrade() -> None:
    """Apply."""
    for table in TABLES:
        op.add_column(table, sa.Column("archived_at", app.db.Instant(), nullable=True))


def downgrade() -> None:
    """Take back."""
    for table in TABLES:
        op.drop_column(table, "archived_at")

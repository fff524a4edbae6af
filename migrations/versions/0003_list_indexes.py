"""Indexes for what lists of large tables are most often filtered and ordered by."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEXED = (
    ("customer", "created_at"),
    ("customer", "email"),
    ("invoice", "created_at"),
    ("invoice", "issued_at"),
    ("invoice", "status"),
    ("meter_event", "timestamp"),
    ("payment", "created_at"),
    ("subscription", "created_at"),
    ("subscription", "status"),
)


def upgrade() -> None:
    """Apply."""
    for table, column in INDEXED:
        op.create_index(op.f(f"ix_{table}_environment_id_{column}_id"), table, ["environment_id", column, "id"])
    named = sa.text("external_id IS NOT NULL")
    columns = ["environment_id", "external_id", "id"]
    op.create_index("ix_meter_event_external_id", "meter_event", columns, sqlite_where=named, postgresql_where=named)


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_meter_event_external_id", "meter_event")
    for table, column in INDEXED:
        op.drop_index(op.f(f"ix_{table}_environment_id_{column}_id"), table)

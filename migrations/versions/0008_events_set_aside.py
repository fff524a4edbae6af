"""Why an event that could not be counted was set aside."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("event_inbox", sa.Column("set_aside_because", sa.String(), nullable=True))


def downgrade() -> None:
    """Take back. What was set aside is tried again."""
    op.drop_column("event_inbox", "set_aside_because")

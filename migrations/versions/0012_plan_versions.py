"""Subscriptions stay on their plan version, or follow the default one: those that are there stay."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("subscription", sa.Column("version_policy", sa.String(), nullable=False, server_default="PINNED"))


def downgrade() -> None:
    """Take back."""
    op.drop_column("subscription", "version_policy")

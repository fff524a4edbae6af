"""A customer's events are found by the customer first: the index that every event goes into is a third smaller."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.drop_index("ix_meter_event_customer", "meter_event")
    op.create_index("ix_meter_event_customer", "meter_event", ["customer_id", "type", "timestamp"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_meter_event_customer", "meter_event")
    op.create_index("ix_meter_event_customer", "meter_event", ["environment_id", "type", "customer_id", "timestamp"])

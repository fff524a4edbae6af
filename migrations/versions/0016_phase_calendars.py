"""Former phases of subscriptions say which of their calendars they were in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_phases = sa.table(
    "subscription_phase",
    *(sa.column(name) for name in ("environment_id", "id", "subscription_id", "number", "billing_interval")),
    sa.column("calendar_number"),
)


def upgrade() -> None:
    """Apply. Another interval began another calendar."""
    op.add_column("subscription_phase", sa.Column("calendar_number", sa.Integer(), nullable=False, server_default="0"))
    columns = _phases.c
    order = (columns.environment_id, columns.subscription_id, columns.number)
    before: tuple[str, str, str] | None = None
    number = 0
    for row in op.get_bind().execute(sa.select(_phases).order_by(*order)).all():
        own = (row.environment_id, row.subscription_id, row.billing_interval)
        if before is None or before[:2] != own[:2]:
            number = 0
        elif before != own:
            number += 1
        before = own
        mine = (columns.environment_id == row.environment_id, columns.id == row.id)
        op.get_bind().execute(sa.update(_phases).where(*mine).values(calendar_number=number))


def downgrade() -> None:
    """Take back."""
    op.drop_column("subscription_phase", "calendar_number")

"""Lines that take units which are not billed off others."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KEY = "fk_invoice_line_environment_id_covers_line_id"
_INDEX = "ix_invoice_line_environment_id_covers_line_id_id"


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("invoice_line") as lines:
        lines.add_column(sa.Column("covers_line_id", sa.String(), nullable=True))
        columns = ["environment_id", "covers_line_id"]
        lines.create_foreign_key(_KEY, "invoice_line", columns, ["environment_id", "id"])
    op.create_index(_INDEX, "invoice_line", ["environment_id", "covers_line_id", "id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(_INDEX, "invoice_line")
    with op.batch_alter_table("invoice_line") as lines:
        lines.drop_constraint(_KEY, type_="foreignkey")
        lines.drop_column("covers_line_id")

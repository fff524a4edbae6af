"""Tokens that show a browser one customer's data."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import app.db

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "customer_token",
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("api_key_id", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("expires_at", app.db.Instant(), nullable=False),
        sa.Column("revoked_at", app.db.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"], name=op.f("fk_customer_token_api_key_id")),
        sa.ForeignKeyConstraint(
            ["environment_id", "customer_id"],
            ["customer.environment_id", "customer.id"],
            name=op.f("fk_customer_token_environment_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=op.f("fk_customer_token_environment_id")),
        sa.PrimaryKeyConstraint("environment_id", "id", name=op.f("pk_customer_token")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_customer_token_secret_hash")),
    )
    for column in ("customer_id", "expires_at"):
        name = op.f(f"ix_customer_token_environment_id_{column}_id")
        op.create_index(name, "customer_token", ["environment_id", column, "id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("customer_token")

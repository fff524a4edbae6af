"""Subscriptions change: what they had agreed to before, and when they end."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.elements import conv

from app.billing.periods import BillingInterval
from app.db import EnumText, Instant, JsonColumn

revision: str = "0013"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OLD = conv("uq_subscription_period_environment_id_subscription_id_cadence_number")
_NEW = "uq_subscription_period_number"


def added_columns() -> list[tuple[str, sa.Column[Any]]]:
    """Return what tables that are there gain; rows that are there take the server's default."""
    return [
        ("subscription", sa.Column("phase_started_at", Instant(), nullable=True)),
        ("subscription", sa.Column("phase_number", sa.Integer(), nullable=False, server_default="0")),
        ("subscription", sa.Column("calendar_number", sa.Integer(), nullable=False, server_default="0")),
        ("subscription", sa.Column("last_boundary_at", Instant(), nullable=True)),
        ("subscription", sa.Column("ending_at", Instant(), nullable=True)),
        ("subscription_period", sa.Column("calendar_number", sa.Integer(), nullable=False, server_default="0")),
    ]


def upgrade() -> None:
    """Apply."""
    for table, column in added_columns():
        op.add_column(table, column)
    op.execute("UPDATE subscription SET phase_started_at = started_at, ending_at = ended_at")
    with op.batch_alter_table("subscription") as subscriptions:
        subscriptions.alter_column("phase_started_at", existing_type=Instant(), nullable=False)
    with op.batch_alter_table("subscription_period") as periods:
        periods.drop_constraint(_OLD, type_="unique")
        numbered = ["environment_id", "subscription_id", "calendar_number", "cadence", "number"]
        periods.create_unique_constraint(_NEW, numbered)
    _create_phases()


def _create_phases() -> None:
    op.create_table(
        "subscription_phase",
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plan_version_id", sa.String(), nullable=False),
        sa.Column("billing_interval", EnumText(BillingInterval), nullable=False),
        sa.Column("anchor_at", Instant(), nullable=False),
        sa.Column("start_at", Instant(), nullable=False),
        sa.Column("end_at", Instant(), nullable=False),
        sa.Column("quantities", JsonColumn, nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name="fk_subscription_phase_environment_id"),
        sa.ForeignKeyConstraint(
            ["environment_id", "subscription_id"],
            ["subscription.environment_id", "subscription.id"],
            name="fk_subscription_phase_environment_id_subscription_id",
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "plan_version_id"],
            ["plan_version.environment_id", "plan_version.id"],
            name="fk_subscription_phase_environment_id_plan_version_id",
        ),
        sa.PrimaryKeyConstraint("environment_id", "id", name="pk_subscription_phase"),
        sa.UniqueConstraint(
            "environment_id",
            "subscription_id",
            "number",
            name="uq_subscription_phase_environment_id_subscription_id_number",
        ),
    )
    version = ["environment_id", "plan_version_id", "id"]
    op.create_index("ix_subscription_phase_environment_id_plan_version_id_id", "subscription_phase", version)


def downgrade() -> None:
    """Take back."""
    op.drop_table("subscription_phase")
    with op.batch_alter_table("subscription_period") as periods:
        periods.drop_constraint(_NEW, type_="unique")
        periods.create_unique_constraint(_OLD, ["environment_id", "subscription_id", "cadence", "number"])
    for table, column in reversed(added_columns()):
        op.drop_column(table, column.name)

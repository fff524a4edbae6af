"""Subscriptions change: what they had agreed to before, and when they end."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.elements import conv

from app.billing.lifecycle import ChangeStatus
from app.billing.periods import BillingInterval
from app.db import EnumText, Instant, JsonColumn

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OLD = conv("uq_subscription_period_environment_id_subscription_id_cadence_number")
_SCHEDULED = sa.text("status = 'SCHEDULED'")
_NEW = "uq_subscription_period_number"


def added_columns() -> list[tuple[str, sa.Column[Any]]]:
    """Return what tables that are there gain; rows that are there take the server's default."""
    return [
        ("subscription", sa.Column("phase_started_at", Instant(), nullable=True)),
        ("subscription", sa.Column("phase_number", sa.Integer(), nullable=False, server_default="0")),
        ("subscription", sa.Column("calendar_number", sa.Integer(), nullable=False, server_default="0")),
        ("subscription", sa.Column("last_boundary_at", Instant(), nullable=True)),
        ("subscription", sa.Column("trial_ends_at", Instant(), nullable=True)),
        ("subscription", sa.Column("change_at", Instant(), nullable=True)),
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
    _create_changes()


def _create(
    table: str, *columns: sa.Column[Any], owners: Mapping[str, str], rest: Sequence[sa.Constraint] = ()
) -> None:
    op.create_table(
        table,
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=f"fk_{table}_environment_id"),
        *(
            sa.ForeignKeyConstraint(
                ["environment_id", column],
                [f"{owner}.environment_id", f"{owner}.id"],
                name=f"fk_{table}_environment_id_{column}",
            )
            for column, owner in owners.items()
        ),
        sa.PrimaryKeyConstraint("environment_id", "id", name=f"pk_{table}"),
        *rest,
    )


def _create_phases() -> None:
    _create(
        "subscription_phase",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plan_version_id", sa.String(), nullable=False),
        sa.Column("billing_interval", EnumText(BillingInterval), nullable=False),
        sa.Column("anchor_at", Instant(), nullable=False),
        sa.Column("start_at", Instant(), nullable=False),
        sa.Column("end_at", Instant(), nullable=False),
        sa.Column("quantities", JsonColumn, nullable=False),
        owners={"subscription_id": "subscription", "plan_version_id": "plan_version"},
        rest=[
            sa.UniqueConstraint(
                "environment_id",
                "subscription_id",
                "number",
                name="uq_subscription_phase_environment_id_subscription_id_number",
            )
        ],
    )
    version = ["environment_id", "plan_version_id", "id"]
    op.create_index("ix_subscription_phase_environment_id_plan_version_id_id", "subscription_phase", version)


def _create_changes() -> None:
    _create(
        "subscription_change",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("status", EnumText(ChangeStatus), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("plan_version_id", sa.String(), nullable=False),
        sa.Column("former_plan_version_id", sa.String(), nullable=False),
        sa.Column("billing_interval", EnumText(BillingInterval), nullable=False),
        sa.Column("quantities", JsonColumn, nullable=False),
        sa.Column("pins", sa.Boolean(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=True),
        owners={
            "subscription_id": "subscription",
            "plan_id": "plan",
            "plan_version_id": "plan_version",
            "former_plan_version_id": "plan_version",
            "invoice_id": "invoice",
        },
    )
    for column in ("subscription_id", "created_at", "effective_at"):
        name = f"ix_subscription_change_environment_id_{column}_id"
        op.create_index(name, "subscription_change", ["environment_id", column, "id"])
    op.create_index(
        "uq_subscription_change_scheduled",
        "subscription_change",
        ["environment_id", "subscription_id"],
        unique=True,
        sqlite_where=_SCHEDULED,
        postgresql_where=_SCHEDULED,
    )


def downgrade() -> None:
    """Take back. What is not billed yet ends, as nothing else could be said of it there."""
    op.execute("UPDATE subscription SET status = 'TERMINATED' WHERE status IN ('SCHEDULED', 'TRIALING')")
    op.execute("DELETE FROM due_work WHERE kind IN ('SUPPLEMENT', 'SUBSCRIPTION_START')")
    op.drop_table("subscription_change")
    op.drop_table("subscription_phase")
    with op.batch_alter_table("subscription_period") as periods:
        periods.drop_constraint(_NEW, type_="unique")
        periods.create_unique_constraint(_OLD, ["environment_id", "subscription_id", "cadence", "number"])
    for table, column in reversed(added_columns()):
        op.drop_column(table, column.name)

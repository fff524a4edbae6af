"""Features, what plans give of them, entitlements of customers, and grants of units."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import app.db

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "feature",
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("archived_at", app.db.Instant(), nullable=True),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("billable_metric_id", sa.String(), nullable=True),
        sa.Column("details", app.db.JsonColumn, nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id", "billable_metric_id"],
            ["billable_metric.environment_id", "billable_metric.id"],
            name=op.f("fk_feature_environment_id_billable_metric_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "product_id"],
            ["product.environment_id", "product.id"],
            name=op.f("fk_feature_environment_id_product_id"),
        ),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=op.f("fk_feature_environment_id")),
        sa.PrimaryKeyConstraint("environment_id", "id", name=op.f("pk_feature")),
        sa.UniqueConstraint("environment_id", "key", name=op.f("uq_feature_environment_id_key")),
    )
    op.create_index(
        op.f("ix_feature_environment_id_product_id_id"), "feature", ["environment_id", "product_id", "id"], unique=False
    )
    op.create_index(
        op.f("uq_feature_billable_metric"),
        "feature",
        ["environment_id", "billable_metric_id"],
        unique=True,
        sqlite_where=sa.text("billable_metric_id IS NOT NULL"),
        postgresql_where=sa.text("billable_metric_id IS NOT NULL"),
    )

    op.create_table(
        "plan_feature",
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        sa.Column("plan_version_id", sa.String(), nullable=False),
        sa.Column("feature_id", sa.String(), nullable=False),
        sa.Column("price_id", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("terms", app.db.JsonColumn, nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id", "feature_id"],
            ["feature.environment_id", "feature.id"],
            name=op.f("fk_plan_feature_environment_id_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "plan_version_id"],
            ["plan_version.environment_id", "plan_version.id"],
            name=op.f("fk_plan_feature_environment_id_plan_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "price_id"],
            ["price.environment_id", "price.id"],
            name=op.f("fk_plan_feature_environment_id_price_id"),
        ),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=op.f("fk_plan_feature_environment_id")),
        sa.PrimaryKeyConstraint("environment_id", "id", name=op.f("pk_plan_feature")),
        sa.UniqueConstraint(
            "environment_id",
            "plan_version_id",
            "feature_id",
            name=op.f("uq_plan_feature_environment_id_plan_version_id_feature_id"),
        ),
        sa.UniqueConstraint(
            "environment_id",
            "plan_version_id",
            "position",
            name=op.f("uq_plan_feature_environment_id_plan_version_id_position"),
        ),
    )
    op.create_index(
        op.f("ix_plan_feature_environment_id_feature_id_id"),
        "plan_feature",
        ["environment_id", "feature_id", "id"],
        unique=False,
    )

    op.create_table(
        "entitlement",
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("feature_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("terms", app.db.JsonColumn, nullable=False),
        sa.Column("started_at", app.db.Instant(), nullable=False),
        sa.Column("ended_at", app.db.Instant(), nullable=True),
        sa.Column("anchor_at", app.db.Instant(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("first_issue", app.db.Exact(), nullable=True),
        sa.ForeignKeyConstraint(
            ["environment_id", "customer_id"],
            ["customer.environment_id", "customer.id"],
            name=op.f("fk_entitlement_environment_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "feature_id"],
            ["feature.environment_id", "feature.id"],
            name=op.f("fk_entitlement_environment_id_feature_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "subscription_id"],
            ["subscription.environment_id", "subscription.id"],
            name=op.f("fk_entitlement_environment_id_subscription_id"),
        ),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=op.f("fk_entitlement_environment_id")),
        sa.PrimaryKeyConstraint("environment_id", "id", name=op.f("pk_entitlement")),
        sa.UniqueConstraint(
            "environment_id", "subscription_id", "feature_id", "started_at", name="uq_entitlement_provisioned"
        ),
    )
    op.create_index(
        op.f("ix_entitlement_environment_id_created_at_id"),
        "entitlement",
        ["environment_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_entitlement_environment_id_customer_id_feature_id_id"),
        "entitlement",
        ["environment_id", "customer_id", "feature_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_entitlement_environment_id_feature_id_id"),
        "entitlement",
        ["environment_id", "feature_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_entitlement_environment_id_subscription_id_id"),
        "entitlement",
        ["environment_id", "subscription_id", "id"],
        unique=False,
    )

    op.create_table(
        "entitlement_grant",
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        sa.Column("entitlement_id", sa.String(), nullable=False),
        sa.Column("amount", app.db.Exact(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("effective_at", app.db.Instant(), nullable=True),
        sa.Column("expires_at", app.db.Instant(), nullable=True),
        sa.Column("recurrence", sa.String(), nullable=True),
        sa.Column("voided_at", app.db.Instant(), nullable=True),
        sa.Column("invoice_id", sa.String(), nullable=True),
        sa.Column("details", app.db.JsonColumn, nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id", "invoice_id"],
            ["invoice.environment_id", "invoice.id"],
            name=op.f("fk_entitlement_grant_environment_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "entitlement_id"],
            ["entitlement.environment_id", "entitlement.id"],
            name=op.f("fk_entitlement_grant_environment_id_entitlement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name=op.f("fk_entitlement_grant_environment_id")
        ),
        sa.PrimaryKeyConstraint("environment_id", "id", name=op.f("pk_entitlement_grant")),
    )
    op.create_index(
        op.f("ix_entitlement_grant_environment_id_created_at_id"),
        "entitlement_grant",
        ["environment_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_entitlement_grant_environment_id_entitlement_id_id"),
        "entitlement_grant",
        ["environment_id", "entitlement_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_entitlement_grant_environment_id_invoice_id_id"),
        "entitlement_grant",
        ["environment_id", "invoice_id", "id"],
        unique=False,
    )


def downgrade() -> None:
    """Take back."""
    for table in ("entitlement_grant", "entitlement", "plan_feature", "feature"):
        op.drop_table(table)

"""Filters, cadences, bounds and obligations of prices; anchors and taxes; discounts, credit, lines typed by hand."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

import app.db

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ZERO = "0"
ENVIRONMENT = ("environment_id", "environment.id")


def added_columns() -> list[tuple[str, sa.Column[Any]]]:
    """Return what tables that are there gain; rows that are there take the server's default."""
    return [
        ("price", sa.Column("filter", app.db.JsonColumn, nullable=False, server_default="[]")),
        ("price", sa.Column("cadence", sa.String(), nullable=True)),
        ("price", sa.Column("is_obligation", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("price", sa.Column("period_minimum", app.db.Exact(), nullable=True)),
        ("price", sa.Column("period_maximum", app.db.Exact(), nullable=True)),
        ("customer", sa.Column("tax_rate", app.db.Exact(), nullable=True)),
        ("customer", sa.Column("tax_exemption", sa.String(), nullable=True)),
        ("plan", sa.Column("billing_anchor", app.db.JsonColumn, nullable=True)),
        ("plan", sa.Column("tax_behavior", sa.String(), nullable=False, server_default="EXCLUSIVE")),
        ("subscription", sa.Column("tax_behavior", sa.String(), nullable=False, server_default="EXCLUSIVE")),
        ("subscription", sa.Column("next_boundary_at", app.db.Instant(), nullable=True)),
        ("invoice", sa.Column("tax_behavior", sa.String(), nullable=False, server_default="EXCLUSIVE")),
        ("invoice", sa.Column("discount_minor", app.db.MinorUnits(), nullable=False, server_default=ZERO)),
        ("invoice", sa.Column("carried_to_credit_minor", app.db.MinorUnits(), nullable=False, server_default=ZERO)),
        ("invoice", sa.Column("credit_applied_minor", app.db.MinorUnits(), nullable=False, server_default=ZERO)),
        ("invoice", sa.Column("summary", app.db.JsonColumn, nullable=False, server_default="{}")),
        ("invoice", sa.Column("boundary_at", app.db.Instant(), nullable=True)),
        ("invoice_line", sa.Column("adjustments", app.db.JsonColumn, nullable=False, server_default="{}")),
        ("invoice_line", sa.Column("metering", app.db.JsonColumn, nullable=True)),
        ("invoice_line", sa.Column("taxable", sa.Boolean(), nullable=False, server_default=sa.true())),
    ]


def upgrade() -> None:
    """Apply."""
    for table, column in added_columns():
        op.add_column(table, column)
    with op.batch_alter_table("invoice_line") as lines:
        lines.alter_column("price_id", existing_type=sa.String(), nullable=True)
    _fill_boundaries()
    _fill_metering()
    op.drop_column("invoice", "closing_period_number")
    _create_quantities()
    _create_discounts()
    _create_credit()


def downgrade() -> None:
    """Take back. Lines typed by hand have no place in the older tables and are a reason to fail."""
    op.drop_table("credit_entry")
    op.drop_table("discount")
    op.drop_table("subscription_quantity")
    op.add_column("invoice", sa.Column("closing_period_number", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE invoice SET closing_period_number = (SELECT periods.number FROM subscription_period AS periods"
        " JOIN subscription ON subscription.environment_id = periods.environment_id"
        " AND subscription.id = periods.subscription_id AND subscription.billing_interval = periods.cadence"
        " WHERE periods.environment_id = invoice.environment_id AND periods.subscription_id = invoice.subscription_id"
        " AND periods.end_at = invoice.boundary_at)"
    )
    with op.batch_alter_table("invoice_line") as lines:
        lines.alter_column("price_id", existing_type=sa.String(), nullable=False)
    for table, column in reversed(added_columns()):
        op.drop_column(table, column.name)


def _fill_boundaries() -> None:
    """Say in instants what was said in numbers of periods."""
    op.execute(
        "UPDATE invoice SET boundary_at = (SELECT periods.end_at FROM subscription_period AS periods"
        " JOIN subscription ON subscription.environment_id = periods.environment_id"
        " AND subscription.id = periods.subscription_id AND subscription.billing_interval = periods.cadence"
        " WHERE periods.environment_id = invoice.environment_id AND periods.subscription_id = invoice.subscription_id"
        " AND periods.number = invoice.closing_period_number)"
    )
    op.execute(
        "UPDATE subscription SET next_boundary_at = (SELECT periods.end_at FROM subscription_period AS periods"
        " WHERE periods.environment_id = subscription.environment_id AND periods.subscription_id = subscription.id"
        " AND periods.cadence = subscription.billing_interval AND periods.number = subscription.period_number)"
        " WHERE status <> 'TERMINATED'"
    )


def _fill_metering() -> None:
    """Copy how usage is measured to the lines that are there, as new lines have it."""
    connection = op.get_bind()
    metrics = connection.execute(
        sa.text(
            "SELECT price.environment_id, price.id AS price_id, billable_metric.id, billable_metric.event_type,"
            " billable_metric.aggregation, billable_metric.value_property, billable_metric.group_by,"
            " billable_metric.event_from FROM price JOIN billable_metric"
            " ON billable_metric.environment_id = price.environment_id"
            " AND billable_metric.id = price.billable_metric_id"
        ).columns(group_by=app.db.JsonColumn, event_from=app.db.Instant())
    ).all()
    lines = sa.table(
        "invoice_line",
        sa.column("environment_id"),
        sa.column("price_id"),
        sa.column("metering", app.db.JsonColumn),
    )
    for metric in metrics:
        metering = {
            "billableMetricId": metric.id,
            "eventType": metric.event_type,
            "aggregation": metric.aggregation,
            "valueProperty": metric.value_property,
            "groupBy": metric.group_by,
            "eventFrom": metric.event_from and metric.event_from.isoformat(),
            "filter": [],
            "others": [],
        }
        mine = (lines.c.environment_id == metric.environment_id, lines.c.price_id == metric.price_id)
        connection.execute(sa.update(lines).where(*mine).values(metering=json.loads(json.dumps(metering))))


def _row(table: str, *columns: sa.Column[Any] | sa.Constraint, owners: dict[str, str]) -> None:
    """Create a table of rows of an environment, with the foreign keys of its owners, by column."""
    op.create_table(
        table,
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        *columns,
        *(
            sa.ForeignKeyConstraint(
                ["environment_id", column],
                [f"{owner}.environment_id", f"{owner}.id"],
                name=op.f(f"fk_{table}_environment_id_{column}"),
            )
            for column, owner in owners.items()
        ),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=op.f(f"fk_{table}_environment_id")),
        sa.PrimaryKeyConstraint("environment_id", "id", name=op.f(f"pk_{table}")),
    )


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_environment_id_{column}_id"), table, ["environment_id", column, "id"])


def _create_quantities() -> None:
    _row(
        "subscription_quantity",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("price_id", sa.String(), nullable=False),
        sa.Column("quantity", app.db.Exact(), nullable=False),
        sa.UniqueConstraint(
            "environment_id",
            "subscription_id",
            "price_id",
            name=op.f("uq_subscription_quantity_environment_id_subscription_id_price_id"),
        ),
        owners={"subscription_id": "subscription", "price_id": "price"},
    )


def _create_discounts() -> None:
    _row(
        "discount",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("percentage", app.db.Exact(), nullable=True),
        sa.Column("amount_minor", app.db.MinorUnits(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("starts_at", app.db.Instant(), nullable=False),
        sa.Column("ends_at", app.db.Instant(), nullable=True),
        sa.CheckConstraint("(percentage IS NULL) <> (amount_minor IS NULL)", name=op.f("ck_discount_one_kind")),
        sa.CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name=op.f("ck_discount_amount_in_currency")),
        owners={"customer_id": "customer", "subscription_id": "subscription"},
    )
    _index("discount", "customer_id", "subscription_id", "created_at")


def _create_credit() -> None:
    _row(
        "credit_entry",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount_minor", app.db.MinorUnits(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=True),
        sa.Column("source_id", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.UniqueConstraint(
            "environment_id",
            "invoice_id",
            "source_id",
            name=op.f("uq_credit_entry_environment_id_invoice_id_source_id"),
        ),
        owners={"customer_id": "customer", "invoice_id": "invoice", "source_id": "credit_entry"},
    )
    _index("credit_entry", "customer_id", "source_id", "created_at")
    carried = sa.text("kind = 'CARRIED'")
    op.create_index(
        "uq_credit_entry_carried",
        "credit_entry",
        ["environment_id", "invoice_id"],
        unique=True,
        sqlite_where=carried,
        postgresql_where=carried,
    )

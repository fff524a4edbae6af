"""Credit notes, refunds and decisions about invoices; what is void already was decided when its subscription ended."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

import app.db
from app.ids import new_id

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_NEW_ENTRY_COLUMNS = {"credit_note_id": "credit_note", "refund_id": "refund"}


def upgrade() -> None:
    """Apply."""
    op.add_column("invoice", sa.Column("credited_minor", app.db.MinorUnits(), nullable=False, server_default="0"))
    op.add_column("payment", sa.Column("refunded_minor", app.db.MinorUnits(), nullable=False, server_default="0"))
    _create_credit_notes()
    _create_refunds()
    _create_decisions()
    with op.batch_alter_table("credit_entry") as entries:
        for column, owner in _NEW_ENTRY_COLUMNS.items():
            entries.add_column(sa.Column(column, sa.String(), nullable=True))
            entries.create_foreign_key(
                f"fk_credit_entry_environment_id_{column}", owner, ["environment_id", column], ["environment_id", "id"]
            )
        entries.create_unique_constraint(
            "uq_credit_entry_environment_id_credit_note_id", ["environment_id", "credit_note_id"]
        )
        entries.create_unique_constraint(
            "uq_credit_entry_environment_id_refund_id_source_id", ["environment_id", "refund_id", "source_id"]
        )
    _note_what_is_void()


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


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _minor(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(f"{name}_minor", app.db.MinorUnits(), nullable=False) for name in names]


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint("environment_id", *columns, name=op.f(f"uq_{table}_environment_id_{'_'.join(columns)}"))


def _create_credit_notes() -> None:
    _row(
        "credit_note",
        *map(_text, ("invoice_id", "customer_id", "reason")),
        _text("cause", nullable=True),
        _text("currency"),
        *_minor("amount", "discount", "tax", "total", "reduced_due", "to_credit", "refunded"),
        _unique("credit_note", "invoice_id", "cause"),
        owners={"invoice_id": "invoice", "customer_id": "customer"},
    )
    _index("credit_note", "invoice_id", "customer_id", "created_at")
    _row(
        "credit_note_line",
        *map(_text, ("credit_note_id", "invoice_line_id")),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("currency"),
        *_minor("amount", "discount", "tax", "total"),
        _unique("credit_note_line", "credit_note_id", "invoice_line_id"),
        _unique("credit_note_line", "credit_note_id", "position"),
        owners={"credit_note_id": "credit_note", "invoice_line_id": "invoice_line"},
    )
    _index("credit_note_line", "invoice_line_id")


def _create_refunds() -> None:
    _row(
        "refund",
        *map(_text, ("payment_id", "customer_id")),
        _text("credit_note_id", nullable=True),
        *_minor("amount"),
        *map(_text, ("currency", "reason")),
        _text("reference", nullable=True),
        _unique("refund", "credit_note_id", "payment_id"),
        owners={"payment_id": "payment", "customer_id": "customer", "credit_note_id": "credit_note"},
    )
    _index("refund", "payment_id", "customer_id", "created_at")


def _create_decisions() -> None:
    _row(
        "invoice_decision",
        *map(_text, ("invoice_id", "customer_id", "kind", "reason", "currency")),
        *_minor("amount"),
        owners={"invoice_id": "invoice", "customer_id": "customer"},
    )
    _index("invoice_decision", "invoice_id", "customer_id")


def _note_what_is_void() -> None:
    """Only first invoices that were not paid in time were voided before."""
    connection = op.get_bind()
    key = ("environment_id", "id")
    owned = (*key, "subscription_id", "customer_id", "currency", "status")
    named: list[sa.ColumnClause[Any]] = [sa.column(name) for name in owned]
    invoices = sa.table("invoice", *named, sa.column("total_minor", app.db.MinorUnits()))
    subscriptions = sa.table("subscription", *map(sa.column, key), sa.column("ended_at", app.db.Instant()))
    of_it = (subscriptions.c.environment_id == invoices.c.environment_id) & (
        subscriptions.c.id == invoices.c.subscription_id
    )
    void = sa.select(invoices, subscriptions.c.ended_at).join(subscriptions, of_it).where(invoices.c.status == "VOID")
    names = (*key, "invoice_id", "customer_id", "kind", "reason", "currency")
    decisions = sa.table(
        "invoice_decision",
        *map(sa.column, names),
        sa.column("amount_minor", app.db.MinorUnits()),
        sa.column("created_at", app.db.Instant()),
    )
    for row in connection.execute(void).all():
        connection.execute(
            sa.insert(decisions).values(
                environment_id=row.environment_id,
                id=new_id("dec"),
                created_at=row.ended_at,
                invoice_id=row.id,
                customer_id=row.customer_id,
                kind="VOID",
                reason="Not paid in time",
                currency=row.currency,
                amount_minor=row.total_minor,
            )
        )


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM credit_entry WHERE kind IN ('CREDIT_NOTE', 'REMOVED', 'REFUNDED')")
    with op.batch_alter_table("credit_entry") as entries:
        entries.drop_constraint("uq_credit_entry_environment_id_refund_id_source_id", type_="unique")
        entries.drop_constraint("uq_credit_entry_environment_id_credit_note_id", type_="unique")
        for column in _NEW_ENTRY_COLUMNS:
            entries.drop_constraint(f"fk_credit_entry_environment_id_{column}", type_="foreignkey")
            entries.drop_column(column)
    for table in ("invoice_decision", "refund", "credit_note_line", "credit_note"):
        op.drop_table(table)
    op.drop_column("payment", "refunded_minor")
    op.drop_column("invoice", "credited_minor")

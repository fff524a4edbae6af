"""First invoices expire, and others fall overdue: what waits already is told to; returned credit comes back once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.db import Instant
from app.ids import new_id

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_RETURNED = sa.text("kind = 'RETURNED'")


def _table(name: str, *columns: str, instants: Sequence[str] = ()) -> sa.TableClause:
    named: list[sa.ColumnClause[Any]] = [sa.column(column) for column in ("environment_id", "id", *columns)]
    return sa.table(name, *named, *(sa.column(instant, Instant()) for instant in instants))


_SUBSCRIPTIONS = _table("subscription", "status", "customer_id", instants=["started_at"])
_INVOICES = _table("invoice", "status", "customer_id", "reason", instants=["due_at"])
_CUSTOMERS = _table("customer", "test_clock_id")
_DUE_WORK = _table("due_work", "kind", "subject_id", "priority", "test_clock_id", instants=["created_at", "due_at"])


def upgrade() -> None:
    """Apply."""
    op.add_column("merchant", sa.Column("initial_payment_days", sa.Integer(), nullable=False, server_default="7"))
    op.create_index(
        "uq_credit_entry_returned",
        "credit_entry",
        ["environment_id", "invoice_id"],
        unique=True,
        sqlite_where=_RETURNED,
        postgresql_where=_RETURNED,
    )
    with op.batch_alter_table("invoice_line") as lines:
        lines.add_column(sa.Column("corrects_line_id", sa.String(), nullable=True))
        lines.create_foreign_key(
            "fk_invoice_line_environment_id_corrects_line_id",
            "invoice_line",
            ["environment_id", "corrects_line_id"],
            ["environment_id", "id"],
        )
    op.create_index(
        "ix_invoice_line_environment_id_corrects_line_id_id",
        "invoice_line",
        ["environment_id", "corrects_line_id", "id"],
    )
    pending = _SUBSCRIPTIONS.c.status == "PENDING_PAYMENT"
    _note("SUBSCRIPTION_EXPIRY", 2, _SUBSCRIPTIONS, _SUBSCRIPTIONS.c.started_at, pending, timedelta(days=7))
    open_ = (_INVOICES.c.status == "ISSUED") & (_INVOICES.c.reason != "SUBSCRIPTION_START")
    _note("INVOICE_OVERDUE", 3, _INVOICES, _INVOICES.c.due_at, open_, timedelta())


def _note(kind: str, priority: int, table: Any, column: Any, chosen: Any, after: timedelta) -> None:
    """Let something fall due for the rows of a table, each a while after an instant of its own."""
    connection = op.get_bind()
    owner = (_CUSTOMERS.c.environment_id == table.c.environment_id) & (_CUSTOMERS.c.id == table.c.customer_id)
    wanted = sa.select(table.c.environment_id, table.c.id, column.label("since"), _CUSTOMERS.c.test_clock_id)
    for row in connection.execute(wanted.join(_CUSTOMERS, owner).where(chosen)).all():
        due = {"due_at": row.since + after, "kind": kind, "priority": priority, "test_clock_id": row.test_clock_id}
        named = {"environment_id": row.environment_id, "id": new_id("due"), "subject_id": row.id}
        connection.execute(sa.insert(_DUE_WORK).values(created_at=row.since, **named, **due))


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM due_work WHERE kind IN ('SUBSCRIPTION_EXPIRY', 'INVOICE_OVERDUE')")
    op.drop_index("ix_invoice_line_environment_id_corrects_line_id_id", "invoice_line")
    with op.batch_alter_table("invoice_line") as lines:
        lines.drop_constraint("fk_invoice_line_environment_id_corrects_line_id", type_="foreignkey")
        lines.drop_column("corrects_line_id")
    op.drop_index("uq_credit_entry_returned", "credit_entry")
    op.drop_column("merchant", "initial_payment_days")

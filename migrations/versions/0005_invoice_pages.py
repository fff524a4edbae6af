"""Addresses, tax ids and locales; who an invoice is from; the secrets that links to invoices are signed with."""

import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

import app.db

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def added_columns() -> list[tuple[str, sa.Column[Any]]]:
    """Return what tables that are there gain; rows that are there take the server's default."""
    return [
        ("merchant", sa.Column("address", app.db.JsonColumn, nullable=True)),
        ("merchant", sa.Column("tax_id", sa.String(), nullable=True)),
        ("merchant", sa.Column("locale", sa.String(), nullable=False, server_default="en")),
        ("customer", sa.Column("address", app.db.JsonColumn, nullable=True)),
        ("customer", sa.Column("tax_id", sa.String(), nullable=True)),
        ("customer", sa.Column("locale", sa.String(), nullable=True)),
        ("invoice", sa.Column("billed_from", app.db.JsonColumn, nullable=False, server_default="{}")),
        ("environment", sa.Column("page_secret", sa.String(), nullable=True)),
    ]


def upgrade() -> None:
    """Apply."""
    for table, column in added_columns():
        op.add_column(table, column)
    _make_secrets()
    with op.batch_alter_table("environment") as environments:
        environments.alter_column("page_secret", existing_type=sa.String(), nullable=False)
    _fill_billed_from()


def downgrade() -> None:
    """Take back."""
    for table, column in reversed(added_columns()):
        op.drop_column(table, column.name)


def _make_secrets() -> None:
    """Give every environment that is there a secret of its own."""
    environments = sa.table("environment", sa.column("id"), sa.column("page_secret"))
    connection = op.get_bind()
    for identifier in connection.scalars(sa.select(environments.c.id)).all():
        mine = environments.c.id == identifier
        connection.execute(sa.update(environments).where(mine).values(page_secret=secrets.token_hex(32)))


def _fill_billed_from() -> None:
    """Write the merchant's name on the invoices that are there, which so far named nobody."""
    merchants = sa.table("merchant", sa.column("id"), sa.column("name"))
    environments = sa.table("environment", sa.column("id"), sa.column("merchant_id"))
    invoices = sa.table("invoice", sa.column("environment_id"), sa.column("billed_from", app.db.JsonColumn))
    owned = sa.select(environments.c.id, merchants.c.name).where(environments.c.merchant_id == merchants.c.id)
    connection = op.get_bind()
    for environment_id, name in connection.execute(owned).all():
        copied = {"name": name, "address": None, "taxId": None}
        mine = invoices.c.environment_id == environment_id
        connection.execute(sa.update(invoices).where(mine).values(billed_from=copied))

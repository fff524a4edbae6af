"""The audit log can't be changed and personal data in it can be erased; keys know which one takes their place.

SQLite changes a column by copying its table, which loses the table's triggers: a migration that does so to one of these
has to make them again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

import app.db

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

#: Tables whose rows are written once, with what no two rows have in common: whatever could be in a REPLACE's way.
_WRITTEN_ONCE: Mapping[str, Sequence[str]] = {
    "audit_entry": ("id",),
    "credit_entry": (
        "environment_id, id",
        "environment_id, invoice_id, source_id",
        "environment_id, refund_id, source_id",
        "environment_id, credit_note_id",
        "environment_id, invoice_id, kind",
    ),
    "credit_note": ("environment_id, id", "environment_id, invoice_id, cause"),
    "credit_note_line": (
        "environment_id, id",
        "environment_id, credit_note_id, position",
        "environment_id, credit_note_id, invoice_line_id",
    ),
    "refund": ("environment_id, id", "environment_id, credit_note_id, payment_id"),
    "invoice_decision": ("environment_id, id",),
}
#: Entries of credit of which an invoice has one of each; it may have more of the others.
_ONE_OF_A_KIND = "kind IN ('CARRIED', 'RETURNED')"
#: Who was erased stays so, and stays there.
_IS_ERASED = "erased_at IS NOT NULL"
_PERSONAL: Mapping[str, Sequence[str]] = {
    "Customer": ("external_id", "name", "email", "address", "tax_id", "tax_exemption", "details"),
    "Invoice": ("billed_to",),
}
_ERASED = "[erased]"
_AT_ONCE = 500
_FOREIGN_KEY = "fk_api_key_replaced_by_id"

_json = app.db.JsonColumn
_entries = sa.table(
    "audit_entry",
    *(sa.column(name) for name in ("id", "environment_id", "noun", "subject_id")),
    *(sa.column(name, _json) for name in ("before", "after")),
)
_personal = sa.table(
    "audit_personal_data",
    *(sa.column(name) for name in ("id", "environment_id", "customer_id")),
    *(sa.column(name, _json) for name in ("before", "after")),
)
_invoices = sa.table("invoice", *(sa.column(name) for name in ("environment_id", "id", "customer_id")))


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_personal_data",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("before", app.db.JsonColumn, nullable=False),
        sa.Column("after", app.db.JsonColumn, nullable=False),
        sa.ForeignKeyConstraint(["id"], ["audit_entry.id"], name=op.f("fk_audit_personal_data_id")),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name=op.f("fk_audit_personal_data_environment_id")
        ),
        sa.ForeignKeyConstraint(
            ["environment_id", "customer_id"],
            ["customer.environment_id", "customer.id"],
            name=op.f("fk_audit_personal_data_environment_id_customer_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_personal_data")),
    )
    mine = ["environment_id", "customer_id", "id"]
    op.create_index("ix_audit_personal_data_customer", "audit_personal_data", mine)
    op.create_index("ix_audit_entry_subject", "audit_entry", ["environment_id", "subject_id", "id"])
    op.create_index("ix_audit_entry_at", "audit_entry", ["environment_id", "at", "id"])
    op.add_column("customer", sa.Column("erased_at", app.db.Instant(), nullable=True))
    with op.batch_alter_table("api_key") as keys:
        keys.add_column(sa.Column("replaced_by_id", sa.String(), nullable=True))
        keys.create_foreign_key(_FOREIGN_KEY, "api_key", ["replaced_by_id"], ["id"])
    _take_out()
    _erase_again()
    _guard()


def downgrade() -> None:
    """Take back. What was erased stays so."""
    _unguard()
    _put_back()
    with op.batch_alter_table("api_key") as keys:
        keys.drop_constraint(_FOREIGN_KEY, type_="foreignkey")
        keys.drop_column("replaced_by_id")
    op.drop_column("customer", "erased_at")
    op.drop_index("ix_audit_entry_at", "audit_entry")
    op.drop_index("ix_audit_entry_subject", "audit_entry")
    op.drop_table("audit_personal_data")


def _take_out() -> None:
    """Move the personal data of entries that are there to where it can be erased."""
    invoiced = (_invoices.c.environment_id == _entries.c.environment_id) & (_invoices.c.id == _entries.c.subject_id)
    found = sa.select(_entries, _invoices.c.customer_id).select_from(_entries.outerjoin(_invoices, invoiced))
    connection = op.get_bind()
    for row in _all(found.where(_entries.c.noun.in_(list(_PERSONAL))), _entries.c.id):
        kept, taken = {}, {}
        for side, values in (("before", row.before), ("after", row.after)):
            personal = {name: values[name] for name in _PERSONAL[row.noun] if values.get(name)}
            taken[side] = {name: value for name, value in personal.items() if value != _ERASED}
            kept[side] = {**values, **dict.fromkeys(taken[side], _ERASED)}
        if not any(taken.values()):
            continue
        customer_id = row.subject_id if row.noun == "Customer" else row.customer_id
        own = {"id": row.id, "environment_id": row.environment_id, "customer_id": customer_id}
        connection.execute(sa.insert(_personal).values(**own, **taken))
        connection.execute(sa.update(_entries).where(_entries.c.id == row.id).values(**kept))


def _erase_again() -> None:
    """Say of customers who were erased before a downgrade that they are: the entries that say so were kept."""
    of_customer = (
        "SELECT max(at) FROM audit_entry WHERE audit_entry.environment_id = customer.environment_id "
        "AND audit_entry.subject_id = customer.id AND change = 'ERASE'"
    )
    op.execute(f"UPDATE customer SET erased_at = ({of_customer}) WHERE name = '{_ERASED}'")  # noqa: S608 - our own names


def _put_back() -> None:
    """Put what is left of it back into the entries."""
    found = sa.select(_personal, _entries.c.before.label("kept_before"), _entries.c.after.label("kept_after"))
    found = found.join_from(_personal, _entries, _entries.c.id == _personal.c.id)
    for row in _all(found, _personal.c.id):
        whole = {"before": {**row.kept_before, **row.before}, "after": {**row.kept_after, **row.after}}
        op.get_bind().execute(sa.update(_entries).where(_entries.c.id == row.id).values(**whole))


def _all(found: sa.Select[Any], place: sa.ColumnElement[str]) -> Iterator[Any]:
    """Yield rows in the order of their ids, some at a time, as there may be many."""
    last = ""
    while rows := op.get_bind().execute(found.where(place > last).order_by(place).limit(_AT_ONCE)).all():
        yield from rows
        last = rows[-1].id


def _guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgres()
    else:
        _guard_on_sqlite()


def _guard_on_postgres() -> None:
    # Its class of errors is that of violated constraints: what does this is wrong, and would be wrong again.
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in _WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER audit_personal_data_append_only BEFORE UPDATE OR TRUNCATE ON audit_personal_data "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE FUNCTION refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NOT EXISTS (SELECT FROM customer WHERE environment_id = OLD.environment_id "
        "AND id = OLD.customer_id AND erased_at IS NOT NULL) THEN "
        "RAISE EXCEPTION 'the customer is not erased' USING ERRCODE = 'restrict_violation'; END IF; RETURN OLD; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_personal_data_erased BEFORE DELETE ON audit_personal_data "
        "FOR EACH ROW EXECUTE FUNCTION refuse_unless_erased()"
    )
    op.execute(
        "CREATE TRIGGER customer_stays_erased BEFORE UPDATE OF erased_at ON customer FOR EACH ROW "
        "WHEN (OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at) "
        "EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER erased_customer_stays BEFORE DELETE ON customer FOR EACH ROW "
        "WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION refuse_change()"
    )


def _guard_on_sqlite() -> None:
    for table, keys in _WRITTEN_ONCE.items():
        _refuse(table, "update", "UPDATE")
        _refuse(table, "delete", "DELETE")
        _refuse(table, "replace", "INSERT", _in_the_way(table, keys))
    _refuse("audit_personal_data", "update", "UPDATE")
    _refuse("audit_personal_data", "replace", "INSERT", _in_the_way("audit_personal_data", ("id",)))
    erased = (
        "SELECT 1 FROM customer WHERE environment_id = OLD.environment_id "
        "AND id = OLD.customer_id AND erased_at IS NOT NULL"
    )
    _refuse("audit_personal_data", "delete", "DELETE", f"NOT EXISTS ({erased})", "the customer is not erased")
    again = "OLD.erased_at IS NOT NULL AND NEW.erased_at IS NOT OLD.erased_at"
    _refuse("customer", "erased", "UPDATE OF erased_at", again)
    _refuse("customer", "delete_erased", "DELETE", "OLD.erased_at IS NOT NULL")
    _refuse("customer", "replace_erased", "INSERT", _in_the_way("customer", ("environment_id, id",), _IS_ERASED))


def _in_the_way(table: str, keys: Sequence[str], which: str = "true") -> str:
    """Return the condition that a new row would have something unique in common with one of those that are there.

    REPLACE deletes such a row without a trigger's leave. Each row has a number too, which is -1 where none is given.
    """
    held = [f"{which} AND rowid = NEW.rowid"]
    for key in keys:
        same = [f"{name} = NEW.{name}" for name in key.split(", ")]
        held.append(" AND ".join([which, *same, *([_ONE_OF_A_KIND] if "kind" in key else [])]))
    return " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {one})" for one in held)  # noqa: S608 - our own names


def _refuse(table: str, name: str, change: str, when: str = "true", message: str | None = None) -> None:
    said = message or f"{table} is append-only"
    op.execute(
        f"CREATE TRIGGER {table}_no_{name} BEFORE {change} ON {table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
    )


def _unguard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for function in ("refuse_change", "refuse_unless_erased"):
            op.execute(f"DROP FUNCTION {function}() CASCADE")
        return
    for table in _WRITTEN_ONCE:
        for name in ("update", "delete", "replace"):
            op.execute(f"DROP TRIGGER {table}_no_{name}")
    for name in ("audit_personal_data_no_update", "audit_personal_data_no_replace", "audit_personal_data_no_delete"):
        op.execute(f"DROP TRIGGER {name}")
    for name in ("erased", "delete_erased", "replace_erased"):
        op.execute(f"DROP TRIGGER customer_no_{name}")

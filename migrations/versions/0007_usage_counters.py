"""Events by number, one home of uniqueness, and counters of usage in the place of events assigned to lines."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op

import app.db
from app.ids import new_id

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT_A_TIME = 1000
PARTIAL = {
    "external_id": (["external_id", "number"], "external_id IS NOT NULL"),
    "reason": (["number"], "reason IS NOT NULL"),
    "unknown": (["external_subject", "subject", "number"], "customer_id IS NULL"),
}


def upgrade() -> None:
    """Apply."""
    _set_old_events_aside()
    _make_event_tables()
    _make_counter_tables()
    op.add_column("invoice_line", sa.Column("usage_counter_id", NUMBER, nullable=True))
    op.create_index("ix_invoice_line_usage_counter", "invoice_line", ["usage_counter_id"])
    _move_events()
    _move_assigned_events()
    _schedule_counting()
    op.drop_table("invoice_line_event")
    op.drop_table("old_meter_event")


def downgrade() -> None:
    """Take back. What was corrected has no place in the older tables: events stay what they were made."""
    _make_old_tables()
    _move_back()
    op.drop_index("ix_invoice_line_usage_counter", "invoice_line")
    op.drop_column("invoice_line", "usage_counter_id")
    for table in ("usage_job", "meter_event_revision", "usage_value", "counted_event", "usage_counter", "event_key"):
        op.drop_table(table)
    op.drop_table("new_meter_event")
    if _is_postgres():
        op.execute("DROP SEQUENCE meter_event_block")


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _set_old_events_aside() -> None:
    with op.batch_alter_table("meter_event_repeat") as repeats:
        repeats.drop_constraint("fk_meter_event_repeat_environment_id_event_id", type_="foreignkey")
    for name in ("subject", "external_subject", "environment_id_timestamp_id", "external_id"):
        op.drop_index(f"ix_meter_event_{name}", "meter_event")
    op.rename_table("meter_event", "old_meter_event")
    if _is_postgres():
        op.execute("ALTER INDEX pk_meter_event RENAME TO pk_old_meter_event")


def _make_event_tables() -> None:
    op.create_table(
        "meter_event",
        sa.Column("number", NUMBER, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("environment_id", "id")),
        sa.Column("created_at", app.db.Instant(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("type", "source")),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("subject", "external_subject", "external_id")),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("timestamp", app.db.Instant(), nullable=False),
        sa.Column("timestamp_given", sa.Boolean(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("customer_id", "reason")),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_meter_event"),
        postgresql_partition_by="RANGE (number)",
    )
    if _is_postgres():
        # Events from before have numbers below those of any month. Nothing else should ever be in it.
        op.execute("CREATE TABLE meter_event_default PARTITION OF meter_event DEFAULT")
        op.execute("CREATE SEQUENCE meter_event_block")
    op.create_index("ix_meter_event_number", "meter_event", ["environment_id", "number"])
    op.create_index("ix_meter_event_customer", "meter_event", ["environment_id", "type", "customer_id", "timestamp"])
    op.create_index("ix_meter_event_timestamp", "meter_event", ["environment_id", "timestamp", "number"])
    for name, (columns, condition) in PARTIAL.items():
        where = sa.text(condition)
        named = ["environment_id", *columns]
        op.create_index(f"ix_meter_event_{name}", "meter_event", named, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "event_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "meter_event_revision",
        *_owned(),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("timestamp", app.db.Instant(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("reason", "author")),
        *_owners("meter_event_revision"),
    )
    op.create_index(
        "ix_meter_event_revision_environment_id_event_id_number_id",
        "meter_event_revision",
        ["environment_id", "event_id", "number", "id"],
    )


def _make_counter_tables() -> None:
    op.create_table(
        "usage_counter",
        sa.Column("id", NUMBER, nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("key", "kind", "environment_id", "customer_id", "billable_metric_id")
        ),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("subscription_id", "price_id")),
        *(sa.Column(name, app.db.Instant(), nullable=False) for name in ("start_at", "end_at")),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=True),
        sa.Column("closed_at", app.db.Instant(), nullable=True),
        sa.Column("event_count", NUMBER, nullable=False),
        sa.Column("total", app.db.Exact(), nullable=False),
        *(sa.Column(name, app.db.Exact(), nullable=True) for name in ("minimum", "maximum", "latest")),
        sa.Column("latest_at", app.db.Instant(), nullable=True),
        sa.Column("latest_event_id", sa.String(), nullable=True),
        sa.Column("distinct_count", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage_counter"),
        sa.UniqueConstraint("key", name="uq_usage_counter_key"),
    )
    op.create_index(
        "ix_usage_counter_days", "usage_counter", ["environment_id", "billable_metric_id", "kind", "start_at"]
    )
    still_open = sa.text("closed_at IS NULL AND kind = 'PERIOD'")
    op.create_index(
        "ix_usage_counter_open",
        "usage_counter",
        ["environment_id", "customer_id"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "counted_event",
        sa.Column("event_number", NUMBER, nullable=False, autoincrement=False),
        sa.Column("billable_metric_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("is_withdrawal", sa.Boolean(), nullable=False),
        sa.Column("usage_counter_id", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint(
            "event_number", "billable_metric_id", "revision", "is_withdrawal", name="pk_counted_event"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_counted_event_counter", "counted_event", ["usage_counter_id", "event_number"])
    op.create_table(
        "usage_value",
        sa.Column("usage_counter_id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("usage_counter_id", "value", name="pk_usage_value"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_job",
        *_owned(),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "subject_id", "state")),
        sa.Column("until_number", NUMBER, nullable=True),
        sa.Column("done_number", NUMBER, nullable=False),
        sa.Column("counted_up_to", app.db.Instant(), nullable=True),
        sa.Column("failed_because", sa.String(), nullable=True),
        *_owners("usage_job"),
    )
    op.create_index("ix_usage_job_state", "usage_job", ["state", "created_at", "id"])
    op.create_index("ix_usage_job_subject", "usage_job", ["environment_id", "subject_id"])


def _owned() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("environment_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", app.db.Instant(), nullable=False),
    )


def _owners(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name=f"fk_{table}_environment_id"),
        sa.PrimaryKeyConstraint("environment_id", "id", name=f"pk_{table}"),
    )


def _move_events() -> None:
    """Number the events that are there in the order of their receipt, and name their customers."""
    op.execute(
        """
        INSERT INTO meter_event (
            number, environment_id, id, created_at, type, source, subject, external_subject, external_id,
            idempotency_key, timestamp, timestamp_given, data, customer_id, reason, revision, voided
        )
        SELECT row_number() OVER (ORDER BY e.created_at, e.id), e.environment_id, e.id, e.created_at, e.type, e.source,
            e.subject, e.external_subject, e.external_id, e.idempotency_key, e.timestamp, e.timestamp_given, e.data,
            coalesce(named.id, known.id), NULL, 0, false
        FROM old_meter_event e
        LEFT JOIN customer named ON named.environment_id = e.environment_id AND named.id = e.subject
        LEFT JOIN customer known ON known.environment_id = e.environment_id
            AND known.external_id = e.external_subject AND e.subject IS NULL
        """
    )
    op.execute("INSERT INTO event_key (id, number) SELECT id, number FROM meter_event ORDER BY id")


def _move_assigned_events() -> None:
    """Give each metered line of an issued invoice a closed counter, which has the events that were assigned to it."""
    connection, counters, lines = op.get_bind(), _table("usage_counter"), _table("invoice_line")
    rows = connection.execute(_METERED_LINES.columns(**_READ)).mappings().all()
    for start in range(0, len(rows), AT_A_TIME):
        connection.execute(sa.insert(counters), [_counter_of(row) for row in rows[start : start + AT_A_TIME]])
    by_key = {row.key: row.id for row in connection.execute(sa.select(counters.c.id, counters.c.key))}
    for row in rows:
        mine = (lines.c.environment_id == row["environment_id"]) & (lines.c.id == row["line_id"])
        counter_id = by_key[_counter_of(row)["key"]]
        connection.execute(sa.update(lines).where(mine).values(usage_counter_id=counter_id))
    op.execute(
        """
        INSERT INTO counted_event (event_number, billable_metric_id, revision, is_withdrawal, usage_counter_id)
        SELECT k.number, a.billable_metric_id, 0, false, l.usage_counter_id
        FROM invoice_line_event a
        JOIN event_key k ON k.id = a.event_id
        JOIN invoice_line l ON l.environment_id = a.environment_id AND l.id = a.invoice_line_id
        """
    )


_READ = {"period_start": app.db.Instant(), "period_end": app.db.Instant(), "issued_at": app.db.Instant()}
_METERED_LINES = sa.text(
    """
    SELECT l.environment_id, l.id AS line_id, l.price_id, l.period_start, l.period_end, i.subscription_id,
        i.customer_id, i.issued_at, p.billable_metric_id
    FROM invoice_line l
    JOIN invoice i ON i.environment_id = l.environment_id AND i.id = l.invoice_id AND i.issued_at IS NOT NULL
    JOIN price p ON p.environment_id = l.environment_id AND p.id = l.price_id AND p.billable_metric_id IS NOT NULL
    """
)


def _table(name: str) -> sa.TableClause:
    instants = ("start_at", "end_at", "closed_at", "created_at")
    columns = {
        "usage_counter": (
            *(
                "id",
                "key",
                "kind",
                "environment_id",
                "customer_id",
                "billable_metric_id",
                "subscription_id",
                "price_id",
            ),
            *("start_at", "end_at", "closed_at", "round", "event_count", "total", "distinct_count"),
        ),
        "invoice_line": ("environment_id", "id", "usage_counter_id"),
        "usage_job": ("environment_id", "id", "created_at", "kind", "subject_id", "state", "done_number"),
    }[name]
    kinds: dict[str, Any] = dict.fromkeys(instants, app.db.Instant()) | {"total": app.db.Exact()}
    return sa.table(name, *(sa.column(column, kinds.get(column)) for column in columns))


def _counter_of(row: Any) -> dict[str, Any]:
    start = row["period_start"].astimezone(UTC).isoformat()
    return {
        "key": f"{row['subscription_id']}/{row['price_id']}/{start}/0",
        "kind": "PERIOD",
        **{name: row[name] for name in ("environment_id", "customer_id", "billable_metric_id", "subscription_id")},
        "price_id": row["price_id"],
        "start_at": row["period_start"],
        "end_at": row["period_end"],
        "closed_at": row["issued_at"],
        "round": 0,
        "event_count": 0,
        "total": Decimal(0),
        "distinct_count": 0,
    }


def _schedule_counting() -> None:
    """Let all that is not billed yet be counted, metric by metric, and say of the rest why it counts for nothing."""
    op.execute("UPDATE meter_event SET reason = 'CUSTOMER_UNKNOWN' WHERE customer_id IS NULL")
    op.execute(
        """
        UPDATE meter_event SET reason = 'NO_METRIC' WHERE NOT EXISTS (
            SELECT 1 FROM billable_metric m
            WHERE m.environment_id = meter_event.environment_id AND m.event_type = meter_event.type
        )
        """
    )
    connection, jobs = op.get_bind(), _table("usage_job")
    metrics = connection.execute(sa.text("SELECT environment_id, id FROM billable_metric ORDER BY id")).all()
    environments = connection.execute(sa.text("SELECT DISTINCT environment_id FROM meter_event")).all()
    subjects = [("METRIC", row.environment_id, row.id) for row in metrics]
    # After all of those: the days of what was billed are added up from the events.
    subjects += [("DAYS", row.environment_id, row.environment_id) for row in environments]
    for kind, environment_id, subject_id in subjects:
        job = {"environment_id": environment_id, "id": new_id("ujob"), "created_at": datetime.now(UTC)}
        told = {"kind": kind, "subject_id": subject_id, "state": "WAITING", "done_number": -1}
        connection.execute(sa.insert(jobs).values(**job, **told))


def _make_old_tables() -> None:
    for name in ("number", "customer", "timestamp", *PARTIAL):
        op.drop_index(f"ix_meter_event_{name}", "meter_event")
    op.rename_table("meter_event", "new_meter_event")
    if _is_postgres():
        op.execute("ALTER INDEX pk_meter_event RENAME TO pk_new_meter_event")
    op.create_table(
        "meter_event",
        *_owned(),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("type", "source")),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("subject", "external_subject", "external_id")),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("timestamp", app.db.Instant(), nullable=False),
        sa.Column("timestamp_given", sa.Boolean(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        *_owners("meter_event"),
    )
    op.create_index(
        "ix_meter_event_external_subject", "meter_event", ["environment_id", "type", "external_subject", "timestamp"]
    )
    op.create_index("ix_meter_event_subject", "meter_event", ["environment_id", "type", "subject", "timestamp"])
    op.create_index("ix_meter_event_environment_id_timestamp_id", "meter_event", ["environment_id", "timestamp", "id"])
    named = sa.text("external_id IS NOT NULL")
    columns = ["environment_id", "external_id", "id"]
    op.create_index("ix_meter_event_external_id", "meter_event", columns, sqlite_where=named, postgresql_where=named)
    op.create_table(
        "invoice_line_event",
        *_owned(),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("invoice_line_id", "billable_metric_id", "event_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["environment_id", column],
                [f"{table}.environment_id", f"{table}.id"],
                name=op.f(f"fk_invoice_line_event_environment_id_{column}"),
            )
            for column, table in (
                ("billable_metric_id", "billable_metric"),
                ("event_id", "meter_event"),
                ("invoice_line_id", "invoice_line"),
            )
        ),
        *_owners("invoice_line_event"),
        sa.UniqueConstraint(
            "environment_id",
            "billable_metric_id",
            "event_id",
            name=op.f("uq_invoice_line_event_environment_id_billable_metric_id_event_id"),
        ),
    )
    for columns in (["event_id", "id"], ["invoice_line_id", "event_id"]):
        named_columns = ["environment_id", *columns]
        name = op.f(f"ix_invoice_line_event_{'_'.join(named_columns)}")
        op.create_index(name, "invoice_line_event", named_columns)


def _move_back() -> None:
    """Without a hash of their content, repeats that come after a downgrade read as differing."""
    op.execute(
        """
        INSERT INTO meter_event (
            environment_id, id, created_at, type, source, subject, external_subject, external_id, idempotency_key,
            timestamp, timestamp_given, data, content_hash
        )
        SELECT environment_id, id, created_at, type, source, subject, external_subject, external_id, idempotency_key,
            timestamp, timestamp_given, data, ''
        FROM new_meter_event
        """
    )
    op.execute(
        """
        INSERT INTO invoice_line_event (environment_id, id, created_at, invoice_line_id, billable_metric_id, event_id)
        SELECT e.environment_id,
            'lie_' || substr(e.id, 5, 20) || substr(c.billable_metric_id, 25),
            e.created_at, l.id, c.billable_metric_id, e.id
        FROM counted_event c
        JOIN new_meter_event e ON e.number = c.event_number
        JOIN invoice_line l ON l.usage_counter_id = c.usage_counter_id
        """
    )
    with op.batch_alter_table("meter_event_repeat") as repeats:
        repeats.create_foreign_key(
            "fk_meter_event_repeat_environment_id_event_id",
            "meter_event",
            ["environment_id", "event_id"],
            ["environment_id", "id"],
        )

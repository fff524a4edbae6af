"""Which events an invoice line counted."""

from sqlalchemy import Index

from app.models.row import EnvironmentRow, belongs_to, index, unique


class InvoiceLineEvent(EnvironmentRow, table=True):
    """That an invoice line counted an event: written when the invoice is issued, and never changed.

    The metric stands in the unique constraint: an event is billed once for each metric, however often a period closes.
    """

    __tablename__ = "invoice_line_event"
    __table_args__ = (
        unique("billable_metric_id", "event_id"),
        belongs_to("invoice_line_id", "invoice_line"),
        belongs_to("event_id", "meter_event"),
        belongs_to("billable_metric_id", "billable_metric"),
        index("event_id"),
        Index(None, "environment_id", "invoice_line_id", "event_id"),
    )

    invoice_line_id: str
    billable_metric_id: str
    event_id: str

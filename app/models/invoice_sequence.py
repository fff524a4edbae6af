"""The counters of invoice numbers."""

from app.models.row import EnvironmentRow


class InvoiceSequence(EnvironmentRow, table=True):
    """The last number given in a series; `id` is the series. Its row is locked last in the transaction that issues."""

    __tablename__ = "invoice_sequence"

    last_number: int

"""What is known of repeated events."""

from app.models.row import EnvironmentRow, index


class MeterEventRepeat(EnvironmentRow, table=True):
    """A later arrival of an event that was stored already: it changes nothing, and is kept to be shown."""

    __tablename__ = "meter_event_repeat"
    __table_args__ = (index("event_id"),)

    event_id: str
    differs: bool

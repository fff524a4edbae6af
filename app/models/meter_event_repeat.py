"""What is known of repeated events."""

from app.models.row import EnvironmentRow, belongs_to, index


class MeterEventRepeat(EnvironmentRow, table=True):
    """A later arrival of an event that was stored already: it changes nothing, and is kept to be shown."""

    __tablename__ = "meter_event_repeat"
    __table_args__ = (belongs_to("event_id", "meter_event"), index("event_id"))

    event_id: str
    differs: bool

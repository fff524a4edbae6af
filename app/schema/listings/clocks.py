"""Lists of test clocks."""

from app import models
from app.schema.listings.listing import By, InstantRange, containing, listing, within


@listing(
    models.TestClock,
    CREATED_AT=By("created_at", "When it was created, in real time."),
    NAME=By("name", "What it is called, by the bytes of the text."),
    NOW=By("now", "The instant it stands at."),
)
class TestClockFilter:
    """Rows of `test_clock`."""

    name_contains: str | None = containing("name", "Whose name contains this text. Example: `quick`.")
    created_at: InstantRange | None = within("created_at", "When they were created, in real time.")

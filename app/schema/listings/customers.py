"""Lists of customers."""

import strawberry

from app import models
from app.schema.listings.listing import By, InstantRange, containing, is_given, listing, one_of, within


@listing(
    models.Customer,
    CREATED_AT=By("created_at", "When it was created, in its own time."),
    NAME=By("name", "What it is called, by the bytes of the text."),
    EXTERNAL_ID=By("external_id", "Your own id of it, by the bytes of the text; null where it has none."),
    EMAIL=By("email", "Where invoices go, by the bytes of the text; null where it has none."),
)
class CustomerFilter:
    """Rows of `customer`."""

    external_ids: list[str] | None = one_of("external_id", 'With one of these ids of your own. Example: `["acme-1"]`.')
    emails: list[str] | None = one_of(
        "email", 'With exactly one of these addresses. Example: `["billing@acme.example"]`.'
    )
    name_contains: str | None = containing("name", "Whose name contains this text. Example: `acme`.")
    test_clock_ids: list[strawberry.ID] | None = one_of("test_clock_id", "On one of the test clocks with these ids.")
    on_test_clock: bool | None = is_given("test_clock_id", "Whether they live on a test clock.")
    created_at: InstantRange | None = within("created_at", "When they were created, in their own time.")

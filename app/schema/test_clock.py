"""Test clocks: simulated time."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app import models
from app.billing.catalog import TestClockDraft
from app.loaders.pages import Relation
from app.schema.connections import Connection, connection
from app.schema.declarations import ANY_KEY, field, noun, value
from app.schema.inputs import idempotency_key
from app.schema.invoice import Invoice
from app.schema.node import Node
from app.schema.user_errors import Payload

if TYPE_CHECKING:
    from app.schema.customer import Customer


@noun("clk", models.TestClock, ANY_KEY, "Simulated time for the customers created on it. Only moves when told to.")
class TestClock(Node):
    """Rows of `test_clock`."""

    name: str = field("What it is called. Example: `quickstart`.")
    now: datetime = field("The instant it stands at.")
    advancing_to: datetime | None = field(
        "Where it is being moved; `now` says how far that is. The next call resumes one that was cut off. Null at rest."
    )
    created_at: datetime = field("When it was created, in real time.")
    customers: Connection[Annotated["Customer", strawberry.lazy("app.schema.customer")]] = connection(
        "Who lives in its time, at most 100.", Relation(models.Customer, "test_clock_id")
    )


@strawberry.input(description="A test clock to create.")
class TestClockCreateInput:
    """See `TestClockDraft`."""

    name: str = field("What it is called, up to 255 characters. Example: `quickstart`.")
    now: datetime | None = field(
        "The instant it starts at; null for the server's time. Example: `2026-01-31T00:00:00Z`.", default=None
    )
    idempotency_key: str | None = idempotency_key()

    def to_draft(self) -> TestClockDraft:
        """Return what is asked for."""
        return TestClockDraft(name=self.name, now=self.now)


@strawberry.input(description="Where to move a test clock.")
class TestClockAdvanceInput:
    """See `services.clocks.begin_advance`."""

    id: strawberry.ID = field("The id of the clock.")
    to: datetime = field("The instant it is to stand at, at most 2 years ahead. Example: `2026-02-28T02:00:00Z`.")


@value("The test clock that was created.")
class TestClockCreatePayload(Payload):
    """The answer of `testClockCreate`."""

    test_clock: TestClock | None = field("The test clock.", default=None)
    replayed: bool = field("Whether an earlier call with this idempotency key made it.", default=False)


@value("What happened while a clock moved.")
class TestClockAdvancePayload(Payload):
    """The answer of `testClockAdvance`."""

    test_clock: TestClock | None = field("The clock where it stands now.", default=None)
    invoices: list[Invoice] = field(
        "The invoices that were drafted or issued on the way, oldest first.",
        default_factory=list,
        access=models.Invoice,
    )

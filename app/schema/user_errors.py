"""What mutations answer when an input is refused."""

from app.schema.declarations import field, value
from app.schema.enums import ErrorCode


@value("One problem of an input. All problems are reported at once, in the order of the input's fields.")
class UserError:
    """Resolvers return `billing.errors.UserError`."""

    code: ErrorCode = field("What is wrong, for programs.")
    message: str = field("What is wrong, for people.")
    path: str | None = field(
        "The path of the input's field that is wrong, null for the input as a whole. Example: `groupBy.0.path`.",
        of="field",
        name="field",
    )


@value("What every mutation answers.")
class Payload:
    """The fields all payloads share."""

    user_errors: list[UserError] = field("Why the input was refused; then nothing was written.", default_factory=list)

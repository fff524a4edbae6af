"""What mutations answer when an input is refused."""

from app.billing import errors
from app.schema.declarations import field, value
from app.schema.enums import ErrorCode


@value("One problem of an input. All problems are reported at once, in the order of the input's fields.")
class UserError:
    """Resolvers return `billing.errors.UserError`."""

    code: ErrorCode = field("What is wrong, for programs.")
    field: str | None = field(  # type: ignore[no-redef]  # the API's word, needed no more below
        "The path of the input's field that is wrong; null for the input as a whole. Example: `model.standard.unitPrice`."
    )
    message: str = field("What is wrong, for people.")  # type: ignore[operator]

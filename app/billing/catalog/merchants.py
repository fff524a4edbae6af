"""Drafts of merchants and test clocks."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from app.billing.catalog.addresses import Address, check_address, check_locale, check_tax_id
from app.billing.catalog.prices import check_currency
from app.billing.errors import ErrorCode, Problems
from app.billing.periods import known_timezone
from app.billing.text import check_name

MAX_PREFIX_LENGTH = 20
MAX_GRACE_SECONDS = 30 * 24 * 60 * 60
DEFAULT_GRACE_SECONDS = 60 * 60
MAX_INITIAL_PAYMENT_DAYS = 365
DEFAULT_INITIAL_PAYMENT_DAYS = 7
DEFAULT_LOCALE = "en"

# Far from the ends of the calendar, so that no period, grace or payment term computed from a clock can leave it.
EARLIEST_CLOCK = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_CLOCK = datetime(2500, 1, 1, tzinfo=UTC)

# The first word of a number tells its series, so a prefix must not begin with that of another series.
_PREFIX = re.compile(r"(?!(?:TEST|SANDBOX)(?:-|$))[A-Z0-9]+(?:-[A-Z0-9]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class MerchantDraft:
    """A merchant as a user wants it; `timezone` is an IANA name."""

    name: str
    default_currency: str = "USD"
    timezone: str = "UTC"
    invoice_number_prefix: str = "INV"
    grace_seconds: int = DEFAULT_GRACE_SECONDS
    initial_payment_days: int = DEFAULT_INITIAL_PAYMENT_DAYS
    address: Address | None = None
    tax_id: str | None = None
    locale: str = DEFAULT_LOCALE


@dataclass(frozen=True, kw_only=True, slots=True)
class TestClockDraft:
    """A test clock as a user wants it; `now` None means the server's time."""

    # Tells pytest that this is no test, whatever its name begins with.
    __test__ = False

    name: str
    now: datetime | None = None


def check_merchant(draft: MerchantDraft, problems: Problems) -> None:
    """Note every problem of a merchant, in the order of its fields."""
    check_name(problems, "name", draft.name)
    check_currency(problems, "defaultCurrency", draft.default_currency)
    if not known_timezone(draft.timezone):
        problems.add(ErrorCode.INVALID, "timezone", "Must be a zone of the IANA database, like Europe/Berlin.")
    _check_prefix(draft.invoice_number_prefix, problems)
    if not 0 <= draft.grace_seconds <= MAX_GRACE_SECONDS:
        problems.add(ErrorCode.OUT_OF_RANGE, "graceSeconds", "Must be 0 seconds to 30 days.")
    if not 1 <= draft.initial_payment_days <= MAX_INITIAL_PAYMENT_DAYS:
        message = f"Must be 1 to {MAX_INITIAL_PAYMENT_DAYS} days."
        problems.add(ErrorCode.OUT_OF_RANGE, "initialPaymentDays", message)
    check_address(problems, "address", draft.address)
    check_tax_id(problems, "taxId", draft.tax_id)
    check_locale(problems, "locale", draft.locale)


def check_test_clock(draft: TestClockDraft, problems: Problems) -> None:
    """Note every problem of a test clock, in the order of its fields."""
    check_name(problems, "name", draft.name)
    if draft.now is not None:
        check_clock_instant(problems, "now", draft.now)


def check_clock_instant(problems: Problems, field: str, instant: datetime) -> None:
    """Note a problem if a test clock can't stand at an instant: it lies between the years 1970 and 2500."""
    if not EARLIEST_CLOCK <= instant <= LATEST_CLOCK:
        problems.add(ErrorCode.OUT_OF_RANGE, field, "Must lie between 1970-01-01 and 2500-01-01.")


def _check_prefix(prefix: str, problems: Problems) -> None:
    field = "invoiceNumberPrefix"
    if not prefix:
        problems.add(ErrorCode.BLANK, field, "Must not be blank.")
    elif len(prefix) > MAX_PREFIX_LENGTH:
        problems.add(ErrorCode.TOO_LONG, field, f"Must have at most {MAX_PREFIX_LENGTH} characters.")
    elif _PREFIX.fullmatch(prefix) is None:
        message = "Must be capitals and digits in parts joined by hyphens, and not begin with TEST or SANDBOX."
        problems.add(ErrorCode.INVALID, field, message)

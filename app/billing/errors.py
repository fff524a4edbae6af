"""What can be wrong with an input, and how all of it is reported at once."""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Why an input was refused; part of the API, so a member is never renamed."""

    BLANK = "BLANK"
    TOO_LONG = "TOO_LONG"
    INVALID = "INVALID"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NOT_FOUND = "NOT_FOUND"
    TAKEN = "TAKEN"
    UNSUPPORTED = "UNSUPPORTED"
    UNKNOWN_CURRENCY = "UNKNOWN_CURRENCY"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    PRODUCT_MISMATCH = "PRODUCT_MISMATCH"
    IN_USE = "IN_USE"
    IMMUTABLE = "IMMUTABLE"
    ARCHIVED = "ARCHIVED"
    PLAN_VERSION_NOT_DRAFT = "PLAN_VERSION_NOT_DRAFT"
    PLAN_VERSION_NOT_PUBLISHED = "PLAN_VERSION_NOT_PUBLISHED"
    SUBSCRIPTION_EXISTS = "SUBSCRIPTION_EXISTS"
    SUBSCRIPTION_TERMINATED = "SUBSCRIPTION_TERMINATED"
    SUBSCRIPTION_NOT_ACTIVE = "SUBSCRIPTION_NOT_ACTIVE"
    NOTHING_CHANGES = "NOTHING_CHANGES"
    PAYMENT_EXCEEDS_DUE = "PAYMENT_EXCEEDS_DUE"
    INVOICE_NOT_PAYABLE = "INVOICE_NOT_PAYABLE"
    INVOICE_NOT_DRAFT = "INVOICE_NOT_DRAFT"
    INVOICE_NOT_CREDITABLE = "INVOICE_NOT_CREDITABLE"
    INVOICE_NOT_OPEN = "INVOICE_NOT_OPEN"
    INVOICE_AWAITED = "INVOICE_AWAITED"
    CREDIT_EXCEEDS_LEFT = "CREDIT_EXCEEDS_LEFT"
    CREDIT_BALANCE_EXCEEDED = "CREDIT_BALANCE_EXCEEDED"
    REFUND_EXCEEDS_PAYMENT = "REFUND_EXCEEDS_PAYMENT"
    ENTITLEMENT_ENDED = "ENTITLEMENT_ENDED"
    NOT_ENTITLED = "NOT_ENTITLED"
    BALANCE_EXCEEDED = "BALANCE_EXCEEDED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    CLOCK_BACKWARDS = "CLOCK_BACKWARDS"
    CLOCK_LEAP_TOO_LONG = "CLOCK_LEAP_TOO_LONG"
    CLOCK_BUSY = "CLOCK_BUSY"
    CLOCK_FULL = "CLOCK_FULL"
    CUSTOMER_ERASED = "CUSTOMER_ERASED"
    KEY_NOT_VALID = "KEY_NOT_VALID"


DESCRIPTIONS: dict[ErrorCode, str] = {
    ErrorCode.BLANK: "A value is needed and none was given.",
    ErrorCode.TOO_LONG: "The text has more characters than the field takes.",
    ErrorCode.INVALID: "The value does not have the form the field takes, or does not fit the other fields.",
    ErrorCode.OUT_OF_RANGE: "The number, the instant or the count of entries is outside the bounds of the field.",
    ErrorCode.NOT_FOUND: "Nothing with this id or key exists here.",
    ErrorCode.TAKEN: "Another object of this environment has this key or external id.",
    ErrorCode.UNSUPPORTED: "The value is known, and this version does not offer it.",
    ErrorCode.UNKNOWN_CURRENCY: "The code is not an active ISO 4217 currency with a minor unit.",
    ErrorCode.CURRENCY_MISMATCH: "Two objects that must share a currency have different ones.",
    ErrorCode.PRODUCT_MISMATCH: "Two objects that must belong to one product belong to different ones.",
    ErrorCode.IN_USE: "The object is used, and what was asked would change or remove it for its users.",
    ErrorCode.IMMUTABLE: "The field is set once and never changes. Make another object, under a key of its own.",
    ErrorCode.ARCHIVED: "The object is archived: it stays with those who use it and takes nothing new.",
    ErrorCode.PLAN_VERSION_NOT_DRAFT: "The plan version is published, so it never changes.",
    ErrorCode.PLAN_VERSION_NOT_PUBLISHED: "The plan version is a draft: nobody can subscribe before it is published.",
    ErrorCode.SUBSCRIPTION_EXISTS: "The customer has a live subscription to this product.",
    ErrorCode.SUBSCRIPTION_TERMINATED: "The subscription has ended for good.",
    ErrorCode.SUBSCRIPTION_NOT_ACTIVE: "The subscription is not active, and only an active one can do this.",
    ErrorCode.NOTHING_CHANGES: "Everything is as was asked already.",
    ErrorCode.PAYMENT_EXCEEDS_DUE: "The payment is more than what is due on the invoice.",
    ErrorCode.INVOICE_NOT_PAYABLE: "The invoice is a draft, paid, void or uncollectible, so it takes no payment.",
    ErrorCode.INVOICE_NOT_DRAFT: "The invoice is issued, so its lines never change.",
    ErrorCode.INVOICE_NOT_CREDITABLE: "The invoice is a draft or void, so there is nothing to credit.",
    ErrorCode.INVOICE_NOT_OPEN: "The invoice has not the status that what was asked is for.",
    ErrorCode.INVOICE_AWAITED: "A pending subscription waits for the invoice. End the subscription instead.",
    ErrorCode.CREDIT_EXCEEDS_LEFT: "More was to be credited than earlier credit notes left of the line or the invoice.",
    ErrorCode.CREDIT_BALANCE_EXCEEDED: "More was to be taken than the customer has of credit in this currency.",
    ErrorCode.REFUND_EXCEEDS_PAYMENT: "More was to be refunded than is left of what the payments brought.",
    ErrorCode.ENTITLEMENT_ENDED: "The entitlement has ended, or ends before what was asked for.",
    ErrorCode.NOT_ENTITLED: "The customer has no entitlement to the feature.",
    ErrorCode.BALANCE_EXCEEDED: "More units were to be used than are left.",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "The idempotency key was used before with another input.",
    ErrorCode.CLOCK_BACKWARDS: "A test clock only moves forward.",
    ErrorCode.CLOCK_LEAP_TOO_LONG: "A test clock moves at most two years in one call.",
    ErrorCode.CLOCK_BUSY: "The test clock is being advanced by another call.",
    ErrorCode.CLOCK_FULL: "The test clock has as many customers as it takes.",
    ErrorCode.CUSTOMER_ERASED: "The customer's personal data was erased: it can't be changed or sold anything.",
    ErrorCode.KEY_NOT_VALID: "The API key is revoked, expired, or replaced already.",
}


@dataclass(frozen=True, slots=True)
class UserError:
    """One problem of an input: `field` is its dotted camelCase path, like `groupBy.0.path`, or None for the whole."""

    code: ErrorCode
    field: str | None
    message: str


class Refused(Exception):
    """The input was refused for the reasons in `errors`, and nothing may be written."""

    def __init__(self, errors: tuple[UserError, ...]) -> None:
        """Take every problem found, in the order of the input's fields."""
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


class InvariantBroken(Exception):
    """A bug or corrupted data; never caused by what a user sent."""


class Problems:
    """Collects the problems of one input, in the order they are added, so that a user sees all of them at once."""

    def __init__(self) -> None:
        """Start without a problem."""
        self._errors: list[UserError] = []

    @property
    def errors(self) -> tuple[UserError, ...]:
        """Everything added so far, in order."""
        return tuple(self._errors)

    def add(self, code: ErrorCode, field: str | None, message: str) -> None:
        """Note one problem; `field` is the dotted camelCase path from the input."""
        self._errors.append(UserError(code, field, message))

    def pass_on(self, to: "Problems", path: str) -> None:
        """Add all problems to another collection, each under a path; what concerns the whole becomes the path's."""
        for error in self._errors:
            to.add(error.code, path if error.field is None else f"{path}.{error.field}", error.message)

    def raise_if_any(self) -> None:
        """Raise Refused with all problems, or do nothing if there is none."""
        if self._errors:
            raise Refused(self.errors)

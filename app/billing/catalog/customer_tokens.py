"""Drafts of customer tokens."""

from dataclasses import dataclass

from app.billing.errors import ErrorCode, Problems

#: In seconds. A page that stays open asks its backend for the next one.
MIN_TTL = 60
MAX_TTL = 86_400
DEFAULT_TTL = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerTokenDraft:
    """A token as a user wants it: for a customer, by its id, and for `ttl` seconds."""

    customer: str
    ttl: int = DEFAULT_TTL

    def check(self, problems: Problems) -> None:
        """Note what is wrong with it."""
        if not MIN_TTL <= self.ttl <= MAX_TTL:
            problems.add(ErrorCode.OUT_OF_RANGE, "ttl", f"Must be {MIN_TTL} to {MAX_TTL} seconds.")


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerTokenTarget:
    """Which tokens are meant: the one with an id, or all of a customer."""

    token: str | None = None
    customer: str | None = None

    def check(self, problems: Problems) -> None:
        """Note what is wrong with it."""
        if (self.token is None) == (self.customer is None):
            problems.add(ErrorCode.INVALID, "id", "Give either id or customerId.")

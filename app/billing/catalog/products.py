"""Drafts of products and fees."""

from dataclasses import dataclass, field

from app.billing.errors import Problems
from app.billing.text import check_key, check_metadata, check_name, check_optional_text


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductDraft:
    """A product as a user wants it."""

    key: str | None = None
    name: str
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeeDraft:
    """A fee as a user wants it; `product` is an id or key."""

    key: str | None = None
    product: str
    name: str
    description: str | None = None


def check_product(draft: ProductDraft, problems: Problems) -> None:
    """Note every problem of a product that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    check_name(problems, "name", draft.name)
    check_optional_text(problems, "description", draft.description)
    check_metadata(problems, "metadata", draft.metadata)


def check_fee(draft: FeeDraft, problems: Problems) -> None:
    """Note every problem of a fee that can be seen without a look-up, in the order of its fields."""
    check_key(problems, "key", draft.key)
    check_name(problems, "name", draft.name)
    check_optional_text(problems, "description", draft.description)

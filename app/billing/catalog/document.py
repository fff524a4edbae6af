"""Checks of a whole catalog document, all problems at once, each under its path."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.billing.catalog.as_code import SECTIONS, CatalogDraft, CatalogNoun, Draft, fields_of
from app.billing.catalog.metrics import check_billable_metric
from app.billing.catalog.plans import PlanDraft, check_plan
from app.billing.catalog.prices import PriceDraft, check_price
from app.billing.catalog.products import check_fee, check_product
from app.billing.errors import ErrorCode, Problems, UserError

MAX_OBJECTS = 1000

_CHECKS: Mapping[CatalogNoun, Callable[[Any, Problems], None]] = {
    CatalogNoun.PRODUCT: check_product,
    CatalogNoun.BILLABLE_METRIC: check_billable_metric,
    CatalogNoun.FEE: check_fee,
    CatalogNoun.PRICE: check_price,
    CatalogNoun.PLAN: check_plan,
}


#: The objects of a document by noun and key.
Keyed = Mapping[CatalogNoun, Mapping[str | None, Draft]]


def check_document(wanted: CatalogDraft, outside: frozenset[str], problems: Problems) -> None:
    """Note every problem that can be seen in the document alone.

    `outside` holds the ids of objects without a key that the document may refer to. The caller has filled in the
    currency where a plan or a price leaves it to the merchant.
    """
    keyed = {noun: {draft.key: draft for draft in wanted.of(noun)} for noun in CatalogNoun}
    for noun in CatalogNoun:
        section = SECTIONS[noun]
        if len(wanted.of(noun)) > MAX_OBJECTS:
            problems.add(ErrorCode.OUT_OF_RANGE, section, f"Must have at most {MAX_OBJECTS} entries.")
            continue
        seen: set[str | None] = set()
        for place, draft in enumerate(wanted.of(noun)):
            found = Problems()
            _check_key(draft, seen, found)
            for field, target, reference in references(draft):
                if reference not in outside and reference not in keyed[target]:
                    message = f'"{reference}" is none of the {SECTIONS[target]} here, nor the id of one without a key.'
                    found.add(ErrorCode.NOT_FOUND, field, message)
            _CHECKS[noun](draft, found)
            if isinstance(draft, PlanDraft):
                _check_prices(keyed, draft, found)
            found.pass_on(problems, f"{section}.{place}")


def in_document_order(wanted: CatalogDraft, errors: Sequence[UserError]) -> list[UserError]:
    """Return problems in the order of the document's sections, their objects, and the fields of those."""
    sections = {section: (place, noun) for place, (noun, section) in enumerate(SECTIONS.items())}

    def place(error: UserError) -> tuple[int, int, int]:
        section, index, name, *_ = [*(error.field or "").split("."), "", ""]
        order, noun = sections[section]
        if not index:
            return order, -1, -1
        names = fields_of(wanted.of(noun)[int(index)])
        return order, int(index), names.index(name) if name in names else -1

    return sorted(errors, key=place)


def references(draft: Draft) -> Iterator[tuple[str, CatalogNoun, str]]:
    """Yield what an object refers to: the field, the noun, and the key or id that stands there."""
    if isinstance(draft, PriceDraft):
        if draft.billable_metric is not None:
            yield "target.billableMetricId", CatalogNoun.BILLABLE_METRIC, draft.billable_metric
        if draft.fee is not None:
            yield "target.feeId", CatalogNoun.FEE, draft.fee
        return
    product = getattr(draft, "product", None)
    if product is not None:
        yield "productId", CatalogNoun.PRODUCT, product
    for place, price in enumerate(getattr(draft, "prices", ())):
        yield f"priceIds.{place}", CatalogNoun.PRICE, price


def _check_key(draft: Draft, seen: set[str | None], problems: Problems) -> None:
    if draft.key is None:
        problems.add(ErrorCode.BLANK, "key", "Every object of a catalog document has a key.")
    elif draft.key in seen:
        problems.add(ErrorCode.TAKEN, "key", f'The document has the key "{draft.key}" twice.')
    seen.add(draft.key)


def _check_prices(keyed: Keyed, plan: PlanDraft, problems: Problems) -> None:
    """Note which prices of a plan are of another product or currency, or charge for what another one does."""
    prices, targets = keyed[CatalogNoun.PRICE], set[tuple[str | None, str | None]]()
    for place, reference in enumerate(plan.prices):
        field, price = f"priceIds.{place}", prices.get(reference)
        if not isinstance(price, PriceDraft):
            continue
        product = _product_of(keyed, price)
        if product is not None and product != plan.product:
            problems.add(ErrorCode.PRODUCT_MISMATCH, field, f'The price "{reference}" is of the product "{product}".')
        if price.currency != plan.currency:
            message = f'The price "{reference}" is in {price.currency}, the plan in {plan.currency}.'
            problems.add(ErrorCode.CURRENCY_MISMATCH, field, message)
        target = (price.billable_metric, price.fee)
        if target in targets:
            message = "Another price of this plan has the same metric or fee already, so it would be charged twice."
            problems.add(ErrorCode.INVALID, field, message)
        targets.add(target)


def _product_of(keyed: Keyed, price: PriceDraft) -> str | None:
    noun = CatalogNoun.FEE if price.billable_metric is None else CatalogNoun.BILLABLE_METRIC
    target = keyed[noun].get(price.billable_metric or price.fee)
    return getattr(target, "product", None)

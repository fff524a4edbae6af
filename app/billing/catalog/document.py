"""Checks of a whole catalog document, all problems at once, each under its path."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.billing.catalog.as_code import SECTIONS, CatalogDraft, CatalogNoun, Draft, fields_of
from app.billing.catalog.differences import Existing
from app.billing.catalog.metrics import BillableMetricDraft, check_billable_metric
from app.billing.catalog.plans import MAX_PRICES, PlanDraft, check_in_plan, check_plan
from app.billing.catalog.prices import PriceDraft, check_price, check_target
from app.billing.catalog.products import check_fee, check_product
from app.billing.errors import ErrorCode, Problems, UserError

MAX_OBJECTS = 1000

#: Objects by noun and by what names them.
Named = Mapping[CatalogNoun, Mapping[str, Draft]]

_CHECKS: Mapping[CatalogNoun, Callable[[Any, Problems], None]] = {
    CatalogNoun.PRODUCT: check_product,
    CatalogNoun.BILLABLE_METRIC: check_billable_metric,
    CatalogNoun.FEE: check_fee,
    CatalogNoun.PRICE: check_price,
    CatalogNoun.PLAN: check_plan,
}


def check_document(
    wanted: CatalogDraft, outside: Mapping[CatalogNoun, Mapping[str, Existing]], problems: Problems
) -> None:
    """Note every problem that can be seen without the objects that have the document's keys now.

    `outside` holds the objects without a key by their ids, which the document may refer to. The caller has filled in
    the currency where a plan or a price leaves it to the merchant. What strangers wrote is not repeated in messages.
    """
    named = {
        noun: {
            **{identifier: there.draft for identifier, there in outside[noun].items()},
            **{str(draft.key): draft for draft in wanted.of(noun)},
        }
        for noun in CatalogNoun
    }
    for noun in CatalogNoun:
        section = SECTIONS[noun]
        if len(wanted.of(noun)) > MAX_OBJECTS:
            problems.add(ErrorCode.OUT_OF_RANGE, section, f"Must have at most {MAX_OBJECTS} entries.")
            continue
        seen: set[str | None] = set()
        for place, draft in enumerate(wanted.of(noun)):
            found = Problems()
            if draft.key in seen:
                found.add(ErrorCode.TAKEN, "key", "An earlier object of this list has the same key.")
            seen.add(draft.key)
            for field, target, reference in _references(draft):
                _check_reference(named[target], outside[target], field, reference, found)
            _CHECKS[noun](draft, found)
            if isinstance(draft, PlanDraft):
                _check_prices(named, outside[CatalogNoun.PRICE], draft, found)
            if isinstance(draft, PriceDraft):
                _check_target(named, draft, found)
            found.pass_on(problems, f"{section}.{place}")


def in_document_order(wanted: CatalogDraft, errors: Sequence[UserError]) -> list[UserError]:
    """Return problems in the order of the document's sections, their objects, and the fields of those."""
    nouns = {section: noun for noun, section in SECTIONS.items()}
    sections = list(SECTIONS.values())
    names = {noun: fields_of(drafts[0]) for noun in CatalogNoun if (drafts := wanted.of(noun))}

    def place(error: UserError) -> tuple[int, int, int]:
        section, index, name, *_ = [*(error.field or "").split("."), "", ""]
        if not index:
            return sections.index(section), -1, -1
        return sections.index(section), int(index), names[nouns[section]].index(name)

    return sorted(errors, key=place)


def _references(draft: Draft) -> Iterator[tuple[str, CatalogNoun, str]]:
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
    if isinstance(draft, PlanDraft):
        # Of a longer list its length is the problem.
        for place, price in enumerate(draft.prices[:MAX_PRICES]):
            yield f"priceIds.{place}", CatalogNoun.PRICE, price


def _check_reference(
    named: Mapping[str, Draft], outside: Mapping[str, Existing], field: str, reference: str, problems: Problems
) -> None:
    if reference not in named:
        message = "Names no object of this document, nor the id of one that has no key."
        problems.add(ErrorCode.NOT_FOUND, field, message)
    elif reference in outside and outside[reference].archived:
        problems.add(ErrorCode.ARCHIVED, field, "Names an object that is archived.")


def _check_prices(named: Named, outside: Mapping[str, Existing], plan: PlanDraft, problems: Problems) -> None:
    """Note which prices of a plan are of another product or currency, or charge for what another one does.

    A price outside the document may no longer go with a metric in it.
    """
    earlier: list[PriceDraft] = []
    for place, reference in enumerate(plan.prices[:MAX_PRICES]):
        field, price = f"priceIds.{place}", named[CatalogNoun.PRICE].get(reference)
        if not isinstance(price, PriceDraft):
            continue
        product = _product_of(named, price)
        if product is not None and product != plan.product:
            problems.add(ErrorCode.PRODUCT_MISMATCH, field, "The price belongs to another product than the plan.")
        if price.currency != plan.currency:
            message = f"The price is in {price.currency}, the plan in {plan.currency}."
            problems.add(ErrorCode.CURRENCY_MISMATCH, field, message)
        check_in_plan(price, earlier, plan.billing_interval, problems, field)
        if reference in outside:
            _check_target(named, price, misfits := Problems())
            for error in misfits.errors:
                message = f"The price does not go with its metric: {error.field}: {error.message}"
                problems.add(ErrorCode.INVALID, field, message)
        earlier.append(price)


def _check_target(named: Named, price: PriceDraft, problems: Problems) -> None:
    if price.billable_metric is None:
        check_target(price, None, (), problems)
        return
    metric = named[CatalogNoun.BILLABLE_METRIC].get(price.billable_metric)
    if isinstance(metric, BillableMetricDraft):
        check_target(price, metric.aggregation, {item.name for item in metric.group_by}, problems)


def _product_of(named: Named, price: PriceDraft) -> str | None:
    if price.billable_metric is not None:
        return getattr(named[CatalogNoun.BILLABLE_METRIC].get(price.billable_metric), "product", None)
    return getattr(named[CatalogNoun.FEE].get(price.fee or ""), "product", None)

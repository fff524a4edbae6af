"""What changed between two versions of a plan: which prices, in which fields, and in which words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.billing.cadences import Cadence
from app.billing.catalog import PriceDraft
from app.billing.catalog.version_differences import PriceChangeKind, VersionPrice, compare_versions, field_changes
from app.billing.filters import Condition
from app.billing.lifecycle import PaymentTerm
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    StandardPrice,
    Tier,
    VolumePrice,
)

FEE = PriceDraft(
    fee="seat",
    invoice_display_name="Seat",
    payment_term=PaymentTerm.IN_ADVANCE,
    currency="USD",
    model=StandardPrice(Decimal(5)),
)
TOKENS = PriceDraft(
    billable_metric="tokens",
    invoice_display_name="Tokens",
    payment_term=PaymentTerm.IN_ARREARS,
    currency="USD",
    model=StandardPrice(Decimal("0.00002")),
)
ADDED, REMOVED, REPLACED, KEPT = (
    PriceChangeKind.ADDED,
    PriceChangeKind.REMOVED,
    PriceChangeKind.REPLACED,
    PriceChangeKind.KEPT,
)


def only(*conditions: tuple[str, tuple[str, ...]]) -> PriceDraft:
    return replace(TOKENS, filter=tuple(Condition(*condition) for condition in conditions))


def held(**drafts: PriceDraft) -> list[VersionPrice]:
    return [VersionPrice(name, draft) for name, draft in drafts.items()]


def told(before: list[VersionPrice], after: list[VersionPrice]) -> list[tuple[str | None, str | None, str]]:
    return [(change.before_id, change.after_id, change.kind) for change in compare_versions(before, after).changes]


def test_prices_are_kept_replaced_added_and_removed() -> None:
    support = replace(FEE, fee="support", invoice_display_name="Support")
    before = held(a=FEE, b=TOKENS, c=support)
    after = held(b=TOKENS, d=replace(FEE, model=StandardPrice(Decimal(9))), e=replace(FEE, fee="setup"))
    assert told(before, after) == [("b", "b", KEPT), ("a", "d", REPLACED), (None, "e", ADDED), ("c", None, REMOVED)]
    found = compare_versions(before, after)
    assert [change.sentence for change in found.changes] == [
        '"Tokens" stays as it is.',
        '"Seat" is replaced. The unit price changes from 5.00 USD to 9.00 USD.',
        '"Seat" is added.',
        '"Support" is removed.',
    ]
    assert (found.is_reordered, found.sentence) == (
        True,
        "Prices: 1 added, 1 removed, 1 replaced, 1 kept. What is in both is in another order.",
    )


def test_the_same_prices_are_the_same_in_another_order_too() -> None:
    before, after = held(a=FEE, b=TOKENS), held(b=TOKENS, a=FEE)
    assert compare_versions(before, before).sentence == "The prices are the same."
    found = compare_versions(before, after)
    assert (found.is_reordered, found.sentence) == (True, "The prices are the same, in another order.")
    assert [change.kind for change in found.changes] == [KEPT, KEPT]


def test_a_price_replaces_what_charges_the_same_events() -> None:
    large, small = only(("model", ("large", "huge"))), only(("model", ("small",)))
    before = held(rest=TOKENS, large=large, small=small)
    turned = only(("model", ("huge", "large")))
    assert told(before, held(rest=TOKENS, new=turned, tiny=only(("model", ("tiny",))))) == [
        ("rest", "rest", KEPT),
        ("large", "new", REPLACED),
        (None, "tiny", ADDED),
        ("small", None, REMOVED),
    ]
    [change] = compare_versions(held(a=large), held(b=turned)).changes
    assert (change.fields, change.sentence) == ((), '"Tokens" is replaced. It charges the same.')


def test_conditions_in_another_order_are_the_same() -> None:
    one = only(("model", ("large",)), ("region", ("eu",)))
    other = only(("region", ("eu",)), ("model", ("large",)))
    assert told(held(a=one), held(b=other)) == [("a", "b", REPLACED)]


def test_a_price_that_is_kept_replaces_nothing_else() -> None:
    # A draft may hold what can't be published: two that charge the same fee.
    before, after = held(a=FEE, b=FEE), held(c=FEE, b=FEE)
    assert told(before, after) == [("a", "c", REPLACED), ("b", "b", KEPT)]
    assert told(held(a=FEE), held(b=FEE, c=FEE)) == [("a", "b", REPLACED), (None, "c", ADDED)]


TIERS = (Tier(Decimal(1000), Decimal("0.02")), Tier(None, Decimal("0.01"), Decimal(3)))
MANY = (*(Tier(Decimal(bound), Decimal(1)) for bound in range(1, 6)), Tier(None, Decimal(2)))
SHARE = PercentagePrice(Decimal("0.029"))


@pytest.mark.parametrize(
    ("draft", "changes", "expected"),
    [
        (FEE, {"invoice_display_name": "Chair"}, [
            ("INVOICE_DISPLAY_NAME", "Seat", "Chair", 'The name on invoices changes from "Seat" to "Chair".'),
        ]),
        (FEE, {"payment_term": PaymentTerm.IN_ARREARS}, [
            ("PAYMENT_TERM", "IN_ADVANCE", "IN_ARREARS",
             "The time at which it is due changes from the start of its period to the end of its period."),
        ]),
        (FEE, {"currency": "JPY", "model": StandardPrice(Decimal(700))}, [
            ("CURRENCY", "USD", "JPY", "The currency changes from USD to JPY."),
            ("UNIT_PRICE", "5", "700", "The unit price changes from 5.00 USD to 700 JPY."),
        ]),
        (FEE, {"model": VolumePrice(TIERS)}, [
            ("MODEL", {"standard": {"unitPrice": "5"}},
             {"volume": {"tiers": [{"upTo": "1000", "unitPrice": "0.02"}, {"unitPrice": "0.01", "flatPrice": "3"}]}},
             "The pricing model changes from STANDARD to VOLUME."),
        ]),
        (replace(FEE, model=GraduatedPrice(TIERS)), {"model": GraduatedPrice(MANY)}, [
            ("TIERS", [{"upTo": "1000", "unitPrice": "0.02"}, {"unitPrice": "0.01", "flatPrice": "3"}],
             [*({"upTo": str(bound), "unitPrice": "1"} for bound in range(1, 6)), {"unitPrice": "2"}],
             "The price by tiers changes from up to 1,000 0.02 USD; without end 0.01 USD + 3.00 USD flat to 6 tiers."),
        ]),
        (FEE, {"quantity": Decimal("2.5")}, [
            ("QUANTITY", "1", "2.5", "The quantity changes from 1 to 2.5."),
        ]),
        (FEE, {"cadence": Cadence.ONE_TIME, "is_obligation": True}, [
            ("CADENCE", None, "ONE_TIME",
             "How often it is charged changes from every billing interval of the plan to ONE_TIME."),
            ("IS_OBLIGATION", None, True, "It is owed for whole periods only."),
        ]),
        (replace(FEE, cadence=Cadence.MONTHLY, is_obligation=True), {"cadence": None, "is_obligation": False}, [
            ("CADENCE", "MONTHLY", None,
             "How often it is charged changes from MONTHLY to every billing interval of the plan."),
            ("IS_OBLIGATION", True, None, "It is charged for parts of periods too."),
        ]),
        (replace(TOKENS, period_minimum=Decimal(10)), {"period_minimum": None, "period_maximum": Decimal(1000)}, [
            ("PERIOD_MINIMUM", "10", None, "The least charge in a period was 10.00 USD, and there is none now."),
            ("PERIOD_MAXIMUM", None, "1000", "The greatest charge in a period is new: 1,000.00 USD."),
        ]),
        (replace(TOKENS, model=SHARE), {
            "model": PercentagePrice(
                Decimal("0.0315"), Decimal("0.3"), Decimal(1), Decimal(100), ChargeScope.PER_PERIOD
            ),
        }, [
            ("PERCENTAGE", "0.029", "0.0315", "The percentage changes from 2.9 % to 3.15 %."),
            ("CHARGE_SCOPE", "PER_EVENT", "PER_PERIOD",
             "What the percentage is taken of changes from each event to the sum of the period."),
            ("FIXED_CHARGE", None, "0.3", "The fixed charge is new: 0.30 USD."),
            ("MIN_CHARGE", None, "1", "The least charge is new: 1.00 USD."),
            ("MAX_CHARGE", None, "100", "The greatest charge is new: 100.00 USD."),
        ]),
        (replace(TOKENS, model=DynamicPrice(Decimal(1), Decimal(2), "$.a")), {
            "model": DynamicPrice(Decimal(2), Decimal(3), "$.b"),
        }, [
            ("MIN_PRICE", "1", "2", "The least unit price changes from 1.00 USD to 2.00 USD."),
            ("MAX_PRICE", "2", "3", "The greatest unit price changes from 2.00 USD to 3.00 USD."),
            ("UNIT_PRICE_PROPERTY", "$.a", "$.b", "The path of the price in events changes from $.a to $.b."),
        ]),
        (replace(TOKENS, model=PackagePrice(Decimal(1000), Decimal(1))), {
            "model": PackagePrice(Decimal(500), Decimal(2), Decimal(100)),
        }, [
            ("PACKAGE_SIZE", "1000", "500", "The size of a package changes from 1,000 to 500."),
            ("PACKAGE_PRICE", "1", "2", "The price of a package changes from 1.00 USD to 2.00 USD."),
            ("FREE_UNITS", None, "100", "The number of free units is new: 100."),
        ]),
        (FEE, {"quantity": Decimal(1), "key": "other"}, []),
    ],
)  # fmt: skip
def test_each_field_says_what_it_was_and_is(
    draft: PriceDraft, changes: dict[str, Any], expected: list[tuple[str, Any, Any, str]]
) -> None:
    found = field_changes(draft, replace(draft, **changes))
    assert [(change.name.name, change.before, change.after, change.sentence) for change in found] == expected

"""What changed between what two versions of a plan give of features, and in which words."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.billing.catalog.feature_differences import VersionFeature, compare_features, summary_of, told
from app.billing.entitlements import BooleanTerms, EntitlementTerms, MeteredTerms, StaticTerms
from app.billing.periods import BillingInterval

CALLS = MeteredTerms(issue_after_reset=Decimal(1000), usage_period=BillingInterval.MONTHLY)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (BooleanTerms(), "access"),
        (StaticTerms({"seats": 5}), 'the value {"seats": 5}'),
        (StaticTerms("ü" * 100), f'the value "{"ü" * 59}…'),
        (MeteredTerms(), "no units of its own, no more than that"),
        (MeteredTerms(issue_after_reset=Decimal("0.5")), "0.5 units once, no more than that"),
        (CALLS, "1,000 units a month, no more than that"),
        (
            replace(CALLS, usage_period=BillingInterval.YEARLY, is_soft_limit=True, reset_max_rollover=None),
            "1,000 units a year, more is billed, what is left is carried over",
        ),
        (
            replace(
                CALLS,
                usage_period=BillingInterval.WEEKLY,
                reset_min_rollover=Decimal(10),
                reset_max_rollover=Decimal(200),
                preserve_overage_at_reset=True,
            ),
            (
                "1,000 units a week, no more than that, up to 200 left are carried over, 10 at least, "
                "what is used beyond is taken off later"
            ),
        ),
    ],
)
def test_terms_are_told_in_words(terms: EntitlementTerms, words: str) -> None:
    assert told(terms) == words


def test_features_are_compared_one_by_one() -> None:
    sso = VersionFeature("feat_sso", "Single sign-on", BooleanTerms())
    calls = VersionFeature("feat_calls", "API calls", CALLS)
    seats = VersionFeature("feat_seats", "Seats", StaticTerms(5))
    more = replace(calls, terms=replace(CALLS, issue_after_reset=Decimal(5000)))
    changes = compare_features([seats, calls], [sso, more])
    assert [(one.kind.value, one.before, one.after, one.sentence) for one in changes] == [
        ("ADDED", None, 0, '"Single sign-on" is given: access.'),
        (
            "CHANGED",
            1,
            1,
            (
                '"API calls" changes from 1,000 units a month, no more than that '
                "to 5,000 units a month, no more than that."
            ),
        ),
        ("REMOVED", 0, None, '"Seats" is no longer given.'),
    ]
    assert summary_of(changes) == " Features: 1 added, 1 removed, 1 changed."
    assert summary_of(compare_features([sso, seats], [seats, sso])) == " The features are the same."
    assert summary_of(compare_features([], [])) == ""

"""What customers may use, as a customer's months tell it: by plans, by hand, and through changes and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.schema import feature_access
from tests.support.story import Story, fee, standard, tell, usage

PRICES = {"calls": usage(standard("0.10")), "base": fee("31")}
ACCESS = """query($customerId: ID!, $featureKey: String!, $at: DateTime) {
  hasAccess(customerId: $customerId, featureKey: $featureKey, at: $at) {
    access balance usage overage staticValue period { start end } entitlements { id startedAt endedAt } } }"""
HISTORY = """query($id: ID!, $from: DateTime!, $to: DateTime!) { entitlement(id: $id) {
  balance { balance overage }
  balanceHistory(from: $from, to: $to) { at kind balanceChange overageChange balance overage grant { id } } } }"""
DIFF = """query($from: ID!, $to: ID!) { planVersionDiff(fromId: $from, toId: $to) { sentence
  features { kind sentence feature { key }
    before { terms { ... on MeteredTerms { issueAfterReset } } }
    after { terms { ... on MeteredTerms { issueAfterReset } } } } } }"""
CALLS = {"issueAfterReset": "100", "usagePeriod": "MONTHLY"}


async def feature(story: Story, key: str, kind: str, **given: Any) -> None:
    await story.api.make("featureCreate", key=key, productId="api", name=key, kind=kind, **given)


async def sell(story: Story, *features: dict[str, Any], **plan: Any) -> None:
    """Sell the API with some features, of which `calls` are metered, `sso` is access and `seats` a value."""
    await story.sell(PRICES, **plan)
    await feature(story, "calls", "METERED", billableMetricId="calls")
    await feature(story, "sso", "BOOLEAN")
    await feature(story, "seats", "STATIC")
    await publish(story, *features)


async def publish(story: Story, *features: dict[str, Any], plan: str = "plan", prices: tuple[str, ...] = ()) -> None:
    draft = await story.api.mutate(
        "planVersionCreate",
        "planVersion { id }",
        planId=plan,
        priceIds=list(prices or PRICES),
        features=[given(**one) for one in features],
    )
    assert draft["userErrors"] == []
    version = draft["planVersion"]["id"]
    done = await story.api.mutate("planVersionPublish", "planVersion { id }", planVersionId=version)
    assert done["userErrors"] == []


def given(featureId: str, priceId: str | None = None, **terms: Any) -> dict[str, Any]:  # noqa: N803 - as the API has it
    return {"featureId": featureId, "priceId": priceId, "terms": terms}


def metered(**terms: Any) -> dict[str, Any]:
    return {"featureId": "calls", "metered": {**CALLS, **terms}}


async def access(story: Story, key: str = "calls", at: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = await story.api.gql(ACCESS, customerId=story.customer_id, featureKey=key, at=at)
    return dict(found["hasAccess"])


async def left(story: Story, at: str | None = None) -> tuple[bool, str, str, str]:
    found = await access(story, at=at)
    return found["access"], found["balance"], found["usage"], found["overage"]


async def issue(story: Story, featureId: str = "calls", **given: Any) -> str:  # noqa: N803 - as the API has it
    terms = given.pop("terms", {"metered": CALLS})
    return await story.api.make(
        "entitlementCreate", customerId=story.customer_id, featureId=featureId, terms=terms, **given
    )


async def grant(story: Story, entitlement_id: str, amount: str, **given: Any) -> str:
    return await story.api.make("grantCreate", entitlementId=entitlement_id, amount=amount, **given)


async def refused(story: Story, mutation: str, **given: Any) -> list[tuple[str, str]]:
    payload = await story.api.mutate(mutation, "__typename", **given)
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def consume(story: Story, amount: str, **given: Any) -> dict[str, Any]:
    asked = {"customerId": story.customer_id, "featureKey": "calls", "amount": amount, **given}
    fields = "replayed eventIds access { access balance usage overage }"
    return await story.api.mutate("entitlementConsume", fields, **asked)


async def test_a_subscription_gives_what_its_plan_does_once_it_is_active(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(
            story, metered(), {"featureId": "sso", "boolean": True}, {"featureId": "seats", "static": {"value": 5}}
        )
        await story.subscribe()
        assert (await access(story, "sso"))["access"] is False
        await story.pay()
        sso, seats = await access(story, "sso"), await access(story, "seats")
        assert (sso["access"], sso["staticValue"], sso["balance"]) == (True, None, None)
        assert (seats["access"], seats["staticValue"]) == (True, 5)
        await story.until("2026-06-10T00:00:00Z")
        await story.use("2026-06-05T00:00:00Z", n="30")
        found = await access(story)
        assert (found["access"], found["balance"], found["usage"], found["overage"]) == (True, "70", "30", "0")
        assert found["period"] == {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
        await story.until("2026-07-01T00:00:00Z")
        assert await left(story) == (True, "100", "0", "0")
        # Late usage re-runs the burn-down of its period, and that one alone.
        await story.use("2026-06-30T00:00:00Z", n="90")
        assert await left(story, at="2026-06-30T12:00:00Z") == (False, "0", "120", "20")
        assert await left(story) == (True, "100", "0", "0")


async def test_a_soft_limit_keeps_access_and_a_hard_one_does_not(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        await issue(story, terms={"metered": {**CALLS, "isSoftLimit": True}})
        await story.use("2026-06-01T00:00:00Z", n="130")
        assert await left(story) == (True, "0", "130", "30")


async def test_grants_are_used_by_priority_then_by_expiry_then_by_age(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {}})
        assert await left(story) == (False, "0", "0", "0")
        old = await grant(story, mine, "10")
        soon = await grant(story, mine, "10", expiresAt="2026-06-20T00:00:00Z")
        first = await grant(story, mine, "10", priority=0)
        await story.use("2026-06-01T00:00:00Z", n="15")
        await story.until("2026-06-21T00:00:00Z")
        shown = await story.api.gql(HISTORY, id=mine, **{"from": "2026-06-01T00:00:00Z", "to": "2026-06-21T00:00:00Z"})
        names = {old: "old", soon: "soon", first: "first"}
        entries = [
            (entry["kind"], entry["balanceChange"], names[entry["grant"]["id"]], entry["balance"])
            for entry in shown["entitlement"]["balanceHistory"]
        ]
        assert entries == [
            ("GRANTED", "10", "old", "10"),
            ("GRANTED", "10", "soon", "20"),
            ("GRANTED", "10", "first", "30"),
            ("BURNED", "-10", "first", "20"),
            ("BURNED", "-5", "soon", "15"),
            ("EXPIRED", "-5", "soon", "10"),
        ]
        assert shown["entitlement"]["balance"] == {"balance": "10", "overage": "0"}


async def test_a_backdated_grant_covers_what_was_used_before_it_was_made(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story)
        await story.use("2026-06-10T00:00:00Z", n="120")
        await story.until("2026-06-15T00:00:00Z")
        assert await left(story) == (False, "0", "120", "20")
        await grant(story, mine, "50", effectiveAt="2026-06-05T00:00:00Z")
        assert await left(story) == (True, "30", "120", "0")


async def test_a_voided_grant_gives_nothing_any_more_and_what_was_used_stays_used(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {}})
        extra = await grant(story, mine, "50", recurrence="MONTHLY")
        await story.use("2026-06-01T00:00:00Z", n="20")
        await story.until("2026-07-02T00:00:00Z")
        assert await left(story) == (True, "80", "20", "0")
        # A use at the instant of the void was before it.
        await story.use("2026-07-02T00:00:00Z", n="5")
        payload = await story.api.mutate("grantVoid", "grant { voidedAt }", id=extra)
        assert payload["grant"] == {"voidedAt": "2026-07-02T00:00:00Z"}
        assert await left(story) == (False, "0", "25", "0")
        await story.until("2026-09-02T00:00:00Z")
        assert await left(story) == (False, "0", "25", "0")
        assert await refused(story, "grantVoid", id=extra) == [("NOTHING_CHANGES", "id")]


async def test_a_recurring_grant_gives_once_at_its_creation_and_once_at_each_recurrence(database_url: str) -> None:
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {}})
        await grant(story, mine, "10", recurrence="MONTHLY", expiresAt="2026-05-01T00:00:00Z")
        balances = []
        for day in ("01-31", "02-27", "02-28", "03-31", "04-30", "05-01"):
            await story.until(f"2026-{day}T00:00:00Z")
            balances.append((await access(story))["balance"])
        assert balances == ["10", "10", "20", "30", "40", "0"]


@pytest.mark.parametrize(
    ("terms", "balance", "overage"),
    [
        ({}, "100", "0"),
        ({"resetMaxRollover": "30"}, "130", "0"),
        ({"resetMaxRollover": None}, "160", "0"),
        ({"resetMinRollover": "70", "resetMaxRollover": "90"}, "170", "0"),
    ],
)
async def test_what_is_left_at_a_reset_is_carried_over_as_the_terms_say(
    database_url: str, terms: dict[str, Any], balance: str, overage: str
) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        await issue(story, terms={"metered": {**CALLS, **terms}})
        await story.use("2026-06-10T00:00:00Z", n="40")
        await story.until("2026-07-01T00:00:00Z")
        assert await left(story) == (True, balance, "0", overage)


@pytest.mark.parametrize(("preserve", "balance"), [(False, "100"), (True, "80")])
async def test_what_no_grant_covered_is_settled_at_a_reset_or_preserved(
    database_url: str, preserve: bool, balance: str
) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        await issue(story, terms={"metered": {**CALLS, "preserveOverageAtReset": preserve}})
        await story.use("2026-06-10T00:00:00Z", n="120")
        await story.until("2026-07-01T00:00:00Z")
        assert await left(story) == (True, balance, "0", "0")


async def test_a_change_carries_over_what_was_used_and_adds_what_is_more(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered(), {"featureId": "sso", "boolean": True})
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-05T00:00:00Z", n="60")
        await story.until("2026-06-16T00:00:00Z")
        await publish(story, metered(issueAfterReset="1000"))
        await story.change(planId="plan")
        assert await left(story) == (True, "940", "60", "0")
        assert (await access(story, "sso"))["access"] is False
        await story.until("2026-07-01T00:00:00Z")
        assert await left(story) == (True, "1000", "0", "0")
        # To less than was used: what was given stays until the reset.
        await story.use("2026-07-02T00:00:00Z", n="300")
        await story.until("2026-07-10T00:00:00Z")
        await publish(story, metered())
        await story.change(planId="plan")
        assert await left(story) == (True, "700", "300", "0")
        await story.until("2026-08-01T00:00:00Z")
        assert await left(story) == (True, "100", "0", "0")


async def test_a_difference_of_versions_says_what_became_of_each_feature(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered(), {"featureId": "seats", "static": {"value": 5}})
        await publish(story, {"featureId": "sso", "boolean": True}, metered(issueAfterReset="500"))
        versions = await story.api.gql('{ plan(id: "plan") { versions { nodes { id number } } } }')
        ids = {one["number"]: one["id"] for one in versions["plan"]["versions"]["nodes"]}
        asked = {"from": ids[2], "to": ids[3]}
        diff = (await story.api.gql(DIFF, **asked))["planVersionDiff"]
        assert diff["sentence"] == "The prices are the same. Features: 1 added, 1 removed, 1 changed."
        limits = {"issueAfterReset": "100"}, {"issueAfterReset": "500"}
        assert [(one["kind"], one["feature"]["key"], one["before"], one["after"]) for one in diff["features"]] == [
            ("ADDED", "sso", None, {"terms": {}}),
            ("CHANGED", "calls", {"terms": limits[0]}, {"terms": limits[1]}),
            ("REMOVED", "seats", {"terms": {}}, None),
        ]


async def test_a_version_that_gives_what_is_archived_is_offered_once_that_is_restored(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, {"featureId": "sso", "boolean": True})
        with_sso = (await story.api.gql('{ plan(id: "plan") { defaultVersion { id } } }'))["plan"]["defaultVersion"]
        draft = await story.api.mutate("planVersionCreate", "planVersion { id }", planId="plan", priceIds=["base"])
        await publish(story)
        sso = (await story.api.gql('{ feature(id: "sso") { id } }'))["feature"]["id"]
        assert (await story.api.mutate("catalogArchive", "object { id }", id=sso))["userErrors"] == []
        kept = {"planVersionId": draft["planVersion"]["id"]}, {"planVersionId": with_sso["id"]}
        assert await refused(story, "planVersionPublish", **kept[0]) == [("ARCHIVED", "planVersionId")]
        assert await refused(story, "planVersionMakeDefault", **kept[1]) == [("ARCHIVED", "planVersionId")]
        assert (await story.api.mutate("catalogRestore", "object { id }", id=sso))["userErrors"] == []
        published = await story.api.mutate(
            "planVersionPublish", "planVersion { features { feature { key } } }", **kept[0]
        )
        assert published["planVersion"] == {"features": [{"feature": {"key": "sso"}}]}


async def test_changes_back_and_forth_within_a_period_give_no_more_than_the_most(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-02T00:00:00Z", n="60")
        for day, amount in ("05", "1000"), ("08", "100"), ("11", "1000"), ("14", "500"):
            await story.until(f"2026-06-{day}T00:00:00Z")
            await publish(story, metered(issueAfterReset=amount))
            await story.change(planId="plan")
            assert await left(story) == (True, "940", "60", "0")
        await story.until("2026-07-01T00:00:00Z")
        assert await left(story) == (True, "500", "0", "0")
        assert len((await access(story))["entitlements"]) == 1


async def test_changes_at_one_instant_leave_what_the_last_gives(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-02T00:00:00Z", n="60")
        await story.until("2026-06-05T00:00:00Z")
        more = metered(issueAfterReset="1000")
        for features, expected in ([more], "940"), ([], "0"), ([more], "940"), ([metered()], "40"), ([more], "940"):
            await publish(story, *features)
            await story.change(planId="plan")
            assert (await left(story))[1] == expected
        await story.until("2026-06-08T00:00:00Z")
        for features, expected in ([], "0"), ([more], "940"):
            await publish(story, *features)
            await story.change(planId="plan")
            assert (await left(story))[1] == expected


async def sell_by_month_and_year(story: Story, month: dict[str, Any], year: dict[str, Any]) -> None:
    """Sell the API by the month and by the year, each with units of `calls`."""
    prices = {"calls": usage(standard("0.10"), cadence="MONTHLY"), "base": fee("31")}
    yearly = {"key": "year", "priceIds": ["annual", "calls"], "billingInterval": "YEARLY"}
    await story.sell(prices, yearly, extra={"annual": fee("365")})
    await feature(story, "calls", "METERED", billableMetricId="calls")
    await publish(story, month, prices=("calls", "base"))
    await publish(story, year, plan="year", prices=("annual", "calls"))
    await story.subscribe()
    await story.pay()


async def test_units_that_are_given_once_are_not_given_again_with_another_interval(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        once = {"usagePeriod": None}
        month, year = metered(**once, issueAfterReset="1000"), metered(**once, issueAfterReset="1500")
        await sell_by_month_and_year(story, month, year)
        await story.use("2026-01-02T00:00:00Z", n="900")
        for day, plan in ("10", "year"), ("11", "plan"), ("12", "year"):
            await story.until(f"2026-01-{day}T00:00:00Z")
            await story.change(planId=plan)
            assert (await left(story))[1] == "600"


async def test_a_second_change_at_one_instant_counts_from_its_own_anchor(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await sell_by_month_and_year(story, metered(), metered(issueAfterReset="2000"))
        await story.until("2026-01-20T00:00:00Z")
        await publish(story, metered(issueAfterReset="1000"), prices=("calls", "base"))
        await story.change(planId="plan")
        await story.change(planId="year")
        await story.use("2026-01-21T00:00:00Z", n="300")
        await story.until("2026-02-01T12:00:00Z")
        assert (await left(story))[1] == "1700"
        await story.until("2026-02-20T00:00:00Z")
        assert (await left(story))[1] == "2000"


async def test_a_change_to_less_then_to_a_version_without_the_feature_ends_all_of_it(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        for day, features in ("05", [metered(issueAfterReset="10")]), ("08", []):
            await story.until(f"2026-06-{day}T00:00:00Z")
            await publish(story, *features)
            await story.change(planId="plan")
        assert await left(story) == (False, "0", "0", "0")
        assert (await left(story, at="2026-06-07T00:00:00Z"))[1] == "100"


async def test_a_change_to_another_usage_period_takes_over_what_is_left(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-02T00:00:00Z", n="60")
        await story.until("2026-06-05T00:00:00Z")
        await publish(story, metered(usagePeriod=None))
        await story.change(planId="plan")
        assert (await left(story))[1] == "40"
        await story.until("2026-08-01T00:00:00Z")
        assert (await left(story))[1] == "40"


async def test_changes_from_month_to_year_and_back_give_no_more_than_the_most(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await sell_by_month_and_year(story, metered(), metered(issueAfterReset="1200", usagePeriod="YEARLY"))
        await story.use("2026-01-02T00:00:00Z", n="60")
        for day, plan in ("10", "year"), ("11", "plan"), ("12", "year"), ("13", "plan"):
            await story.until(f"2026-01-{day}T00:00:00Z")
            await story.change(planId=plan)
            assert (await left(story))[1] == "1140"
        await story.until("2026-02-13T00:00:00Z")
        assert (await left(story))[1] == "100"


async def test_what_was_left_is_there_again_after_a_time_without_the_feature(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        await story.use("2026-06-02T00:00:00Z", n="60")
        expected: Any = (("05", [], "0"), ("08", [metered()], "40"), ("09", [], "0"), ("10", [metered()], "40"))
        for day, features, units in (*expected, ("12", [metered(issueAfterReset="150")], "90")):
            await story.until(f"2026-06-{day}T00:00:00Z")
            await publish(story, *features)
            await story.change(planId="plan")
            assert (await left(story))[1] == units
        # An event of the time before takes from what is there now.
        await story.use("2026-06-03T00:00:00Z", n="25")
        assert (await left(story))[1] == "65"
        span = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-12T00:00:00Z"}
        kinds = []
        for day in "01", "08", "10":
            [one] = (await access(story, at=f"2026-06-{day}T00:00:00Z"))["entitlements"]
            entries = (await story.api.gql(HISTORY, id=one["id"], **span))["entitlement"]["balanceHistory"]
            kinds.append([(entry["kind"], entry["balanceChange"]) for entry in entries])
        assert kinds == [
            [("GRANTED", "100"), ("BURNED", "-85"), ("ENDED", "-15")],
            [("RESUMED", "15"), ("ENDED", "-15")],
            [("RESUMED", "15")],
        ]
        await story.until("2026-07-01T00:00:00Z")
        assert (await left(story))[1] == "150"


async def change_to(story: Story, day: str, *features: dict[str, Any], plan: str = "plan") -> str:
    """Publish a version that gives features, and change to it on a day of 2026; return what is left."""
    await story.until(f"2026-{day}T00:00:00Z")
    if features:
        await publish(story, *features)
    await story.change(planId=plan)
    return (await left(story))[1]


async def test_what_is_given_back_after_a_change_is_there(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await provisioned(story, isSoftLimit=True)
        await story.use("2026-06-02T00:00:00Z", n="100")
        assert await change_to(story, "06-05", metered(usagePeriod=None, isSoftLimit=True)) == "0"
        await story.use("2026-06-06T00:00:00Z", n="-10")
        await story.until("2026-06-07T00:00:00Z")
        assert (await left(story))[1] == "10"


@pytest.mark.parametrize("usage_period", ["MONTHLY", "YEARLY", None])
async def test_what_was_used_beyond_a_hard_limit_is_taken_out_of_what_a_change_gives(
    database_url: str, usage_period: str | None
) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await provisioned(story)
        await story.use("2026-06-02T00:00:00Z", n="150")
        more = metered(issueAfterReset="200", usagePeriod=usage_period)
        assert await change_to(story, "06-05", more) == "50"
        assert (await left(story))[3] == "0"


async def test_a_year_without_the_feature_in_between_gives_no_month_anew(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await sell_by_month_and_year(story, metered(), metered())
        await publish(story, plan="year", prices=("annual", "calls"))
        await story.use("2026-01-02T00:00:00Z", n="70")
        assert await change_to(story, "01-10", plan="year") == "0"
        assert await change_to(story, "01-12") == "30"
        await story.until("2026-02-12T00:00:00Z")
        assert (await left(story))[1] == "100"


async def test_what_is_left_of_a_year_is_there_again_after_months(database_url: str) -> None:
    async with tell(database_url, "2026-01-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        year = metered(issueAfterReset="1200", usagePeriod="YEARLY")
        assert await change_to(story, "01-05", year) == "1200"
        await story.use("2026-01-06T00:00:00Z", n="200")
        assert await change_to(story, "01-08", metered()) == "1000"
        await story.until("2026-02-01T00:00:00Z")
        assert (await left(story))[1] == "100"
        # The hundred of February, and what was left in January.
        assert await change_to(story, "02-05", year) == "1100"
        await story.until("2027-01-01T00:00:00Z")
        assert (await left(story))[1] == "1200"


async def test_a_change_that_never_was_does_not_end_what_goes_on(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        carried: dict[str, Any] = {"resetMaxRollover": None}
        mine = await provisioned(story, **carried)
        await grant(story, mine, "50")
        for features in [metered(issueAfterReset="1000", **carried)], [metered(**carried)]:
            await change_to(story, "06-05", *features)
        await change_to(story, "06-08", metered(**carried), {"featureId": "sso", "boolean": True})
        await story.until("2026-07-03T00:00:00Z")
        assert (await left(story))[1] == "250"


async def test_a_change_back_at_the_same_instant_never_was(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        mine = await provisioned(story)
        await grant(story, mine, "30", effectiveAt="2026-06-02T00:00:00Z")
        await story.until("2026-06-05T00:00:00Z")
        for features in [metered(issueAfterReset="1000")], [metered()]:
            await publish(story, *features)
            await story.change(planId="plan")
        [one] = (await access(story))["entitlements"]
        assert one["id"] == mine
        assert (await left(story))[1] == "130"
        await story.until("2026-07-02T00:00:00Z")
        [one] = (await access(story))["entitlements"]
        assert one["id"] == mine


async def test_values_that_python_takes_for_the_same_are_others(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, {"featureId": "seats", "static": {"value": 1}})
        await story.subscribe()
        await story.pay()
        for day, value in ("01", True), ("02", 1), ("03", 0), ("03", False):
            await story.until(f"2026-06-{day}T00:00:00Z")
            await publish(story, {"featureId": "seats", "static": {"value": value}})
            await story.change(planId="plan")
            found = (await access(story, "seats"))["staticValue"]
            assert (found, type(found)) == (value, type(value))


async def test_instants_that_no_customer_asks_for_are_refused(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        for at in "1999-12-31T23:59:59Z", "2028-06-02T00:00:01Z", "2500-12-31T23:59:59Z":
            answer = await story.api.answer(ACCESS, customerId=story.customer_id, featureKey="calls", at=at)
            [error] = answer["errors"]
            assert (error["extensions"]["code"], error["message"][:3]) == ("BAD_INPUT", "at:")


async def test_what_a_subscription_gives_ends_with_it(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered(), {"featureId": "sso", "boolean": True})
        await story.subscribe()
        await story.pay()
        await story.until("2026-06-16T00:00:00Z")
        await story.end(at="NOW")
        assert await left(story) == (False, "0", "0", "0")
        assert (await access(story, "sso"))["access"] is False
        assert (await access(story, "sso", at="2026-06-15T00:00:00Z"))["access"] is True


async def test_a_trial_gives_what_the_plan_does_and_waits_for_the_payment_after_it(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe(trialDays=14)
        await story.use("2026-06-02T00:00:00Z", n="30")
        await story.until("2026-06-10T00:00:00Z")
        assert await left(story) == (True, "70", "30", "0")
        await story.until("2026-06-15T00:00:00Z")
        assert (await access(story))["access"] is False
        [*_, last] = (await story.api.gql("{ invoices { nodes { id } } }"))["invoices"]["nodes"]
        await story.api.mutate("invoiceRecordPayment", "payment { id }", invoiceId=last["id"], method="x")
        assert await left(story) == (True, "100", "0", "0")
        assert len((await access(story))["entitlements"]) == 1


async def test_entitlements_by_hand_end_and_share_what_is_used_with_those_of_plans(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        more = await issue(story, terms={"metered": {"issueAfterReset": "50"}})
        await story.use("2026-06-02T00:00:00Z", n="120")
        await story.until("2026-06-10T00:00:00Z")
        assert await left(story) == (True, "30", "120", "0")
        ended = await story.api.mutate("entitlementEnd", "entitlement { endedAt }", id=more)
        assert ended["entitlement"] == {"endedAt": "2026-06-10T00:00:00Z"}
        assert await left(story) == (False, "0", "120", "0")


async def test_consuming_checks_and_records_at_once(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story, metered())
        await story.subscribe()
        await story.pay()
        used = await consume(story, "60", idempotencyKey="one")
        assert used["access"] == {"access": True, "balance": "40", "usage": "60", "overage": "0"}
        again = await consume(story, "60", idempotencyKey="one")
        assert (again["replayed"], again["eventIds"]) == (True, used["eventIds"])
        assert again["access"]["balance"] == "40"
        receipt = "query($id: ID!) { eventReceipt(eventId: $id) { status counted { value subscription { id } } } }"
        [event_id] = used["eventIds"]
        assert (await story.api.gql(receipt, id=event_id))["eventReceipt"] == {
            "status": "COUNTED",
            "counted": [{"value": "60", "subscription": {"id": story.subscription_id}}],
        }
        refusal = {"customerId": story.customer_id, "featureKey": "calls"}
        assert await refused(story, "entitlementConsume", **refusal, amount="41") == [("BALANCE_EXCEEDED", "amount")]
        other = {**refusal, "amount": "1", "idempotencyKey": "one"}
        assert await refused(story, "entitlementConsume", **other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
        assert (await consume(story, "40"))["access"] == {
            "access": False,
            "balance": "0",
            "usage": "100",
            "overage": "0",
        }


async def test_what_makes_no_sense_is_refused_and_writes_nothing(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story)
        sso = await issue(story, "sso", terms={"boolean": True})
        who = {"customerId": story.customer_id}
        use = {**who, "featureKey": "calls"}
        assert await refused(story, "entitlementConsume", **use, amount="0") == [("OUT_OF_RANGE", "amount")]
        assert await refused(story, "entitlementConsume", **use, amount="-1") == [("OUT_OF_RANGE", "amount")]
        unknown = {**who, "featureKey": "nothing", "amount": "1"}
        assert await refused(story, "entitlementConsume", **unknown) == [("NOT_FOUND", "featureKey")]
        assert await refused(story, "entitlementConsume", **{**unknown, "featureKey": "sso"}) == [
            ("INVALID", "featureKey")
        ]
        both = {**use, "externalId": "x", "amount": "1"}
        assert await refused(story, "entitlementConsume", **both) == [("INVALID", "customerId")]
        broken = {**use, "amount": "1", "data": {"deep": [[]] * 3}, "customerId": story.customer_id}
        assert (await consume(story, "1", data=broken["data"]))["userErrors"] == []
        assert await refused(story, "entitlementConsume", **{**broken, "data": [1]}) == [("INVALID", "data")]
        give = {"entitlementId": mine, "amount": "1"}
        early = {"expiresAt": "2026-06-01T00:00:00Z"}
        assert await refused(story, "grantCreate", **give, **early) == [("OUT_OF_RANGE", "expiresAt")]
        before = {"effectiveAt": "2026-05-31T00:00:00Z"}
        assert await refused(story, "grantCreate", **give, **before) == [("OUT_OF_RANGE", "effectiveAt")]
        assert await refused(story, "grantCreate", **{**give, "amount": "0"}) == [("OUT_OF_RANGE", "amount")]
        assert await refused(story, "grantCreate", **give, priority=256) == [("OUT_OF_RANGE", "priority")]
        assert await refused(story, "grantCreate", entitlementId=sso, amount="1") == [("INVALID", "entitlementId")]
        assert await refused(story, "entitlementCreate", **who, featureId="sso", terms={"metered": {}}) == [
            ("INVALID", "terms")
        ]
        tight = {"metered": {"resetMinRollover": "2", "resetMaxRollover": "1"}}
        assert await refused(story, "entitlementCreate", **who, featureId="calls", terms=tight) == [
            ("INVALID", "terms.metered.resetMinRollover")
        ]
        ends = {"startsAt": "2026-06-02T00:00:00Z", "endsAt": "2026-06-02T00:00:00Z"}
        assert await refused(story, "entitlementCreate", **who, featureId="sso", terms={"boolean": True}, **ends) == [
            ("OUT_OF_RANGE", "endsAt")
        ]
        await story.api.mutate("entitlementEnd", "entitlement { id }", id=mine)
        assert await refused(story, "entitlementEnd", id=mine) == [("NOTHING_CHANGES", "endsAt")]
        assert await refused(story, "grantCreate", **give) == [("ENTITLEMENT_ENDED", "entitlementId")]
        assert await refused(story, "entitlementConsume", **use, amount="1") == [("NOT_ENTITLED", "featureKey")]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"kind": "METERED"}, ("BLANK", "billableMetricId")),
        ({"kind": "BOOLEAN", "billableMetricId": "calls"}, ("INVALID", "billableMetricId")),
        ({"kind": "METERED", "billableMetricId": "peak"}, ("INVALID", "billableMetricId")),
        ({"kind": "METERED", "billableMetricId": "calls"}, ("TAKEN", "billableMetricId")),
        ({"kind": "BOOLEAN", "key": "calls"}, ("TAKEN", "key")),
        ({"kind": "BOOLEAN", "productId": "nothing"}, ("NOT_FOUND", "productId")),
    ],
)
async def test_a_feature_that_can_not_be_is_refused(
    database_url: str, given: dict[str, Any], error: tuple[str, str]
) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        wanted = {"key": "other", "productId": "api", "name": "Other", **given}
        assert await refused(story, "featureCreate", **wanted) == [error]


async def test_what_a_version_gives_must_fit_it(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        version = {"planId": "plan", "priceIds": ["calls", "base"]}
        for one, error in (
            (given("nothing", boolean=True), ("NOT_FOUND", "features.0.featureId")),
            (given("sso", metered=CALLS), ("INVALID", "features.0.terms")),
            (given("calls", "base", metered=CALLS), ("INVALID", "features.0.priceId")),
            (given("sso", "other", boolean=True), ("NOT_FOUND", "features.0.priceId")),
        ):
            assert await refused(story, "planVersionCreate", **version, features=[one]) == [error]
        twice = [given("sso", boolean=True), given("sso", boolean=True)]
        assert await refused(story, "planVersionCreate", **version, features=twice) == [
            ("INVALID", "features.1.featureId")
        ]
        fields = "planVersion { features { feature { key } price { key } terms { __typename } } }"
        made = await story.api.mutate(
            "planVersionCreate", fields, **version, features=[given("calls", "calls", metered=CALLS)]
        )
        assert made["planVersion"]["features"] == [
            {"feature": {"key": "calls"}, "price": {"key": "calls"}, "terms": {"__typename": "MeteredTerms"}}
        ]


PURCHASE = "grant { id effectiveAt } invoice { id status reason total { amount } lines { description } }"


async def buy(story: Story, entitlement_id: str, **given: Any) -> dict[str, Any]:
    asked = {"entitlementId": entitlement_id, "amount": "50", "price": "20", **given}
    payload = await story.api.mutate("grantPurchase", PURCHASE, **asked)
    assert payload["userErrors"] == []
    return payload


async def pay(story: Story, invoice_id: str, **given: Any) -> None:
    paid = await story.api.mutate("invoiceRecordPayment", "__typename", invoiceId=invoice_id, method="card", **given)
    assert paid["userErrors"] == []


async def notes(story: Story) -> list[str]:
    found = await story.api.gql("{ creditNotes { nodes { total { amount } } } }")
    return [one["total"]["amount"] for one in found["creditNotes"]["nodes"]]


async def provisioned(story: Story, **terms: Any) -> str:
    await sell(story, metered(**terms))
    await story.subscribe()
    await story.pay()
    [one] = (await access(story))["entitlements"]
    return str(one["id"])


async def test_units_that_are_bought_are_there_once_they_are_paid(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        mine = await provisioned(story)
        bought = await buy(story, mine, idempotencyKey="one")
        assert bought["grant"]["effectiveAt"] is None
        assert bought["invoice"] == {
            "id": bought["invoice"]["id"],
            "status": "ISSUED",
            "reason": "GRANT_PURCHASE",
            "total": {"amount": "20.00"},
            "lines": [{"description": "50 calls"}],
        }
        assert await left(story) == (True, "100", "0", "0")
        assert await refused(story, "grantVoid", id=bought["grant"]["id"]) == [("INVALID", "id")]
        pay = {"invoiceId": bought["invoice"]["id"], "method": "card"}
        await story.api.mutate("invoiceRecordPayment", "payment { id }", **pay)
        assert await left(story) == (True, "150", "0", "0")
        again = await buy(story, mine, idempotencyKey="one")
        assert again["grant"] == {"id": bought["grant"]["id"], "effectiveAt": "2026-06-01T00:00:00Z"}
        assert await left(story) == (True, "150", "0", "0")
        voided = await buy(story, mine)
        await story.api.mutate(
            "invoiceVoid", "invoice { id }", invoiceId=voided["invoice"]["id"], reason="changed mind"
        )
        assert await left(story) == (True, "150", "0", "0")


async def test_units_that_are_paid_too_late_become_credit(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        mine = await provisioned(story)
        expiring = (await buy(story, mine, expiresAt="2026-06-10T00:00:00Z"))["invoice"]["id"]
        ending = (await buy(story, mine))["invoice"]["id"]
        in_parts = (await buy(story, mine, price="30"))["invoice"]["id"]
        await story.until("2026-06-10T00:00:00Z")
        await pay(story, expiring)
        assert await left(story) == (True, "100", "0", "0")
        assert await notes(story) == ["20.00"]
        await story.end(at="NOW")
        await pay(story, ending)
        await pay(story, in_parts, amount="10")
        assert await notes(story) == ["20.00", "20.00"]
        half = {"invoiceId": in_parts, "amount": "20", "reason": "sorry"}
        assert (await story.api.mutate("creditNoteCreate", "__typename", **half))["userErrors"] == []
        assert await notes(story) == ["20.00", "20.00", "20.00", "10.00"]
        asked = "query($id: ID!) { customer(id: $id) { creditBalances { amount } } }"
        found = await story.api.gql(asked, id=story.customer_id)
        assert found["customer"]["creditBalances"] == [{"amount": "50.00"}]


async def test_units_whose_price_is_credited_before_they_are_paid_are_not_given(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        mine = await provisioned(story)
        unpaid = (await buy(story, mine))["invoice"]["id"]
        note = {"invoiceId": unpaid, "amount": "20", "reason": "sorry"}
        assert (await story.api.mutate("creditNoteCreate", "__typename", **note))["userErrors"] == []
        assert await left(story) == (True, "100", "0", "0")
        assert await notes(story) == ["20.00"]


async def test_units_that_credit_pays_or_that_cost_nothing_are_there_at_once(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        mine = await provisioned(story)
        credit = {"customerId": story.customer_id, "amount": "20", "note": "sorry"}
        assert (await story.api.mutate("customerCreditAdd", "__typename", **credit))["userErrors"] == []
        bought = await buy(story, mine)
        assert (bought["invoice"]["status"], bought["grant"]["effectiveAt"]) == ("PAID", "2026-06-01T00:00:00Z")
        assert (await buy(story, mine, price="0", amount="7"))["invoice"]["status"] == "PAID"
        assert await left(story) == (True, "157", "0", "0")


async def test_what_can_not_be_sold_is_refused(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        mine = await provisioned(story)
        by_hand = await issue(story, "sso", terms={"boolean": True})
        buying = {"entitlementId": mine, "amount": "1", "price": "1"}
        for given, error in (
            ({"amount": "0"}, ("OUT_OF_RANGE", "amount")),
            ({"price": "-1"}, ("OUT_OF_RANGE", "price")),
            ({"expiresAt": "2026-06-01T00:00:00Z"}, ("OUT_OF_RANGE", "expiresAt")),
            ({"entitlementId": "ent_nothing"}, ("NOT_FOUND", "entitlementId")),
        ):
            assert await refused(story, "grantPurchase", **{**buying, **given}) == [error]
        assert (
            await refused(story, "grantPurchase", **{**buying, "entitlementId": by_hand})
            == [("INVALID", "entitlementId")] * 2
        )
        await story.end(at="NOW")
        assert ("ENTITLEMENT_ENDED", "entitlementId") in await refused(story, "grantPurchase", **buying)


async def test_withdrawn_and_amended_events_run_the_burn_down_again(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        await issue(story)
        used = await consume(story, "60")
        [event_id] = used["eventIds"]
        amended = {"eventId": event_id, "data": {"n": "25"}, "reason": "typo"}
        assert (await story.api.mutate("meterEventAmend", "__typename", **amended))["userErrors"] == []
        assert await left(story) == (True, "75", "25", "0")
        withdrawn = {"eventId": event_id, "reason": "test"}
        assert (await story.api.mutate("meterEventVoid", "__typename", **withdrawn))["userErrors"] == []
        assert await left(story) == (True, "100", "0", "0")


async def test_who_began_before_the_last_use_is_told_what_is_left_after_its_own(database_url: str) -> None:
    """As by the clock of another process, or when the one that waited had begun first."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        story.customer_id = await story.api.make("customerCreate", name="Acme")
        await issue(story)
        await consume(story, "60", idempotencyKey="one")
        story.api.clock.instant -= timedelta(seconds=1)
        again = await consume(story, "60", idempotencyKey="one")
        assert (again["replayed"], again["access"]["balance"]) == (True, "40")
        assert (await consume(story, "10"))["access"]["balance"] == "30"
        story.api.clock.instant += timedelta(hours=1)
        [used] = (await consume(story, "60", idempotencyKey="one"))["eventIds"]
        later = (story.api.clock.instant + timedelta(days=10)).isoformat()
        amended = {"eventId": used, "timestamp": later, "reason": "typo"}
        assert (await story.api.mutate("meterEventAmend", "__typename", **amended))["userErrors"] == []
        assert (await consume(story, "60", idempotencyKey="one"))["access"]["balance"] == "90"


async def test_a_backdated_grant_before_a_reset_changes_that_period_and_what_it_rolls_over(database_url: str) -> None:
    """Others read a snapshot of before the reset, and lose it."""
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {**CALLS, "resetMaxRollover": None}})
        await story.use("2026-06-10T00:00:00Z", n="90")
        await story.until("2026-07-05T00:00:00Z")
        assert await left(story) == (True, "110", "0", "0")
        await grant(story, mine, "50", effectiveAt="2026-06-20T00:00:00Z")
        assert await left(story, at="2026-06-25T00:00:00Z") == (True, "60", "90", "0")
        assert await left(story) == (True, "160", "0", "0")


async def test_usage_above_all_grants_leaves_no_balance_whatever_came_when(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {}})
        await story.use("2026-06-01T00:00:00Z", n="30")
        await grant(story, mine, "10")
        await grant(story, mine, "10")
        assert await left(story) == (False, "0", "30", "10")
        await grant(story, mine, "15")
        assert await left(story) == (True, "5", "30", "0")


async def test_two_grants_of_one_instant_are_two_and_a_repeat_is_none(database_url: str) -> None:
    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {}})
        first = await grant(story, mine, "10", idempotencyKey="a")
        assert await grant(story, mine, "10", idempotencyKey="a") == first
        await grant(story, mine, "10", idempotencyKey="b")
        assert (await access(story))["balance"] == "20"


@pytest.mark.parametrize("days", [(), tuple(range(1, 92, 7)), (28, 59, 89)])
async def test_one_leap_of_the_clock_is_many_small_steps(database_url: str, days: tuple[int, ...]) -> None:
    """Resets, recurrences and expiries of three months, some of them at one instant."""
    async with tell(database_url, "2026-01-31T00:00:00Z") as story:
        await sell(story)
        mine = await issue(story, terms={"metered": {**CALLS, "resetMaxRollover": "20"}})
        await grant(story, mine, "10", recurrence="MONTHLY", expiresAt="2026-03-31T00:00:00Z", priority=0)
        for month in ("02", "03", "04"):
            await story.use(f"2026-{month}-14T00:00:00Z", n="70")
        for day in (*days, 92):
            await story.until((datetime(2026, 1, 31, tzinfo=UTC) + timedelta(days=day)).isoformat())
        span = {"from": "2026-01-31T00:00:00Z", "to": "2026-05-03T00:00:00Z"}
        shown = (await story.api.gql(HISTORY, id=mine, **span))["entitlement"]
        entries = [(entry["at"][5:10], entry["kind"], entry["balance"]) for entry in shown["balanceHistory"]]
        assert entries == [
            ("01-31", "GRANTED", "100"),
            ("01-31", "GRANTED", "110"),
            ("02-28", "BURNED", "100"),
            ("02-28", "BURNED", "40"),
            ("02-28", "RESET", "0"),
            ("02-28", "ROLLED_OVER", "20"),
            ("02-28", "GRANTED", "120"),
            ("02-28", "GRANTED", "130"),
            ("03-31", "BURNED", "120"),
            ("03-31", "BURNED", "100"),
            ("03-31", "BURNED", "60"),
            ("03-31", "RESET", "0"),
            ("03-31", "ROLLED_OVER", "20"),
            ("03-31", "GRANTED", "120"),
            ("04-30", "BURNED", "100"),
            ("04-30", "BURNED", "50"),
            ("04-30", "RESET", "0"),
            ("04-30", "ROLLED_OVER", "20"),
            ("04-30", "GRANTED", "120"),
        ]
        assert shown["balance"] == {"balance": "120", "overage": "0"}


async def test_who_is_told_to_ask_again_has_used_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> Any:
        raise PoolTimeoutError("no connection")

    async with tell(database_url, "2026-06-01T00:00:00Z") as story:
        await sell(story)
        await issue(story)
        sent = {"customerId": story.customer_id, "featureKey": "calls", "amount": "10"}
        key = {"authorization": f"Bearer {story.api.secret}"}
        with monkeypatch.context() as patched:
            patched.setattr(feature_access, "standing_after", away)
            told = await story.api.client.post("/v0/entitlements/consume", json=sent, headers=key)
            assert (told.status_code, told.headers["retry-after"]) == (503, "1")
        assert await left(story) == (True, "100", "0", "0")
        assert (await consume(story, "10"))["access"]["balance"] == "90"

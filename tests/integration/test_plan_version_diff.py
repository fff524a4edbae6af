"""What changed between two versions of a plan, by GraphQL."""

from app.billing.access import Scope
from tests.support.api import Api, make_api
from tests.support.plan_versions import draft, make_plan, publish

DIFF = """query($from: ID!, $to: ID!) { planVersionDiff(fromId: $from, toId: $to) {
  fromVersion { number publishedAt } toVersion { number plan { key } } isReordered sentence
  changes { kind sentence before { key } after { key model { ... on StandardPrice { unitPrice } } }
    fields { field before after sentence } } } }"""


async def first_version(api: Api) -> str:
    found = await api.gql('{ plan(id: "pro") { defaultVersion { id } } }')
    return str(found["plan"]["defaultVersion"]["id"])


async def test_a_draft_is_compared_with_what_is_published(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        first, second = await first_version(api), await draft(api, "tokens", "large")
        reader = await api.with_scopes(Scope.CATALOG_READ)
        diff = (await reader.gql(DIFF, **{"from": first, "to": second}))["planVersionDiff"]
        sentence = "The unit price changes from 5.00 USD to 9.00 USD."
        changed = {"field": "UNIT_PRICE", "before": "5", "after": "9", "sentence": sentence}
        assert diff == {
            "fromVersion": {"number": 1, "publishedAt": "2026-01-31T00:00:00Z"},
            "toVersion": {"number": 2, "plan": {"key": "pro"}},
            "isReordered": False,
            "sentence": "Prices: 1 added, 1 replaced.",
            "changes": [
                {
                    "kind": "ADDED",
                    "sentence": '"Seat" is added.',
                    "before": None,
                    "after": {"key": "tokens", "model": {"unitPrice": "0.00002"}},
                    "fields": [],
                },
                {
                    "kind": "REPLACED",
                    "sentence": f'"Seat" is replaced. {sentence}',
                    "before": {"key": "small"},
                    "after": {"key": "large", "model": {"unitPrice": "9"}},
                    "fields": [changed],
                },
            ],
        }
        back = (await api.gql(DIFF, **{"from": second, "to": first}))["planVersionDiff"]
        assert [(one["kind"], one["sentence"]) for one in back["changes"]] == [
            ("REPLACED", '"Seat" is replaced. The unit price changes from 9.00 USD to 5.00 USD.'),
            ("REMOVED", '"Seat" is removed.'),
        ]
        same = (await api.gql(DIFF, **{"from": second, "to": second}))["planVersionDiff"]
        assert ([one["kind"] for one in same["changes"]], same["sentence"]) == (
            ["KEPT", "KEPT"],
            "The prices are the same.",
        )


async def test_versions_of_different_plans_are_not_compared(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        given = {"key": "team", "productId": "llm", "name": "Team", "billingInterval": "MONTHLY", "priceIds": ["small"]}
        await api.make("planCreate", **given)
        other = (await api.gql('{ plan(id: "team") { defaultVersion { id } } }'))["plan"]["defaultVersion"]["id"]
        answer = await api.answer(DIFF, **{"from": await first_version(api), "to": other})
        [error] = answer["errors"]
        assert error["message"] == "toId: the versions are of different plans"
        assert error["extensions"] == {"code": "BAD_INPUT"}


async def test_versions_of_others_read_as_ones_that_never_were(database_url: str) -> None:
    async with make_api(database_url) as api:
        await make_plan(api)
        first, second = await first_version(api), await draft(api, "large")
        await publish(api, second)
        missing = [f"pver_{'0' * 26}", f"pver_{'1' * 26}"]
        answers = [
            await other.answer(DIFF, **{"from": pair[0], "to": pair[1]})
            for other in (api.in_sandbox(), await api.another_merchant())
            for pair in ([first, second], missing)
        ]
        assert answers == [answers[0]] * 4
        assert answers[0]["errors"][0]["message"] == (
            "fromId: fromId names nothing that exists here; toId: toId names nothing that exists here"
        )
        assert await (await api.with_scopes(Scope.BILLING_READ)).code(DIFF, **{"from": first, "to": second}) == (
            "FORBIDDEN"
        )

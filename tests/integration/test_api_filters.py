"""Filters: each condition of each noun lets through what it says, and what is not one is refused."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import pytest

from app.loaders.conditions import Condition, contains, is_one_of, is_set, is_within
from app.loaders.identity import place_name
from tests.support.api import Api, make_api
from tests.support.catalog import LLM, apply
from tests.support.crowd import fill
from tests.support.lists import LISTS
from tests.support.variety import NAMES


def wire(value: Any) -> Any:
    """A column's value as variables hold it."""
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, datetime) else value


def fold(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def trials(condition: Condition, rows: list[Any]) -> list[tuple[Any, list[str]]]:
    """Values of a condition, each with the ids of the rows that it should let through."""
    column = "idempotency_key" if condition.derived else condition.column
    values = [getattr(row, column) for row in rows]
    known = sorted({value for value in values if value is not None})

    def those(meets: Any) -> list[str]:
        return [row.id for row, value in zip(rows, values, strict=True) if meets(value)]

    if condition.comparison is is_one_of:
        lists: list[list[Any]] = [known[:1], known[1:2] * 2, [*known[:2], known[0]], []]
        return [([wire(item) for item in some], those(lambda value, some=some: value in some)) for some in lists]
    if condition.comparison is contains:
        return [(part, those(lambda value, part=part: fold(part) in fold(value))) for part in ("AcM", "%_/\\", "å")]
    if condition.comparison is is_set:
        return [(True, those(lambda value: value is not None)), (False, those(lambda value: value is None))]
    assert condition.comparison is is_within
    start, before = known[1], known[-1]
    spans = ((start, before), (start, None), (None, before), (start, start + timedelta(microseconds=1)))
    return [
        (
            {name: wire(end) for name, end in (("from", first), ("before", last)) if end is not None},
            those(
                lambda value, first=first, last=last: (
                    value is not None and (first is None or first <= value) and (last is None or value < last)
                )
            ),
        )
        for first, last in spans
    ]


async def test_each_condition_lets_through_what_meets_it(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        stranger = await api.another_merchant()
        for listed in LISTS:
            if listed.root == "auditEntries":  # tells of all of the crowd: test_api_audit has fewer
                continue
            rows = sorted(await api.rows(listed.model), key=lambda row: getattr(row, place_name(type(row))))
            mine = await listed.ids(api)
            rows = [row for row in rows if row.id in mine]
            for name, condition in listed.conditions.items():
                tried = trials(condition, rows)
                for value, expected in tried:
                    page = await listed.page(api, filter={name: value})
                    found = [node["id"] for node in page["nodes"]]
                    assert (found, page["totalCount"]) == (expected, len(expected)), (listed.root, name, value)
                    assert not {*mine} & {*await listed.ids(stranger, filter={name: value})}
                assert any(0 < len(expected) < len(rows) for _, expected in tried), (listed.root, name)
                assert await listed.ids(api, filter={name: None}) == mine


async def test_all_conditions_have_to_hold(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        query = "query($filter: InvoiceFilter) { invoices(first: 100, filter: $filter) { totalCount } }"

        async def total(**filter: Any) -> int:
            count: int = (await api.gql(query, filter=filter))["invoices"]["totalCount"]
            return count

        paid, first = await total(statuses=["PAID"]), await total(reasons=["SUBSCRIPTION_START"])
        both = await total(statuses=["PAID"], reasons=["SUBSCRIPTION_START"])
        assert 0 < both < min(paid, first)
        assert await total(statuses=["PAID", "ISSUED"]) == paid + await total(statuses=["ISSUED"])
        assert await total(statuses=["PAID"], reasons=[]) == 0
        assert await total(issuedAt={}) == await total(issuedAt={"from": None, "before": None}) == await total()


async def test_a_filter_of_a_nested_list_counts_for_each_parent(database_url: str) -> None:
    async with make_api(database_url) as api:
        for number in range(3):
            product = await api.make("productCreate", name=str(number))
            for letter in "abc"[: number + 1]:
                await api.make("feeCreate", productId=product, name=f"Fee {letter}")
        fees = "fees(filter: { nameContains: $part }) { totalCount nodes { name } }"
        data = await api.gql(f"query($part: String) {{ products {{ nodes {{ {fees} }} }} }}", part="e B")
        found = [[fee["name"] for fee in product["fees"]["nodes"]] for product in data["products"]["nodes"]]
        assert found == [[], ["Fee b"], ["Fee b"]]
        assert [product["fees"]["totalCount"] for product in data["products"]["nodes"]] == [0, 1, 1]


async def test_ids_of_another_environment_lead_nowhere(database_url: str) -> None:
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        await api.make("feeCreate", productId=product, name="Platform")
        query = "query($filter: FeeFilter) { fees(filter: $filter) { totalCount } }"
        for value, expected in (([product], 1), ([product[:-1], "x", "", "é" * 9], 0)):
            assert (await api.gql(query, filter={"productIds": value}))["fees"]["totalCount"] == expected
        for other in (api.in_sandbox(), await api.another_merchant()):
            assert (await other.gql(query, filter={"productIds": [product]}))["fees"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("noun", "filter", "code", "words"),
    [
        ("Invoice", {"statuses": ["UNPAID"]}, "BAD_INPUT", "UNPAID"),
        ("Invoice", {"statuses": [None]}, "BAD_INPUT", "filter"),
        ("Invoice", {"status": ["PAID"]}, "BAD_INPUT", "status"),
        ("Invoice", {"issuedAt": {"from": "yesterday"}}, "BAD_INPUT", "DateTime"),
        ("Invoice", {"issuedAt": {"from": "2026-01-01"}}, "BAD_INPUT", "DateTime"),
        ("Invoice", {"issuedAt": {"until": "2026-01-01T00:00:00Z"}}, "BAD_INPUT", "until"),
        (
            "Invoice",
            {"issuedAt": {"from": "2026-01-01T00:00:00Z", "before": "2026-01-01T00:00:00Z"}},
            "BAD_INPUT",
            "filter.issuedAt: `from` must be earlier than `before`.",
        ),
        ("Invoice", {"customerIds": ["x"] * 101}, "BAD_INPUT", "filter.customerIds: at most 100 at once."),
        ("Invoice", {"currencies": ["XXX"]}, "BAD_INPUT", "CurrencyCode"),
        ("Customer", {"nameContains": "x" * 256}, "BAD_INPUT", "filter.nameContains: at most 255 characters."),
        ("Customer", {"onTestClock": "yes"}, "BAD_INPUT", "Boolean"),
        ("MeterEvent", {"idempotencyKeys": ["x"] * 101}, "BAD_INPUT", "filter.idempotencyKeys: at most 100 at once."),
    ],
)
async def test_what_is_no_filter_is_refused(
    database_url: str, noun: str, filter: dict[str, Any], code: str, words: str
) -> None:
    async with make_api(database_url) as api:
        await refuses(api, noun, filter, code, words)


async def refuses(api: Api, noun: str, filter: dict[str, Any], code: str, words: str) -> None:
    root = f"{noun[0].lower()}{noun[1:]}s"
    answer = await api.answer(
        f"query($filter: {noun}Filter) {{ {root}(filter: $filter) {{ totalCount }} }}", filter=filter
    )
    [error] = answer["errors"]
    assert (error["extensions"]["code"], answer.get("data")) == (code, None)
    assert words in error["message"]


async def test_lists_as_long_as_they_may_be_are_served(database_url: str) -> None:
    async with make_api(database_url) as api:
        query = "query($filter: CustomerFilter) { customers(filter: $filter) { totalCount } }"
        full = {"externalIds": ["x"] * 100, "emails": ["%"] * 100, "testClockIds": ["_"] * 100}
        for part in ("x" * 255, "%" * 255, "🦓" * 255, "'; DROP TABLE customer; --", *NAMES):
            assert (await api.gql(query, filter={**full, "nameContains": part}))["customers"]["totalCount"] == 0


async def test_a_reference_to_the_catalog_is_an_id_or_a_key(database_url: str) -> None:
    async with make_api(database_url) as api:
        made = {change["key"]: change["object"]["id"] for change in await apply(api, LLM)}
        await api.make("feeCreate", productId=await api.make("productCreate", key="other", name="Other"), name="Other")
        stranger = await api.another_merchant()
        await apply(stranger, LLM)
        query = "query($filter: FeeFilter) { fees(filter: $filter) { totalCount nodes { id } } }"
        for references in (["llm"], [made["llm"]], ["llm", made["llm"], "nobody"]):
            data = await api.gql(query, filter={"productIds": references})
            assert data["fees"] == {"totalCount": 1, "nodes": [{"id": made["platform"]}]}
        data = await api.gql(query, filter={"productIds": ["nobody"]})
        assert data["fees"] == {"totalCount": 0, "nodes": []}
        for listed, filter, found in (
            ("prices", 'billableMetricIds: ["output-tokens"]', ["output-tokens-2026"]),
            ("prices", 'feeIds: ["platform"]', ["platform-2026"]),
            ("planVersions", 'planIds: ["pro"]', None),
        ):
            field = "key" if found else "number"
            data = await api.gql(f"{{ {listed}(filter: {{ {filter} }}) {{ nodes {{ {field} }} }} }}")
            expected: list[Any] = found or [1]
            assert [node[field] for node in data[listed]["nodes"]] == expected


async def test_what_is_too_long_to_be_meant_is_refused_before_anything_is_done(database_url: str) -> None:
    async with make_api(database_url) as api:
        lists = "products(filter: { keys: $keys }, after: $after) { totalCount }"
        query = f"query($keys: [String!], $after: String) {{ {lists} }}"
        answer = await api.answer(query, keys=["x"] * 1001)
        assert [error["message"] for error in answer["errors"]] == ["$keys: A list has at most 1000 entries."]
        assert "data" not in answer
        assert await api.code(query, after="A" * 4097) == "BAD_CURSOR"


async def test_lists_that_are_used_again_and_again_are_counted_as_often(database_url: str) -> None:
    def query(uses: int) -> str:
        fields = " ".join(f"f{use}: products(filter: {{ keys: $keys }}) {{ totalCount }}" for use in range(uses))
        return f"query($keys: [String!]) {{ {fields} }}"

    async with make_api(database_url) as api:
        answer = await api.answer(query(11), keys=["x"] * 1000)
        message = "The lists of a request have at most 10000 entries in all, each as often as it is used."
        assert answer == {"errors": [{"message": f"$keys: {message}", "extensions": {"code": "BAD_INPUT"}}]}
        data = await api.gql(query(100), keys=["x"] * 100)
        assert list(data.values()) == [{"totalCount": 0}] * 100


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ({"aggregations": ["SUİ"]}, "does not exist in 'Aggregation' enum"),
        ({"archİved": True}, "not to include unknown field"),
        ({"kez": ["x"]}, "not to include unknown field"),
    ],
)
async def test_variables_are_refused_without_the_names_that_were_near(
    database_url: str, filter: dict[str, Any], told: str
) -> None:
    async with make_api(database_url) as api:
        answer = await api.answer(
            "query($filter: BillableMetricFilter) { billableMetrics(filter: $filter) { totalCount } }", filter=filter
        )
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "BAD_INPUT"
        assert told in error["message"]
        assert "Did you mean" not in error["message"]

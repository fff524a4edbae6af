"""`billableMetric.usage` by GraphQL: arguments that make no sense are named, and nothing used is 0."""

import itertools
from typing import Any

import pytest

from tests.integration.test_api_catalog import a_metric
from tests.support.api import make_api

QUERY = """query($id: ID!, $from: DateTime!, $to: DateTime!, $by: [String!], $zone: String!, $of: ID, $window: Window) {
  billableMetric(id: $id) {
    usage(from: $from, to: $to, groupBy: $by, timezone: $zone, customerId: $of, window: $window) {
      total windows { start end value groups { value } } groups { value } } } }"""
SPAN = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z", "zone": "UTC"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"to": SPAN["from"]}, "to: "),
        ({"by": ["model"]}, "groupBy.0: "),
        ({"zone": "Mars/Olympus"}, "timezone: "),
        ({"of": "cus_x"}, "customerId: "),
        ({"window": "MINUTE"}, "window: "),
    ],
)
async def test_a_wrong_argument_is_named(database_url: str, given: dict[str, Any], named: str) -> None:
    async with make_api(database_url) as api:
        metric = await a_metric(api, await api.make("productCreate", name="Engine"))
        [error] = (await api.answer(QUERY, id=metric, **{**SPAN, **given}))["errors"]
        assert error["extensions"] == {"code": "BAD_INPUT"}
        assert error["message"].startswith(named)


async def test_windows_without_usage_are_there(database_url: str) -> None:
    async with make_api(database_url) as api:
        metric = await a_metric(api, await api.make("productCreate", name="Engine"))
        usage = (await api.gql(QUERY, id=metric, **SPAN, window="DAY"))["billableMetric"]["usage"]
        days = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
        empty = {"value": "0", "groups": []}
        assert usage == {
            "total": "0",
            "windows": [{"start": start, "end": end, **empty} for start, end in itertools.pairwise(days)],
            "groups": [],
        }

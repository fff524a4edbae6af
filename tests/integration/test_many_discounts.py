"""How many discounts there may be, as every line of every invoice keeps its share of each."""

import asyncio
from typing import Any

import pytest

from tests.integration.test_refusals import snapshot
from tests.support.api import Api, make_api
from tests.support.priced_catalog import make_plan, make_price, standard

TOO_MANY = {
    "code": "OUT_OF_RANGE",
    "field": "target",
    "message": "there are 20 discounts that have not ended; end one before giving another",
}


async def set_up(api: Api) -> list[dict[str, str]]:
    """Return what discounts can be given to: a customer, and each of its two subscriptions."""
    await api.make("productCreate", key="llm", name="LLM")
    await api.make("feeCreate", key="platform", productId="llm", name="Platform")
    await make_price(api, "platform", standard("5"), {"feeId": "platform"}, paymentTerm="IN_ADVANCE")
    await make_plan(api, ["platform"], key="pro")
    customer = await api.make("customerCreate", name="Acme")
    asked = {"customerId": customer, "planId": "pro", "allowConcurrent": True}
    made = [await api.mutate("subscriptionCreate", "subscription { id }", **asked) for _ in range(2)]
    return [{"customerId": customer}, *({"subscriptionId": one["subscription"]["id"]} for one in made)]


async def give(api: Api, target: dict[str, str], **given: Any) -> dict[str, Any]:
    return await api.mutate("discountCreate", "discount { id }", name="D", percentage="0.01", target=target, **given)


async def test_there_are_at_most_20_that_have_not_ended(database_url: str) -> None:
    async with make_api(database_url) as api:
        targets = await set_up(api)
        for target in targets:
            ended = await give(api, target)
            payload = await api.mutate("discountEnd", "__typename", id=ended["discount"]["id"])
            assert payload["userErrors"] == []
            given = [await give(api, target, endsAt="2027-01-01T00:00:00Z") for _ in range(20)]
            assert [payload["userErrors"] for payload in given] == [[]] * 20
            before = await snapshot(api)
            assert await give(api, target) == {"discount": None, "userErrors": [TOO_MANY]}
            assert await snapshot(api) == before
            await api.mutate("discountEnd", "__typename", id=given[0]["discount"]["id"])
            assert (await give(api, target))["userErrors"] == []


@pytest.mark.parametrize("callers", [8])
async def test_two_callers_never_both_give_the_last_one(database_url: str, callers: int) -> None:
    async with make_api(database_url) as api:
        [target, *_] = await set_up(api)
        for _ in range(19):
            await give(api, target)
        answers = await asyncio.gather(*(give(api, target) for _ in range(callers)))
        assert sorted(len(answer["userErrors"]) for answer in answers) == [0] + [1] * (callers - 1)

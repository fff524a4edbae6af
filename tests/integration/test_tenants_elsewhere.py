"""What else could lead across: cursors, keys of repeats, links, REST, and requests of many that are served at once."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.ids import new_id
from tests.support.api import Api
from tests.support.edges import EDGES
from tests.support.life import Tenant
from tests.support.lists import LISTS
from tests.support.served import count, dump, serve

CHECK = "/v0/entitlements/check"
CONSUME = "/v0/entitlements/consume"
EVENTS = "/v0/events"
BATCH = "/v0/events/batch"


def rest(api: Api, path: str) -> tuple[str, dict[str, str]]:
    """The address of a path in the environment that a key speaks in, and the key."""
    return api.path.removesuffix("/graphql") + path, {"authorization": f"Bearer {api.secret}"}


async def tell(api: Api, path: str, body: Any) -> httpx.Response:
    address, headers = rest(api, path)
    return await api.client.post(address, json=body, headers=headers)


async def ask(api: Api, **asked: str) -> httpx.Response:
    address, headers = rest(api, CHECK)
    return await api.client.get(address, params=asked, headers=headers)


def without(answer: httpx.Response, *put: str) -> tuple[int, str]:
    """An answer with what was put into its request taken out."""
    text = answer.text
    for item in put:
        text = text.replace(json.dumps(item)[1:-1], "…")
    return answer.status_code, text


async def test_a_key_of_a_repeat_is_of_one_environment(database_url: str) -> None:
    async with serve(database_url) as api:
        tenants = [api, api.in_sandbox(), await api.another_merchant()]
        made = []
        for number, tenant in enumerate(tenants):
            given = {"name": f"Engine {number}", "idempotencyKey": "the same"}
            payload = await tenant.mutate("productCreate", "product { id name } replayed", **given)
            assert (payload["replayed"], payload["userErrors"]) == (False, [])
            assert payload["product"]["name"] == f"Engine {number}"
            made.append(payload["product"]["id"])
        assert len(set(made)) == 3
        event = {"type": "t", "source": "s", "subject": "c", "data": {}, "idempotencyKey": "the same"}
        answers = [(await tell(tenant, EVENTS, event)).json() for tenant in tenants]
        assert len({answer["id"] for answer in answers}) == 3
        for tenant, answer in zip(tenants, answers, strict=True):
            receipt = "query($id: ID!) { eventReceipt(eventId: $id) { event { id } } }"
            found = [(await other.gql(receipt, id=answer["id"]))["eventReceipt"] for other in tenants]
            assert [other for other, item in zip(tenants, found, strict=True) if item is not None] == [tenant]


async def state_of(tenant: Tenant) -> Any:
    """Much of what a tenant can read of what it has."""
    return [await tenant.api.gql(query) for query in OVERVIEW[::3]]


def overview() -> Iterator[str]:
    """Everything of every list, with the edges of its nouns, a few at a time."""
    for root in dict.fromkeys(root for root, _, _ in EDGES):
        edges = [(edge, selection) for other, edge, selection in EDGES if other == root]
        for start in range(0, len(edges), 5):
            some = [f"e{place}: {edge} {selected}" for place, (edge, selected) in enumerate(edges[start : start + 5])]
            yield f"{{ {root}(first: 5) {{ totalCount nodes {{ id {' '.join(some)} }} }} }}"


OVERVIEW = list(overview())


@pytest.mark.parametrize("seed", [1])
async def test_requests_that_are_served_together_answer_as_alone(database_url: str, seed: int) -> None:
    """Many requests of three tenants at once, in random order: each gets what it got when it was alone."""
    async with serve(database_url) as api:
        tenants = [
            await Tenant(await api.another_merchant(), "other").live(),
            await Tenant(api.in_sandbox(), "sandbox").live(),
            await Tenant(api, "mine").live(),
        ]
        await count(api)
        chosen = random.Random(seed)
        asked: list[tuple[Tenant, str]] = [(one, query) for one in tenants for query in chosen.sample(OVERVIEW, 12)]
        asked += [(one, "check") for one in tenants for _ in range(5)]

        async def answer(tenant: Tenant, query: str) -> bytes:
            if query != "check":
                return (await tenant.api.post({"query": query})).content
            given = {"customerId": tenant.made["customer"], "featureKey": f"token-units-{tenant.mark}"}
            return (await ask(tenant.api, **given)).content

        alone = [await answer(*one) for one in asked]
        assert len(set(alone)) > 20
        assert not any(b'"errors"' in one for one in alone)
        rounds = list(range(len(asked))) * 2
        chosen.shuffle(rounds)
        for start in range(0, len(rounds), 12):
            places = rounds[start : start + 12]
            together = await asyncio.gather(*(answer(*asked[place]) for place in places))
            assert together == [alone[place] for place in places]


async def cursors_open_nothing_elsewhere(merchant: Tenant, sandbox: Tenant, me: Tenant) -> None:
    """A cursor of another tenant's list, of another list, altered and made up are all refused in the same words."""
    before = await dump(me.api)
    own = {listed.root: (await listed.page(me.api, first=1))["pageInfo"]["endCursor"] for listed in LISTS}
    assert None not in own.values()
    answers = set()
    for listed in LISTS:
        theirs = [
            (await listed.page(tenant.api, first=1))["pageInfo"]["endCursor"]
            for tenant in (merchant, sandbox)
            # Keys are of the merchant, in whichever environment, and cursors are of an environment.
        ]
        others = [cursor for root, cursor in own.items() if root != listed.root]
        mine = own[listed.root]
        forged = [mine[:-1], f"{mine}=", mine.swapcase(), "", "x", "%00", me.made["customer"], f"{mine[:8]}A{mine[9:]}"]
        for cursor in [*theirs, *others, *forged]:
            if cursor == mine:
                continue
            for name in ("after", "before"):
                query = f"query($c: String) {{ list: {listed.root}({name}: $c) {{ nodes {{ id }} totalCount }} }}"
                answer = (await me.api.post({"query": query, "variables": {"c": cursor}})).text
                answers.add(answer.replace(f"`{name}`", "`cursor`").replace(f"{name}:", "cursor:"))
    assert len(answers) == 1
    [error] = json.loads(answers.pop())["errors"]
    assert error["extensions"] == {"code": "BAD_CURSOR"}
    assert await dump(me.api) == before


async def the_place_behind_a_strangers_id_is_only_a_place(merchant: Tenant, sandbox: Tenant, me: Tenant) -> None:
    """`after` of a cohort is compared, not looked up: an id and one beside it that never was read the same."""
    query = """query($to: ID!, $from: ID!, $after: ID) {
      planVersionMigrationPreview(planVersionId: $to, fromPlanVersionId: $from, after: $after) {
        remaining subscriptions { subscription { id } } } }"""
    asked = {"to": me.made["version"], "from": me.made["second version"]}
    for tenant in (merchant, me):
        there = tenant.made["subscription"]
        last = "0" if there[-1] != "0" else "1"
        pages = [await me.api.gql(query, after=after, **asked) for after in (there, there[:-1] + last)]
        assert tenant is me or pages[0] == pages[1]
    first, page = [await me.api.gql(query, after=after, **asked) for after in (None, merchant.made["subscription"])]
    assert first == page
    assert len(first["planVersionMigrationPreview"]["subscriptions"]) == 1


async def links_open_one_invoice_in_one_environment(merchant: Tenant, sandbox: Tenant, me: Tenant) -> None:
    """A link moved to another environment, or with a part of another tenant's, opens what a made-up one does."""
    tenants = [merchant, sandbox, me]
    query = "query($id: ID!) { invoice(id: $id) { pageUrl } }"
    links = [(await one.api.gql(query, id=one.made["invoice"]))["invoice"]["pageUrl"] for one in tenants]
    pages = [await me.api.client.get(link) for link in links]
    assert [page.status_code for page in pages] == [200, 200, 200]
    tokens = [link.rpartition("/")[2].split(".") for link in links]
    closed = [f"{prefix}/invoices/made-up" for prefix in ("", "/sandbox")]
    for link, token in zip(links, tokens, strict=True):
        is_live = not link.startswith("/sandbox")
        closed.append(("/sandbox" if is_live else "") + link.removeprefix("/sandbox"))
        path = link.rpartition("/")[0]
        for other in tokens:
            for part, text in enumerate(other):
                mixed = ".".join([*token[:part], text, *token[part + 1 :]])
                # Two of the tenants are of one merchant, and all links end at the same time.
                if mixed != ".".join(token):
                    closed.append(f"{path}/{mixed}")
        closed += [f"{path}/{'.'.join(token)}{tail}" for tail in ("x", "%20", "=", "/", ".", "%00")]
        closed.append(f"{path}/{'.'.join([*token[:2], str(int(token[2]) + 1), token[3]])}")
    answers = [await me.api.client.get(link) for link in closed]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len(answers) > 30


async def the_gate_says_the_same_of_anothers_and_of_what_never_was(
    merchant: Tenant, sandbox: Tenant, me: Tenant
) -> None:
    mine = {"customerId": me.made["customer"], "featureKey": "token-units-mine"}
    assert (await ask(me.api, **mine)).json()["access"] is True
    before = await dump(me.api)
    for name, key, absent in (
        ("customerId", "customer", new_id("cus")),
        ("externalId", "acme-{}", "no-such-customer"),
        ("featureKey", "token-units-{}", "no-such-feature"),
        ("featureKey", "feature", new_id("feat")),
    ):
        asked = {**mine} if name != "externalId" else {"featureKey": mine["featureKey"]}
        puts = [one.made.get(key, key.format(one.mark)) for one in (merchant, sandbox)]
        for call in ("check", "consume"):
            answers = set()
            for put in [*puts, absent, "x" * 3000]:
                given = {**asked, name: put}
                if call == "check":
                    answer = await ask(me.api, **given)
                else:
                    answer = await tell(me.api, CONSUME, {**given, "amount": "1"})
                answers.add(without(answer, put))
            [(status, text)] = answers
            assert status == 404
            [error] = json.loads(text)["errors"]
            assert (error["code"], error["field"]) == ("NOT_FOUND", name)
    assert await dump(me.api) == before


async def events_of_anothers_customers_are_those_of_nobody(merchant: Tenant, sandbox: Tenant, me: Tenant) -> None:
    receipt = """query($id: ID!) { eventReceipt(eventId: $id) {
      status reasons { code } event { customer { id } } } }"""
    theirs = [await state_of(one) for one in (merchant, sandbox)]
    told, number = set(), 0
    event = {"type": "inference", "source": "s", "timestamp": "2026-02-05T00:00:00Z", "data": {"tokens": 7}}
    for field, key, absent in (("subject", "customer", new_id("cus")), ("externalSubject", "acme-{}", "nobody")):
        for put in (*(one.made.get(key, key.format(one.mark)) for one in (merchant, sandbox)), absent):
            number += 1
            given = {**event, field: put, "idempotencyKey": f"strange-{number}"}
            answer = await tell(me.api, EVENTS, given)
            assert answer.status_code == 202
            found = await me.api.gql(receipt, id=answer.json()["id"])
            given = {**given, "idempotencyKey": f"stranger-{number}"}
            payload = await me.api.mutate("meterEventsIngest", "events { id }", events=[given])
            told |= {json.dumps(found), json.dumps(await me.api.gql(receipt, id=payload["events"][0]["id"]))}
    [text] = told
    assert "CUSTOMER_UNKNOWN" in text
    assert [await state_of(one) for one in (merchant, sandbox)] == theirs
    org = (await merchant.api.gql("{ merchant { id } }"))["merchant"]["id"]
    foreign = [await tell(me.api, EVENTS, {**event, "subject": "c", "namespace": n}) for n in (org, new_id("org"), "x")]
    assert {(answer.status_code, answer.text) for answer in foreign} == {(403, foreign[0].text)}
    batch = [{**event, "subject": "c", "namespace": name} for name in (org, new_id("org"), "x")]
    results = (await tell(me.api, BATCH, batch)).json()["results"]
    assert len({json.dumps(result) for result in results}) == 1
    assert [await state_of(one) for one in (merchant, sandbox)] == theirs


async def test_nothing_else_leads_across(database_url: str) -> None:
    async with serve(database_url) as api:
        merchant = await Tenant(await api.another_merchant(), "other").live()
        await count(api)
        before = await state_of(merchant)
        sandbox = await Tenant(api.in_sandbox(), "sandbox").live()
        me = await Tenant(api, "mine").live()
        await count(api)
        assert await state_of(merchant) == before
        for prove in (
            cursors_open_nothing_elsewhere,
            the_place_behind_a_strangers_id_is_only_a_place,
            links_open_one_invoice_in_one_environment,
            the_gate_says_the_same_of_anothers_and_of_what_never_was,
            events_of_anothers_customers_are_those_of_nobody,
        ):
            await prove(merchant, sandbox, me)
        assert await state_of(merchant) == before

"""Malformed inputs of every surface, kept as files: each is told what is wrong and where, and nothing is written."""

from typing import Any

import httpx
import pytest

from tests.support.api import Api
from tests.support.life import LIFE, Tenant
from tests.support.malformed import BadInput, BadRequest, act_for, bad_inputs, bad_requests, with_bad
from tests.support.served import count, dump, serve


def told(bad: BadInput, answer: dict[str, Any]) -> tuple[str | None, bool]:
    """The code that an answer gives, and whether it names the place."""
    if "errors" in answer:
        [error, *_] = answer["errors"]
        return error["extensions"]["code"], any(named(bad, one["message"]) for one in answer["errors"])
    errors = answer["data"][bad.mutation]["userErrors"]
    for error in errors:
        field = error["field"] or ""
        if field == bad.path or field.startswith(f"{bad.path}.") or bad.path.startswith(f"{field}."):
            return error["code"], True
    return (errors[0]["code"] if errors else None), False


def named(bad: BadInput, message: str) -> bool:
    """Whether a message has the path, or the object that lacks or has too much of its last part."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in bad.steps)
    above, _, last = path.rpartition(".")
    return f" at {path}" in message or (f"'{last}'" in message and (not above or f" at {above}:" in message))


async def ask(api: Api, me: Tenant, bad: BadInput) -> dict[str, Any]:
    act = act_for(bad.mutation, bad.steps)
    own = me.filled(act.input)
    if bad.mutation == "meterEventsIngest":  # which takes in what is good beside what is not
        own["events"] = own["events"][:1]
    given = with_bad(own, bad.steps, bad.value)
    answer: dict[str, Any] = (await api.post({"query": act.query, "variables": {"input": given}})).json()
    return answer


async def test_no_mutation_takes_a_malformed_input(database_url: str) -> None:
    """Each is asked before the act whose input it spoils, when all else of that would have been done."""
    corpus, wrong = bad_inputs(), []
    async with serve(database_url) as api:
        me = Tenant(api, "mine")
        for act in LIFE:
            spoiled = [bad for bad in corpus if act_for(bad.mutation, bad.steps) is act]
            await count(api)
            before = await dump(api)
            for bad in spoiled:
                answer = await ask(api, me, bad)
                if told(bad, answer) != (bad.code, True):
                    wrong.append((bad, answer))
            assert await dump(api) == before, act
            await me.do(act)
    assert not wrong, "\n".join(map(str, wrong[:20]))
    assert len(corpus) >= 500


GOOD: dict[str, dict[str, Any]] = {
    "events": {"type": "inference", "source": "s", "subject": "c", "data": {"tokens": 1}, "idempotencyKey": "bad"},
    "batches": {},
    "consume": {"featureKey": "token-units-mine", "externalId": "acme-mine", "amount": "1"},
    "check": {},
    "graphql": {},
}
SURFACES = {
    "events": ("POST", "/v0/events"),
    "batches": ("POST", "/v0/events/batch"),
    "consume": ("POST", "/v0/entitlements/consume"),
    "check": ("GET", "/v0/entitlements/check"),
    "graphql": ("POST", "/graphql"),
}


async def send_bad(api: Api, surface: str, bad: BadRequest) -> httpx.Response:
    method, path = SURFACES[surface]
    headers: dict[str, str | None] = {"authorization": f"Bearer {api.secret}", "content-type": "application/json"}
    # As bytes: what is no ASCII is sent as it is.
    sent = [
        (name.encode(), value.encode("latin-1")) for name, value in (headers | bad.headers).items() if value is not None
    ]
    query = "" if bad.query is None else f"?{bad.query}"
    content = None if method == "GET" else bad.body(GOOD[surface])
    return await api.client.request(method, path + query, content=content, headers=sent)


def rest_told(body: dict[str, Any], _bad: BadRequest) -> tuple[str, list[str]]:
    """The code of a refusal, and the fields that it names."""
    return body["code"], [error["field"] for error in body.get("errors", ())]


def graphql_told(body: dict[str, Any], bad: BadRequest) -> tuple[str, list[str]]:
    """The code of the first error, and which of the words that it should name it does; it says where in a document."""
    error = body["errors"][0]
    # graphql-core has no place for a list or an object where a scalar is taken, and shows the literal.
    is_placed = error.get("locations") or bad.fields or " cannot represent " in error["message"]
    assert error["extensions"]["code"] == "BAD_REQUEST" or is_placed, body
    return error["extensions"]["code"], [word for word in bad.fields if word in error["message"]]


@pytest.mark.parametrize("surface", SURFACES)
async def test_rest_takes_no_malformed_request(database_url: str, surface: str) -> None:
    wrong = []
    async with serve(database_url) as api:
        await Tenant(api, "mine").live()
        await count(api)
        before = await dump(api)
        for bad in bad_requests(surface):
            answer = await send_bad(api, surface, bad)
            found = graphql_told if surface == "graphql" else rest_told
            if found(answer.json(), bad) != (bad.code, bad.fields) or answer.status_code != bad.status:
                wrong.append((bad, answer.status_code, answer.text))
        await count(api)
        assert await dump(api) == before
    assert not wrong, "\n".join(map(str, wrong[:20]))

"""Every mutation, asked with every identifier that another merchant, another environment or nobody has."""

import json
from collections.abc import Iterator
from typing import Any

from app.ids import new_id, prefix_of
from tests.support.api import Api
from tests.support.identifiers import Path, identifiers, root, unclassified
from tests.support.life import KEYS, LIFE, Act, Tenant, leaves, replaced
from tests.support.served import count, dump, serve

#: What names something of a merchant, in whichever environment.
OF_MERCHANTS = ("key_", "org_")
#: Places whose foreign ids are no mistake; each has a test of its own below.
ELSEWHERE: dict[tuple[str, Path], str] = {
    ("meterEventsIngest", ("input", "events", "*", "subject")): "events of whoever are taken in, and count for nobody",
    ("meterEventsIngest", ("input", "events", "*", "externalSubject")): "as above",
    ("planVersionMigrate", ("input", "after")): "a place in the order of ids, whether or not there is something",
}

#: Who names nothing by an id is told to, whether or not there is something with such a key.
BY_FORM = dict.fromkeys(
    ("catalogArchive", "catalogRestore"),
    "id names nothing of the catalog; keys of different nouns may be the same, so give the id",
)


def starred(path: tuple[str | int, ...]) -> Path:
    return ("input", *("*" if isinstance(step, int) else step for step in path))


def named_places(act: Act) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The places of an act's input that name something, with what stands there."""
    wanted = set(identifiers(act.mutation, root("Mutation").fields[act.mutation]))
    for path, value in leaves(act.input):
        if starred(path) in wanted:
            yield path, value


def strangers(value: str, me: Tenant, others: list[Tenant], most: int) -> Iterator[str]:
    """What does not exist here, in the place of something that does: other tenants', and some of nobody's."""
    name = value[1:-1]
    for other in others:
        if value.startswith("<"):
            if not (other.api.secret == me.api.secret and other.made[name].startswith(OF_MERCHANTS)):
                yield other.made[name]
            if name in KEYS:
                yield other.filled(KEYS[name])
        else:
            yield other.filled(value)
    prefix = me.made[name].partition("_")[0] if value.startswith("<") else "cus"
    own = me.filled(value)
    absent = new_id(prefix)
    elsewhere = new_id("inv" if prefix != "inv" else "cus")
    nobodys = (absent, "absent", "", f"{own}\n", elsewhere, absent[:-1], f"{absent}0", absent.upper(), f" {own}", "%")
    yield from (*nobodys, "x" * 3000, "' OR '1'='1", f"{prefix}_{'z' * 26}")[:most]


async def raw(api: Api, query: str, variables: dict[str, Any], put: str) -> str:
    """The bytes of an answer, with what was put in the place of an identifier taken out."""
    answer = await api.post({"query": query, "variables": variables})
    assert answer.status_code == 200
    text = answer.text
    for written in {json.dumps(put)[1:-1], json.dumps(put, ensure_ascii=False)[1:-1]}:
        text = text.replace(written, "…") if len(written) > 3 else text
    return text


def test_every_mutation_and_every_identifier_of_its_input_has_an_act() -> None:
    mutations = root("Mutation").fields
    assert set(mutations) - {act.mutation for act in LIFE} == set(), "add an act to tests/support/life.py"
    schema_has = {(name, path) for name, field in mutations.items() for path in identifiers(name, field)}
    acts_have = {(act.mutation, starred(path)) for act in LIFE for path, _ in named_places(act)}
    assert schema_has - acts_have == set(), "add an act to tests/support/life.py that names something there"
    assert set(ELSEWHERE) <= acts_have
    assert len(schema_has) >= 70
    assert list(unclassified()) == [], "say in tests/support/identifiers.py whether this names something"


async def test_no_mutation_takes_what_is_anothers_or_nobodys(database_url: str, strangers_each: int) -> None:
    """Before a tenant does an act, it asks for the same with each identifier replaced, one by one."""
    asked = 0
    wrong: list[Any] = []
    async with serve(database_url) as api:
        merchant = await Tenant(await api.another_merchant(), "other").live()
        sandbox = await Tenant(api.in_sandbox(), "sandbox").live()
        me = Tenant(api, "mine")
        for act in LIFE:
            places = [one for one in named_places(act) if (act.mutation, starred(one[0])) not in ELSEWHERE]
            await count(api)
            before = await dump(api) if places else {}
            own = me.filled(act.input)
            for path, value in places:
                answers: dict[str, str] = {}
                for put in strangers(value, me, [merchant, sandbox], strangers_each):
                    asked += 1
                    text = await raw(api, act.query, {"input": replaced(own, path, put)}, put)
                    if act.mutation in BY_FORM and prefix_of(put) != prefix_of(me.filled(value)):
                        text = text.replace(BY_FORM[act.mutation], "id names nothing that exists here")
                    answers.setdefault(text, put)
                payload = json.loads(next(iter(answers)))["data"][act.mutation]
                found = [error["field"] for error in payload.pop("userErrors") if error["code"] == "NOT_FOUND"]
                shown = set(map(str, payload.values())) - {"None", "[]", payload["__typename"]}
                if len(answers) > 1 or ".".join(map(str, path)) not in found or shown:
                    wrong.append((act.mutation, path, answers))
            if places and await dump(api) != before:
                wrong.append((act.mutation, "something was written"))
            await me.do(act)
    assert not wrong, "\n".join(map(str, wrong))
    assert asked > 400

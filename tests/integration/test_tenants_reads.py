"""Every field that takes an identifier, asked with what another merchant, another environment or nobody has."""

import json
from typing import Any

from graphql import GraphQLObjectType

from tests.integration.test_tenants import raw, strangers
from tests.support.asked import NEVER, Question, questions
from tests.support.identifiers import TYPES, Path, identifiers, root
from tests.support.life import Tenant, leaves, replaced
from tests.support.served import count, dump, serve

#: A place in the order of ids, whether or not there is something; see test_tenants_elsewhere.py.
PLACES: set[tuple[str, str, Path]] = {("Query", "planVersionMigrationPreview", ("after",))}


def starred(path: tuple[str | int, ...]) -> Path:
    return tuple("*" if isinstance(step, int) else step for step in path)


def named_places(question: Question) -> list[tuple[tuple[str | int, ...], str]]:
    wanted = set(identifiers(question.field, question.taken))
    return [(path, value) for path, value in leaves(question.arguments) if starred(path) in wanted]


def test_every_field_that_takes_an_identifier_is_asked() -> None:
    schema_has = {
        (kind.name, name, path)
        for kind in TYPES.values()
        if isinstance(kind, GraphQLObjectType) and kind is not root("Mutation") and not kind.name.startswith("__")
        for name, field in kind.fields.items()
        for path in identifiers(name, field)
    }
    asked = {(one.owner, one.field, starred(path)) for one in questions() for path, _ in named_places(one)}
    assert schema_has - asked == set(), "add a question to tests/support/asked.py"
    assert asked >= PLACES
    assert len(schema_has) > 150


async def found(me: Tenant, question: Question) -> Any:
    """What a tenant finds with its own arguments."""
    answer = await me.api.answer(question.query, **me.filled({**question.arguments, **question.above}))
    assert "errors" not in answer, (question, answer)
    data = answer["data"]
    if question.owner == "Query":
        return data["asked"]
    below = data["node"]["explanation"] if question.owner == "LineExplanation" else data["node"]
    return below["asked"]


def is_nothing(question: Question, own: Any) -> bool:
    """Whether an answer would be that to nobody's identifiers too."""
    if isinstance(own, dict) and own.get("totalCount") == 0:
        return (question.owner, question.field, *question.arguments["filter"]) not in NEVER
    return not own or None in own


async def test_no_field_shows_what_is_anothers_or_nobodys(database_url: str, strangers_each: int) -> None:
    asked = 0
    wrong: list[Any] = []
    async with serve(database_url) as api:
        merchant = await Tenant(await api.another_merchant(), "other").live()
        sandbox = await Tenant(api.in_sandbox(), "sandbox").live()
        me = await Tenant(api, "mine").live()
        await count(api)
        before = await dump(api)
        for question in questions():
            try:
                own = await found(me, question)
            except (AssertionError, KeyError) as error:
                wrong.append((question, repr(error)[:800]))
                continue
            if is_nothing(question, own):
                wrong.append((question, "own", own))
            for path, value in named_places(question):
                if (question.owner, question.field, starred(path)) in PLACES:
                    continue
                answers: dict[str, str] = {}
                for put in strangers(value, me, [merchant, sandbox], strangers_each):
                    asked += 1
                    variables = me.filled({**replaced(question.arguments, path, put), **question.above})
                    answers.setdefault(await raw(api, question.query, variables, put), put)
                if len(answers) > 1 or json.dumps(own) in next(iter(answers)):
                    wrong.append((question, path, answers))
        if await dump(api) != before:
            wrong.append("something was written")
    assert not wrong, "\n".join(map(str, wrong))
    assert asked > 800

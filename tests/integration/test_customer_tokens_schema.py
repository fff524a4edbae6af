"""What a customer token sees, asked for field by field: documents are made from the schema, rows are a crowd's."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, get_named_type
from sqlalchemy import false, update
from sqlmodel import SQLModel

from app import models
from app.billing.lifecycle import InvoiceStatus
from app.ids import ID_PATTERN, new_id, prefix_of
from app.loaders.customer_rows import LINKED, is_the_customers
from app.models import table_of
from app.schema import guards
from app.schema.customer_fields import CUSTOMER_FIELDS
from app.schema.declarations import NOUNS
from tests.integration.test_api_catalog import a_metric
from tests.support import schema_paths
from tests.support.api import Api, make_api
from tests.support.crowd import fill
from tests.support.edges import TYPES
from tests.support.storing import catch_up
from tests.support.usage import everything, report
from tests.support.world import JANUARY_31

ME, OTHER, SHARED = 2, 3, 4
#: Read by services that know no customer. Only the list of fields keeps a token from them.
UNBOUND = {
    *("catalogExport", "invoiceReplay", "planPreview", "planVersionDiff", "planVersionMigrationPreview"),
    *("priceSimulate", "subscriptionChangePreview", "apiKeys", "merchant"),
}

#: Nouns that no customer reads.
HIDDEN = {"evt", "clk", "key", "org", "aud"}
#: What needs a scope that tokens never have.
SCOPED = {"auditEntries"}


def is_open(kind: str, name: str) -> bool:
    return name in CUSTOMER_FIELDS.get(kind, ())


def is_any(_kind: str, _name: str) -> bool:
    return True


def is_reached(kind: str, name: str) -> bool:
    """Open, and no way to everything that has an id."""
    return is_open(kind, name) and not (kind == "Query" and name in {"node", "nodes"})


def is_from_me(kind: str, name: str) -> bool:
    """Open, and on the ways that begin with the customer."""
    return is_open(kind, name) and (kind != "Query" or name == "me")


def is_bound(kind: str, name: str) -> bool:
    if (kind, name) == ("Plan", "defaultVersion"):  # not null, and not a customer's: an error, which shows nothing
        return False
    return kind != "Query" or name not in UNBOUND | {"node", "nodes"}


@dataclass
class Crowd:
    """Five customers, one of whom asks; another has what it has of the catalog."""

    key: Api
    browser: Api
    #: The ids of each member of the crowd, by prefix.
    ids: list[dict[str, list[str]]]


@asynccontextmanager
async def crowd(database_url: str) -> AsyncIterator[Crowd]:
    async with make_api(database_url) as api:
        ids = [_ids(rows) for rows in await fill(api, size=5)]
        mine, shared = ids[ME], ids[SHARED]
        async with api.sessions.begin() as session:
            await session.execute(update(models.Invoice).values(status=InvoiceStatus.ISSUED))
            # Somebody else on the same plan: the catalog's ways back lead there, too.
            moved = {"plan_id": mine["plan"][0], "plan_version_id": mine["pver"][0], "product_id": mine["prod"][0]}
            columns = table_of(models.Subscription).c
            await session.execute(update(models.Subscription).where(columns.id == shared["sub"][0]).values(**moved))
            lines, ents = table_of(models.InvoiceLine).c, table_of(models.Entitlement).c
            one = {"price_id": mine["price"][0]}
            await session.execute(update(models.InvoiceLine).where(lines.id == shared["li"][0]).values(**one))
            feature = {"feature_id": mine["feat"][0]}
            await session.execute(update(models.Entitlement).where(ents.id == shared["ent"][0]).values(**feature))
            names = table_of(models.Customer).c
            for number in (ME, OTHER):
                outer = {"external_id": f"member-{number}"}
                where = names.id == ids[number]["cus"][0]
                await session.execute(update(models.Customer).where(where).values(**outer))
        yield Crowd(api, await api.as_customer(mine["cus"][0]), ids)


def _ids(rows: list[SQLModel]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {prefix: [] for prefix in NOUNS}
    for row in rows:
        if (prefix := prefix_of(str(getattr(row, "id", ""))) or "") in found and type(row) is NOUNS[prefix].model:
            found[prefix].append(str(row.id))  # type: ignore[attr-defined]
    return found


def nobody(prefix: str) -> str:
    return new_id(prefix)


def ids_in(answer: object) -> set[str]:
    return {found.group() for found in re.finditer(ID_PATTERN.pattern, json.dumps(answer))}


def foreign(crowd: Crowd) -> set[str]:
    """All that is not the customer's and not of its part of the catalog."""
    return {name for number, mine in enumerate(crowd.ids) if number != ME for names in mine.values() for name in names}


async def test_what_is_not_declared_for_customers_is_refused(database_url: str) -> None:
    kinds = {kind.name: kind for kind in schema_paths.objects()}
    ways = schema_paths.ways(is_any) | schema_paths.ways(is_open)
    async with make_api(database_url) as api:
        browser = await api.as_customer(await api.make("customerCreate", name="Ada"))
        seen = {True: 0, False: 0}
        for kind, way in ways.items():
            parents = ("Query", *(step.kind for step in way))
            way_is_open = all(is_open(parent, step.name) for parent, step in zip(parents, way, strict=False))
            parts: dict[bool, list[str]] = {True: [], False: []}
            for name in kinds[kind].fields:
                selected = schema_paths.asked(kinds[kind], name, is_open)
                parts[way_is_open and is_open(kind, name)].append(selected)
            for opened in _together(parts[True] or ["__typename"]):
                codes = await _codes(browser, schema_paths.document(way, opened))
                assert codes - {"BAD_INPUT"} == (set() if way_is_open else {"FORBIDDEN"}), (kind, opened)
            for selected in parts[False]:
                assert await _codes(browser, schema_paths.document(way, selected)) == {"FORBIDDEN"}, (kind, selected)
            for expected, some in parts.items():
                seen[expected] += len(some)
    assert seen[True] > 200
    assert seen[False] > 200


async def _codes(api: Api, query: str) -> set[str]:
    return {error["extensions"]["code"] for error in (await api.answer(query)).get("errors", ())}


def test_the_list_for_customers_names_what_there_is() -> None:
    for kind, names in CUSTOMER_FIELDS.items():
        declared = TYPES[kind]
        assert isinstance(declared, GraphQLObjectType | GraphQLInterfaceType)
        assert names <= set(declared.fields), kind


def test_no_edge_for_customers_leads_from_the_catalog_to_rows_of_customers() -> None:
    catalog = {noun.kind.__name__ for noun in NOUNS.values() if table_of(noun.model) in LINKED}
    own = {name for noun in NOUNS.values() if table_of(noun.model) not in LINKED for name in [noun.kind.__name__]}
    for kind in catalog:
        parent = TYPES[kind]
        assert isinstance(parent, GraphQLObjectType)
        led = {get_named_type(parent.fields[name].type).name for name in CUSTOMER_FIELDS[kind]}
        assert led & own == set(), kind
        assert not any(name.endswith("Connection") for name in led), kind


async def test_every_mutation_is_refused_and_changes_nothing(database_url: str) -> None:
    assert schema_paths.MUTATION is not None
    async with crowd(database_url) as people:
        before = await everything(people.key)
        for name, field in schema_paths.MUTATION.fields.items():
            query = f"mutation {{ {schema_paths.call('Mutation', name, field)} {{ userErrors {{ code }} }} }}"
            assert await people.browser.code(query) == "FORBIDDEN", query
        assert await everything(people.key) == before


async def test_a_token_reads_its_customer_and_nobody_else(database_url: str) -> None:
    async with crowd(database_url) as people:
        found = await _read_all(people, is_reached)
        assert found & foreign(people) == set()
        # It was asked for all there is, and found it: nothing of this could fail if nothing were seen.
        mine = {prefix for prefix, names in people.ids[ME].items() if found & set(names)}
        # The shortest way to a price is the usage that it charges, so a fee is asked for by itself.
        fees = "{ me { subscriptions { nodes { planVersion { prices { target { fee { id } } } } } } } }"
        assert ids_in(await people.browser.gql(fees)) == set(people.ids[ME]["fee"])
        assert mine == set(NOUNS) - HIDDEN - {"fee"}


async def test_rows_are_bound_even_where_no_list_of_fields_stands_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "hidden_from_customers", lambda *_: None)
    async with crowd(database_url) as people:
        found = await _read_all(people, is_bound)
        assert found & foreign(people) == set()
        assert {prefix for prefix, names in people.ids[ME].items() if found & set(names)} <= set(NOUNS) - HIDDEN
        # By id and in lists of the root, the catalog is not found at all: it has no rows of a customer's.
        for name, field in schema_paths.QUERY.fields.items():  # type: ignore[union-attr]
            kind = get_named_type(field.type)
            if kind.name.endswith("Connection") and name not in UNBOUND | SCOPED:
                counted = (await people.browser.gql(f"{{ {name} {{ totalCount }} }}"))[name]["totalCount"]
                noun = next(noun for noun in NOUNS.values() if f"{noun.kind.__name__}Connection" == kind.name)
                has_rows = str(is_the_customers(table_of(noun.model), "e", "c")) != str(false())
                assert (counted > 0) is has_rows, name


async def _read_all(people: Crowd, chosen: schema_paths.Chosen) -> set[str]:
    """Ask for every field of every type, by the shortest way from the customer itself; return the ids that come."""
    kinds = {kind.name: kind for kind in schema_paths.objects()}
    ways = schema_paths.ways(chosen) | schema_paths.ways(lambda k, n: chosen(k, n) and (k != "Query" or n == "me"))
    found: set[str] = set()
    for kind, way in ways.items():
        fields = [_with_nodes(kinds[kind], name, chosen) for name in kinds[kind].fields if chosen(kind, name)]
        together, failed = list(_together(fields)), False
        for selected in [*together, *fields]:
            if selected in together or failed:  # an error in one would hide what the others answer
                answer = await people.browser.answer(schema_paths.document(way, selected))
                found |= ids_in(answer)
                codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
                allowed = {"BAD_INPUT", "FORBIDDEN"} | ({"QUERY_TOO_COSTLY"} if selected in together else set())
                assert codes <= allowed, (kind, selected, answer)
                failed = failed or bool(codes)
    return found


def _together(fields: Sequence[str]) -> Iterator[str]:
    """Yield selections of some fields each, as many as a document takes."""
    for start in range(0, len(fields), 8):
        yield " ".join(f"f{place}: {field}" for place, field in enumerate(fields[start : start + 8]))


def _with_nodes(parent: GraphQLObjectType, name: str, chosen: schema_paths.Chosen) -> str:
    kind = get_named_type(parent.fields[name].type)
    if not kind.name.endswith("Connection"):
        return schema_paths.asked(parent, name, chosen)
    node = TYPES[kind.name.removesuffix("Connection")]
    return f"{name}(first: 20) {{ totalCount nodes {{ {schema_paths.leaves(node, chosen)} }} }}"


async def test_ids_of_others_read_as_ids_of_nobody(database_url: str) -> None:
    query = schema_paths.QUERY
    assert query is not None
    async with crowd(database_url) as people:
        ask = people.browser.gql
        own = {prefix for prefix in NOUNS if table_of(NOUNS[prefix].model) not in LINKED} - HIDDEN
        for prefix, noun in NOUNS.items():
            strangers = [name for number in (OTHER, SHARED) for name in people.ids[number][prefix]] or [nobody(prefix)]
            given = [*strangers, nobody(prefix)]
            assert await ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=given) == {
                "nodes": [None] * len(given)
            }
            mine = people.ids[ME][prefix][:1] or [nobody(prefix)]
            expected = {"nodes": [{"id": mine[0]} if prefix in own else None]}
            assert await ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=mine) == expected, prefix
            root = f"{noun.kind.__name__[0].lower()}{noun.kind.__name__[1:]}"
            if is_open("Query", root):
                for name in given:
                    assert await ask(f'{{ {root}(id: "{name}") {{ id }} }}') == {root: None}
                assert await ask(f'{{ {root}(id: "{mine[0]}") {{ id }} }}') == {root: {"id": mine[0]}}


async def test_filters_by_ids_of_others_find_what_filters_by_nobodys_find(database_url: str) -> None:
    async with crowd(database_url) as people:
        theirs = [name for number in (OTHER, SHARED) for names in people.ids[number].values() for name in names]
        mine = [name for names in people.ids[ME].values() for name in names]
        asked = found = 0
        for kind, way in schema_paths.ways(is_from_me).items():
            parent = TYPES[kind]
            assert isinstance(parent, GraphQLObjectType)
            for name in sorted(CUSTOMER_FIELDS[kind]):
                for query in _filtered(parent, name, way):
                    nobodys = await people.browser.answer(query, ids=["x"])
                    assert nobodys == await people.browser.answer(query, ids=theirs), query
                    asked += 1
                    found += nobodys != await people.browser.answer(query, ids=mine)
        assert asked > 30
        assert found > 20


def _filtered(parent: GraphQLObjectType, name: str, way: tuple[schema_paths.Step, ...]) -> list[str]:
    argument = parent.fields[name].args.get("filter")
    kind = None if argument is None else get_named_type(argument.type)
    if not isinstance(kind, GraphQLInputObjectType) or not get_named_type(parent.fields[name].type).name.endswith(
        "Connection"
    ):
        return []
    ids = [key for key, item in kind.fields.items() if get_named_type(item.type).name == "ID"]
    selected = "{}(filter: {{ {}: $ids }}) {{ totalCount nodes {{ id }} }}"
    return [f"query($ids: [ID!]) {schema_paths.document(way, selected.format(name, key))}" for key in ids]


ACCESS = """query($id: ID, $own: String, $key: String!) {
  hasAccess(customerId: $id, externalId: $own, featureKey: $key) { %s }
}"""


async def test_access_is_told_of_oneself_alone(database_url: str) -> None:
    async with crowd(database_url) as people:
        query = ACCESS % "access feature { key } entitlements { customer { id } }"
        me, other = people.ids[ME], people.ids[OTHER]
        keys = {feature.id: feature.key for feature in await people.key.rows(models.Feature)}
        mine = {"key": keys[me["feat"][0]]}
        told = (await people.browser.gql(query, **mine))["hasAccess"]
        assert told["entitlements"] == [{"customer": {"id": me["cus"][0]}}]
        for named in ({"id": me["cus"][0]}, {"own": f"member-{ME}"}):
            assert (await people.browser.gql(query, **named, **mine))["hasAccess"] == told
        cases: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
            ({"id": other["cus"][0], **mine}, {"id": nobody("cus"), **mine}),
            ({"own": f"member-{OTHER}", **mine}, {"own": "nobody", **mine}),
            ({"key": keys[other["feat"][0]]}, {"key": "nothing"}),
            ({"key": other["feat"][0]}, {"key": nobody("feat")}),
            ({"id": other["cus"][0], "own": f"member-{ME}", **mine}, {"id": "x", "own": "y", **mine}),
        ]
        for theirs, nobodys in cases:
            answer = await people.browser.answer(query, **theirs)
            assert answer["errors"], theirs
            assert answer == await people.browser.answer(query, **nobodys)


async def test_usage_of_a_shared_metric_is_ones_own(database_url: str) -> None:
    span = 'from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z"'
    query = f"""query($id: ID) {{ me {{ subscriptions {{ nodes {{ usage {{ quantity billableMetric {{
      usage({span}, customerId: $id) {{ total }} }} }} }} }} }} }}"""
    async with make_api(database_url) as api:
        product = await api.make("productCreate", name="Engine")
        metric = await a_metric(api, product, aggregation="SUM", valueProperty="$.tokens")
        price = await api.make(
            "priceCreate", target={"billableMetricId": metric}, invoiceDisplayName="Tokens", paymentTerm="IN_ARREARS",
            model={"standard": {"unitPrice": "1"}},
        )  # fmt: skip
        plan = await api.make("planCreate", productId=product, name="Pro", billingInterval="MONTHLY", priceIds=[price])
        ada, bob, eve = [await api.make("customerCreate", name=name) for name in ("Ada", "Bob", "Eve")]
        for customer, tokens in ((ada, 1), (bob, 10)):
            await api.make("subscriptionCreate", customerId=customer, planId=plan)
            await report(api, "inference", JANUARY_31, {"tokens": tokens}, subject=customer)
        await catch_up(api.sessions)
        browser = await api.as_customer(ada)
        [mine] = (await browser.gql(query))["me"]["subscriptions"]["nodes"]
        assert mine == {"usage": [{"quantity": "1", "billableMetric": {"usage": {"total": "1"}}}]}
        assert (await browser.gql(query, id=ada))["me"]["subscriptions"]["nodes"] == [mine]
        answers = [await browser.answer(query, id=stranger) for stranger in (bob, eve, nobody("cus"), "x")]
        assert answers[0]["errors"]
        assert answers == answers[:1] * 4
        whole = await api.gql(f'{{ billableMetric(id: "{metric}") {{ usage({span}) {{ total }} }} }}')
        assert whole["billableMetric"]["usage"]["total"] == "11"


async def test_a_draft_is_not_yet_the_customers(database_url: str) -> None:
    async with crowd(database_url) as people:
        invoices, lines = people.ids[ME]["inv"], people.ids[ME]["li"]
        query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } me { invoices { totalCount } } }"
        answers = []
        for status in (InvoiceStatus.DRAFT, InvoiceStatus.VOID):
            async with people.key.sessions.begin() as session:
                await session.execute(update(models.Invoice).values(status=status))
            answers.append(await people.browser.gql(query, ids=[*invoices, *lines]))
        assert answers == [
            {"nodes": [None, None], "me": {"invoices": {"totalCount": 0}}},
            {"nodes": [{"id": invoices[0]}, {"id": lines[0]}], "me": {"invoices": {"totalCount": 1}}},
        ]


async def test_own_lists_are_narrowed_by_keys_of_the_catalog(database_url: str) -> None:
    query = "query($plans: [ID!]) { me { subscriptions(filter: { planIds: $plans }) { totalCount } } }"
    async with crowd(database_url) as people:
        keys = {plan.id: plan.key for plan in await people.key.rows(models.Plan)}
        mine, others = (people.ids[number]["plan"][0] for number in (ME, OTHER))
        asked = (mine, keys[mine], others, keys[others], "nothing")
        found = [(await people.browser.gql(query, plans=[one]))["me"]["subscriptions"]["totalCount"] for one in asked]
        assert found == [1, 1, 0, 0, 0]

"""The audit log by GraphQL: what its entries say, who sees which, and how they are found."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app import models
from app.billing.access import Scope
from app.db import Sessions
from app.loaders.orders import Order
from app.loaders.owner import Owner
from app.loaders.pages import Relation, Window, _ranked
from app.models import EnvironmentKind
from app.services.keys import create_key
from tests.support.api import Api, Statements, make_api
from tests.support.crowd import fill

ENTRY = """id at change noun subjectId before after isErased
  actor { kind name apiKey { id name } } subject { __typename id }"""
LIST = f"""query($filter: AuditEntryFilter, $orderBy: AuditEntryOrder, $first: Int, $after: String, $last: Int,
  $before: String) {{ auditEntries(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last,
  before: $before) {{ totalCount nodes {{ {ENTRY} }} pageInfo {{ hasNextPage endCursor startCursor }} }} }}"""


async def listed(api: Api, **arguments: Any) -> list[dict[str, Any]]:
    found = (await api.gql(LIST, **({"first": 100} | arguments)))["auditEntries"]
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


async def test_an_entry_says_who_did_what_and_when(database_url: str) -> None:
    async with make_api(database_url) as api:
        [key] = (await api.gql("{ apiKeys { nodes { id name } } }"))["apiKeys"]["nodes"]
        product = await api.make("productCreate", key="engine", name="Engine", metadata={"team": "x"})
        api.clock.instant += timedelta(hours=1)
        await api.mutate("productUpdate", "product { id }", id=product, name="Motor")
        created, updated = await listed(api, filter={"subjectIds": [product]})
        assert created == {
            "id": created["id"],
            "at": "2026-01-31T00:00:00Z",
            "change": "CREATE",
            "noun": "Product",
            "subjectId": product,
            "before": {},
            "after": {
                "id": product, "createdAt": "2026-01-31T00:00:00+00:00", "key": "engine", "archivedAt": None,
                "name": "Engine", "description": None, "metadata": {"team": "x"},
            },
            "isErased": False,
            "actor": {"kind": "API_KEY", "name": key["id"], "apiKey": key},
            "subject": {"__typename": "Product", "id": product},
        }  # fmt: skip
        assert (updated["at"], updated["change"]) == ("2026-01-31T01:00:00Z", "UPDATE")
        assert (updated["before"], updated["after"]) == ({"name": "Engine"}, {"name": "Motor"})
        for query in ("auditEntry(id: $id) { id }", "node(id: $id) { id }"):
            answer = await api.gql(f"query($id: ID!) {{ {query} }}", id=created["id"])
            assert list(answer.values()) == [{"id": created["id"]}]


async def test_each_actor_is_named(database_url: str) -> None:
    async with make_api(database_url) as api:
        [merchant] = await api.rows(models.Merchant)
        for actor in ("worker", "cli"):
            sessions: Sessions = api.sessions.acting_as(actor)
            async with sessions.begin() as session:
                await create_key(session, merchant.id, api.clock.now(), actor, [Scope.ALL], None)
        for actor, kind in (("worker", "WORKER"), ("cli", "COMMAND_LINE"), ("system", "SYSTEM")):
            entries = await listed(api, filter={"actors": [actor]})
            assert entries
            assert [entry["actor"] for entry in entries] == [{"kind": kind, "name": actor, "apiKey": None}] * len(
                entries
            )


async def test_both_environments_show_what_concerns_the_merchant_and_each_its_own(database_url: str) -> None:
    async with make_api(database_url) as api:
        sandbox, stranger = api.in_sandbox(), await api.another_merchant()
        live_product = await api.make("productCreate", name="A")
        sandbox_product = await sandbox.make("productCreate", name="B")
        await api.mutate("merchantUpdate", "merchant { id }", name="Renamed")
        live, sand, strange = [await listed(one) for one in (api, sandbox, stranger)]
        wide = {entry["id"] for entry in live} & {entry["id"] for entry in sand}
        assert [entry["noun"] for entry in live if entry["id"] in wide] == [
            "Merchant", "Environment", "Environment", "ApiKey", "Merchant",
        ]  # fmt: skip
        own = [[entry["subjectId"] for entry in page if entry["id"] not in wide] for page in (live, sand)]
        assert own == [[live_product], [sandbox_product]]
        assert not {entry["id"] for entry in strange} & {entry["id"] for entry in (*live, *sand)}
        assert [entry["noun"] for entry in strange] == ["Merchant", "Environment", "Environment", "ApiKey"]
        found = await stranger.gql(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[entry["id"] for entry in live]
        )
        assert found == {"nodes": [None] * len(live)}
        elsewhere = [entry["id"] for entry in live if entry["id"] not in wide]
        assert await sandbox.gql("query($id: ID!) { auditEntry(id: $id) { id } }", id=elsewhere[0]) == {
            "auditEntry": None
        }


async def test_no_answer_holds_a_secret_or_the_id_of_an_environment(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        await api.mutate("apiKeyCreate", "secret", name="k", scopes=["ALL"])
        keys, environments = await api.rows(models.ApiKey), await api.rows(models.Environment)
        kept = [row.secret_hash for row in keys if len(row.secret_hash) == 64]
        kept += [row.page_secret for row in environments]
        kept += [row.id for row in environments]
        told = str([entry async for entry in all_entries(api)])
        assert "Environment" in told
        assert len(kept) == 2 + 2 * 2
        assert [one for one in kept if one in told] == []


async def all_entries(api: Api, size: int = 100, **arguments: Any) -> Any:
    cursor, more = None, True
    while more:
        page = (await api.gql(LIST, first=size, after=cursor, **arguments))["auditEntries"]
        for node in page["nodes"]:
            yield node
        cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]


async def mixed(api: Api) -> list[models.AuditEntry]:
    """Entries of both kinds in turns, over some time."""
    for number in range(6):
        api.clock.instant += timedelta(minutes=1)
        await api.make("productCreate", name=str(number))
        await api.mutate("merchantUpdate", "merchant { id }", name=f"M{number}")
        await api.in_sandbox().make("productCreate", name="unseen")
    live = {row.id for row in await api.rows(models.Environment) if row.kind is EnvironmentKind.LIVE}
    return [
        row for row in await api.rows(models.AuditEntry) if row.environment_id is None or row.environment_id in live
    ]


async def test_pages_run_through_both_kinds_in_every_order(database_url: str) -> None:
    async with make_api(database_url) as api:
        rows = await mixed(api)
        assert len(rows) == 16
        by_at = sorted(rows, key=lambda row: (row.at, row.id))
        for order, expected in (
            (None, rows),
            ({"field": "AT"}, by_at),
            ({"field": "AT", "direction": "DESC"}, by_at[::-1]),
        ):
            found = [entry["id"] async for entry in all_entries(api, 3, orderBy=order)]
            assert found == [row.id for row in expected]
            backwards: list[str] = []
            cursor = None
            for _ in range(6):
                page = (await api.gql(LIST, last=3, before=cursor, orderBy=order))["auditEntries"]
                backwards = [node["id"] for node in page["nodes"]] + backwards
                cursor = page["pageInfo"]["startCursor"] or cursor
            assert backwards == found
            assert page["totalCount"] == 16


async def test_filters_let_through_what_meets_them(database_url: str) -> None:
    async with make_api(database_url) as api:
        rows = await mixed(api)
        [product] = [row.subject_id for row in rows if row.noun == "Product"][:1]
        key = next(row.actor for row in rows if row.actor.startswith("key_"))
        early, late = rows[5].at, rows[-1].at

        def those(meets: Callable[[models.AuditEntry], bool]) -> list[str]:
            return [row.id for row in rows if meets(row)]

        trials: list[tuple[dict[str, Any], list[str]]] = [
            ({"nouns": ["Product"]}, those(lambda row: row.noun == "Product")),
            ({"nouns": ["Product", "ApiKey"]}, those(lambda row: row.noun in {"Product", "ApiKey"})),
            ({"nouns": []}, []),
            ({"subjectIds": [product]}, those(lambda row: row.subject_id == product)),
            ({"actors": [key]}, those(lambda row: row.actor == key)),
            ({"actors": ["system"]}, those(lambda row: row.actor == "system")),
            ({"changes": ["UPDATE"]}, those(lambda row: row.change == "UPDATE")),
            ({"changes": ["DELETE", "RUN", "ERASE"]}, []),
            (
                {"at": {"from": early.isoformat(), "before": late.isoformat()}},
                those(lambda row: early <= row.at < late),
            ),
            (
                {"actors": [key], "changes": ["CREATE"], "at": {"from": early.isoformat()}},
                those(lambda row: row.actor == key and row.change == "CREATE" and row.at >= early),
            ),
        ]
        for filter, expected in trials:
            page = (await api.gql(LIST, first=100, filter=filter))["auditEntries"]
            assert ([node["id"] for node in page["nodes"]], page["totalCount"]) == (expected, len(expected)), filter
            assert [entry["id"] async for entry in all_entries(api, 2, filter=filter)] == expected
        assert await api.code(LIST, filter={"changes": ["PURGE"]}) == "BAD_INPUT"


async def test_the_log_has_a_scope_of_its_own(database_url: str) -> None:
    async with make_api(database_url) as api:
        customer = await api.make("customerCreate", name="Acme")
        others = [scope for scope in Scope if scope not in (Scope.AUDIT_READ, Scope.ALL)]
        query = "{ auditEntries { nodes { id noun subject { __typename } actor { name kind } after } } }"
        assert await (await api.with_scopes(*others)).code(query) == "FORBIDDEN"
        auditor = await api.with_scopes(Scope.AUDIT_READ)
        seen = (await auditor.gql(query))["auditEntries"]["nodes"]
        # Whose noun the key may not read is not led to, though the entry tells of it.
        assert {entry["subject"] and entry["subject"]["__typename"] for entry in seen} == {None, "Merchant"}
        assert [entry["after"]["name"] for entry in seen if entry["noun"] == "Customer"] == ["Acme"]
        assert await auditor.code("{ auditEntries { nodes { actor { apiKey { id } } } } }") == "FORBIDDEN"
        assert await auditor.code("{ auditEntries { nodes { subject { ... on Customer { id } } } } }") == "FORBIDDEN"
        reader = await api.with_scopes(Scope.AUDIT_READ, Scope.CUSTOMERS_READ)
        page = "auditEntries(filter: { subjectIds: [$id] }) { nodes { subject { id ... on Customer { name } } } }"
        found = await reader.gql(f"query($id: ID!) {{ {page} }}", id=customer)
        assert found["auditEntries"]["nodes"] == [{"subject": {"id": customer, "name": "Acme"}}]


async def test_a_page_takes_as_many_statements_as_it_has_kinds_of_subjects(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        query = f"""query($first: Int) {{ auditEntries(first: $first, filter: {{ nouns: ["Customer"] }}) {{
          nodes {{ {ENTRY} }} }} }}"""
        await api.gql(query, first=1)
        counts = []
        for first in (1, 50):
            with Statements() as counted:
                page = await api.gql(query, first=first)
            assert len(page["auditEntries"]["nodes"]) == first
            counts.append(len(counted.seen))
        assert counts[0] == counts[1]


async def test_a_page_is_read_by_indexes_however_long_the_log_is(database_url: str) -> None:
    """One condition for both kinds of entries would have every entry sorted for each page."""
    async with make_api(database_url) as api:
        await mixed(api)
        async with api.sessions.begin() as session:
            is_sqlite = api.sessions.engine.dialect.name == "sqlite"
            if not is_sqlite:  # so few rows would be read whole
                await session.execute(text("SET LOCAL enable_seqscan = off"))
            window = Window(20, Order("at", descending=True))
            merchant = Owner("org", "env")
            page = _ranked(merchant, Relation(models.AuditEntry), (), window, merchant)
            compiled = page.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = await session.execute(text(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{compiled}"))
            told = "\n".join(str(tuple(row)) for row in plan)
        assert "ix_audit_entry_at" in told
        assert ("MULTI-INDEX OR" in told, "BitmapOr" in told) == (False, False)

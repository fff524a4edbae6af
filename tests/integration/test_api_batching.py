"""Every edge takes as many statements for fifty parents as for one."""

import pytest

from tests.support.api import Api, Statements, make_api
from tests.support.crowd import SIZE, fill
from tests.support.edges import EDGES, NOUN_NAMES, roots


def test_every_noun_has_a_root_connection() -> None:
    assert NOUN_NAMES - {noun.name for _, noun in roots()} == {"Merchant"}


async def statements(api: Api, root: str, edge: str, selected: str, size: int) -> list[str]:
    with Statements() as counted:
        data = await api.gql(f"{{ {root}(first: {size}) {{ nodes {{ id {edge} {selected} }} }} }}")
    assert len(data[root]["nodes"]) == size
    return counted.seen


async def test_an_edge_takes_the_same_statements_for_one_and_for_fifty_parents(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        await api.gql("{ merchant { id } }")
        for root, edge, selected in EDGES:
            if (root, edge) == ("auditEntries", "subject"):  # may be of every noun: test_api_audit has one noun's
                continue
            # A price has a metric or a fee: it takes two of them to ask for both.
            few = await statements(api, root, edge, selected, 2 if edge == "target" else 1)
            # Fifty times everything of the invoices to come costs more than any operation may.
            many = await statements(api, root, edge, selected, 10 if edge.startswith("projectedInvoices") else SIZE)
            assert len(few) == len(many), (root, edge, selected)


async def test_only_what_is_asked_for_is_counted(database_url: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        await api.gql("{ merchant { id } }")
        with Statements() as counted:
            assert (await api.gql("{ products { totalCount } }"))["products"] == {"totalCount": SIZE}
        assert len(counted.seen) == 2 + any("BEGIN" in statement for statement in counted.seen) * 2
        with Statements() as counted:
            await api.gql("{ products { nodes { id } edges { cursor } pageInfo { endCursor } } }")
        assert not any("count(" in statement for statement in counted.seen)


@pytest.mark.parametrize("edge", ["lines", "payments"])
async def test_neighbours_are_not_mixed_up(database_url: str, edge: str) -> None:
    async with make_api(database_url) as api:
        await fill(api)
        inner = "{ invoice { id } }" if edge == "lines" else "{ nodes { invoice { id } } }"
        data = await api.gql(f"{{ invoices(first: {SIZE}) {{ nodes {{ id {edge} {inner} }} }} }}")
        for invoice in data["invoices"]["nodes"]:
            found = invoice[edge] if edge == "lines" else invoice[edge]["nodes"]
            assert found == [{"invoice": {"id": invoice["id"]}}]

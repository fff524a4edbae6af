"""`billgraph demo`, as a user types it, against the real server."""

import re

import httpx

from tests.support.command_line import type_to
from tests.support.server import billgraph, serve


def test_the_demo_ends_in_an_invoice_and_its_reasons_each_time(database_url: str) -> None:
    with serve(database_url) as server:
        process = billgraph("sqlite+aiosqlite:///unused.db", "demo", "--url", server.base, "--key", server.key)
        for number, run in (("TEST-INV-000002", process), ("TEST-INV-000004", type_to(server, "demo"))):
            assert run.returncode == 0, run.stderr
            printed = run.stdout
            rows = [re.sub(r"\s*[│┃]\s*", "|", row).strip("| ") for row in printed.splitlines()]
            assert f"{number}|ISSUED|2026-02-28T01:00:00Z|2026-03-30T01:00:00Z|Acme" in rows
            assert "total|||79.00 USD" in rows
            product = "1,500,000 token \N{MULTIPLICATION SIGN} 0.00002 USD"
            assert f"Output tokens|2026-01-31 to 2026-02-28|{product}|30.00 USD" in rows
            assert "AGGREGATE|Sum over 1 event: 1,500,000 token|1|1500000" in rows
            assert f"PRICE|{product} = 30.00 USD|1500000|30" in rows
            assert "ROUND|Rounded half up to 2 decimals of USD: 30.00 USD|30|30" in rows
            [counted] = re.findall(r"(evt_\w+) was counted once, for 1500000", printed)
            assert f"event {counted} of 2026-02-03T12:00:00Z" in rows
            [page] = re.findall(r"to read and print: (\S+)", printed)
            shown = httpx.get(page)
            assert (shown.status_code, number in shown.text) == (200, True), page
        live = server.gql("{ products { totalCount } invoices { totalCount } }")
        assert live == {"products": {"totalCount": 0}, "invoices": {"totalCount": 0}}


def test_what_keeps_the_demo_from_running_is_said_in_a_sentence(database_url: str) -> None:
    with serve(database_url) as server:
        wrong = type_to(server, "demo", key="sk_wrong")
        assert (wrong.returncode, "does not take this API key" in wrong.stderr) == (1, True), wrong.stderr
        reader = billgraph(database_url, "keys", "create", "--scope", "catalog:read").stdout.split()[1]
        narrow = type_to(server, "demo", key=reader)
        assert (narrow.returncode, "The key may not do this" in narrow.stderr) == (1, True), narrow.stderr
    away = type_to(server, "demo")
    assert away.returncode == 1
    assert away.stderr == f"No server answers at {server.base}. Is `billgraph serve` running there?\n"

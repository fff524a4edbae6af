"""`billgraph demo`, as a user types it, against the real server."""

import re

from tests.support.server import Server, billgraph, serve


def demo(server: Server, key: str | None = None) -> tuple[int, str]:
    """Run the demo without a database of its own; return its exit code and what it printed."""
    run = billgraph("sqlite+aiosqlite:///unused.db", "demo", "--url", server.base, "--key", key or server.key)
    assert "Traceback" not in run.stderr
    assert server.key not in run.stdout + run.stderr
    return run.returncode, run.stdout + run.stderr


def test_the_demo_ends_in_an_invoice_and_its_reasons_each_time(database_url: str) -> None:
    with serve(database_url) as server:
        for number in ("TEST-INV-000002", "TEST-INV-000004"):
            code, printed = demo(server)
            assert code == 0, printed
            rows = [re.sub(r"\s*[│┃]\s*", "|", row).strip("| ") for row in printed.splitlines()]
            assert f"{number}|ISSUED|2026-02-28T01:00:00Z|2026-03-30T01:00:00Z|Acme" in rows
            assert "total|||79.00 USD" in rows
            product = "1,500,000 token \N{MULTIPLICATION SIGN} 0.00002 USD"
            assert f"Output tokens|2026-01-31 to 2026-02-28|{product}|30.00 USD" in rows
            assert "AGGREGATE|Sum of token over 1 event: 1,500,000|1|1500000" in rows
            assert f"PRICE|{product} = 30.00 USD|1500000|30" in rows
            assert "ROUND|Rounded half up to 2 decimals of USD: 30.00 USD|30|30" in rows
            [counted] = re.findall(r"(evt_\w+) was counted once, for 1500000", printed)
            assert f"event {counted} of 2026-02-03T12:00:00Z" in rows
        live = server.gql("{ products { totalCount } invoices { totalCount } }")
        assert live == {"products": {"totalCount": 0}, "invoices": {"totalCount": 0}}


def test_what_keeps_the_demo_from_running_is_said_in_a_sentence(database_url: str) -> None:
    with serve(database_url) as server:
        code, printed = demo(server, key="sk_wrong")
        assert (code, "does not take this API key" in printed) == (1, True), printed
        reader = billgraph(database_url, "keys", "create", "--scope", "catalog:read").stdout.split()[1]
        code, printed = demo(server, key=reader)
        assert (code, "The key may not do this" in printed) == (1, True), printed
        base = server.base
    refused = billgraph(database_url, "demo", "--url", base, "--key", "sk_x")
    assert (refused.returncode, refused.stderr) == (
        1,
        f"No server answers at {base}. Is `billgraph serve` running there?\n",
    )

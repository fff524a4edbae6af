"""The commands of domain.md section 11, as a user types them."""

import json
import re

from tests.support.server import billgraph, serve

ME = "{ merchant { name defaultCurrency timezone } }"


def test_init_prints_a_merchant_and_a_key_that_works(empty_database_url: str) -> None:
    made = billgraph(
        empty_database_url, "init", "--name", "Acme", "--currency", "EUR", "--timezone", "Europe/Berlin", "--json"
    )
    assert made.returncode == 0, made.stderr
    answer = json.loads(made.stdout)
    assert answer["merchantId"].startswith("org_")
    with serve(empty_database_url) as server:
        assert server.key == ""  # a merchant exists, so no other was made
        merchant = server.gql(ME, key=answer["apiKey"])["merchant"]
    assert merchant == {"name": "Acme", "defaultCurrency": "EUR", "timezone": "Europe/Berlin"}


def test_init_refuses_nonsense_and_founds_nobody(empty_database_url: str) -> None:
    for arguments in (["--currency", "XXY"], ["--timezone", "Mars/Base"], ["--name", " "]):
        refused = billgraph(empty_database_url, "init", *arguments)
        assert refused.returncode == 1, refused.stdout
        assert "Traceback" not in refused.stderr
    assert "no such merchant" in billgraph(empty_database_url, "keys", "list").stderr


def test_keys_are_made_listed_and_revoked(database_url: str) -> None:
    with serve(database_url) as server:
        first = server.key
        made = billgraph(database_url, "keys", "create", "--name", "reader", "--scope", "catalog:read")
        key_id, secret = made.stdout.split()
        assert server.gql("{ products { totalCount } }", key=secret)["products"] == {"totalCount": 0}
        listed = billgraph(database_url, "keys", "list").stdout
        assert key_id in listed
        assert secret not in listed
        assert billgraph(database_url, "keys", "revoke", key_id).returncode == 0
        event = {"type": "x", "source": "s", "subject": "c", "data": {}}
        assert server.post_event(event, key=secret).status_code == 401
        assert server.post_event(event, key=first).status_code == 202
    assert billgraph(database_url, "keys", "revoke", "key_unknown").returncode == 1


def test_a_rotated_key_is_valid_beside_the_new_one_or_ends_at_once(database_url: str) -> None:
    with serve(database_url) as server:
        event = {"type": "x", "source": "s", "subject": "c", "data": {}}
        made = billgraph(database_url, "keys", "create", "--name", "reporter", "--scope", "events:create")
        key_id, first = made.stdout.split()
        assert server.post_event(event, key=first).status_code == 202
        next_id, second = billgraph(database_url, "keys", "rotate", key_id).stdout.split()
        assert [server.post_event(event, key=key).status_code for key in (first, second)] == [202, 202]
        listed = billgraph(database_url, "keys", "list").stdout
        assert [name in listed for name in (key_id, next_id)] == [True, True]
        assert (listed.count("until"), listed.count("expired")) == (1, 0)
        third = billgraph(database_url, "keys", "rotate", next_id, "--overlap", "0").stdout.split()[1]
        assert [server.post_event(event, key=key).status_code for key in (first, second, third)] == [202, 401, 202]
        assert "expired" in billgraph(database_url, "keys", "list").stdout
    refused = billgraph(database_url, "keys", "rotate", key_id)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert next_id in refused.stderr


def test_several_processes_need_postgresql(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        refused = billgraph(database_url, "serve", "--workers", "2")
        assert refused.returncode == 1
        assert "PostgreSQL" in refused.stderr
    else:
        with serve(database_url, "--workers", "2") as server:
            assert server.gql(ME)["merchant"]["name"] == "My company"


def test_an_old_schema_is_migrated_on_sqlite_and_refused_on_postgresql(empty_database_url: str) -> None:
    if empty_database_url.startswith("sqlite"):
        with serve(empty_database_url) as server:
            assert server.key.startswith("sk_")
        return
    refused = billgraph(empty_database_url, "serve")
    assert refused.returncode == 1
    assert "billgraph migrate" in refused.stderr
    assert billgraph(empty_database_url, "migrate").returncode == 0
    with serve(empty_database_url) as server:
        assert server.key.startswith("sk_")


def test_export_schema_prints_the_sdl() -> None:
    printed = billgraph("sqlite+aiosqlite:///unused.db", "export-schema").stdout
    assert printed.startswith("schema {")
    assert re.search(r"^type Subscription ", printed, re.MULTILINE)

"""`billgraph events export` and `import`, as a user types them, against the real server."""

import json
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.metering.codec import MAX_EVENT_BYTES
from tests.support.command_line import Typed, type_to
from tests.support.server import BILLGRAPH, Server, billgraph, serve

EVENTS = [
    '{"type":"a","source":"s","subject":"c","data":{"n":0.10,"big":123456789012345678901234567890},"idempotencyKey":"1"}',
    (
        '{"type":"a","source":"s","externalSubject":"acme","data":{},"timestamp":"2026-02-03T12:00:00.000001+02:00",'
        '"idempotencyKey":"2","externalId":"x-1"}'
    ),
    '{"type":"b","source":"s","subject":"c","externalSubject":"d","data":{"text":"ä \\u2028 \\"","m":[[1e5]]}}',
]
LINES = 400


def events(server: Server, *arguments: str, key: str | None = None) -> Typed:
    return type_to(server, "events", *arguments, key=key)


def stored(server: Server, fields: str, path: str = "/graphql") -> Iterator[dict[str, Any]]:
    """Yield these fields of every stored event."""
    query = f"""query ($after: String) {{
      meterEvents(first: 100, after: $after) {{ nodes {{ {fields} }} pageInfo {{ hasNextPage endCursor }} }}
    }}"""
    after, more = None, True
    while more:
        page = server.gql(query, path, after=after)["meterEvents"]
        yield from page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]


def test_events_move_to_another_environment_and_another_merchant_as_they_are(database_url: str, tmp_path: Path) -> None:
    source, exported = tmp_path / "source.ndjson", tmp_path / "exported.ndjson"
    source.write_text("\n".join(EVENTS) + "\n")
    with serve(database_url) as server:
        other = json.loads(billgraph(database_url, "init", "--json").stdout)["apiKey"]
        assert events(server, "import", str(source)).returncode == 0
        assert events(server, "export", str(exported)).stderr == "3 events exported\n"
        assert events(server, "import", str(exported), "--sandbox", key=other).returncode == 0
        piped = events(server, "export", "-", "--sandbox", key=other)
    lines = sorted(exported.read_text().strip().split("\n"))
    assert sorted(piped.stdout.strip().split("\n")) == lines
    read = {line["type"] + line.get("externalSubject", ""): line for line in map(as_decimals, lines)}
    assert read["aacme"]["timestamp"] == "2026-02-03T10:00:00.000001Z"
    assert (read["aacme"]["externalId"], read["aacme"]["idempotencyKey"]) == ("x-1", "2")
    assert str(read["a"]["data"]["n"]) == "0.10"
    assert read["a"]["data"]["big"] == 123456789012345678901234567890
    assert read["bd"]["data"] == {"text": 'ä \u2028 "', "m": [[Decimal(100000)]]}
    assert read["bd"]["idempotencyKey"].startswith("import-")
    assert sorted(path.name for path in tmp_path.glob("*.ndjson*")) == ["exported.ndjson", "source.ndjson"]


def as_decimals(line: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return read


def test_bad_lines_are_listed_and_do_not_stop_the_others(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "mixed.ndjson"
    bad = ["{", '{"type":"a","data":{}}', '{"type":"a","source":"s","subject":"c","data":{},"namespace":"org_x"}']
    file.write_text("\n".join([EVENTS[0], *bad, "", EVENTS[2]]))
    with serve(database_url) as server:
        for _ in range(2):
            run = events(server, "import", str(file))
            assert run.returncode == 1
            assert "2 events sent, 3 lines rejected" in run.stderr
            assert "line 3: source: Must be given.; subject: Give subject or externalSubject." in run.stderr
            entries = [json.loads(line) for line in (tmp_path / "mixed.ndjson.rejected").read_text().splitlines()]
            assert [(entry["line"], entry["text"]) for entry in entries] == list(enumerate(bad, 2))
            assert "not JSON" in entries[0]["reason"]
            assert entries[2]["reason"] == "The namespace is not the one of this key."
        assert server.gql("{ meterEvents { totalCount } }")["meterEvents"] == {"totalCount": 2}


def settled_lines(state: Path) -> int:
    return int(json.loads(state.read_text())["lines"]) if state.exists() else 0


def test_what_is_at_the_limits_of_the_intake_is_exported_and_imported_again(database_url: str, tmp_path: Path) -> None:
    source, exported = tmp_path / "source.ndjson", tmp_path / "exported.ndjson"
    numbers = ["12e100", "0.01e-100", "9" * 99 + "e100", "-0." + "1" * 99 + "e-100", "0.10"]
    event = EVENTS[0].replace('{"n":0.10,', f'{{"n":[{",".join(numbers)}],')
    room = MAX_EVENT_BYTES - len(EVENTS[0].replace("0.10", '""'))
    long, longer = (EVENTS[0].replace("0.10", f'"{"x" * count}"').replace('"1"', '"2"') for count in (room, 140000))
    source.write_text(f"{event}\n{long}\n{longer}\n")
    with serve(database_url) as server:
        first = events(server, "import", str(source))
        assert "2 events sent, 1 lines rejected" in first.stderr
        assert "line 3: A line has at most 131072 bytes." in first.stderr
        assert events(server, "export", str(exported)).stderr == "2 events exported\n"
        again = events(server, "import", str(exported), "--sandbox")
        assert "1 events sent, 1 lines rejected" in again.stderr
        assert "The body must have at most 65536 bytes." in again.stderr
        [node] = stored(server, "data", "/sandbox/graphql")
    assert node["data"]["n"] == json.loads(f"[{','.join(numbers)}]")


def test_an_import_that_is_killed_goes_on_and_every_event_counts_once(database_url: str, tmp_path: Path) -> None:
    file, state = tmp_path / "many.ndjson", tmp_path / "many.ndjson.progress"
    event = {"type": "x", "source": "s", "subject": "c", "data": {}}
    file.write_text("".join(json.dumps({**event, "externalId": f"{number}"}) + "\n" for number in range(LINES)))
    with serve(database_url) as server:
        typed = ["events", "import", str(file), "--url", server.base, "--key", server.key, "--in-flight", "2"]
        process = subprocess.Popen([BILLGRAPH, *typed], stderr=subprocess.DEVNULL)
        while process.poll() is None and not settled_lines(state):
            time.sleep(0.01)
        process.kill()
        process.wait(20)
        settled = settled_lines(state)
        assert 0 < settled < LINES
        before = sum(1 for _ in stored(server, "id"))
        run = events(server, "import", str(file))
        assert (run.returncode, f"{LINES} events sent, 0 lines rejected" in run.stderr) == (0, True), run.stderr
        after = list(stored(server, "externalId receipt { repeats { totalCount } }"))
    assert sorted(int(node["externalId"]) for node in after) == list(range(LINES))
    # Of what was stored before the kill only the lines behind the record came again; one may still have been under way.
    assert 0 <= sum(node["receipt"]["repeats"]["totalCount"] for node in after) - (before - settled) <= 2
    assert not state.exists()

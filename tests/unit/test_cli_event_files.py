"""What exports and imports keep beside their file, and what they make of it the next time."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli.client import Api
from app.cli.event_export import export_to_file
from app.cli.event_lines import read_lines
from app.cli.import_record import ImportRecord
from app.cli.target import CommandError, find_target

PAGES = 4


class Pages:
    """A server of four pages of one event each, which goes away when it is told to."""

    def __init__(self, away_at: int | None = None) -> None:
        self.away_at = away_at

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if "totalCount" in body["query"]:
            return httpx.Response(200, json={"data": {"meterEvents": {"totalCount": PAGES}}})
        number = int(body["variables"]["after"] or 0)
        if number == self.away_at:
            raise httpx.ReadError("gone")
        node = {"type": "a", "externalId": None, "data": {"page": number}}
        info = {"hasNextPage": number + 1 < PAGES, "endCursor": str(number + 1)}
        return httpx.Response(200, json={"data": {"meterEvents": {"nodes": [node], "pageInfo": info}}})

    def export(self, path: Path, *, resume: bool = False) -> int:
        with Api(find_target("http://a.example", "sk_1", sandbox=False), httpx.MockTransport(self)) as api:
            return export_to_file(api, path, resume=resume)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


WHOLE = [{"type": "a", "data": {"page": number}} for number in range(PAGES)]


@pytest.mark.parametrize("away_at", range(PAGES))
@pytest.mark.parametrize("tail", ["", '{"type":"a","da', '{"type":"a","data":{"page":9}}\n'])
def test_an_interrupted_export_goes_on_and_cuts_off_what_was_half_written(
    tmp_path: Path, away_at: int, tail: str
) -> None:
    file = tmp_path / "events.ndjson"
    with pytest.raises(CommandError, match="broke off"):
        Pages(away_at).export(file)
    assert lines(file) == WHOLE[:away_at]
    with file.open("a") as half:
        half.write(tail)
    assert Pages().export(file, resume=True) == PAGES
    assert lines(file) == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["events.ndjson"]


def test_an_export_never_overwrites_what_it_did_not_write(tmp_path: Path) -> None:
    file, cursor = tmp_path / "events.ndjson", tmp_path / "events.ndjson.cursor"
    assert Pages().export(file, resume=True) == PAGES
    for resume, sentence in ((False, "is there already"), (True, "it is complete, or no export of ours")):
        with pytest.raises(CommandError, match=sentence):
            Pages().export(file, resume=resume)
    for state, sentence in (
        ('{"cursor": "2", "bytes": 10000, "events": 2}', "is shorter than"),
        ('{"cursor": "2", "bytes": "1", "events": 2}', "is damaged"),
        ('{"else": 1}', "is damaged"),
        ("[]", "is damaged"),
        ("{", "is damaged"),
    ):
        cursor.write_text(state)
        with pytest.raises(CommandError, match=sentence):
            Pages().export(file, resume=True)
    assert lines(file) == WHOLE
    with pytest.raises(CommandError, match="can't be written"):
        Pages().export(tmp_path / "no" / "such" / "folder")


CONTENT = b"one\ntwo\nthree\n"


def record(path: Path, content: bytes = CONTENT, place: str = "here") -> tuple[ImportRecord, list[bytes]]:
    """Return a resumed record, and the lines that are left to import."""
    remaining, made = read_lines(io.BytesIO(content)), ImportRecord(path, place)
    made.resume(remaining)
    return made, [line.text for line in remaining]


def interrupted(path: Path) -> None:
    """Import two lines, the second of which is refused, and stop."""
    made, _ = record(path)
    for line, reason in zip(read_lines(io.BytesIO(CONTENT)), (None, "no good"), strict=False):
        made.settle(line, reason)
    made.write()


def test_an_interrupted_import_goes_on_behind_what_it_settled(tmp_path: Path) -> None:
    file, rejected = tmp_path / "f", tmp_path / "f.rejected"
    interrupted(file)
    with rejected.open("a") as later:
        later.write("written after the progress was\n")
    made, remaining = record(file)
    assert remaining == [b"three"]
    assert (made.tally.accepted, made.tally.rejected) == (1, 1)
    assert lines(rejected) == [{"line": 2, "reason": "no good", "text": "two"}]
    made.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["f.rejected"]


def test_an_import_to_another_place_starts_over(tmp_path: Path) -> None:
    file = tmp_path / "f"
    interrupted(file)
    made, remaining = record(file, place="there")
    assert remaining == [b"one", b"two", b"three"]
    assert (made.tally.lines, (tmp_path / "f.rejected").exists()) == (0, False)


@pytest.mark.parametrize("content", [b"one\n2\nthree\n", b"one\n", b"", b"two\none\n"])
def test_an_import_of_other_content_is_not_taken_for_the_same(tmp_path: Path, content: bytes) -> None:
    interrupted(tmp_path / "f")
    with pytest.raises(CommandError, match="is of another content"):
        record(tmp_path / "f", content)


def test_a_file_that_grew_goes_on_with_what_is_new(tmp_path: Path) -> None:
    interrupted(tmp_path / "f")
    assert record(tmp_path / "f", CONTENT + b"four")[1] == [b"three", b"four"]


@pytest.mark.parametrize("state", ["", "{", "5", '{"place": "here", "lines": 1}', '{"place": "\udcff"}'])
def test_damaged_progress_is_said_to_be_so(tmp_path: Path, state: str) -> None:
    (tmp_path / "f.progress").write_text(state, errors="surrogateescape")
    with pytest.raises(CommandError, match="is damaged"):
        record(tmp_path / "f")

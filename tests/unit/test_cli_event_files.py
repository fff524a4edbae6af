"""What exports and imports keep beside their file, and what they make of it the next time."""

import fcntl
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import strict_json
from app.cli.client import Api
from app.cli.event_export import export_to_file, line_of
from app.cli.event_import import import_file
from app.cli.event_lines import MAX_LINE_BYTES, read_lines
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


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_is_no_file_to_export_to(name: str) -> None:
    with pytest.raises(CommandError, match="is a folder"):
        Pages().export(Path(name))


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


@pytest.mark.parametrize("name", ["f", "other"])
def test_what_is_in_the_way_of_the_list_of_rejected_lines_is_left_alone(tmp_path: Path, name: str) -> None:
    ours = '{"line": 1, "reason": "no", "text": "x"}\n'
    for content in ("notes\n", "[]", '{"a": 1}\n', "\xff"):
        (tmp_path / f"{name}.rejected").write_text(content, encoding="latin-1")
        with pytest.raises(CommandError, match="is no list of rejected lines"):
            record(tmp_path / name)
        assert (tmp_path / f"{name}.rejected").exists()
    (tmp_path / f"{name}.rejected").write_text(ours)
    record(tmp_path / name)
    assert not (tmp_path / f"{name}.rejected").exists()


@pytest.mark.parametrize("left", [b"", b'{"line": 2, "rea'])
def test_a_list_of_rejected_lines_that_lost_some_is_said_to_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: bytes
) -> None:
    interrupted(tmp_path / "f")
    (tmp_path / "f.rejected").write_bytes(left)
    made, _ = record(tmp_path / "f")
    assert "is shorter than" in capsys.readouterr().err
    assert made.tally.rejected_bytes == len(left)
    assert b"\0" not in (tmp_path / "f.rejected").read_bytes()


def test_a_disk_that_is_full_while_a_line_is_rejected_leaves_it_for_the_next_run(tmp_path: Path) -> None:
    file, rejected = tmp_path / "f", tmp_path / "f.rejected"
    made, _ = record(file)
    first, second, _ = read_lines(io.BytesIO(CONTENT))
    made.settle(first, None)
    rejected.symlink_to("/dev/full")
    with pytest.raises(CommandError, match=r"f\.rejected can't be written: No space left"):
        made.settle(second, "no good")
    made.write()
    rejected.unlink()
    again, remaining = record(file)
    assert remaining == [b"two", b"three"]
    assert (again.tally.lines, again.tally.rejected, again.tally.rejected_bytes) == (1, 0, 0)


def test_a_rejected_text_that_is_cut_says_so(tmp_path: Path) -> None:
    made, _ = record(tmp_path / "f", b"")
    for line in read_lines(io.BytesIO(b"a\n" + b"b" * (MAX_LINE_BYTES + 9))):
        made.settle(line, "no good")
    whole, cut = lines(tmp_path / "f.rejected")
    assert ("cut" in whole, cut["cut"]) == (False, True)


def test_keys_that_were_made_are_counted(tmp_path: Path) -> None:
    content = b'{"idempotencyKey": "k"}\n{"a": 1}\n\n{"a": 1}'
    made, _ = record(tmp_path / "f", content)
    for line in read_lines(io.BytesIO(content)):
        made.settle(line, None)
    assert made.tally.summary == "3 events sent, 0 lines rejected; 2 without idempotencyKey got one that was made"


def test_only_one_import_of_a_file_runs_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    merchant = httpx.Response(200, json={"data": {"merchant": {"id": "m"}}})
    with (
        Api(find_target("http://a", "sk_1", sandbox=False), httpx.MockTransport(lambda _: merchant)) as api,
        (tmp_path / "f").open("rb") as other,
    ):
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match=r"Another import of .* is running"):
            import_file(api, tmp_path / "f", 1)
        fcntl.flock(other, fcntl.LOCK_UN)
        assert import_file(api, tmp_path / "f", 1).accepted == 0


def test_progress_is_written_before_anything_is_sent(tmp_path: Path) -> None:
    record(tmp_path / "f")
    assert json.loads((tmp_path / "f.progress").read_text())["lines"] == 0


NUMBERS = ["12e100", "0.01e-100", "9" * 99 + "e100", "-0." + "1" * 99 + "e-100", "0e-100", "0.10", "1E+5", "1e100", "5"]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_that_was_taken_is_written_so_that_it_is_taken_again(number: str) -> None:
    before = strict_json.decode(number.encode())
    [[after]] = strict_json.decode(line_of({"data": {"n": [before]}}))["data"].values()  # type: ignore[index]
    assert Decimal(after).as_tuple() == Decimal(before).as_tuple()  # type: ignore[arg-type]


def test_a_file_that_grew_goes_on_with_what_is_new(tmp_path: Path) -> None:
    interrupted(tmp_path / "f")
    assert record(tmp_path / "f", CONTENT + b"four")[1] == [b"three", b"four"]


@pytest.mark.parametrize("state", ["", "{", "5", '{"place": "here", "lines": 1}', '{"place": "\udcff"}'])
def test_damaged_progress_is_said_to_be_so(tmp_path: Path, state: str) -> None:
    (tmp_path / "f.progress").write_text(state, errors="surrogateescape")
    with pytest.raises(CommandError, match="is damaged"):
        record(tmp_path / "f")

"""What `billgraph catalog` asks, sends and prints, in front of a server that is not there."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from app.cli import cli
from app.cli.catalog_report import show_changes
from app.cli.client import Api
from app.cli.target import CommandError, Target

NOBODY = {"subscriptionCount": 0, "customers": []}


def change(action: str, key: str, noun: str = "PLAN", **more: Any) -> dict[str, Any]:
    return {"action": action, "noun": noun, "key": key, "fields": [], "affected": NOBODY, **more}


class Stub:
    """A server that answers every catalog with these changes, and keeps what it was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *changes: dict[str, Any]) -> None:
        self.changes = changes
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr("app.cli.catalog.Api", self.client)
        monkeypatch.setattr("app.cli.catalog.console_is_answered", lambda: True)

    def client(self, target: Target) -> Api:
        return Api(target, httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(json.loads(request.content)["variables"])
        payload = {"dryRun": True, "changes": list(self.changes), "userErrors": []}
        return httpx.Response(200, json={"data": {"catalogApply": payload, "catalogExport": {"plans": []}}})

    @property
    def dry_runs(self) -> list[bool]:
        return [variables["input"]["dryRun"] for variables in self.sent]


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ["catalog", *arguments, "--key", "sk_1"], input=answer)


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "catalog.yaml").write_text("products: []\n")
    return str(tmp_path / "catalog.yaml")


def test_apply_asks_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    stub = Stub(monkeypatch, change("ARCHIVE", "old"))
    refused = run("apply", file, answer="n\n")
    assert (refused.exit_code, stub.dry_runs) == (1, [True])
    assert "plan: 1 to archive, 0 untouched" in refused.output
    accepted = run("apply", file, answer="y\n")
    assert (accepted.exit_code, stub.dry_runs) == (0, [True, True, False])
    assert "applied: 1 archived, 0 untouched" in accepted.output


def test_apply_asks_nothing_where_nothing_is_to_change(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    stub = Stub(monkeypatch, change("UNTOUCHED", "pro"))
    assert run("apply", file).output == "nothing to change, 1 untouched\n"
    assert stub.dry_runs == [True]


def test_apply_needs_yes_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    stub = Stub(monkeypatch)
    for name, answered in ((file, False), ("-", True)):
        monkeypatch.setattr("app.cli.catalog.console_is_answered", lambda answered=answered: answered)
        refused = run("apply", name)
        assert isinstance(refused.exception, CommandError)
        assert "then apply with --yes" in str(refused.exception)
    assert stub.sent == []


def test_apply_asks_beside_the_output_and_never_where_json_is_read(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    stub = Stub(monkeypatch, change("ARCHIVE", "old"))
    refused = run("apply", file, "--json")
    assert isinstance(refused.exception, CommandError)
    assert "--json needs --yes" in str(refused.exception)
    assert stub.sent == []
    asked = run("apply", file, answer="n\n")
    assert ("Apply this?" in asked.stderr, "Apply this?" in asked.stdout) == (True, False)
    json.loads(run("apply", file, "--json", "--yes").stdout)


def test_plan_tells_scripts_whether_something_would_change(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    stub = Stub(monkeypatch, change("CREATE", "pro"))
    assert (run("plan", file).exit_code, run("plan", file, "--exit-code").exit_code) == (0, 3)
    printed = json.loads(run("plan", file, "--json").output)
    assert printed["changes"] == list(stub.changes)
    assert stub.dry_runs == [True] * 3


def test_an_export_replaces_a_file_only_when_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str) -> None:
    Stub(monkeypatch)
    assert isinstance(run("export", file).exception, CommandError)
    assert Path(file).read_text() == "products: []\n"
    assert run("export", file, "--force").exit_code == 0
    assert Path(file).read_text() == "plans: []\n"
    assert run("export", str(tmp_path / "new.json")).exit_code == 0
    assert json.loads((tmp_path / "new.json").read_text()) == {"plans": []}
    assert run("export", "-").output == "plans: []\n"


def test_a_file_that_can_not_be_replaced_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    Stub(monkeypatch)
    Path(f"{file}.new").symlink_to("/dev/full")
    refused = run("export", file, "--force")
    assert "No space left" in str(refused.exception)
    assert Path(file).read_text() == "products: []\n"


def test_changes_are_shown_with_their_fields_and_whom_they_affect(capsys: pytest.CaptureFixture[str]) -> None:
    names = [{"name": f"C{number}"} for number in range(10)]
    fields = [{"field": "name", "before": "A\x1b[31m\nB", "after": None}]
    show_changes(
        [
            change("CREATE", "a", "BILLABLE_METRIC"),
            change("CHANGE", "b", fields=fields),
            change("NEW_VERSION", "c", affected={"subscriptionCount": 1, "customers": names[:1]}),
            change("RESTORE", "d"),
            change("ARCHIVE", "e", affected={"subscriptionCount": 12, "customers": names}),
            change("UNTOUCHED", "f"),
        ],
        done=False,
    )
    assert capsys.readouterr().out.splitlines() == [
        "+ billable metric a",
        "~ plan b",
        '    name: "A\\u001b[31m\\nB" -> null',
        "^ plan c",
        "    affects 1 subscription, of C0",
        "* plan d",
        "- plan e",
        "    affects 12 subscriptions, of C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 and others",
        "plan: 1 to create, 1 to change, 1 to get a new version, 1 to restore, 1 to archive, 1 untouched",
    ]

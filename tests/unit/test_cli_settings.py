"""What a command says of settings that can't be used."""

import sys

import pytest

from app.cli import main
from app.cli.environment import read_settings
from app.cli.target import CommandError
from app.settings import Settings

SECRET = "hunter2"
DATABASE = (
    "BILLGRAPH_DATABASE_URL must be like sqlite+aiosqlite:///billgraph.db or "
    "postgresql+asyncpg://user:password@host/database, with %40 for @ in a password, "
    "and with no options but those of asyncpg (ssl, not sslmode)."
)
PUBLIC_URL = (
    "BILLGRAPH_PUBLIC_URL must be an address like https://billing.example.com, without user, query or fragment."
)
ORIGINS = (
    "BILLGRAPH_ALLOWED_ORIGINS must be origins like https://app.example.com, with commas between, each by name and "
    "without a path."
)
ABOVE_0 = "BILLGRAPH_{} must be a number above 0."
COMMANDS = (
    *("init", "serve", "serve --workers 2", "migrate", "worker", "usage rebuild", "due parked", "due retry"),
    *("keys create", "keys list", "keys rotate key_x", "keys revoke key_x"),
)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("DATABASE_URL", "", DATABASE),
        ("DATABASE_URL", SECRET, DATABASE),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@127.0.0.1/db", DATABASE),
        ("DATABASE_URL", f"mysql://u:{SECRET}@127.0.0.1/db", DATABASE),
        ("DATABASE_URL", f"postgresql+asyncpg://u:p@127.0.0.1:{SECRET}/db", DATABASE),
        ("DATABASE_URL", f"postgresql+asyncpg://u:{SECRET}@127.0.0.1:70000/db", DATABASE),
        ("DATABASE_URL", f"postgresql+asyncpg://u:{SECRET}@127.0.0.1/db?sslmode=require", DATABASE),
        ("DATABASE_URL", f"postgresql+asyncpg://u:p@127.0.0.1?{SECRET}=1", DATABASE),
        ("DATABASE_URL", "sqlite:///billgraph.db", DATABASE),
        ("DATABASE_URL", f"sqlite+aiosqlite://{SECRET}/billgraph.db", DATABASE),
        ("DATABASE_CONNECTIONS", "1", "BILLGRAPH_DATABASE_CONNECTIONS must be a whole number, 2 or more."),
        ("DATABASE_CONNECTIONS", "2.5", "BILLGRAPH_DATABASE_CONNECTIONS must be a whole number, 2 or more."),
        ("COST_PER_SECOND", "abc", ABOVE_0.format("COST_PER_SECOND")),
        ("COST_PER_SECOND", "", ABOVE_0.format("COST_PER_SECOND")),
        ("COST_PER_SECOND", "0", ABOVE_0.format("COST_PER_SECOND")),
        ("IDLE_SECONDS", "nan", ABOVE_0.format("IDLE_SECONDS")),
        ("WORKER_INTERVAL", "0", ABOVE_0.format("WORKER_INTERVAL")),
        ("MAX_BACKLOG_SECONDS", "inf", ABOVE_0.format("MAX_BACKLOG_SECONDS")),
        ("PROFILE", "prod", "BILLGRAPH_PROFILE must be development or production."),
        ("BACKGROUND_WORK", "perhaps", "BILLGRAPH_BACKGROUND_WORK must be true or false."),
        ("MAX_GRAPHQL_BODY", "9" * 5000, "BILLGRAPH_MAX_GRAPHQL_BODY must be a whole number, 1 or more."),
        (
            "PUBLIC_URL",
            f"https://u:{SECRET}@example.com",
            PUBLIC_URL,
        ),
        (
            "ALLOWED_ORIGINS",
            f"https://app.example.com *.{SECRET}",
            ORIGINS,
        ),
    ],
)
def test_a_setting_that_can_not_be_used_is_said_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, given: str, said: str
) -> None:
    monkeypatch.setenv(f"BILLGRAPH_{name}", given)
    assert ended(monkeypatch, "keys list") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"{said}\n")
    # Nor is it in what somebody else may print of the error.
    with pytest.raises(ValueError, match=name.lower()) as error:
        Settings()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_settings_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("BILLGRAPH_DATABASE_URL", SECRET)
    monkeypatch.setenv("BILLGRAPH_COST_BURST", "much")
    assert ended(monkeypatch, command) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"{DATABASE}\n{ABOVE_0.format('COST_BURST')}\n")


def test_other_commands_do_not_look_at_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BILLGRAPH_DATABASE_URL", SECRET)
    assert ended(monkeypatch, "export-schema") == 0
    assert capsys.readouterr().out.startswith("schema {")


def test_each_setting_says_what_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"BILLGRAPH_{name.upper()}", "?")
    with pytest.raises(CommandError) as error:
        read_settings()
    lines = str(error.value).splitlines()
    assert [line.partition(" must be ")[0] for line in lines] == [
        f"BILLGRAPH_{n.upper()}" for n in Settings.model_fields
    ]
    assert all(line.partition(" must be ")[2] not in {"", "None."} for line in lines)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///billgraph.db",
        "sqlite+aiosqlite:////var/lib/billgraph.db",
        "postgresql+asyncpg://u:p%40ss@db.example.com:5432/billgraph?ssl=require",
        "postgresql+asyncpg://postgres@/postgres?host=/run/postgresql",
        "postgresql+asyncpg://u:p@[::1]:5432/billgraph?prepared_statement_cache_size=0",
    ],
)
def test_urls_of_both_databases_are_kept_as_they_are(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BILLGRAPH_DATABASE_URL", url)
    assert read_settings().database_url == url


def test_variables_that_are_no_settings_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLGRAPH_NONSENSE", SECRET)
    assert read_settings() == Settings()


def ended(monkeypatch: pytest.MonkeyPatch, command: str) -> object:
    monkeypatch.setattr(sys, "argv", ["billgraph", *command.split()])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code

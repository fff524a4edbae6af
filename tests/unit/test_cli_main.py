"""What the program itself says where a command can't do its work."""

import errno
import sys

import pytest
from sqlalchemy.exc import OperationalError

from app.cli import main
from app.cli.database import speaking_to_database
from app.cli.target import CommandError
from app.cli.terminal import say, standard_input, standard_output

FULL = OSError(errno.ENOSPC, "No space left on device")


def ended(monkeypatch: pytest.MonkeyPatch, error: Exception) -> object:
    def fails() -> None:
        raise error

    monkeypatch.setattr("app.cli.cli", fails)
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FULL, "No space left on device."),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "ca.pem"), "ca.pem: No such file or directory."),
        (OSError(), "OSError."),
        (CommandError("No."), "No."),
    ],
)
def test_what_the_system_refuses_is_said_and_never_laid_to_the_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, sentence: str
) -> None:
    assert ended(monkeypatch, error) == 1
    assert capsys.readouterr().err == f"{sentence}\n"


@pytest.mark.parametrize("error", [OperationalError("select", {}, Exception()), ConnectionRefusedError("refused")])
def test_a_database_that_is_away_is_said_where_it_is_opened(error: Exception) -> None:
    with pytest.raises(CommandError, match="The database does not answer"), speaking_to_database():
        raise error


def test_other_errors_pass_the_database() -> None:
    with pytest.raises(ZeroDivisionError), speaking_to_database():
        raise ZeroDivisionError


def test_closed_streams_are_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CommandError, match="input is closed"):
        standard_input()
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(CommandError, match="output is closed"):
        standard_output()


def test_what_turns_the_direction_of_writing_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\u200eb\u200fc\u061cd")
    assert capsys.readouterr().err == "a b c d\n"

"""Small files that say how far a command came, replaced as a whole so that a kill leaves the old or the new one."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from app.cli.target import CommandError

S = TypeVar("S", bound=msgspec.Struct)


def read_state(path: Path, kind: type[S]) -> S | None:
    """Return what the file holds, or None where there is none; raise CommandError where it can't be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is damaged. Delete it to start over.") from error


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file by one that is written beside it; raise OSError where it can't be, and leave it as it is."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content)
    os.replace(fresh, path)  # noqa: PTH105 - the two names are one operation


def write_state(path: Path, state: msgspec.Struct) -> None:
    """Replace the file."""
    try:
        replace_file(path, msgspec.json.encode(state) + b"\n")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error

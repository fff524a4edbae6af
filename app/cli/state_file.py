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


def write_state(path: Path, state: msgspec.Struct) -> None:
    """Replace the file."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_bytes(msgspec.json.encode(state) + b"\n")
        os.replace(fresh, path)  # noqa: PTH105 - the two names are one operation
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error

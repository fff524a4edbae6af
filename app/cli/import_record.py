"""How far an import came, and what it could not import: FILE.progress and FILE.rejected beside FILE."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.cli.event_lines import EventLine, chained
from app.cli.state_file import read_state, write_state
from app.cli.target import CommandError
from app.cli.terminal import say

SECONDS_BETWEEN_WRITES = 0.2
#: A file of nothing but mistakes must not flood the terminal; FILE.rejected has all of them.
REJECTIONS_SHOWN = 50


class Tally(msgspec.Struct):
    """What became of the first `lines` lines, whose hash is `chain`, in an import to `place`."""

    place: str
    lines: int
    chain: str
    accepted: int
    rejected: int
    rejected_bytes: int
    keys_made: int = 0

    @property
    def summary(self) -> str:
        """What became of the lines so far, in words."""
        said = f"{self.accepted} events sent, {self.rejected} lines rejected"
        return f"{said}; {self.keys_made} without idempotencyKey got one that was made" if self.keys_made else said


class ImportRecord:
    """Keeps the tally of an import; of one from stdin only in memory."""

    def __init__(self, path: Path | None, place: str) -> None:
        """Take the file, and which environment of which server it goes to."""
        self.tally = Tally(place, 0, "", 0, 0, 0)
        self._progress = path and path.with_name(f"{path.name}.progress")
        self._rejected = path and path.with_name(f"{path.name}.rejected")
        self._written_at = time.monotonic()

    def resume(self, lines: Iterator[EventLine]) -> int:
        """Pass over the lines that an interrupted import to the same place settled, and return their bytes.

        Raises CommandError where they are not the lines of that import.
        """
        known, chain, passed = self._known(), "", 0
        for _ in range(known.lines):
            if (line := next(lines, None)) is None:
                break
            chain, passed = chained(chain, line), passed + line.size
        if known.lines and chain != known.chain:
            raise CommandError(
                f"{self._progress} is of another content than the file has now. Delete it to import all of the file: "
                "a line that was sent before counts once, as its key is its own or made of its text."
            )
        self.tally = known
        self._cut_rejected()
        self.write()
        return passed

    def settle(self, line: EventLine, reason: str | None) -> None:
        """Note what became of the next line."""
        tally = self.tally
        if reason is not None:
            self._reject(line, reason)
        elif line.text.strip():
            tally.accepted += 1
            tally.keys_made += line.made_key is not None
        tally.lines, tally.chain = line.number, chained(tally.chain, line)
        if time.monotonic() - self._written_at >= SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write down how far the import came."""
        self._written_at = time.monotonic()
        if self._progress is not None:
            write_state(self._progress, self.tally)

    def finish(self) -> None:
        """Forget how far it came: it is complete."""
        if self._progress is not None:
            self._progress.unlink(missing_ok=True)
        if self._rejected is not None and self.tally.rejected:
            say(f"{self.tally.rejected} lines were not imported; {self._rejected} has them with their reasons.")

    def _known(self) -> Tally:
        known = read_state(self._progress, Tally) if self._progress else None
        if known is None:
            return self.tally
        if known.place != self.tally.place:
            say(f"{self._progress} is of an import to another place; this one starts from the first line.")
            return self.tally
        return known

    def _reject(self, line: EventLine, reason: str) -> None:
        tally = self.tally
        if self._rejected is None or tally.rejected < REJECTIONS_SHOWN:
            say(f"line {line.number}: {reason}")
        if self._rejected is not None:
            entry = {"line": line.number, "reason": reason, "text": line.text.decode(errors="replace")}
            tally.rejected_bytes += _append(self._rejected, {**entry, "cut": True} if line.is_cut else entry)
        tally.rejected += 1

    def _cut_rejected(self) -> None:
        """Remove what an earlier import rejected, but for the lines that are not read again."""
        if self._rejected is None:
            return
        size = self._rejected.stat().st_size if self._rejected.exists() else 0
        if size < self.tally.rejected_bytes:
            say(f"{self._rejected} is shorter than {self._progress} says: some of the lines rejected are not in it.")
            self.tally.rejected_bytes = size
        if not size:
            return
        if not self.tally.rejected_bytes:
            _remove(self._rejected)
        else:
            os.truncate(self._rejected, self.tally.rejected_bytes)


def _append(path: Path, entry: dict[str, Any]) -> int:
    """Write one line to the end of a file, past all buffers, and return its bytes."""
    written = json.dumps(entry).encode() + b"\n"
    try:
        with path.open("ab", buffering=0) as file:
            done = file.write(written)
            while done < len(written):  # the second write says why the first came to an end
                done += file.write(written[done:])
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error
    return len(written)


def _remove(path: Path) -> None:
    """Delete the list that an earlier import left; raise CommandError for a file that is none."""
    with path.open("rb") as file:
        first = file.readline()
    try:
        entry = json.loads(first)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or not {"line", "reason", "text"} <= entry.keys():
        raise CommandError(f"{path} is no list of rejected lines, and would be replaced by one. Move it away.")
    path.unlink()

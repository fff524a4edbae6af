"""How far an import came, and what it could not import: FILE.progress and FILE.rejected beside FILE."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

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
                f"{self._progress} is of another content than the file has now. Delete it to import all of the file."
            )
        self.tally = known
        self._cut_rejected()
        return passed

    def settle(self, line: EventLine, reason: str | None) -> None:
        """Note what became of the next line."""
        tally = self.tally
        tally.lines, tally.chain = line.number, chained(tally.chain, line)
        if reason is None:
            tally.accepted += bool(line.text.strip())
        else:
            self._reject(line, reason)
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
        tally.rejected += 1
        if self._rejected is None or tally.rejected <= REJECTIONS_SHOWN:
            say(f"line {line.number}: {reason}")
        if self._rejected is not None:
            entry = {"line": line.number, "reason": reason, "text": line.text.decode(errors="replace")}
            with self._rejected.open("ab") as file:
                tally.rejected_bytes += file.write(json.dumps(entry).encode() + b"\n")

    def _cut_rejected(self) -> None:
        """Remove what an earlier import rejected, but for the lines that are not read again."""
        if self._rejected is not None and self._rejected.exists():
            with self._rejected.open("r+b") as file:
                file.truncate(self.tally.rejected_bytes)
            if not self.tally.rejected_bytes:
                self._rejected.unlink()

"""Lines of events, posted one by one with a bounded number under way."""

import fcntl
import threading
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO

from app.cli.client import Api
from app.cli.event_lines import BadLine, EventLine, read_lines
from app.cli.event_sender import Sender
from app.cli.import_record import ImportRecord, Tally
from app.cli.progress import Progress
from app.cli.target import CommandError
from app.ids import new_idempotency_key

#: Lines that wait behind a slow one, for each that is under way.
LINES_PER_SENDER = 4


def import_stream(api: Api, stream: IO[bytes], path: Path | None, in_flight: int) -> Tally:
    """Send every line that was not sent before, and return what became of all.

    Lines that are no event, or are refused, are noted and do not stop the others. Raises CommandError where the server
    stays away; the record then says where to go on.
    """
    # What comes from stdin may be new each time, so its keys are made anew; a file's are the same in every run.
    lines = read_lines(stream, "" if path else new_idempotency_key())
    record = ImportRecord(path, _place(api))
    with Progress(path.stat().st_size if path else None) as progress:
        progress.advance(record.resume(lines), record.tally.summary)
        try:
            with closing(_outcomes(api, lines, in_flight)) as outcomes:
                for line, reason in outcomes:
                    record.settle(line, reason)
                    progress.advance(line.size, record.tally.summary)
        finally:
            record.write()
    record.finish()
    return record.tally


def import_file(api: Api, path: Path, in_flight: int) -> Tally:
    """Send what an import of the file did not send yet; raise CommandError where another one is under way."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return import_stream(api, stream, path, in_flight)
    except BlockingIOError as error:
        raise CommandError(f"Another import of {path} is running.") from error
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error


def _outcomes(api: Api, lines: Iterator[EventLine], in_flight: int) -> Generator[tuple[EventLine, str | None]]:
    """Yield each line, in their order, with the reason why it was refused; None where it was not."""
    stop = threading.Event()
    sender = Sender(api, stop)
    waiting: deque[tuple[EventLine, Future[str | None]]] = deque()
    with ThreadPoolExecutor(in_flight) as pool:
        try:
            for line in lines:
                waiting.append((line, pool.submit(_send, sender, line)))
                if len(waiting) >= in_flight * LINES_PER_SENDER:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            stop.set()
            for _, future in waiting:
                future.cancel()


def _next(waiting: deque[tuple[EventLine, Future[str | None]]]) -> tuple[EventLine, str | None]:
    line, future = waiting.popleft()
    return line, future.result()


def _send(sender: Sender, line: EventLine) -> str | None:
    if not line.text.strip():
        return None
    try:
        return sender.send(line.body())
    except BadLine as bad:
        return str(bad)


def _place(api: Api) -> str:
    """Return what tells the environment that events go to from all others, whatever key opens it."""
    merchant = api.run("{ merchant { id } }")["merchant"]["id"]
    return f"{api.target.address('/v0/events')} {merchant}"

"""Lines of events, posted one by one with a bounded number under way."""

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

#: Lines that wait behind a slow one, for each that is under way.
LINES_PER_SENDER = 4


def import_stream(api: Api, stream: IO[bytes], path: Path | None, in_flight: int) -> Tally:
    """Send every line that was not sent before, and return what became of all.

    Lines that are no event, or are refused, are noted and do not stop the others. Raises CommandError where the server
    stays away; the record then says where to go on.
    """
    lines = read_lines(stream)
    record = ImportRecord(path, _place(api))
    with Progress(path.stat().st_size if path else None) as progress:
        progress.advance(record.resume(lines), _done(record.tally))
        try:
            with closing(_outcomes(api, lines, in_flight)) as outcomes:
                for line, reason in outcomes:
                    record.settle(line, reason)
                    progress.advance(line.size, _done(record.tally))
        finally:
            record.write()
    record.finish()
    return record.tally


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


def _done(tally: Tally) -> str:
    return f"{tally.accepted} events sent, {tally.rejected} lines rejected"

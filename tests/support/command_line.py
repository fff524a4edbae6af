"""The command line without a process of its own, which takes a second or two to start; the server has one."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest.mock import patch

from app.cli import main
from tests.support.server import Server


@dataclass
class Typed:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def type_to(server: Server, *arguments: str, key: str | None = None) -> Typed:
    """Run a command that speaks to a server, as `billgraph` runs it; its key may not be in what it prints."""
    typed = ["billgraph", *arguments, "--url", server.base, "--key", key or server.key]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), patch.object(sys, "argv", typed):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    printed = [stream.buffer.getvalue().decode() for stream in (out, err)]
    assert (key or server.key) not in "".join(printed)
    return Typed(code, *printed)

"""The official client of the hosted service, run by an interpreter of its own against a server of ours."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.server import Server

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-sdk/bin/python"
SCRIPT = ROOT / "tests/contract/sdk/client.py"
Json = dict[str, Any]


class OfficialClient:
    """Calls that each start from the same server and key; what a call gives besides goes to the script as it is."""

    def __init__(self, server: Server) -> None:
        assert PYTHON.exists(), "The official client is not set up: run `make test`, which installs it in .venv-sdk."
        self.defaults = {"url": server.base, "key": server.key}

    @contextmanager
    def running(self, calls: list[Json]) -> Iterator["subprocess.Popen[str]"]:
        """Start the script on some calls; it writes each status to standard error as it arrives."""
        pipe = subprocess.PIPE
        with subprocess.Popen([PYTHON, SCRIPT], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            assert process.stdin is not None
            json.dump([self.defaults | call for call in calls], process.stdin)
            process.stdin.close()
            process.stdin = None  # so that communicate() does not close it again
            yield process

    def outcomes(self, *calls: Json) -> list[Json]:
        """Make some calls, one after the other, and return what the client made of each answer."""
        with self.running(list(calls)) as process:
            printed, noted = process.communicate(timeout=120)
        assert process.returncode == 0, noted
        found: list[Json] = json.loads(printed)
        return found

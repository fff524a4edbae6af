"""The fenced blocks of a page of the docs, and a session in which they run one after the other, as a reader would."""

import json
import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.support.server import ROOT, Server, environment, free_port

FENCE = re.compile(r"^( *)```(\w*) *([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ANY_FENCE = re.compile(r"^[ >]*(?:`{3,}|~{3,})", re.MULTILINE)
TITLE = re.compile(r'title="([\w.-]+)"')
REFUSED = re.compile(r'"errors":|"error": ?"|"userErrors": ?\[\s*\{')
MARK = "--- end of block ---"
#: What a checkout has that a block may use.
PARTS = (".venv", "examples", "schema.graphql")


@dataclass(frozen=True)
class Block:
    """What stands between two fences, and the words behind the first one."""

    line: int
    language: str
    words: str
    text: str

    @property
    def title(self) -> str | None:
        """The name of the file that the block is, for a command further down."""
        found = TITLE.search(self.words)
        return found.group(1) if found else None


def blocks_of(page: Path) -> list[Block]:
    """Return all fenced blocks of a page, in order."""
    text = page.read_text()
    blocks = [
        Block(text.count("\n", 0, found.start()) + 1, found[2], found[3], dedent(found[4]))
        for found in FENCE.finditer(text)
    ]
    assert len(ANY_FENCE.findall(text)) == 2 * len(blocks), f"{page.name} has a fence that is no block of ours"
    return blocks


def shows(shown: str, output: str) -> bool:
    """Tell whether a page shows this output: `…` alone on a line stands for some lines, within one for some text."""
    lines = [
        "(?s:.+?)" if line.strip() == "…" else re.escape(line).replace("…", "[^\n]+?")
        for line in shown.strip().splitlines()
    ]
    return re.fullmatch("\n".join(lines), output.strip()) is not None


class Session:
    """A shell in a folder like a checkout, beside a server. What a block sets is there for the next."""

    def __init__(self, server: Server, database_url: str, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.ports = {"8000": server.base.rsplit(":")[-1], "8001": str(free_port())}
        for part in PARTS:
            (folder / part).symlink_to(ROOT / part)
        self.errors = (folder / "stderr").open("w+")
        given = environment(database_url)
        self.shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={**given, "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{given['PATH']}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            start_new_session=True,
        )
        self._execute("set -euo pipefail")

    def close(self) -> None:
        """Stop the shell and what it left running."""
        with suppress(ProcessLookupError):  # a failed command ended it, and nothing was left running
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.communicate()
        self.errors.close()

    def fitted(self, text: str) -> str:
        """Return a text of the page with this session's ports and key in it."""
        text = re.sub(r"\bsk_(…|\.\.\.)", self.server.key, text)
        return re.sub(r"\b800[01]\b", lambda found: self.ports[found[0]], text)

    def run(self, block: Block, variables: Block | None) -> str:
        """Run a block and return what it prints; a command that fails fails the test."""
        text = self.fitted(block.text)
        if block.title:
            (self.folder / block.title).write_text(text)
            return ""
        match block.language:
            case "sh":
                return self._execute(text)
            case "python":
                (self.folder / f"{block.line}.py").write_text(text)
                return self._execute(f"python {block.line}.py")
            case "graphql":
                given = json.loads(self.fitted(variables.text)) if variables else {}
                return _printed(self.server.gql(text, **given))
            case "json":
                return self._send(json.loads(text))
        raise AssertionError(f"nothing runs {block.language!r}")

    def _execute(self, script: str) -> str:
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        (self.folder / "block.sh").write_text(script)
        self.shell.stdin.write(f"source ./block.sh </dev/null; printf '\\n%s\\n' '{MARK}'\n")
        self.shell.stdin.flush()
        printed = ""
        for line in self.shell.stdout:
            if line == MARK + "\n":
                return printed
            printed += line
        self.errors.seek(0)
        raise AssertionError(f"exit {self.shell.wait()} of:\n{script}\n{printed}\n{self.errors.read()}")

    def _send(self, value: Any) -> str:
        """Send an event; whatever else a block of JSON is has to be read by a command."""
        answer = self.server.post_event(value)
        assert answer.status_code == 202, answer.text
        return _printed(answer.json())


def _printed(value: Any) -> str:
    return json.dumps(value, indent=4, ensure_ascii=False)

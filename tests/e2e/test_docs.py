"""Every fenced block of the docs is run: page by page, in order, against the real server on a fresh database."""

from pathlib import Path

import pytest

from tests.support import sqlite
from tests.support.pages import REFUSED, Block, Session, blocks_of, shows
from tests.support.server import ROOT, Server, make_run, serve

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Blocks that are only shown: the page and how the block begins, and why.
SHOWN = {
    ("README.md", "make run"): "test_make_run_starts_a_server_and_prints_a_key runs it, on a free port",
    ("README.md", "make test"): ".ci/run runs it; a test can't run all tests",
    ("docs/architecture.md", "cli → main"): "names the layers; import-linter holds them",
}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def is_shown(page: Path, block: Block) -> bool:
    return any(name_of(page) == name and block.text.startswith(start) for name, start in SHOWN)


RUN = [page for page in PAGES if any(not is_shown(page, block) for block in blocks_of(page))]


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_every_block_runs_and_prints_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    database_url = sqlite.url(tmp_path / "billgraph.db")
    with serve(database_url) as server:
        follow(page, server, database_url, tmp_path / "checkout")


@pytest.mark.parametrize("first", range(3))
def test_the_pages_can_be_followed_one_after_the_other(database_url: str, tmp_path: Path, first: int) -> None:
    with serve(database_url) as server:
        for page in RUN[first::3]:
            follow(page, server, database_url, tmp_path / page.stem)


def follow(page: Path, server: Server, database_url: str, folder: Path) -> None:
    folder.mkdir()
    session = Session(server, database_url, folder)
    try:
        run_all(session, [block for block in blocks_of(page) if not is_shown(page, block)])
    finally:
        session.close()


def run_all(session: Session, blocks: list[Block]) -> None:
    """Run blocks in order. What follows a block may be its variables, then the output that it prints."""
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        variables = waiting.pop(0) if waiting and waiting[0].words == "variables" else None
        expected = waiting.pop(0) if waiting and waiting[0].language == "text" else None
        printed = session.run(block, variables)
        if block.title:
            name = Path(block.title).stem
            assert any(name in later.text for later in waiting if later.language == "sh"), f"{block.title} is not used"
        as_shown = shows(session.fitted(expected.text), printed) if expected else REFUSED.search(printed) is None
        assert as_shown, f"line {block.line} printed:\n{printed}"


def test_make_run_starts_a_server_and_prints_a_key(tmp_path: Path) -> None:
    with make_run(f"sqlite+aiosqlite:///{tmp_path}/billgraph.db") as server:
        assert server.gql("{ merchant { name } }") == {"merchant": {"name": "My company"}}


def test_what_is_only_shown_is_there() -> None:
    starts = {(name_of(page), block.text) for page in PAGES for block in blocks_of(page)}
    for name, start in SHOWN:
        assert any(page == name and text.startswith(start) for page, text in starts), (name, start)


@pytest.mark.parametrize(
    ("shown", "output", "agree"),
    [
        ("a", "a\n", True),
        ("a", "b", False),
        ("cus_… is one", "cus_123 is one", True),
        ("cus_… is one", "cus_ is one", False),
        ("a…", "a\nb", False),
        ("a\n  …\nd", "a\nb\nc\nd", True),
        ("a\n…", "a", False),
        ("1.50", "1x50", False),
    ],
)
def test_how_output_is_compared(shown: str, output: str, agree: bool) -> None:
    assert shows(shown, output) is agree

"""Every test that asks for `database_url` runs on SQLite and on PostgreSQL, each time on a fresh migrated database."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests.support import engines, postgres, sqlite

SCRATCH = pytest.StashKey[Path]()
KINDS = ("sqlite", "postgresql")

# A shared machine stalls now and then; how long one example took says nothing about the code.
settings.register_profile("billgraph", deadline=None)
settings.load_profile("billgraph")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=(*KINDS, "both"), default="both", help="which databases to test on")
    parser.addoption("--kills", type=int, help="how often to kill servers in the middle of ingest, one after the other")
    parser.addoption("--races", type=int, help="how often processes race for 1,000 renewals, being killed meanwhile")
    parser.addoption("--contention", type=float, help="seconds for which many write and read at once, instead of a few")
    parser.addoption("--lives", type=int, default=10, help="how many random lives of subscriptions to compare")
    parser.addoption("--strangers", type=int, default=3, help="how many identifiers of nobody to try at each place")
    parser.addoption("--hostile", type=int, default=700, help="how many hostile requests to send to each database")
    parser.addoption("--operations", type=int, default=300, help="how many random operations to run on each database")
    parser.addoption(
        "--histories", type=int, help="how many random histories to play, instead of each test's own number"
    )


def pytest_configure(config: pytest.Config) -> None:
    engines.share_statements()
    # The renderer that is structlog's own colours tracebacks, which takes longer than most tests.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    config.addinivalue_line("markers", "histories(total, at_once): asks for `seeds`, in ranges that add up to a total")
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[SCRATCH] = Path(worker_input["scratch"])
        return
    scratch, lifeline = postgres.make_scratch()
    config.stash[SCRATCH] = scratch
    config.add_cleanup(lambda: postgres.remove_scratch(scratch, lifeline))


def pytest_collection_finish() -> None:
    # The modules and the schema stay: the collector need not walk through them again and again.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["scratch"] = str(node.config.stash[SCRATCH])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("--database")
    for fixture in ("database_url", "empty_database_url"):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, KINDS if chosen == "both" else [chosen], indirect=True)
    for marker in metafunc.definition.iter_markers("histories"):
        total, at_once = metafunc.config.getoption("--histories") or marker.args[0], marker.args[1]
        ranges = [range(start, min(start + at_once, total)) for start in range(0, total, at_once)]
        metafunc.parametrize("seeds", ranges, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")


@pytest.fixture(scope="session")
def scratch(request: pytest.FixtureRequest) -> Path:
    """A folder shared by all workers of the session."""
    return request.config.stash[SCRATCH]


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """The name of this worker among those of the session."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def strangers_each(request: pytest.FixtureRequest) -> int:
    """How many identifiers of nobody to try at each place."""
    return int(request.config.getoption("--strangers"))


@pytest.fixture(scope="session")
def hostile_count(request: pytest.FixtureRequest) -> int:
    """How many hostile requests to send."""
    return int(request.config.getoption("--hostile"))


@pytest.fixture(scope="session")
def operations(request: pytest.FixtureRequest) -> int:
    """How many random operations to run."""
    return int(request.config.getoption("--operations"))


@pytest.fixture(scope="session")
def postgres_url(scratch: Path, worker: str) -> str:
    """This worker's migrated PostgreSQL database. Ask for `database_url`, which empties it first."""
    return postgres.clone_template(scratch, worker)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path, scratch: Path) -> str:
    """A migrated database without rows, usable from child processes too."""
    if request.param == "sqlite":
        return sqlite.copy_template(scratch, tmp_path / "billgraph.db")
    url: str = request.getfixturevalue("postgres_url")
    postgres.truncate(url)
    return url


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path, scratch: Path, worker: str) -> Iterator[str]:
    """A database without tables, for tests of the migrations."""
    if request.param == "sqlite":
        yield sqlite.url(tmp_path / "empty.db")
        return
    url = postgres.create_empty(scratch, f"{worker}_empty")
    yield url
    postgres.drop(scratch, url)

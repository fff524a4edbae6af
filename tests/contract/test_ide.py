"""GraphiQL's files: where they are served, with which headers, and that they are built from the sources beside them."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Profile, Settings

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "app" / "api" / "graphiql"
PAGE = (BUILD / "index.html").read_text()


@pytest.fixture
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    profile = getattr(request, "param", Profile.DEVELOPMENT)
    app = create_app(Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/unused.db", profile=profile))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_the_root_leads_a_person_to_the_page(client: httpx.AsyncClient) -> None:
    for path, target in (("/", "/graphiql"), ("/graphiql", "/graphiql/")):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, target)
    page = await client.get("/", follow_redirects=True)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text == PAGE


async def test_the_page_may_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/graphiql/")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    allowed = {source for sources in policy.values() for source in sources.split()}
    assert allowed == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert [kind for kind, sources in policy.items() if "'unsafe-inline'" in sources] == ["style-src"]


async def test_what_a_hash_names_is_kept_and_the_page_is_asked_for_again(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphiql/")
    assert page.headers["cache-control"] == "no-cache"
    unchanged = await client.get("/graphiql/", headers={"if-none-match": page.headers["etag"]})
    assert (unchanged.status_code, unchanged.headers["referrer-policy"]) == (304, "no-referrer")
    for asset in re.findall(r'(?:src|href)="\./(assets/[^"]+)"', PAGE):
        answer = await client.get(f"/graphiql/{asset}")
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


# The client takes bare dots out before it asks.
ELSEWHERE = ["/none.js", "/%2e%2e/ide.py", "//etc"]
BY_ANOTHER_NAME = ["//", "/index.html/", "//index.html", "/%2e/index.html", "/assets/%2e%2e/index.html"]
FOLDERS = ["/%2e", "/%2e/", "/assets", "/assets/", "/assets/%2e%2e"]


@pytest.mark.parametrize("path", [*ELSEWHERE, *BY_ANOTHER_NAME, *FOLDERS])
async def test_nothing_but_the_build_is_served_and_each_file_under_its_name(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(f"/graphiql{path}", headers={"host": "elsewhere.test"})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("client", [Profile.PRODUCTION], indirect=True)
@pytest.mark.parametrize("path", ["/", "/graphiql", "/graphiql/", "/graphiql/index.html"])
async def test_production_has_no_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json() == {"error": "not_found", "message": "Nothing matches the given URI.", "code": "NOT_FOUND"}


def test_the_page_was_built_from_the_sources_and_the_quickstart_as_they_are() -> None:
    sources = [
        path
        for path in (ROOT / "ide").rglob("*")
        if path.suffix in {".html", ".json", ".mjs", ".js", ".jsx", ".css", ".svg"} and "node_modules" not in path.parts
    ]
    digest = hashlib.sha256()
    names = {path.relative_to(ROOT / "ide").as_posix(): path for path in sources}
    names["../examples/quickstart.graphql"] = ROOT / "examples" / "quickstart.graphql"
    for name in sorted(names):
        digest.update(names[name].read_bytes())
    assert f'<meta name="built-from" content="{digest.hexdigest()}">' in PAGE, "rebuild it: see ide/README.md"


def test_the_build_is_as_it_was_built() -> None:
    sums = {
        path.relative_to(BUILD).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in BUILD.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    listed = [line.split("  ") for line in (BUILD / "SHA256SUMS").read_text().splitlines()]
    assert sums == {name: digest for digest, name in listed}, "rebuild it: see ide/README.md"


def test_the_build_is_small_and_says_what_it_is_made_of() -> None:
    files = [path for path in BUILD.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == ".map"] == []
    assert sum(path.stat().st_size for path in files) < 8_000_000
    licences = (BUILD / "THIRD_PARTY_LICENSES").read_text()
    for package in ("graphiql", "monaco-editor", "react", "@fontsource/fira-code", "@graphiql/plugin-explorer"):
        assert re.search(rf"^{package} \d[\w.]* \((MIT|OFL-1.1)\)$", licences, re.MULTILINE), package

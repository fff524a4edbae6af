"""No library is older than the version that mended its last known hole, here or wherever the product is installed."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# By advisory: what was wrong below.
FLOORS = {
    "strawberry-graphql": (
        "0.327.2",
        "CVE-2026-107727; -47706, -47707, -35523, -35526; CVE-2025-22151; CVE-2024-47082",
    ),
    "graphql-core": ("3.3", "CVE-2026-75507, quadratic time for overlapping fields"),
    "starlette": ("1.3.1", "limits of forms; CVE-2026-48710, -2025-62727, -54121; -2024-47874; -2023-30798, -29159"),
    "uvicorn": ("0.11.7", "response splitting, log injection"),
    "asyncpg": ("0.21", "CVE-2020-17446, code by a hostile server"),
    "jinja2": ("3.1.6", "CVE-2025-27516, -2024-56326, -56201, -34064, -22195"),
    "httpx": ("0.23", "CVE-2021-41945"),
    "certifi": ("2024.7.4", "CVE-2024-39689, -2023-37920"),
    "idna": ("3.7", "CVE-2024-3651"),
    "h11": ("0.16", "CVE-2025-43859, chunks read leniently"),
    "pydantic": ("2.4", "CVE-2024-3772"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "mako": ("1.2.2", "CVE-2022-40023"),
    "pygments": ("2.15", "CVE-2022-40896"),
    "sqlalchemy": ("1.3", "CVE-2019-7164, -7548"),
}
# What takes forms apart is needed by nobody here, and had a hole a year.
UNWANTED = ("python-multipart", "multipart", "websockets", "wsproto", "aiohttp", "flask", "django")


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])


def required(name: str) -> set[str]:
    """Return what a distribution needs on every platform, without what is optional."""
    needed = (text for text in distribution(name).requires or () if "extra ==" not in text)
    return {re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower().replace("_", "-") for text in needed}


def dependencies_of_product() -> set[str]:
    found: set[str] = set()
    waiting = required("billgraph")
    while waiting:
        name = waiting.pop()
        try:
            more = required(name)
        except PackageNotFoundError:  # for another platform or version of Python
            continue
        found.add(name)
        waiting |= more - found
    return found


@pytest.mark.parametrize("name", FLOORS)
def test_what_is_installed_is_not_below_its_floor(name: str) -> None:
    floor, holes = FLOORS[name]
    assert numbers(version(name)) >= numbers(floor), holes


def test_what_may_be_installed_is_not_below_its_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lowest = dict(re.findall(r"(?m)^([\w-]+)(?:\[\w+\])?>=([\d.]+)", "\n".join(project["dependencies"])))
    assert len(lowest) == len(project["dependencies"])
    for name in lowest.keys() & FLOORS:
        assert numbers(lowest[name]) >= numbers(FLOORS[name][0]), name


def test_what_was_tested_is_not_below_its_floor() -> None:
    pins = dict(re.findall(r"(?m)^([\w-]+)==([\d.]+)", (ROOT / "constraints.txt").read_text().lower()))
    assert pins.keys() >= FLOORS.keys()
    for name, (floor, holes) in FLOORS.items():
        assert numbers(pins[name]) >= numbers(floor), holes


def test_nothing_takes_forms_or_websockets_apart() -> None:
    needed = dependencies_of_product()
    assert needed >= {"starlette", "graphql-core", "strawberry-graphql", "uvicorn", "asyncpg", "sqlalchemy"}
    assert needed.isdisjoint(UNWANTED)

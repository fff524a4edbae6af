"""Reading through GraphQL: the product against a straightforward server on the same rows."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.merchant import prepare
from bench.ratio import Side, compare
from bench.servers import baseline, product

NESTED = """{
  plans(first: 50) { nodes { id name defaultVersion { number prices {
    invoiceDisplayName target { billableMetric { id name } }
  } } } }
  subscriptions(first: 50) { nodes {
    id status customer { id name } plan { id name defaultVersion { prices { id } } }
  } }
  invoices(first: 100) { nodes { id status total { amount currency } lines {
    description quantity amount { amount currency }
  } } }
}"""
LIGHT = """{
  subscriptions(first: 5) { nodes {
    id status startedAt currency customer { id name email } plan { id name billingInterval }
  } }
}"""


def read_nested(units: int = 20, rounds: int = 7) -> float:
    """50 plans, their prices and metrics; 50 subscriptions, their customers, plans and prices; 100 invoices of 10."""
    return _reading(NESTED, units, rounds)


def read_light(units: int = 400, rounds: int = 7) -> float:
    """Five subscriptions, each with its customer and plan."""
    return _reading(LIGHT, units, rounds)


def _reading(document: str, units: int, rounds: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        merchant = prepare(Path(folder))
        copied = shutil.copy(merchant.database, merchant.database.with_name("baseline.db"))
        settings = {
            "BASELINE_DATABASE_URL": f"sqlite+aiosqlite:///{copied}",
            "BASELINE_KEY": merchant.secret,
            "BASELINE_ENVIRONMENT": merchant.environment_id,
        }
        with (
            product(merchant.database) as ours,
            baseline("strawberry_orm:app", settings) as theirs,
            httpx.Client(headers={"authorization": f"Bearer {merchant.secret}"}, timeout=60) as client,
        ):
            mine = Side("product", ours.pid, _asking(client, ours.base, document))
            straight = Side("strawberry_orm", theirs.pid, _asking(client, theirs.base, document))
            answer = mine.work()
            if not same(answer, straight.work()):
                raise AssertionError("the two servers do not answer the same")
            print(f"  {fields(answer)} fields an answer", flush=True)
            return compare(mine, straight, units, rounds)


def _asking(client: httpx.Client, base: str, document: str) -> Callable[[], Any]:
    def ask() -> Any:
        answer = client.post(f"{base}/graphql", json={"query": document}).raise_for_status().json()
        if "errors" in answer:
            raise AssertionError(answer["errors"])
        return answer["data"]

    return ask


def fields(answer: object) -> int:
    """Count the fields of an answer, those of objects within it included."""
    if isinstance(answer, dict):
        return sum(1 + fields(value) for value in answer.values())
    return sum(map(fields, answer)) if isinstance(answer, list) else 0


def same(ours: object, theirs: object) -> bool:
    """Tell whether two answers have the same fields with the same values, however an instant is written."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (isinstance(ours, str) and isinstance(theirs, str) and _same_instant(ours, theirs))


def _same_instant(ours: str, theirs: str) -> bool:
    try:
        return datetime.fromisoformat(ours) == datetime.fromisoformat(theirs)
    except ValueError:
        return False

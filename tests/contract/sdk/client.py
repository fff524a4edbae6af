"""Sends events with the official client and prints what it made of the answers.

This runs in an environment of the client's own (.venv-sdk, which `make test` sets up), never in that of the product.
On standard input: a JSON list of calls, each `{"url", "key", "event", ...}`. On standard output: a list of outcomes.
Every status is written to standard error as it arrives, so that the caller can act between two attempts.
"""

import asyncio
import json
import sys
from datetime import datetime
from typing import Any

import httpx
from paygentic_sdk import Paygentic, errors, models
from paygentic_sdk.utils import BackoffStrategy, RetryConfig

RETRIES = RetryConfig("backoff", BackoffStrategy(100, 1000, 1.5, 30_000), retry_connection_errors=False)


def note(response: httpx.Response) -> None:
    sys.stderr.write(f"{response.status_code}\n")
    sys.stderr.flush()


def options(call: dict[str, Any]) -> dict[str, Any]:
    """What `ingest` is called with. `datetimes` names the members that the program holds as datetimes."""
    event = {
        name: datetime.fromisoformat(value) if name in call.get("datetimes", ()) else value
        for name, value in call["event"].items()
    }
    given: dict[str, Any] = {"request": event, "http_headers": call.get("headers")}
    return given | ({"retries": RETRIES} if call.get("retries") else {})


async def ingest_async(call: dict[str, Any]) -> models.EventResponse:
    async with Paygentic(server_url=call["url"], bearer_auth=call["key"]) as client:
        return await client.events.ingest_async(**options(call))


def ingest(call: dict[str, Any]) -> models.EventResponse:
    if call.get("async"):
        return asyncio.run(ingest_async(call))
    watched = httpx.Client(event_hooks={"response": [note]}, follow_redirects=True)
    with Paygentic(server_url=call["url"], bearer_auth=call["key"], client=watched) as client:
        return client.events.ingest(**options(call))


def outcome(call: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"event": json.loads(ingest(call).model_dump_json(by_alias=True, exclude_unset=True))}
    except errors.PaygenticError as error:
        data = getattr(error, "data", None)
        return {
            "raised": type(error).__name__,
            "status": error.status_code,
            "headers": dict(error.headers),
            "body": error.body,
            "data": type(data).__name__,
            "attributes": data and json.loads(data.model_dump_json(exclude_unset=True)),
        }


if __name__ == "__main__":
    json.dump([outcome(call) for call in json.load(sys.stdin)], sys.stdout)

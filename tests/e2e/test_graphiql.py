"""GraphiQL in a real browser: the whole quickstart by mouse, twice, and not one request that leaves the machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import sqlite
from tests.support.browser import CHROMIUM, Page, browse
from tests.support.server import Server, serve

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, chromium-browser or google-chrome on PATH")

BEFORE_USAGE = (
    *("CreateClock", "DefineProduct", "DefineMetric", "DefineFee", "DefinePrices", "DefinePlan"),
    *("CreateCustomer", "Subscribe", "PayInvoice"),
)
AFTER_USAGE = ("WhatHappened", "Usage", "EndOfMonth", "ReadInvoice", "WhatWouldItCost")
BUTTON = "[...document.querySelectorAll('button')].find(button => button.textContent === '{}')"
MODEL = "window.__MONACO?.editor.getModels().find(model => model.uri.path.endsWith('{}'))?.getValue()"
SHOWN = "document.querySelector('.bg-status').dataset.state === '{}'"


@pytest.fixture
def server(scratch: Path, tmp_path: Path) -> Iterator[Server]:
    # What a page does is the same on either database.
    with serve(sqlite.copy_template(scratch, tmp_path / "billgraph.db")) as server:
        yield server


@pytest.fixture
def page(server: Server, tmp_path: Path) -> Iterator[Page]:
    with browse(tmp_path / "profile") as page:
        page.open(f"{server.base}/")
        page.wait_for(MODEL.format("operation.graphql"))
        yield page


def enter_key(page: Page, key: str) -> None:
    page.evaluate("document.querySelector('#bg-key').select()")
    page.type(key)
    page.press_enter()


def tabs(page: Page) -> list[str]:
    titles: list[str] = page.evaluate("[...document.querySelectorAll('.graphiql-tab-button')].map(tab => tab.title)")
    return titles


def execute(page: Page, name: str) -> dict[str, Any]:
    """Go to a tab, press execute, and return the data that is shown; no payload may report a user error."""
    page.click(BUTTON.format(name))
    page.wait_for(f"{MODEL.format('operation.graphql')}.includes(' {name}')")
    page.evaluate(f"{MODEL.format('response.json').removesuffix('?.getValue()')}.setValue('')")
    page.click("document.querySelector('.graphiql-execute-button')")
    answer = json.loads(
        page.wait_for(f"!document.querySelector('.graphiql-spinner') && {MODEL.format('response.json')}")
    )
    assert "errors" not in answer, (name, answer)
    for payload in answer["data"].values():
        assert not payload.get("userErrors"), (name, payload)
    data: dict[str, Any] = answer["data"]
    return data


def report_usage(page: Page) -> dict[str, Any]:
    page.click(BUTTON.format("Report usage"))
    page.click(BUTTON.format("Send the event"))
    assert page.wait_for("document.querySelector('.bg-usage output b')?.textContent") == "202 Accepted"
    answer: dict[str, Any] = json.loads(page.evaluate("document.querySelector('.bg-usage pre').textContent"))
    return answer


def reload(page: Page, server: Server) -> str:
    """Open the page again and return the suffix of the run it shows."""
    page.open(f"{server.base}/graphiql/")
    page.wait_for(f"document.querySelector('.bg-status') && {SHOWN.format('ready')}")
    suffix: str = page.evaluate("document.querySelector('.bg-run code').textContent")
    return suffix


def test_the_quickstart_is_played_by_mouse_and_again(server: Server, page: Page) -> None:
    assert f"GraphiQL is at {server.base}/graphiql\n" in server.welcome
    assert tabs(page) == [*BEFORE_USAGE, *AFTER_USAGE]
    assert page.evaluate(SHOWN.format("hint"))
    enter_key(page, server.key)
    page.wait_for(SHOWN.format("ready"))

    answers = {name: execute(page, name) for name in BEFORE_USAGE}
    customer = answers["CreateCustomer"]["customerCreate"]["customer"]
    assert json.loads(page.evaluate(MODEL.format("variables.json"))) == {
        "invoiceId": answers["Subscribe"]["subscriptionCreate"]["invoice"]["id"]
    }
    event = report_usage(page)
    assert event["subject"] == customer["id"]
    answers |= {name: execute(page, name) for name in AFTER_USAGE}
    assert answers["WhatHappened"]["eventReceipt"]["event"]["id"] == event["id"]
    invoice = answers["ReadInvoice"]["invoice"]
    assert (invoice["number"], invoice["total"]) == ("TEST-INV-000002", {"amount": "79.00", "currency": "USD"})
    assert answers["WhatWouldItCost"]["pricePreview"]["amount"] == {"amount": "30.00", "currency": "USD"}

    page.click(BUTTON.format("New run"))
    page.wait_for(f"{MODEL.format('operation.graphql')}.includes(' CreateClock')")
    again = {name: execute(page, name) for name in BEFORE_USAGE}
    assert again["CreateCustomer"]["customerCreate"]["customer"]["externalId"] != customer["externalId"]
    assert again["Subscribe"]["subscriptionCreate"]["subscription"]["status"] == "PENDING_PAYMENT"
    assert report_usage(page)["idempotencyKey"] != event["idempotencyKey"]

    # The sandbox took all of it, and nothing else was asked for anything; an image in a style sheet is no request.
    paths = {url.removeprefix(server.base) for url in page.requests if not url.startswith("data:")}
    elsewhere = {path for path in paths if not path.startswith("/graphiql")}
    assert elsewhere == {"/", "/sandbox/graphql", "/sandbox/v0/events"}
    assert page.complaints == []


def test_keys_environments_and_mistakes_are_answered_in_words(server: Server, page: Page) -> None:
    enter_key(page, "sk_wrong")
    page.wait_for(SHOWN.format("error"))
    assert page.evaluate("document.querySelector('.bg-status').textContent").startswith("A valid API key is needed")
    enter_key(page, server.key)
    page.wait_for(SHOWN.format("ready"))
    page.click(BUTTON.format("Subscribe"))
    page.wait_for(f"{MODEL.format('operation.graphql')}.includes(' Subscribe')")
    page.click("document.querySelector('.graphiql-execute-button')")
    assert "$customerId is empty. Run CreateCustomer first" in page.wait_for(MODEL.format("response.json"))

    page.click(BUTTON.format("live"))
    page.wait_for(SHOWN.format("ready"))
    execute(page, "DefineProduct")
    live = server.gql("{ products(first: 5) { nodes { name } } }")
    assert live["products"]["nodes"] == [{"name": "LLM Inference Engine"}]

    # A reload keeps the key, the environment and what was learned; another visit keeps the first two.
    run = reload(page, server)
    execute(page, "DefineFee")
    assert server.gql("{ fees(first: 5) { totalCount } }")["fees"]["totalCount"] == 1
    page.evaluate("sessionStorage.clear()")
    assert reload(page, server) != run
    assert json.loads(page.wait_for(MODEL.format("variables.json"))) == {"productId": ""}

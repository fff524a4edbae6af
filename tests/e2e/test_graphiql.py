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
EXECUTE = "document.querySelector('.graphiql-execute-button')"
RUN = "document.querySelector('.bg-run code').textContent"
ENVIRONMENT = "document.querySelector('.bg-bar [aria-pressed=true]').textContent"
KEPT_TABS = "{}['graphiql:tabState'].includes('acme-1-{}')"
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
    go_to(page, name)
    page.evaluate(f"{MODEL.format('response.json').removesuffix('?.getValue()')}.setValue('')")
    page.click(EXECUTE)
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


def hold_answers(page: Page) -> None:
    """Keep back the answers to what the page asks for from now on, until `ask` is put back and `letGo` is called."""
    page.evaluate(
        """
        window.ask = fetch
        window.held = 0
        const free = new Promise(done => { window.letGo = done })
        window.fetch = async (...request) => {
          const answer = await ask(...request)
          window.held += 1
          await free
          return answer
        }
        """
    )


def go_to(page: Page, name: str) -> None:
    page.click(BUTTON.format(name))
    page.wait_for(f"{MODEL.format('operation.graphql')}.includes(' {name}')")


def reload(page: Page, server: Server, state: str = "ready") -> str:
    """Open the page again, and return the suffix of the run it shows when its status is that."""
    page.open(f"{server.base}/graphiql/")
    page.wait_for(f"document.querySelector('.bg-status') && {SHOWN.format(state)}")
    suffix: str = page.evaluate(RUN)
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

    # The key is the only secret a person can enter, and kept in one place for all browser tabs.
    assert page.evaluate(f"{BUTTON.format('Variables')} && !{BUTTON.format('Headers')}")
    assert page.evaluate(f"Object.keys(localStorage).filter(name => localStorage[name].includes('{server.key}'))") == [
        "billgraph:key"
    ]


def test_keys_environments_and_mistakes_are_answered_in_words(server: Server, page: Page) -> None:
    enter_key(page, "sk_wrong")
    page.wait_for(SHOWN.format("error"))
    assert page.evaluate("document.querySelector('.bg-status').textContent").startswith("A valid API key is needed")
    enter_key(page, server.key)
    page.wait_for(SHOWN.format("ready"))
    go_to(page, "Subscribe")
    page.click(EXECUTE)
    assert "$customerId is empty. Run CreateCustomer first" in page.wait_for(MODEL.format("response.json"))

    page.click(BUTTON.format("live"))
    page.wait_for(SHOWN.format("ready"))
    execute(page, "DefineProduct")
    live = server.gql("{ products(first: 5) { nodes { name } } }")
    assert live["products"]["nodes"] == [{"name": "LLM Inference Engine"}]

    # A reload keeps the key, the environment and what was learned; another visit keeps the key.
    run = reload(page, server)
    execute(page, "DefineFee")
    assert server.gql("{ fees(first: 5) { totalCount } }")["fees"]["totalCount"] == 1
    page.evaluate("sessionStorage.clear()")
    assert reload(page, server) != run
    assert json.loads(page.wait_for(MODEL.format("variables.json"))) == {"productId": ""}


def test_a_run_stays_in_its_environment_and_its_browser_tab(server: Server, page: Page) -> None:
    enter_key(page, server.key)
    page.wait_for(SHOWN.format("ready"))
    execute(page, "CreateCustomer")
    run = page.evaluate(RUN)
    page.wait_for(KEPT_TABS.format("sessionStorage", run))
    mine = page.evaluate("({...sessionStorage})")

    # What is on its way when the environment changes is no answer of the next one.
    hold_answers(page)
    go_to(page, "DefineProduct")
    page.click(EXECUTE)
    page.click(BUTTON.format("Report usage"))
    page.click(BUTTON.format("Send the event"))
    page.wait_for("held === 2")
    page.evaluate("window.fetch = ask")
    page.click(BUTTON.format("live"))
    page.wait_for(SHOWN.format("ready"))
    page.evaluate("letGo(), new Promise(done => setTimeout(done, 100))")
    assert page.evaluate(MODEL.format("response.json")) == ""
    assert page.evaluate("!document.querySelector('.bg-usage output')")
    for name, variable in (("DefineFee", "productId"), ("WhatHappened", "eventId")):
        go_to(page, name)
        page.click(EXECUTE)
        page.wait_for(f"{MODEL.format('response.json')}.includes('${variable} is empty')")

    # Another browser tab begins in the sandbox, and goes live while a third one changes the key.
    page.evaluate("sessionStorage.clear()")
    reload(page, server)
    assert page.evaluate(ENVIRONMENT) == "sandbox"
    page.evaluate("localStorage['billgraph:key'] = 'sk_newer'")
    page.click(BUTTON.format("live"))
    page.wait_for(KEPT_TABS.format("localStorage", page.evaluate(RUN)))
    assert page.evaluate("localStorage['billgraph:key']") == "sk_newer"

    # Back in the first one, as it was before: all is there under the same key, and a new run under another.
    page.evaluate(f"Object.assign(sessionStorage, {json.dumps(mine)}), localStorage['billgraph:key'] = '{server.key}'")
    assert reload(page, server) == run
    assert page.evaluate(ENVIRONMENT) == "sandbox"
    assert f"acme-1-{run}" in page.wait_for(MODEL.format("operation.graphql"))
    page.evaluate("localStorage['billgraph:key'] = 'sk_newer'")
    assert reload(page, server, "error") != run

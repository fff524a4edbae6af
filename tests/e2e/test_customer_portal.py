"""examples/customer-portal in a real browser: what a customer sees with a token, and what other pages don't."""

import functools
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import sqlite
from tests.support.browser import CHROMIUM, Page, browse
from tests.support.pages import blocks_of
from tests.support.server import CERTIFICATES, ROOT, Server, serve

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, chromium-browser or google-chrome on PATH")

PORTAL = ROOT / "examples" / "customer-portal"
MARKUP = "<img src=x onerror=\"document.title='hacked'\"><b>Ada</b>"
SET_UP = """mutation($name: String!) {
  productCreate(input: { key: "app", name: $name }) { userErrors { message } }
  billableMetricCreate(input: {
    key: "calls", productId: "app", name: "Calls", unit: $name, eventType: "call", aggregation: COUNT
  }) { userErrors { message } }
  feeCreate(input: { key: "seat", productId: "app", name: $name }) { userErrors { message } }
  seat: priceCreate(input: {
    key: "seat-price", target: { feeId: "seat" }, invoiceDisplayName: $name, currency: "USD"
    paymentTerm: IN_ADVANCE, model: { standard: { unitPrice: "9.00" } }
  }) { userErrors { message } }
  calls: priceCreate(input: {
    key: "call-price", target: { billableMetricId: "calls" }, invoiceDisplayName: $name, currency: "USD"
    paymentTerm: IN_ARREARS, model: { standard: { unitPrice: "0.25" } }
  }) { userErrors { message } }
  planCreate(input: {
    key: "team", productId: "app", name: $name, billingInterval: MONTHLY, currency: "USD"
    priceIds: ["seat-price", "call-price"]
  }) { userErrors { message } }
  ada: customerCreate(input: { name: $name }) { customer { id } }
  bob: customerCreate(input: { name: "Bob" }) { customer { id } }
}"""
SUBSCRIBE = """mutation($id: ID!) {
  subscriptionCreate(input: { customerId: $id, planId: "team", allowConcurrent: true }) {
    invoice { id number } userErrors { message }
  }
}"""
#: The scopes that the page's README names.
BACKEND_KEY = """mutation {
  apiKeyCreate(input: { name: "page", scopes: [CUSTOMERS_READ, BILLING_READ, CATALOG_READ] }) { secret }
}"""
PAY = """mutation($id: ID!) {
  invoiceRecordPayment(input: { invoiceId: $id, amount: "9.00", method: "card" }) { userErrors { message } }
}"""
TEXT = "(document.getElementById('{}')?.innerText ?? '')"
SHOWN = "document.getElementById('shown')?.hidden === false"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_: Any) -> None:
        """Say nothing."""


@dataclass
class Portal:
    """The page, served where it may ask and, by another name, where it may not."""

    server: Server
    backend_key: str
    allowed: str
    other: str
    ada: str
    bob: str
    invoices: list[dict[str, Any]]

    def token(self, customer_id: str) -> str:
        [block] = [block for block in blocks_of(PORTAL / "README.md") if block.language == "graphql"]
        made = self.server.gql(block.text, key=self.backend_key, customerId=customer_id)["customerTokenCreate"]
        assert made["userErrors"] == [], made
        return str(made["secret"])


@pytest.fixture(scope="module")
def portal(scratch: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("portal")
    files = folder / "portal"
    shutil.copytree(PORTAL, files)
    pages = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(files)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    port = pages.server_port
    allowed, database_url = f"http://127.0.0.1:{port}", sqlite.copy_template(scratch, folder / "billgraph.db")
    with serve(database_url, BILLGRAPH_ALLOWED_ORIGINS=allowed) as server:
        page = (files / "index.html").read_text()
        assert "http://127.0.0.1:8000/graphql" in page
        (files / "index.html").write_text(page.replace("http://127.0.0.1:8000", server.base))
        made = server.gql(SET_UP, name=MARKUP)
        ada, bob = (made[name]["customer"]["id"] for name in ("ada", "bob"))
        invoices = [server.gql(SUBSCRIBE, id=who)["subscriptionCreate"]["invoice"] for who in (ada, bob)]
        server.gql(PAY, id=invoices[0]["id"])
        for number in range(3):
            event = {"type": "call", "source": "test", "subject": ada, "data": {}, "idempotencyKey": str(number)}
            assert server.post_event(event).status_code == 202
        key = server.gql(BACKEND_KEY)["apiKeyCreate"]["secret"]
        yield Portal(server, key, allowed, f"http://localhost:{port}", ada, bob, invoices)
    pages.shutdown()
    pages.server_close()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browse(tmp_path / "profile") as page:
        yield page


def texts(page: Page, selector: str) -> list[list[str]]:
    rows: list[list[str]] = page.evaluate(
        f"[...document.querySelectorAll('{selector}')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return rows


def test_a_customer_sees_its_own_usage_and_invoices(portal: Portal, page: Page) -> None:
    page.open(f"{portal.allowed}/#token={portal.token(portal.ada)}")
    page.wait_for(SHOWN)
    assert page.evaluate("location.href") == f"{portal.allowed}/"
    assert page.evaluate("document.getElementById('name').textContent") == MARKUP
    used, *upcoming = texts(page, "#subscriptions tr")
    assert used == [MARKUP, f"3 {MARKUP}", "$0.75"]
    assert sorted(line[-1] for line in upcoming) == ["$0.75", "$9.00", "$9.75"]
    assert upcoming[-1][0] == "Total"
    [invoice] = texts(page, "#invoices tr")
    assert (invoice[0], *invoice[3:]) == (portal.invoices[0]["number"], "PAID", "$9.00", "$0.00")

    link = page.evaluate("document.querySelector('#invoices a').href")
    assert link.startswith(f"{portal.server.base}/")
    read = httpx.get(link, verify=CERTIFICATES)
    assert read.status_code == httpx.codes.OK
    assert portal.invoices[0]["number"] in read.text

    # Names are text, the token is in no storage, and nothing was asked for elsewhere.
    assert page.evaluate("document.title") == "Usage and invoices"
    assert page.evaluate("document.querySelectorAll('main img, main b').length") == 0
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    here = (f"{portal.allowed}/", f"{portal.server.base}/graphql", "data:,")
    assert [url for url in page.requests if not url.startswith(here)] == []
    assert page.complaints == []


def test_a_token_in_the_address_of_the_open_page_is_taken_out_too(portal: Portal, page: Page) -> None:
    page.open(f"{portal.allowed}/#token={portal.token(portal.ada)}")
    page.wait_for(SHOWN)
    page.evaluate(f"void (location.hash = 'token={portal.token(portal.bob)}')")
    page.wait_for(TEXT.format("name") + " === 'Bob'")
    assert page.evaluate("location.href") == f"{portal.allowed}/"


def test_invoices_go_on_page_by_page(portal: Portal, page: Page) -> None:
    for _ in range(11):
        portal.server.gql(SUBSCRIBE, id=portal.bob)
    page.open(f"{portal.allowed}/#token={portal.token(portal.bob)}")
    page.wait_for(SHOWN)
    assert len(texts(page, "#invoices tr")) == 10
    page.click("document.getElementById('more')")
    page.wait_for("document.getElementById('more').hidden")
    numbers = [invoice[0] for invoice in texts(page, "#invoices tr")]
    assert len(set(numbers)) == 12
    assert portal.invoices[0]["number"] not in numbers


def test_a_page_of_another_origin_gets_nothing(portal: Portal, page: Page) -> None:
    page.open(f"{portal.other}/#token={portal.token(portal.ada)}")
    said = page.wait_for(TEXT.format("status") + ".includes('allow') && " + TEXT.format("status"))
    assert portal.other in said
    assert not page.evaluate(SHOWN)
    assert any("CORS" in complaint for complaint in page.complaints)


def test_what_is_no_token_is_said_in_words(portal: Portal, page: Page) -> None:
    page.open(f"{portal.allowed}/")
    page.wait_for("document.readyState === 'complete' && document.getElementById('token') !== null")
    token = portal.token(portal.ada)
    revoke = "mutation($id: ID!) { customerTokenRevoke(input: { customerId: $id }) { revokedCount } }"
    assert portal.server.gql(revoke, id=portal.ada)["customerTokenRevoke"]["revokedCount"] > 0
    for pasted, word in ((token, "not valid"), ("ct_x", "not valid"), (portal.server.key, "API key")):
        page.click("document.getElementById('token')")
        page.type(pasted)
        page.press_enter()
        page.wait_for(TEXT.format("status") + f".includes('{word}')")
        assert not page.evaluate(SHOWN)
        assert page.evaluate("document.getElementById('token').value") == ""

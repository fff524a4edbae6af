"""The page of an invoice: who gets it, with which headers, and that no text of anybody becomes markup."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.api import invoice_page
from app.billing.discounts import DiscountTerms
from app.billing.lifecycle import InvoiceStatus
from app.billing.tax import TaxTerms
from app.ids import new_id
from tests.support.invoicing import ACME, EXAMPLE_INC, FEBRUARY, Charged, fee, invoiced, showcase
from tests.support.printed import Page, Printer, make_printer, style_of
from tests.support.turns import count_turns

HOSTILE = "</title><script>alert(1)</script> \"' onload=x {{ 7 * 7 }} {% raw %} &amp; <!-- \u05d0\u05d1"


@pytest.fixture
async def printer(database_url: str) -> AsyncIterator[Printer]:
    async with make_printer(database_url) as printer:
        yield printer


def assert_guarded(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "private, no-store"
    assert headers["x-robots-tag"] == "noindex"
    digest = base64.b64encode(hashlib.sha256(style_of(Page(answer.text)).encode()).digest()).decode()
    assert dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; ")) == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_the_token_is_all_that_is_needed(printer: Printer) -> None:
    answer = await printer.client.get(printer.path(await showcase(printer.world)))
    assert answer.status_code == 200
    assert_guarded(answer)
    head = await printer.client.head(str(answer.request.url))
    assert (head.status_code, head.headers, head.content) == (200, answer.headers, b"")
    assert (await printer.client.post(str(answer.request.url))).status_code == 405


async def test_the_page_loads_runs_and_sends_nothing(printer: Printer) -> None:
    page = await printer.page(await showcase(printer.world))
    assert {tag for tag, _ in page.elements} & {"script", "link", "img", "form", "iframe", "object", "base"} == set()
    names = {name for _, attributes in page.elements for name in attributes}
    assert names <= {"lang", "charset", "name", "content", "class", "scope", "datetime", "colspan"}
    assert "url(" not in style_of(page)
    assert "@import" not in style_of(page)


async def test_the_page_can_be_read_by_everybody(printer: Printer) -> None:
    page = await printer.page(await showcase(printer.world))
    assert page.elements[0] == ("html", {"lang": "en"})
    assert page.within("title") == ["Invoice INV-000042 \N{EN DASH} Example Inference GmbH"]
    assert page.within("caption") == ["What is charged", "Tax summary", "What is owed"]
    scopes = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
    assert set(scopes) == {"col", "row"}
    assert [tag for tag, _ in page.elements if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2", "h2", *["h3"] * 6]
    assert "table-header-group" in style_of(page)


async def test_what_opens_no_invoice_reads_the_same(printer: Printer) -> None:
    invoice = await showcase(printer.world)
    path = printer.path(invoice)
    merchant, identifier, expires, signature = path.rpartition("/")[2].split(".")
    foreign = f"/invoices/{new_id('org')}.{identifier}.{expires}.{signature}"
    later = f"/invoices/{merchant}.{identifier}.{int(expires) + 86400}.{signature}"
    in_sandbox = invoice.model_copy(update={"environment_id": printer.world.sandbox_id})
    moved = printer.path(in_sandbox).removeprefix("/sandbox")
    altered = [f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}", f"{path}x", f"{path}/", f"{path}%00"]
    shapes = ["", "x", "%2e%2e", "a/b/c", "..%2f..%2fetc%2fpasswd", "%ff%fe", "%F0%9F%92%A9", "x" * 10_000]
    paths = [*altered, *(f"/invoices/{shape}" for shape in shapes), foreign, later, moved, f"/sandbox{path}"]
    answers = [await printer.client.get(one) for one in paths]
    printer.clock.time += timedelta(days=30)
    answers.append(await printer.client.get(path))
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.text, str(answer.headers)) for answer in answers}) == 1
    assert_guarded(answers[0])
    assert "There is no invoice here" in answers[0].text
    printer.clock.time -= timedelta(microseconds=1)
    assert (await printer.client.get(path)).status_code == 200


async def test_an_invoice_of_the_sandbox_is_only_there(printer: Printer) -> None:
    printer.world.environment_id = printer.world.sandbox_id
    path = printer.path(await showcase(printer.world))
    assert path.startswith("/sandbox/invoices/")
    assert (await printer.client.get(path)).status_code == 200
    assert (await printer.client.get(path.removeprefix("/sandbox"))).status_code == 404


async def test_no_text_becomes_markup(printer: Printer) -> None:
    address = dict.fromkeys(("line1", "line2", "city", "postalCode", "region"), HOSTILE) | {"country": "DE"}
    party: dict[str, Any] = {"name": HOSTILE, "address": address, "taxId": HOSTILE}
    since = FEBRUARY.start
    plain = await printer.page(await showcase(printer.world, number="INV-1"))
    page = await printer.page(
        await invoiced(
            printer.world,
            Charged(HOSTILE, fee("49", unit=HOSTILE)),
            discounts=[DiscountTerms("dsc_1", HOSTILE, Decimal("0.1"), None, since, None)],
            tax=TaxTerms(exemption=HOSTILE),
            billed_from=party,
            billed_to={**party, "email": HOSTILE, "locale": "en"},
        )
    )
    assert "<script" not in page.source
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements}
    assert {name for _, given in page.elements for name in given} <= {n for _, given in plain.elements for n in given}
    assert HOSTILE in page.within("h3")
    assert page.within("strong") == [HOSTILE, HOSTILE]
    # Whatever direction a name is written in, it turns nothing around it.
    shown = [path.split() for path, text in page.texts if HOSTILE in text]
    assert [path for path in shown if "bdi" not in path] == [["html", "head", "title"]]


async def test_long_texts_are_shown_whole(printer: Printer) -> None:
    long = "W" * 255
    party = {**ACME, "name": long, "address": {**EXAMPLE_INC["address"], "line1": long}}  # type: ignore[dict-item]
    page = await printer.page(await invoiced(printer.world, Charged(long, fee("1")), billed_to=party))
    assert [text for _, text in page.texts].count(long) == 4
    assert "overflow-wrap: anywhere" in style_of(page)


async def test_a_thousand_lines_are_shown_and_explained(printer: Printer) -> None:
    lines = [Charged(f"Fee {number}", fee("1.005", quantity=str(number))) for number in range(1000)]
    page = await printer.page(await invoiced(printer.world, *lines, tax=TaxTerms(rate=Decimal("0.19"))))
    assert len([1 for tag, _ in page.elements if tag == "article"]) == 1000
    assert page.within("h3")[-3:] == ["Fee 999", "Feb 1\u2009\N{EN DASH}\u200928, 2026", "$1,004.00"]


async def test_many_readers_take_turns(printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_turns(monkeypatch, invoice_page, "_page")
    path = printer.path(await showcase(printer.world))
    answers = await asyncio.gather(*(printer.client.get(path) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(seen) == 12
    assert max(seen) <= invoice_page.PAGES_AT_ONCE


@pytest.mark.parametrize("status", list(InvoiceStatus))
async def test_every_status_has_a_page(printer: Printer, status: InvoiceStatus) -> None:
    page = await printer.page(await showcase(printer.world, status=status))
    words = {"DRAFT": "Draft", "ISSUED": "Issued", "PAID": "Paid", "VOID": "Void", "UNCOLLECTIBLE": "Unpaid"}
    assert ("html body main header p", words[status]) in page.texts
    assert ("body", {"class": status.lower()}) in page.elements


async def test_a_database_that_is_away_is_said_on_a_page(printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
    path = printer.path(await showcase(printer.world))

    def away(*_: object) -> None:
        raise OSError("the database is away, and so is its password")

    monkeypatch.setattr(printer.world.sessions, "snapshot", away)
    answer = await printer.client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "password" not in answer.text
    assert_guarded(answer)


async def test_a_bug_shows_no_detail(printer: Printer) -> None:
    broken = await invoiced(printer.world, Charged("Fee", fee("1")), billed_to={"name": "Acme", "locale": "none"})
    answer = await printer.client.get(printer.path(broken))
    assert answer.status_code == 500
    assert "none" not in Page(answer.text).text
    assert_guarded(answer)

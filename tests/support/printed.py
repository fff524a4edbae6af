"""The pages of invoices in this process, over ASGI, and what a reader finds on one."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx
from starlette.applications import Starlette

from app import models
from app.api.invoice_page import invoice_routes
from app.services.invoice_links import page_path
from tests.support.rows import NOW, FixedClock, World, make_world, opened

EMPTY = {"br", "link", "meta"}


class Page(HTMLParser):
    """A page as a tree is read: texts by where they stand, and proof that every element is closed."""

    def __init__(self, source: str) -> None:
        """Read a page; one whose elements do not nest fails the test."""
        super().__init__()
        self.source = source
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self.open:
            self.texts.append((" ".join(self.open), data.strip()))

    @property
    def text(self) -> str:
        """All that is to be read, with single spaces."""
        return " ".join(" ".join(text.split()) for _, text in self.texts)

    def within(self, tag: str) -> list[str]:
        """The texts below elements of a kind, in order."""
        return [text for path, text in self.texts if tag in path.split()]


@dataclass
class Printer:
    """Fetches pages in the name of nobody."""

    world: World
    clock: FixedClock
    client: httpx.AsyncClient
    environments: dict[str, models.Environment] = field(default_factory=dict)

    def path(self, invoice: models.Invoice, days: int = 30) -> str:
        """Return the path of an invoice's page."""
        return page_path(self.environments[invoice.environment_id], invoice.id, self.clock.now(), days)

    async def page(self, invoice: models.Invoice) -> Page:
        """Return the page of an invoice, which must be there."""
        answer = await self.client.get(self.path(invoice))
        assert answer.status_code == 200, answer.text
        return Page(answer.text)


@asynccontextmanager
async def make_printer(database_url: str) -> AsyncIterator[Printer]:
    """Serve the pages of a database, with a merchant on it."""
    clock = FixedClock(NOW)
    async with opened(database_url, clock) as sessions:
        world = await make_world(sessions)
        async with sessions.read() as session:
            both = [await session.get_one(models.Environment, one) for one in (world.live_id, world.sandbox_id)]
        transport = httpx.ASGITransport(Starlette(routes=invoice_routes(sessions)))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Printer(world, clock, client, {one.id: one for one in both})


def style_of(page: Page) -> str:
    """Return the text of the page's one style sheet."""
    [style] = re.findall(r"<style>(.*?)</style>", page.source, re.DOTALL)
    return str(style)

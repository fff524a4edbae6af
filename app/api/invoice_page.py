"""`/invoices/<token>`: the page of an invoice for whoever has the link (docs/decisions/0012)."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.api.graphql_errors import report_bug
from app.api.invoice_view import view_of
from app.db import Sessions
from app.models import EnvironmentKind
from app.services.invoice_documents import InvoiceDocument, find_document

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("app.api"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = base64.b64encode(hashlib.sha256(_TEMPLATES.get_template("page.css").render().encode()).digest()).decode()
# The page is itself and one style sheet in it: it can load, send, run and be framed by nothing.
_POLICY = {
    "default-src": "'none'",
    "style-src": f"'sha256-{_STYLE}'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_NOT_FOUND = "The link is incomplete or no longer works. Please ask whoever sent it to you for a new one."
_HEADERS = {
    "content-security-policy": "; ".join(f"{kind} {sources}" for kind, sources in _POLICY.items()),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
    "x-robots-tag": "noindex",
}


#: A long page takes seconds, and whoever has its link may ask for it as often as they like.
PAGES_AT_ONCE = 2


def invoice_routes(sessions: Sessions) -> list[Route]:
    """Return the pages of both kinds of environment. Whatever is below their path reads as a token."""
    turns = asyncio.Semaphore(PAGES_AT_ONCE)
    return [
        Route(f"{kind.path_prefix}/invoices/{{token:path}}", _endpoint(sessions, kind, turns), methods=["GET"])
        for kind in EnvironmentKind
    ]


def _endpoint(
    sessions: Sessions, kind: EnvironmentKind, turns: asyncio.Semaphore
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            async with sessions.snapshot() as session:
                token, now = request.path_params["token"], sessions.clock.now()
                document = await find_document(session, kind, token, now)
            if document is None:
                return _message(404, "There is no invoice here", _NOT_FOUND)
            # A long invoice takes a while to explain, and nobody should wait for it: neither the loop nor, where many
            # ask, the reads that need the same threads.
            async with turns:
                return HTMLResponse(await asyncio.to_thread(_page, document), headers=_HEADERS)
        except Exception as error:  # noqa: BLE001 - whatever it was, the reader gets a page and no detail
            return _failed(error)

    return answer


def _page(document: InvoiceDocument) -> str:
    return _TEMPLATES.get_template("invoice.html").render(invoice=view_of(document))


def _message(status: int, title: str, sentence: str) -> Response:
    page = _TEMPLATES.get_template("message.html").render(title=title, sentence=sentence)
    return HTMLResponse(page, status, _HEADERS)


def _failed(error: Exception) -> Response:
    if report_bug(error)["extensions"]["code"] == "UNAVAILABLE":
        response = _message(503, "The invoice can't be shown now", "Please try again in a moment.")
        response.headers["retry-after"] = "1"
        return response
    return _message(500, "The invoice can't be shown", "Something went wrong on our side.")

"""How the REST surface says no: JSON with `error`, `message` and `code`, and `errors` for the fields."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.billing.errors import UserError

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Refusal(Exception):
    """A request that is not served, and what it is told. Nothing was stored."""

    def __init__(
        self, status: int, code: str, message: str, *, errors: Sequence[UserError] = (), headers: Mapping[str, str] = {}
    ) -> None:
        """Take the answer's parts; `error` is the code in lower case."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.headers = headers

    def response(self) -> Response:
        """Return the answer."""
        body: dict[str, Any] = {"error": self.code.lower(), "message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = [{"field": e.field, "message": e.message, "code": e.code} for e in self.errors]
        return json_response(self.status, body, self.headers)


def not_found(_request: Request, _error: Exception) -> Response:
    """Answer for an address at which there is nothing."""
    return Refusal(404, "NOT_FOUND", "There is nothing at this address.").response()


def json_response(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that no cache keeps and no browser guesses about."""
    content = msgspec.json.encode(body)
    return Response(content, status, {**_HEADERS, **(headers or {})}, media_type="application/json")

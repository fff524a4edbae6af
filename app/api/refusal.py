"""How the REST surface says no: JSON with `error`, `message` and `code`, and `errors` for the fields."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api.security_headers import DATA_HEADERS
from app.billing.errors import UserError

#: Numbers that were read with all their digits are answered with these.
encoder = msgspec.json.Encoder(decimal_format="number")
HEADERS = DATA_HEADERS


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

    def body(self) -> dict[str, Any]:
        """Return what the answer says."""
        body: dict[str, Any] = {"error": self.code.lower(), "message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = [{"field": e.field, "message": e.message, "code": e.code} for e in self.errors]
        return body

    def response(self) -> Response:
        """Return the answer."""
        return json_response(self.status, self.body(), self.headers)


async def refuse(_request: Request, error: Exception) -> Response:
    """Answer what the router refuses, like an address that nothing is at, in the same form as all else."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return Refusal(status, status.name, f"{status.description}.", headers=error.headers or {}).response()


async def fail(_request: Request, _error: Exception) -> Response:
    """Answer what nobody expected; it is raised again, and the server logs it."""
    return Refusal(500, "INTERNAL", "Something went wrong on our side.").response()


def json_response(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that no cache keeps and no browser guesses about."""
    content = encoder.encode(body)
    return Response(content, status, {**HEADERS, **(headers or {})}, media_type="application/json")

"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): POST, JSON, one operation, with a key."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import strawberry
from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult

from app import strict_json
from app.api.authentication import authenticate_any
from app.api.bodies import check_length, read_body, require_json
from app.api.graphql_errors import errors_of, is_request_error, rate_limit_of, report_bug
from app.api.refusal import Refusal
from app.api.security_headers import DATA_HEADERS
from app.clock import Clock
from app.context import Context
from app.db import Sessions
from app.models import EnvironmentKind
from app.schema.documents import CHARACTERS_OF_A_POINT
from app.schema.weights import FREE_BYTES, OPERATION
from app.services.cost_budgets import OverBudget, Spending
from app.settings import Profile, Settings

JSON = "application/json"
#: Answers of this type say by their status whether the request was executed; plain JSON says 200 either way.
GRAPHQL_JSON = "application/graphql-response+json"
#: Of a place in a request, so many characters are said.
MAX_PLACE = 200
#: Bytes in which the place is looked for, as that takes twice as long as reading them did.
MAX_SEARCHED = 65_536

_encoder = msgspec.json.Encoder(decimal_format="number")
_HEADERS = DATA_HEADERS


class _RequestAdapter(StarletteRequestAdapter):
    """Strawberry's view of a request, which keeps the request itself: its body is to be read piece by piece."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.starlette = request


class _Prepared(Response):
    """What is known of an answer before there is one: its type, and what it was asked with."""

    context: Context | None = None


class GraphQLView(GraphQL[Context, None]):
    """The schema in one kind of environment."""

    request_adapter_class = _RequestAdapter

    def __init__(
        self, schema: strawberry.Schema, sessions: Sessions, clock: Clock, settings: Settings, kind: EnvironmentKind
    ) -> None:
        """Take what each request needs; without an IDE, uploads, batches or live operations."""
        queries_by_get = settings.profile is Profile.DEVELOPMENT
        super().__init__(schema, graphql_ide=None, allow_queries_via_get=queries_by_get, subscription_protocols=())
        self._sessions, self._clock, self._settings, self._kind = sessions, clock, settings, kind

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request, always in JSON; refuse a websocket before it is accepted."""
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close()
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self.run(request)
        except Refusal as refusal:
            error = {"message": refusal.message, "extensions": {"code": refusal.code}}
            return _errors(request, refusal.status, error, refusal.headers)
        except HTTPException as refused:
            request.state.spending.owe(OPERATION)  # the key was looked at before
            by_method = isinstance(refused.__cause__, InvalidOperationTypeError)
            error = {"message": refused.reason, "extensions": {"code": "BAD_REQUEST"}}
            return _errors(request, 405 if by_method else refused.status_code, error)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets JSON and no detail
            bug = report_bug(error)
            return _errors(request, 503 if bug["extensions"]["code"] == "UNAVAILABLE" else 500, bug)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Check the method, then the key and whether it owes, before anything of the body is read."""
        if request.scope["method"] not in self._methods():
            allowed = ", ".join(self._methods())
            raise Refusal(405, "METHOD_NOT_ALLOWED", f"Use {allowed}.", headers={"allow": allowed})
        principal = await authenticate_any(self._sessions, request.headers, self._kind, self._clock)
        if principal is None:
            message = "A valid API key is needed: Authorization: Bearer sk_…, or a customer token: Bearer ct_…"
            raise Refusal(401, "UNAUTHENTICATED", message, headers={"www-authenticate": "Bearer"})
        context = Context(self._sessions.acting_as(principal.api_key_id), self._clock, principal, self._settings)
        await _refuse_debtor(context.spending)
        request.state.spending = context.spending
        assert isinstance(response, _Prepared)
        response.context = context
        return context

    def _methods(self) -> tuple[str, ...]:
        return ("GET", "POST") if self.allow_queries_via_get else ("POST",)

    def should_render_graphql_ide(self, request: Any) -> bool:  # noqa: ARG002 - the base class calls it so
        """Never: a GET without a query is a mistake here."""
        return False

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Read one operation from the body, or from the address where that is allowed."""
        assert isinstance(request, _RequestAdapter)
        starlette = request.starlette
        if starlette.method == "GET":
            with _paid_for(starlette, len(starlette.url.query)):
                return _operation(_parameters(starlette))
        require_json(starlette.headers)
        check_length(starlette.headers, self._settings.max_graphql_body)
        body = await read_body(starlette.receive, self._settings.max_graphql_body)
        await _refuse_debtor(starlette.state.spending)  # who sends many bodies at once owes for the first meanwhile
        with _paid_for(starlette, len(body)):
            return _operation(_decoded(body))

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Choose the type of the answer before there is one."""
        return _Prepared(media_type=negotiated(request.headers))

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:  # noqa: ARG002 - the base class calls it so
        """Return what is sent of a result, with the errors of bugs masked, and what it cost where it was executed."""
        executed = not is_request_error(result)
        if not executed and (limit := rate_limit_of(result)) is not None:
            headers = {"retry-after": str(limit.retry_after)}
            raise Refusal(429, "RATE_LIMITED", limit.message, headers=headers)
        answer: dict[str, Any] = {"data": result.data} if executed else {}
        if result.errors:
            answer["errors"] = errors_of(result)
        if executed and result.extensions:
            answer["extensions"] = result.extensions
        return answer  # type: ignore[return-value]  # without "data", as the HTTP spec asks of a refused request

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """Return the answer; its status depends on its type."""
        executed = "data" in response_data
        status = 400 if sub_response.media_type == GRAPHQL_JSON and not executed else 200
        body = _encoder.encode(response_data)
        assert isinstance(sub_response, _Prepared)
        assert sub_response.context is not None
        spending = sub_response.context.spending
        if spending.cost is None:
            spending.owe(OPERATION)
        else:
            spending.settle(len(body))
        return Response(body, status, _HEADERS, sub_response.media_type)


def negotiated(headers: Headers) -> str:
    """Return the type of answer that a client prefers; plain JSON where it does not say."""
    best, best_quality = JSON, 0.0
    for part in headers.get("accept", "").split(","):
        name, _, parameters = part.strip().lower().partition(";")
        quality = _quality(parameters)
        if name.strip() in (JSON, GRAPHQL_JSON, "application/*", "*/*") and quality > best_quality:
            best, best_quality = (GRAPHQL_JSON if name.strip() == GRAPHQL_JSON else JSON), quality
    return best


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, number = parameter.strip().partition("=")
        if name == "q":
            return float(number) if number.replace(".", "", 1).isdecimal() and number.isascii() else 0.0
    return 1.0


def _errors(request: Request, status: int, error: dict[str, Any], headers: Any = None) -> Response:
    body = msgspec.json.encode({"errors": [error]})
    again = {"retry-after": "1"} if status == 503 else {}  # noqa: PLR2004 - unavailable, for a while
    return Response(body, status, {**_HEADERS, **again, **(headers or {})}, negotiated(request.headers))


async def _refuse_debtor(spending: Spending) -> None:
    try:
        await spending.pay_debt()
    except OverBudget as owing:
        message = "The key owes for what it asked before, and has nothing left for now."
        raise Refusal(429, "RATE_LIMITED", message, headers={"retry-after": str(owing.retry_after)}) from owing


@contextmanager
def _paid_for(request: Request, size: int) -> Iterator[None]:
    """Have a request of some bytes paid for that is read in the block, and that it is refused there."""
    spending: Spending = request.state.spending
    spending.owe(max(0, size - FREE_BYTES) // CHARACTERS_OF_A_POINT)
    try:
        yield
    except Refusal:
        spending.owe(OPERATION)
        raise


def _decoded(text: bytes, *above: str) -> object:
    """Read JSON that stands below some names."""
    try:
        return strict_json.decode(text)
    except strict_json.MalformedJson as error:
        place = strict_json.find_refused(text) if len(text) <= MAX_SEARCHED else None
        raise _unreadable(error, (*above, *(place or ()))) from error


def _unreadable(error: strict_json.MalformedJson, path: strict_json.Path = ()) -> Refusal:
    return Refusal(400, "BAD_REQUEST", f"The request can't be read: {error}{_place(path)}.")


def _place(path: strict_json.Path) -> str:
    """Return where in a request something is: ` at `, then `$input.lines[0].name` for what is in a variable."""
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
    if path[:1] == ("variables",) and len(path) > 1:
        written = "$" + written.removeprefix("variables.")
    # Names are as long as the client likes.
    return written and f" at `{written if len(written) <= MAX_PLACE else written[:MAX_PLACE] + '…'}`"


def _parameters(request: Request) -> dict[str, object]:
    given: dict[str, object] = dict(request.query_params)
    _check_text("".join(given))
    for name, text in request.query_params.items():
        _check_text(text, name)
        if name in ("variables", "extensions"):
            given[name] = _decoded(text.encode(), name) if text else None
    return given


def _check_text(text: str, *path: str) -> None:
    try:
        strict_json.refuse_bad_text(text)
    except strict_json.MalformedJson as error:
        raise _unreadable(error, path) from error


def _operation(given: object) -> GraphQLRequestData:
    if not isinstance(given, dict):
        raise Refusal(400, "BAD_REQUEST", "The body must be an object with `query`.")
    for name, kind in (("query", str), ("variables", dict), ("operationName", str), ("extensions", dict)):
        if not isinstance(given.get(name), kind | None):
            raise Refusal(400, "BAD_REQUEST", f"`{name}` must be {'a string' if kind is str else 'an object'}.")
    if not given.get("query"):
        raise Refusal(400, "BAD_REQUEST", "`query` is missing.")
    return GraphQLRequestData(
        query=given["query"],
        variables=given.get("variables"),
        operation_name=given.get("operationName") or None,
        extensions=given.get("extensions"),
    )

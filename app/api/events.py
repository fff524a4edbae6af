"""`POST /v0/events`: one event in, 202 out once it is committed. A plain ASGI callable, as this is the busiest path."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.api.authentication import authenticate
from app.api.bodies import read_body, require_json
from app.api.refusal import Refusal, json_response
from app.billing.access import Scope, allows
from app.db import Sessions, database_failed
from app.metering.codec import MAX_EVENT_BYTES, EventInput, InvalidEvent, decode_event
from app.metering.event_log import append
from app.metering.received import ReceivedEvent, identify
from app.models import EnvironmentKind
from app.services.principal import Principal

log = structlog.get_logger()


class EventsEndpoint:
    """Takes in events of one environment kind; the path was decided before."""

    def __init__(self, sessions: Sessions, kind: EnvironmentKind) -> None:
        """Take what each request needs; the time is that of the sessions' clock."""
        self._sessions = sessions
        self._kind = kind

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that hangs up while sending gets, and stores, nothing."""
        with suppress(ClientDisconnect):
            response = await self._answer(scope, receive)
            await response(scope, receive, send)

    async def _answer(self, scope: AsgiScope, receive: Receive) -> Response:
        try:
            return await self._accept(scope, receive)
        except Refusal as refusal:
            return refusal.response()
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets JSON and must not think it stored
            return _failed(error)

    async def _accept(self, scope: AsgiScope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            raise Refusal(405, "METHOD_NOT_ALLOWED", "Events are sent with POST.", headers={"allow": "POST"})
        headers = Headers(scope=scope)
        principal = await self._authorize(headers)
        require_json(headers)
        event = _decode(await read_body(receive, headers, MAX_EVENT_BYTES))
        if event.namespace is not None and event.namespace != principal.merchant_id:
            raise Refusal(403, "FOREIGN_NAMESPACE", "The namespace is not the one of this key.")
        received = identify(principal.environment_id, event, self._sessions.clock.now())
        # The block's end commits; whatever goes wrong there leaves as an exception, never as a 202.
        async with self._sessions.begin() as session:
            await append(session, [received], received.received_at)
        return json_response(202, _acknowledgement(principal, received))

    async def _authorize(self, headers: Headers) -> Principal:
        principal = await authenticate(self._sessions, headers, self._kind, self._sessions.clock)
        if principal is None:
            message = "Send a valid API key as Authorization: Bearer sk_..."
            raise Refusal(401, "UNAUTHORIZED", message, headers={"www-authenticate": "Bearer"})
        if not allows(principal.scopes, Scope.EVENTS_CREATE):
            raise Refusal(403, "FORBIDDEN", f"The key lacks the scope {Scope.EVENTS_CREATE}.")
        return principal


def _decode(body: bytes) -> EventInput:
    try:
        return decode_event(body)
    except InvalidEvent as invalid:
        if invalid.errors[0].field is None:
            raise Refusal(400, "MALFORMED_JSON", invalid.errors[0].message) from invalid
        message = "The event has invalid fields."
        raise Refusal(400, "VALIDATION_ERROR", message, errors=invalid.errors) from invalid


def _acknowledgement(principal: Principal, event: ReceivedEvent) -> dict[str, Any]:
    echo = {
        "id": event.id,
        "object": "event",
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "externalSubject": event.external_subject,
        "namespace": principal.merchant_id,
        "timestamp": _with_z(event.timestamp or event.received_at),
        "idempotencyKey": event.idempotency_key,
        "externalId": event.external_id,
    }
    return {name: value for name, value in echo.items() if value is not None}


def _with_z(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _failed(error: Exception) -> Response:
    """Answer for a database that is away with 503, for a bug with 500; the log has what the answer does not say."""
    if database_failed(error):
        # The statement's parameters stay out of the log: they are a customer's data.
        log.error("event_not_stored", error=type(error).__name__, reason=str(getattr(error, "orig", error)))
        message = "The event could not be stored. Send it again."
        return Refusal(503, "UNAVAILABLE", message, headers={"retry-after": "1"}).response()
    log.error("event_failed", exc_info=error)
    return Refusal(500, "INTERNAL", "Something went wrong on our side. The event was not stored.").response()

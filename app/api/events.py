"""`POST /v0/events` and `POST /v0/events/batch`: 202 once what came is on disk. Plain ASGI, as no path is busier."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.api.at_once import Answer, Header
from app.api.bodies import check_length, read_body, require_json
from app.api.known_keys import KnownKeys, unauthorized
from app.api.refusal import HEADERS, Refusal
from app.db import database_failed
from app.metering.batches import InvalidBatch
from app.metering.codec import MAX_EVENT_BYTES, InvalidEvent
from app.metering.group_commit import KeyRevoked, Tell
from app.metering.intake import Intake, NotTaken, Read
from app.metering.received import ReceivedEvent
from app.models import EnvironmentKind
from app.services.principal import Principal

log = structlog.get_logger()
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
NDJSON: Final = "application/x-ndjson"
_encoder: Final = msgspec.json.Encoder()
_ACCEPTED: Final = [
    (b"content-type", b"application/json"),
    *((name.encode(), value.encode()) for name, value in HEADERS.items()),
]


class Acknowledgement(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """The answer to an event: what was sent, with what the server made of it."""

    id: str
    object: str
    type: str
    source: str
    subject: str | None = None
    externalSubject: str | None = None  # noqa: N815 - the contract's name
    namespace: str
    timestamp: datetime
    idempotencyKey: str  # noqa: N815 - the contract's name
    externalId: str | None = None  # noqa: N815 - the contract's name


class Accepted(msgspec.Struct, gc=False):
    """What the answer to a batch says of an event that was stored."""

    status: int
    id: str
    idempotencyKey: str  # noqa: N815 - the contract's name


class EventsEndpoint:
    """Takes in events of one environment kind; the path was decided before."""

    # How single events are taken at once (`at_once.AtOnce`).
    method = b"POST"
    most_bytes = MAX_EVENT_BYTES
    status = 202
    headers: Sequence[Header] = _ACCEPTED

    def __init__(self, intake: Intake, kind: EnvironmentKind, *, batches: bool = False) -> None:
        """Take where events go, and whether requests hold one event or many."""
        self._intake = intake
        self._clock = intake.sessions.clock
        self._keys = KnownKeys(intake.sessions, kind)
        self.takes_batches = batches

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that hangs up while sending gets, and stores, nothing."""
        try:
            answer = await self._accept(scope, receive)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets JSON and must not think it stored
            await self._refuse(error, scope, receive, send)
            return
        headers = [*_ACCEPTED, (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def recognise(self, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Return whose event it is, where it is plain JSON with a key that was seen in the last minute."""
        if headers.get(b"content-type") != b"application/json" or b"content-encoding" in headers:
            return None
        return self._keys.recall(headers.get(b"authorization", b""), self._clock.now())

    def take(self, sender: Principal, body: bytes, answer: Callable[[Answer], None]) -> bool:
        """Take an event, which is answered once it is on disk. What is none is not taken."""
        try:
            event = self._intake.read(sender, body, self._clock.now())
        except Exception:  # noqa: BLE001 - whatever it is, the usual way meets it again, and says it
            return False
        tell = partial(self._tell, sender, event, answer)
        try:
            if self._intake.is_look_due():
                stored = asyncio.ensure_future(self._intake.store(sender, [event], len(body)))
                stored.add_done_callback(partial(_pass_on, tell))
            else:
                self._intake.put(sender, [event], len(body), tell)
        except Exception as error:  # noqa: BLE001 - not to be tried twice, as the key may have paid for it
            asyncio.get_running_loop().call_soon(tell, error)
        return True

    def _tell(
        self,
        sender: Principal,
        event: ReceivedEvent,
        answer: Callable[[Answer], None],
        error: BaseException | None,
    ) -> None:
        answered: Answer = b""
        if error is None:
            try:
                answered = _acknowledge(sender, event)
            except Exception as failure:  # noqa: BLE001 - whoever waits is told, whatever it was
                error = failure
        answer(answered if error is None else partial(self._refuse_known, error))

    async def _refuse_known(self, error: BaseException, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Say why an event was not stored. Whoever has lost the key meanwhile is told that, and nothing else."""
        try:
            if isinstance(error, (KeyRevoked, NotTaken)):
                await self._keys.look_up(Headers(scope=scope))
        except Exception as refused:  # noqa: BLE001 - it is the answer
            error = refused
        await self._refuse(error, scope, receive, send)

    async def _refuse(self, error: BaseException, scope: AsgiScope, receive: Receive, send: Send) -> None:
        response = _answer_to(error)
        self._intake.refused_counts[response.status_code] += 1
        await response(scope, receive, send)

    async def _accept(self, scope: AsgiScope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise Refusal(405, "METHOD_NOT_ALLOWED", "Events are sent with POST.", headers={"allow": "POST"})
        headers = Headers(scope=scope)
        principal = await self._keys.look_up(headers)
        if self.takes_batches:
            return await self._take_batch(principal, headers, receive)
        require_json(headers)
        check_length(headers, MAX_EVENT_BYTES)
        body = await read_body(receive, MAX_EVENT_BYTES)
        event = self._intake.read(principal, body, self._clock.now())
        await self._intake.store(principal, [event], len(body))
        return _acknowledge(principal, event)

    async def _take_batch(self, principal: Principal, headers: Headers, receive: Receive) -> bytes:
        media_type = require_json(headers, NDJSON)
        check_length(headers, MAX_BATCH_BYTES)
        body = await read_body(receive, MAX_BATCH_BYTES)
        results = self._intake.read_batch(principal, body, self._clock.now(), is_lines=media_type == NDJSON)
        good = [result for result in results if isinstance(result, ReceivedEvent)]
        if good:
            await self._intake.store(principal, good, len(body))
        return _encoder.encode({"object": "batch", "results": [_result(result) for result in results]})


def _pass_on(tell: Tell, stored: "asyncio.Future[None]") -> None:
    try:
        stored.result()
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whoever waits is told, whatever it was
        tell(error)
    else:
        tell(None)


def _acknowledge(principal: Principal, event: ReceivedEvent) -> bytes:
    acknowledgement = Acknowledgement(
        id=event.id,
        object="event",
        type=event.type,
        source=event.source,
        subject=event.subject,
        externalSubject=event.external_subject,
        namespace=principal.merchant_id,
        timestamp=event.timestamp or event.received_at,
        idempotencyKey=event.idempotency_key,
        externalId=event.external_id,
    )
    return _encoder.encode(acknowledgement)


def _result(read: Read) -> Accepted | dict[str, Any]:
    if isinstance(read, ReceivedEvent):
        return Accepted(202, read.id, read.idempotency_key)
    refusal = _refusal(read)
    return {"status": refusal.status, **refusal.body()}


def _refusal(refused: InvalidEvent | NotTaken) -> Refusal:
    """Return what is answered for an event that is not taken."""
    if isinstance(refused, NotTaken):
        headers = {} if refused.retry_after is None else {"retry-after": str(refused.retry_after)}
        return Refusal(refused.status, refused.code, str(refused), headers=headers)
    if refused.errors[0].field is None:
        return Refusal(400, "MALFORMED_JSON", refused.errors[0].message)
    return Refusal(400, "VALIDATION_ERROR", "The event has invalid fields.", errors=refused.errors)


def _answer_to(error: BaseException) -> Response:
    """Return what is answered where nothing of a request was stored."""
    match error:
        case Refusal():
            return error.response()
        case KeyRevoked():
            return unauthorized().response()
        case InvalidBatch():
            return Refusal(400, error.code, str(error)).response()
        case InvalidEvent() | NotTaken():
            return _refusal(error).response()
        case _:
            return _failed(error)


def _failed(error: BaseException) -> Response:
    """Answer for a database that is away with 503, for a bug with 500; the log has what the answer does not say."""
    if database_failed(error):
        # The statement's parameters stay out of the log: they are a customer's data.
        log.error("event_not_stored", error=type(error).__name__, reason=str(getattr(error, "orig", error)))
        message = "The event could not be stored. Send it again."
        return Refusal(503, "UNAVAILABLE", message, headers={"retry-after": "1"}).response()
    log.error("event_failed", exc_info=error)
    return Refusal(500, "INTERNAL", "Something went wrong on our side. The event was not stored.").response()

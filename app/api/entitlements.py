"""`GET /v0/entitlements/check` and `POST /v0/entitlements/consume`: the gate in front of a product."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
import strawberry
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.authentication import authenticate
from app.api.bodies import check_length, read_body, require_json
from app.api.known_keys import unauthorized
from app.api.refusal import Refusal, json_response
from app.billing.access import Scope, allows
from app.billing.decimals import parse_decimal, plain
from app.billing.errors import ErrorCode, Problems, Refused, UserError
from app.context import Context
from app.db import Sessions, database_failed
from app.models import EnvironmentKind
from app.schema.feature_access import EntitlementConsumeInput, consume_once
from app.schema.mutation import Call
from app.services.principal import Principal
from app.services.standings import Standing, access_now, next_use
from app.settings import Settings
from app.strict_json import decode

log = structlog.get_logger()
MAX_BODY_BYTES: Final = 64 * 1024
OPERATION: Final = "entitlementConsume"
#: What an answer's status says of a refusal; 400 for all else.
_STATUSES: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.NOT_ENTITLED: 409,
    ErrorCode.BALANCE_EXCEEDED: 409,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 409,
}
T = TypeVar("T")


@dataclass(frozen=True)
class Checked:
    """What is answered to a check: at `now`, or whenever; until when it is so, if nothing is written meanwhile."""

    shown: dict[str, Any]
    now: datetime | None
    until: datetime | None


class EntitlementsEndpoint:
    """Answers for one environment kind; the rules are those of `hasAccess` and `entitlementConsume`."""

    def __init__(self, sessions: Sessions, settings: Settings, kind: EnvironmentKind) -> None:
        """Read and write with these sessions."""
        self._sessions, self._settings, self._kind = sessions, settings, kind

    async def check(self, request: Request) -> Checked | Response:
        """Say whether a customer may use a feature, and how much is left; a response where that can't be said."""
        return await self._answered(request, Scope.ENTITLEMENTS_READ, self._check)

    async def consume(self, request: Request) -> Response:
        """Use units of a metered feature."""
        done = await self._answered(request, Scope.ENTITLEMENTS_WRITE, self._consume)
        return done if isinstance(done, Response) else json_response(200, done)

    async def _answered(
        self, request: Request, scope: Scope, answer: Callable[[Request, Principal], Awaitable[T]]
    ) -> T | Response:
        """Answer a request of who may ask, in JSON whatever goes wrong."""
        try:
            return await answer(request, await self._caller(request, scope))
        except Refusal as refusal:
            return refusal.response()
        except Refused as refused:
            return _refusal(refused.errors).response()
        except ClientDisconnect:  # nobody hears it
            return Refusal(400, "BAD_REQUEST", "The request did not come in.").response()
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets JSON and no detail
            return _failed(error)

    async def _caller(self, request: Request, scope: Scope) -> Principal:
        principal = await authenticate(self._sessions, request.headers, self._kind, self._sessions.clock)
        if principal is None:
            raise unauthorized()
        if not allows(principal.scopes, scope):
            raise Refusal(403, "FORBIDDEN", f"The key lacks the scope {scope}.")
        return principal

    async def _check(self, request: Request, principal: Principal) -> Checked:
        asked, problems = request.query_params, Problems()
        feature = asked.get("featureKey", "")
        if not feature:
            problems.add(ErrorCode.BLANK, "featureKey", "Name a feature by its key.")
        for name in ("featureKey", "customerId", "externalId"):
            if "\0" in asked.get(name, ""):  # which only one of the databases takes
                problems.add(ErrorCode.INVALID, name, "Must not hold a NUL character.")
        at = _instant(asked.get("at"), problems)
        problems.raise_if_any()
        customer = (asked.get("customerId"), asked.get("externalId"))
        now = self._sessions.clock.now()
        async with self._sessions.read() as session:
            standing = await access_now(session, problems, principal.environment_id, customer, feature, at, now)
            used_at = await next_use(session, principal.environment_id, standing)
        shown = {"object": "entitlement_check", **_shown(standing)}
        if standing.asked.at != now:  # said, or of a test clock, which moves by being written
            return Checked(shown, None, principal.expires_at)
        instants = (standing.changes_at, used_at, principal.expires_at)
        return Checked(shown, now, min((one for one in instants if one is not None), default=None))

    async def _consume(self, request: Request, principal: Principal) -> dict[str, Any]:
        require_json(request.headers)
        check_length(request.headers, MAX_BODY_BYTES)
        asked = _asked(await read_body(request.receive, MAX_BODY_BYTES))
        sessions = self._sessions.acting_as(principal.api_key_id)
        context = Context(sessions, sessions.clock, principal, self._settings)
        done = await consume_once(Call(context, OPERATION), asked)
        return {
            "object": "entitlement_consumption",
            "eventIds": done["event_ids"],
            "replayed": done["replayed"],
            **_shown(done["access"]),
        }


def entitlement_routes(sessions: Sessions, settings: Settings) -> list[Route]:
    """Return the addresses of both kinds of environment at which units are used."""
    routes = []
    for kind in EnvironmentKind:
        endpoint, path = EntitlementsEndpoint(sessions, settings, kind), f"{kind.path_prefix}/v0/entitlements"
        routes.append(Route(f"{path}/consume", endpoint.consume, methods=["POST"]))
    return routes


def _shown(standing: Standing) -> dict[str, Any]:
    """Return how a customer stands with a feature as it is answered. What does not apply is null."""
    period = standing.period
    return {
        "customerId": standing.asked.customer_id,
        "featureKey": standing.feature.key,
        "at": written(standing.asked.at),
        "access": standing.access,
        "staticValue": standing.static_value,
        "balance": _decimal(standing.balance),
        "usage": _decimal(standing.usage),
        "overage": _decimal(standing.overage),
        "period": None if period is None else {"start": written(period.start), "end": written(period.end)},
    }


def _asked(body: bytes) -> EntitlementConsumeInput:
    """Return what a body asks for. Refused with all that is wrong with it."""
    try:
        given = decode(body)
    except ValueError as error:
        raise Refusal(400, "MALFORMED_JSON", f"The body can't be read as JSON: {error}.") from error
    if not isinstance(given, dict):
        raise Refusal(400, "MALFORMED_JSON", "The body must be a JSON object.")
    problems = Problems()
    texts = {
        name: _text(given, name, problems) for name in ("customerId", "externalId", "featureKey", "idempotencyKey")
    }
    amount = _amount(given.get("amount"), problems)
    if texts["featureKey"] is None:
        problems.add(ErrorCode.BLANK, "featureKey", "Name a feature by its key.")
    problems.raise_if_any()
    return EntitlementConsumeInput(
        customer_id=texts["customerId"],
        external_id=texts["externalId"],
        feature_key=strawberry.ID(texts["featureKey"] or ""),
        amount=amount,
        data=given.get("data"),
        idempotency_key=texts["idempotencyKey"],
    )


def _text(given: Mapping[str, Any], name: str, problems: Problems) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        problems.add(ErrorCode.INVALID, name, "Must be a text.")
    return value


def _amount(value: object, problems: Problems) -> Decimal:
    """Return a number, or a text of one, every digit kept."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    try:
        return parse_decimal(str(value) if isinstance(value, str) else "")
    except ValueError:
        problems.add(ErrorCode.INVALID, "amount", "Must be a decimal number.")
        return Decimal(0)


def _instant(text: str | None, problems: Problems) -> datetime | None:
    if text is None:
        return None
    try:
        read = msgspec.convert(text.replace(" ", "+"), datetime)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        problems.add(ErrorCode.INVALID, "at", "Must be an instant like 2026-08-01T00:00:00Z.")
        return None


def written(instant: datetime) -> str:
    """Return an instant as it is answered."""
    return instant.isoformat().replace("+00:00", "Z")


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _refusal(errors: tuple[UserError, ...]) -> Refusal:
    first = errors[0]
    status = _STATUSES.get(first.code, 400)
    code = first.code if status != 400 else "VALIDATION_ERROR"  # noqa: PLR2004 - the status of all other refusals
    return Refusal(status, code, first.message, errors=errors)


def _failed(error: Exception) -> Response:
    if database_failed(error):
        log.error("entitlements_unavailable", error=type(error).__name__)
        return Refusal(503, "UNAVAILABLE", "Ask again.", headers={"retry-after": "1"}).response()
    log.error("entitlements_failed", exc_info=error)
    return Refusal(500, "INTERNAL", "Something went wrong on our side. Nothing was used.").response()

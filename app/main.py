"""Puts the application together: the only place that wires."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access_check import AccessCheck
from app.api.at_once import AtOnce
from app.api.cross_origin import across_origins
from app.api.entitlements import EntitlementsEndpoint, entitlement_routes
from app.api.events import EventsEndpoint
from app.api.graphql_view import GraphQLView
from app.api.health import health_routes
from app.api.ide import ide_routes
from app.api.invoice_page import invoice_routes
from app.api.metrics import metrics_routes
from app.api.refusal import fail, refuse
from app.api.security_headers import SecurityHeaders
from app.clock import Clock, SystemClock
from app.collector import spare_collector
from app.db import Sessions, open_engine
from app.graphql import schema
from app.logs import configure_logs
from app.metering.intake import intake_of
from app.models import EnvironmentKind
from app.services.audit import start_recording
from app.settings import Settings
from app.worker.counting import count_forever
from app.worker.loop import work_forever


class Application:
    """The ASGI application. What is asked most is answered in front of the router, whose cost it would feel.

    What comes to a target of `at_once` may be answered by that without a task, by a server that knows how.
    """

    def __init__(self, router: Starlette, quick: dict[str, ASGIApp], at_once: dict[bytes, AtOnce]) -> None:
        self.router = router
        self.quick = quick
        self.at_once = at_once
        self._rest = SecurityHeaders(router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Nothing here speaks by websocket, so one is refused wherever it goes, before any check."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        target = self.quick.get(scope.get("path", ""), self._rest) if scope["type"] == "http" else self.router
        await target(scope, receive, send)


def create_app(settings: Settings, clock: Clock | None = None) -> Application:
    """Return the application for some settings; its lifespan runs the billing worker and closes the database."""
    start_recording()
    sessions = Sessions(
        open_engine(settings.database_url, settings.database_connections, settings.database_wait_seconds),
        clock or SystemClock(),
    )
    intake = intake_of(sessions, settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        tasks = []
        if settings.background_work:
            tasks.append(asyncio.create_task(count_forever(sessions)))
            tasks.append(asyncio.create_task(work_forever(sessions, settings.worker_interval)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await intake.commits.close()
        await sessions.engine.dispose()

    views = []
    for kind in EnvironmentKind:
        view = GraphQLView(schema, sessions, sessions.clock, settings, kind)
        views.append(Route(f"{kind.path_prefix}/graphql", across_origins(view, settings)))
    quick: dict[str, ASGIApp] = {}
    at_once: dict[bytes, AtOnce] = {}
    for kind in EnvironmentKind:
        path, events = f"{kind.path_prefix}/v0/events", EventsEndpoint(intake, kind)
        quick[path] = at_once[path.encode()] = events
        quick[f"{path}/batch"] = EventsEndpoint(intake, kind, batches=True)
        checking = EntitlementsEndpoint(sessions, settings, kind)
        quick[f"{kind.path_prefix}/v0/entitlements/check"] = AccessCheck(sessions, checking)
    watching = (*health_routes(intake), *metrics_routes(intake))
    entitlements = entitlement_routes(sessions, settings)
    routes = [*views, *entitlements, *invoice_routes(sessions), *watching, *ide_routes(settings.profile)]
    router = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: refuse, Exception: fail})
    # A redirect would name the host that the request claims to be for, and take its body along.
    router.router.redirect_slashes = False
    return Application(router, quick, at_once)


def app_from_environment() -> Application:
    """Return the application as the environment's settings describe it, for a server that starts several processes."""
    configure_logs()
    app = create_app(Settings())
    spare_collector()
    return app

"""Whether the process lives and whether it can serve, for whoever starts and stops it."""

import asyncio

import structlog
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.refusal import json_response
from app.db import Sessions, database_failed

log = structlog.get_logger()
READY_WITHIN_SECONDS = 2


def health_routes(sessions: Sessions) -> list[Route]:
    """Return `/healthz` (the process answers) and `/readyz` (the database answers too, or 503)."""

    async def live(_request: Request) -> Response:
        return json_response(200, {"status": "ok"})

    async def ready(_request: Request) -> Response:
        try:
            async with asyncio.timeout(READY_WITHIN_SECONDS), sessions.read() as session:
                await session.execute(select(1))
        except Exception as error:
            if not database_failed(error):
                raise
            log.warning("database_away", error=type(error).__name__)
            return json_response(503, {"status": "unavailable"}, {"retry-after": "1"})
        return json_response(200, {"status": "ok"})

    return [Route("/healthz", live), Route("/readyz", ready)]

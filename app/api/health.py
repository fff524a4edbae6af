"""Whether the process lives and whether it can serve, for whoever starts and stops it."""

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.refusal import json_response
from app.db import database_failed
from app.metering.intake import Intake

log = structlog.get_logger()
READY_WITHIN_SECONDS = 2


def health_routes(intake: Intake) -> list[Route]:
    """Return `/healthz` (the process answers) and `/readyz`: the database answers too, and counting is not too far
    behind; else 503.
    """

    async def live(_request: Request) -> Response:
        return json_response(200, {"status": "ok"})

    async def ready(_request: Request) -> Response:
        try:
            async with asyncio.timeout(READY_WITHIN_SECONDS):
                lag = await intake.lag()
        except Exception as error:  # what does not come from the database being away is raised
            if not database_failed(error):
                raise
            log.warning("database_away", error=type(error).__name__)
            return json_response(503, {"status": "unavailable"}, {"retry-after": "1"})
        is_behind = lag > intake.most_lag
        status = {"status": "behind" if is_behind else "ok", "drainLagSeconds": round(lag, 3)}
        return json_response(503, status, {"retry-after": "5"}) if is_behind else json_response(200, status)

    return [Route("/healthz", live), Route("/readyz", ready)]

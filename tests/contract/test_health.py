"""What a supervisor and a load balancer ask."""

from datetime import timedelta
from pathlib import Path

import httpx
from starlette.applications import Starlette

from app.api.events import EventsEndpoint
from app.api.health import health_routes
from app.api.metrics import metrics_routes
from app.db import Sessions
from app.due import Due, DueKind, schedule
from app.metering.intake import Intake, intake_of
from app.models import DueWork, EnvironmentKind
from app.services.due_registry import next_in_real_time
from app.settings import Settings
from tests.support import sqlite
from tests.support.events_api import EVENT, Api
from tests.support.events_api import client_of as events_client
from tests.support.rows import FixedClock, make_world, opened


def client_of(sessions: Sessions) -> httpx.AsyncClient:
    intake = intake_of(sessions, Settings())
    transport = httpx.ASGITransport(Starlette(routes=[*health_routes(intake), *metrics_routes(intake)]))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_a_process_with_its_database_is_ready(database_url: str) -> None:
    async with opened(database_url) as sessions, client_of(sessions) as client:
        answers = [await client.get(path) for path in ("/healthz", "/readyz")]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.json() for answer in answers] == [{"status": "ok"}, {"status": "ok", "drainLagSeconds": 0.0}]


async def test_a_process_far_behind_with_counting_is_not_ready_and_takes_no_events(database_url: str) -> None:
    clock = FixedClock()
    async with opened(database_url, clock) as sessions, client_of(sessions) as client:
        world, intake = await make_world(sessions), Intake(sessions, Settings())
        async with events_client(EventsEndpoint(intake, EnvironmentKind.LIVE)) as events:
            api = Api(world, clock, events, await world.api_key())
            assert (await api.post(EVENT)).status_code == 202
            clock.time += timedelta(seconds=61)
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
            assert ready.json() == {"status": "behind", "drainLagSeconds": 61.0}
            await intake.lag()
            refused = await api.post(EVENT | {"idempotencyKey": "k-2"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert await api.stored() == 1
            await intake.lag()
            assert (await client.get("/readyz")).json() == {"status": "ok", "drainLagSeconds": 0.0}
            assert (await api.post(EVENT | {"idempotencyKey": "k-2"})).status_code == 202


async def test_metrics_say_how_it_goes_and_nothing_of_a_merchant(database_url: str) -> None:
    clock = FixedClock()
    async with opened(database_url, clock) as sessions, client_of(sessions) as client:
        world = await make_world(sessions)
        endpoint = EventsEndpoint(intake_of(sessions, Settings()), EnvironmentKind.LIVE)
        async with events_client(endpoint) as events:
            api = Api(world, clock, events, await world.api_key())
            assert (await api.post(EVENT)).status_code == 202
            assert (await api.post(EVENT, authorization="Bearer sk_wrong")).status_code == 401
        batches = EventsEndpoint(intake_of(sessions, Settings()), EnvironmentKind.LIVE, batches=True)
        async with events_client(batches) as events:
            api.client = events
            assert (await api.post([EVENT, {}])).status_code == 202
            clock.time += timedelta(seconds=7)
        shown = (await client.get("/metrics")).text
    assert "billgraph_events_accepted_total 2.0\n" in shown
    assert 'billgraph_event_requests_refused_total{status="401"} 1.0\n' in shown
    assert "billgraph_events_refused_total 1.0\n" in shown
    assert "billgraph_events_set_aside 0.0\n" in shown
    assert "billgraph_inbox_events 2.0\n" in shown
    assert "billgraph_drain_lag_seconds 7.0\n" in shown
    assert "billgraph_due_items 0.0\n" in shown
    assert "billgraph_due_lag_seconds 0.0\n" in shown
    assert 'billgraph_due_items_parked{kind="invoice_close"} 0.0\n' in shown
    assert world.merchant_id not in shown


async def test_metrics_say_what_is_due_and_what_failed(database_url: str) -> None:
    clock = FixedClock()
    async with opened(database_url, clock) as sessions, client_of(sessions) as client:
        world, now = await make_world(sessions), clock.now()
        async with sessions.begin() as session:
            kinds = (DueKind.SUBSCRIPTION_BOUNDARY, DueKind.SUBSCRIPTION_BOUNDARY, DueKind.INVOICE_CLOSE)
            due = [Due(kind, str(place), now + timedelta(seconds=place), None) for place, kind in enumerate(kinds)]
            await schedule(session, world.live_id, due, now)
        async with sessions.begin() as session:
            for item in await next_in_real_time(session, now, 1):
                row = await session.get_one(DueWork, (item.environment_id, item.id))
                row.parked_at, row.parked_because = now, "broken"
        clock.time += timedelta(seconds=1.5)
        shown = (await client.get("/metrics")).text
    assert "billgraph_due_items 1.0\n" in shown
    assert "billgraph_due_lag_seconds 0.5\n" in shown
    assert 'billgraph_due_items_parked{kind="subscription_boundary"} 1.0\n' in shown


async def test_a_process_without_its_database_lives_and_is_not_ready(tmp_path: Path) -> None:
    for url in (f"sqlite+aiosqlite:///{tmp_path}/none/none.db", f"postgresql+asyncpg://x@/x?host={tmp_path}"):
        async with opened(url) as sessions, client_of(sessions) as client:
            assert (await client.get("/healthz")).status_code == 200
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
            assert (await client.get("/metrics")).status_code == 503
    sqlite.join_failed_connections()

"""`/metrics` for Prometheus: how taking in and counting events goes, and what falls due. No merchant's figures."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.refusal import HEADERS, json_response
from app.db import Sessions, database_failed
from app.due import DueKind
from app.metering.drain import counted_events
from app.metering.event_log import is_waiting
from app.metering.intake import Intake
from app.models import DueWork, EventInbox, UsageJob, UsageJobState, table_of


def metrics_routes(intake: Intake) -> list[Route]:
    """Return `/metrics`: of this process what it counted itself, of the database what waits in it; 503 without it."""

    async def metrics(_request: Request) -> Response:
        try:
            waiting = [*await _waiting(intake), *await _due(intake.sessions)]
        except Exception as error:  # what does not come from the database being away is raised
            if not database_failed(error):
                raise
            return json_response(503, {"status": "unavailable"}, {"retry-after": "1"})
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Now([*_of_process(intake), *waiting]))
        return Response(generate_latest(registry), headers={**HEADERS, "content-type": CONTENT_TYPE_LATEST})

    return [Route("/metrics", metrics)]


class _Now(Collector):
    """Metrics as they are at this moment."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._metrics


def _of_process(intake: Intake) -> Iterable[Metric]:
    accepted = "Events that this process wrote to disk and acknowledged."
    yield CounterMetricFamily("billgraph_events_accepted", accepted, intake.commits.stored_count)
    refused = CounterMetricFamily(
        "billgraph_event_requests_refused", "Requests with events that this process refused.", labels=["status"]
    )
    for status, count in sorted(intake.refused_counts.items()):
        refused.add_metric([str(status)], count)
    yield refused
    refused_events = "Events of batches that this process refused, each for itself."
    yield CounterMetricFamily("billgraph_events_refused", refused_events, intake.refused_count)
    commits = "Transactions in which this process wrote acknowledged events."
    yield CounterMetricFamily("billgraph_group_commits", commits, intake.commits.commit_count)
    counted = "Events that this process counted, repeats included."
    yield CounterMetricFamily("billgraph_events_counted", counted, counted_events.get(intake.sessions.engine, 0))


async def _waiting(intake: Intake) -> list[Metric]:
    """Read what waits in the database, whichever process will count it."""
    inbox, jobs = table_of(EventInbox).c, table_of(UsageJob).c
    sums: Any = select(func.count().label("entries"), func.sum(inbox.event_count).label("events"))
    [waiting] = await intake.sessions.rows(sums.where(is_waiting()), {})
    aside: Any = select(func.count()).where(~is_waiting())
    [[set_aside]] = await intake.sessions.rows(aside, {})
    undone = select(jobs.state, func.count()).where(jobs.state != UsageJobState.DONE).group_by(jobs.state)
    listed: dict[Any, int] = dict(tuple(row) for row in await intake.sessions.rows(undone, {}))
    catching_up = GaugeMetricFamily(
        "billgraph_usage_jobs", "Jobs that count stored events for something new, and are not done.", labels=["state"]
    )
    for state in UsageJobState:
        if state is not UsageJobState.DONE:
            catching_up.add_metric([state.value.lower()], listed.get(state, 0))
    return [
        GaugeMetricFamily("billgraph_inbox_entries", "Entries of the log that wait to be counted.", waiting.entries),
        GaugeMetricFamily("billgraph_inbox_events", "Events that wait to be counted.", waiting.events or 0),
        GaugeMetricFamily("billgraph_drain_lag_seconds", "How long the oldest of them has waited.", await intake.lag()),
        GaugeMetricFamily("billgraph_events_set_aside", "Events that could not be counted.", set_aside),
        catching_up,
    ]


async def _due(sessions: Sessions) -> list[Metric]:
    """Read what falls due in real time and is not done yet, and what could not be done on any clock."""
    due, now = table_of(DueWork).c, sessions.clock.now()
    waits: Any = (due.test_clock_id.is_(None), due.due_at <= now, due.parked_at.is_(None))
    sums: Any = select(func.count().label("items"), func.min(due.due_at).label("oldest"))
    [row] = await sessions.rows(sums.where(*waits), {})
    lag = 0.0 if row.oldest is None else (now - row.oldest).total_seconds()
    failed = select(due.kind, func.count()).where(due.parked_at.is_not(None)).group_by(due.kind)
    listed: dict[Any, int] = dict(tuple(row) for row in await sessions.rows(failed, {}))
    parked = GaugeMetricFamily(
        "billgraph_due_items_parked", "Work that failed and waits for somebody to look at why.", labels=["kind"]
    )
    for kind in DueKind:
        parked.add_metric([kind.value.lower()], listed.get(kind, 0))
    return [
        GaugeMetricFamily("billgraph_due_items", "Work that has fallen due and is not done yet.", row.items),
        GaugeMetricFamily("billgraph_due_lag_seconds", "How long the oldest of it has been due.", lag),
        parked,
    ]

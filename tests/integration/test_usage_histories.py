"""Random events, corrected at random: whatever is asked of metrics, the answer is the naive one."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from app.billing.access import Scope
from app.billing.aggregation import Aggregation
from app.billing.filters import Condition
from app.billing.windows import Window
from app.metering import usage_pieces
from app.metering.metric_usage import MetricUsage, MetricUsageQuery, UsageGroup, metric_usages
from app.models import EnvironmentKind
from app.services.event_corrections import EventAmendDraft, amend_event, void_event
from app.services.principal import Principal
from tests.naive import history, metric_usage
from tests.support.rows import NOW, World, make_world, opened
from tests.support.storing import catch_up, store
from tests.support.usage import allow

# Nights in which clocks are changed, in the north and in the south, and the end of a year.
BEGINNINGS = [datetime(2025, *day, tzinfo=UTC) for day in ((3, 27), (10, 23), (4, 3), (12, 29))]
# Jumps of half an hour and at midnight, the far east, quarters of an hour, and no jumps at all.
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut"),
)
DAY, MINUTE, TICK = timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)
VALUES = (
    *("1", "2", "5", "0", "-3", '"7"', '"2.50"', '"x"', "true", "null", '{"a": 1}', "0.1", "1e3", '"1"', "1.0"),
    *('"1.0"', str(10**19), "0.000000000000000001"),
)
MODELS = ('"large"', '"small"', "1", "true", '""', "null")
PLACES = ('{"region": "eu"}', '{"region": "us"}', "{}", '"eu"')
BY_MODEL, BY_REGION = ("model", "$.model"), ("region", "$.at.region")


@dataclass
class Story:
    """What was told to a database, and what the naive computation is told of it."""

    random: Random
    world: World
    start: datetime
    customers: list[metric_usage.Customer] = field(default_factory=list)
    metrics: dict[str, metric_usage.Metric] = field(default_factory=dict)
    events: list[metric_usage.Event] = field(default_factory=list)

    def is_so(self, share: float) -> bool:
        return self.random.random() < share


@pytest.mark.histories(4, 1)
async def test_the_usage_of_metrics_is_the_naive_one(
    database_url: str, seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To see one again: `--histories` above its seed, and `-k` with the range that holds it."""
    for seed in seeds:
        async with opened(database_url) as sessions:
            story = Story(Random(seed), await make_world(sessions), BEGINNINGS[seed % len(BEGINNINGS)])
            await begin(story)
            await send_events(story)
            await add_metric(story, story.random.choice(list(Aggregation)), has_property=True)
            await correct_events(story)
            await catch_up(sessions)
            for _ in range(30):
                monkeypatch.setattr(usage_pieces, "_AT_A_TIME", story.random.choice((1, 2, 3, 7, 10_000)))
                monkeypatch.setattr(usage_pieces, "_MOST_STRETCHES", story.random.choice((0, 2, 20)))
                await compare(story)


async def begin(story: Story) -> None:
    """Customers, one of them on a test clock, and a metric of each kind."""
    clock = await story.world.test_clock(NOW)
    for number in range(3):
        is_clocked = number == 2
        row = await story.world.customer(f"c{number}", test_clock_id=clock.id if is_clocked else None)
        story.customers.append(metric_usage.Customer(row.id, is_clocked))
    for aggregation in Aggregation:
        await add_metric(story, aggregation, has_property=aggregation is not Aggregation.COUNT)
    await add_metric(story, Aggregation.UNIQUE_COUNT, has_property=False)


async def add_metric(story: Story, aggregation: Aggregation, *, has_property: bool) -> None:
    has_property = has_property and aggregation is not Aggregation.COUNT
    metric = metric_usage.Metric(
        event_type=story.random.choice("ab"),
        aggregation=aggregation.value,
        value_property=story.random.choice(("$.tokens", "$.seconds")) if has_property else None,
        group_by=story.random.choice(((BY_MODEL, BY_REGION), (BY_REGION, BY_MODEL), (BY_MODEL,))),
        event_from=story.start + timedelta(days=2, hours=5) if story.is_so(0.15) else None,
    )
    row = await story.world.metric(
        aggregation,
        metric.value_property,
        key=f"metric{len(story.metrics)}",
        group_by=[{"name": name, "path": path} for name, path in metric.group_by],
        event_type=metric.event_type,
        event_from=metric.event_from,
    )
    story.metrics[row.id] = metric


def some_instant(story: Story) -> datetime:
    """Some instant of a week: that of an event, one near a change of the clocks or a midnight, or any."""
    random = story.random
    if story.events and story.is_so(0.25):
        return random.choice(story.events).timestamp
    midnight = story.start + random.randrange(7) * DAY
    if story.is_so(0.5):
        return midnight + random.choice((0, 1, 2, 9, 22, 23, 24)) * timedelta(hours=1) + random.choice((0, 30)) * MINUTE
    if story.is_so(0.3):
        return midnight - random.choice((0, 1)) * TICK
    return midnight + random.randrange(86_400) * timedelta(seconds=1) + random.choice((0, 1, 999_999)) * TICK


def some_data(story: Story) -> str:
    """The data of an event, in which a property may be missing or odd."""

    def properties() -> Iterator[str]:
        for name, share, values in (
            ("tokens", 0.9, VALUES),
            ("seconds", 0.9, VALUES),
            ("model", 0.8, MODELS),
            ("at", 0.6, PLACES),
        ):
            if story.is_so(share):
                yield f'"{name}": {story.random.choice(values)}'

    return f"{{{', '.join(properties())}}}"


async def send_events(story: Story) -> None:
    """Send events by one identifier of a customer or the other, or of nobody."""
    async with story.world.sessions.begin() as session:
        for _ in range(story.random.randint(30, 90)):
            place = story.random.randrange(-1, len(story.customers))
            customer = None if place < 0 else story.customers[place]
            by_id = story.is_so(0.5)
            subject = {"subject": customer.id} if customer and by_id else {"externalSubject": f"c{place}"}
            kind, at, data = story.random.choice("ab"), some_instant(story), some_data(story)
            envelope = json.dumps({"type": kind, "source": "s", "timestamp": at.isoformat(), **subject})
            sent = f'{envelope[:-1]}, "data": {data}}}'.encode()
            event = await store(session, story.world.environment_id, sent, NOW)
            story.events.append(metric_usage.Event(event.id, kind, at, data, customer))


async def correct_events(story: Story) -> None:
    """Void some events and amend others."""
    await story.world.api_key(id="key_test")
    world = story.world
    caller = Principal(
        "key_test", world.merchant_id, world.environment_id, EnvironmentKind.LIVE, frozenset({Scope.ALL})
    )
    async with world.sessions.begin() as session:
        for event in story.random.sample(story.events, 12):
            if story.is_so(0.4):
                await void_event(session, caller, NOW, event.id, "why")
                event.is_void = True
                continue
            if has_data := story.is_so(0.7):
                event.data = some_data(story)
            if has_timestamp := not has_data or story.is_so(0.5):
                event.timestamp = some_instant(story)
            data = json.loads(event.data, parse_float=Decimal) if has_data else None
            timestamp = event.timestamp if has_timestamp else None
            await amend_event(session, caller, NOW, EventAmendDraft(event.id, "why", data, timestamp))


def some_question(story: Story, metrics: Sequence[metric_usage.Metric]) -> metric_usage.Question:
    """What may be asked of some metrics at once."""
    random = story.random
    unit = random.choice((None, *Window))
    start, end = some_span(story, unit)
    names = [name for name in ("model", "region") if all(name in dict(metric.group_by) for metric in metrics)]
    group_by = tuple(random.sample(names, random.randint(0, len(names))))
    values = tuple(random.sample(("large", "small", "1", "true", "eu", "nowhere"), random.randint(1, 4)))
    return metric_usage.Question(
        start,
        end,
        zone=random.choice(ZONES),
        unit=unit.value if unit else None,
        customer=random.choice((None, None, *story.customers)),
        group_by=group_by,
        conditions=(history.Condition(random.choice(names), values),) if story.is_so(0.4) else (),
        top=random.choice((None, 1, 2)) if group_by else None,
    )


def some_span(story: Story, unit: Window | None) -> tuple[datetime, datetime]:
    """Some span, often of whole days, in which there are no more minutes than may be asked for."""
    start, end = sorted((some_instant(story), some_instant(story)))
    if story.is_so(0.3):
        start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if story.is_so(0.3):
        end = end.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    longest = story.random.randint(1, 900) * MINUTE if unit is Window.MINUTE else 10 * DAY
    return start, start + min(max(end - start, TICK), longest)


async def compare(story: Story) -> None:
    """Ask something of some metrics at once, and of the naive computation."""
    asked = story.random.sample(list(story.metrics), story.random.randint(1, len(story.metrics)))
    question = some_question(story, [story.metrics[metric_id] for metric_id in asked])
    answers = await ask(story, asked, question)
    expected = [metric_usage.answer(story.metrics[metric_id], story.events, question) for metric_id in asked]
    for metric_id, found, wanted in zip(asked, answers, expected, strict=True):
        assert found == wanted, (story.metrics[metric_id], question)


async def ask(story: Story, asked: list[str], question: metric_usage.Question) -> list[metric_usage.Answer]:
    """The product's answers to a question, in the words of the naive computation."""
    given: dict[str, Any] = {
        "customer_id": question.customer and question.customer.id,
        "window": question.unit and Window(question.unit),
        "group_by": question.group_by,
        "zone": question.zone,
        "filter": tuple(Condition(*condition) for condition in question.conditions),
        "top": question.top,
    }
    queries = [MetricUsageQuery(metric_id, question.start, question.end, **given) for metric_id in asked]
    async with story.world.sessions.read() as session:
        answers = await metric_usages(session, story.world.environment_id, queries, allow([]))
    found = [usage for usage in answers if isinstance(usage, MetricUsage)]
    assert len(found) == len(asked), answers
    return [in_naive_words(usage) for usage in found]


def in_naive_words(usage: MetricUsage) -> metric_usage.Answer:
    windows = [
        metric_usage.Window(window.start, window.end, Fraction(window.value), naive_groups(window.groups))
        for window in usage.windows
    ]
    return metric_usage.Answer(Fraction(usage.total), windows, naive_groups(usage.groups))


def naive_groups(groups: Sequence[UsageGroup]) -> list[metric_usage.Group]:
    return [metric_usage.Group(group.key, Fraction(group.value)) for group in groups]

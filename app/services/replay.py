"""Replaying an invoice: computing it again from the raw events assigned to it and the terms copied onto it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.adjustments import correction_from_json, invoice_summary, line_adjustments, stored_tax
from app.billing.decimals import plain
from app.billing.discounts import discount_from_json
from app.billing.extraction import UncountedReason, unit_price
from app.billing.invoicing import AssessedLine, Assessment, assess
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.measuring import Measured, Metering, ReadEvent, measure, metering_from_json
from app.billing.price_models import unit_price_path
from app.billing.pricing import PricedLine, price_line
from app.metering.facts import read_data
from app.metering.late_usage import events_of_periods
from app.metering.usage import counted_facts
from app.models import table_of


@dataclass(frozen=True)
class Difference:
    """What a line says and what it comes to when it is computed again; of the invoice as a whole without a line."""

    line_id: str | None
    what: str
    invoiced: str
    replayed: str


@dataclass(frozen=True)
class Replay:
    """An invoice that was computed again. It is equal if there is no difference."""

    invoice_id: str
    event_count: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class _ReplayedLine:
    row: Row[Any]
    inputs: LineInputs
    priced: PricedLine
    strays: tuple[str, ...]


async def replay_invoice(session: AsyncSession, environment_id: str, invoice_id: str) -> Replay | None:
    """Compute an invoice again; None where the environment has no such invoice, or it is still a draft.

    Nothing is taken from the catalog or the customer as they are now: the models, filters and metrics are those copied
    onto the lines, the discounts and the tax those copied onto the invoice, the events exactly those assigned to it.
    Three statements, and four more for late usage.
    """
    table = table_of(models.Invoice)
    one = select(table).where(table.c.environment_id == environment_id, table.c.id == invoice_id)
    invoice = (await session.execute(one.where(table.c.issued_at.is_not(None)))).one_or_none()
    if invoice is None:
        return None
    rows = await _lines(session, environment_id, invoice_id)
    events = await _events(session, environment_id, invoice_id) | await _late_events(session, environment_id, rows)
    event_count = sum(map(len, events.values()))
    events |= {row.id: events.get(row.covers_line_id, []) for row in rows if row.covers_line_id is not None}
    # In a thread, so that meanwhile others are served.
    differences = await asyncio.to_thread(_differences, invoice, rows, events)
    return Replay(invoice_id, event_count, differences)


def _differences(
    invoice: Row[Any], rows: Iterable[Row[Any]], events: Mapping[str, Sequence[Row[Any]]]
) -> tuple[Difference, ...]:
    lines = [_replayed(row, events.get(row.id, ())) for row in rows]
    assessment = _assessed(invoice, lines)
    return (
        *(found for place, line in enumerate(lines) for found in _of_line(line, assessment, place)),
        *_of_invoice(invoice, assessment),
    )


async def _lines(session: AsyncSession, environment_id: str, invoice_id: str) -> Sequence[Row[Any]]:
    table = table_of(models.InvoiceLine)
    mine = (table.c.environment_id == environment_id, table.c.invoice_id == invoice_id)
    return (await session.execute(select(table).where(*mine).order_by(table.c.position))).all()


async def _events(session: AsyncSession, environment_id: str, invoice_id: str) -> dict[str, list[Row[Any]]]:
    """Return the raw events that each line was billed for, in the revisions that were counted then."""
    lines, counted = table_of(models.InvoiceLine).c, table_of(models.CountedEvent).c
    statement = (
        counted_facts(lines.id.label("line_id"))
        .join(models.InvoiceLine, lines.usage_counter_id == counted.usage_counter_id)
        .where(lines.environment_id == environment_id, lines.invoice_id == invoice_id)
        .where(lines.corrects_line_id.is_(None))
    )
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    rows: Any = (await session.execute(statement)).all()
    for row in sorted(rows, key=lambda row: (row.timestamp, row.id)):
        found[row.line_id].append(row)
    return found


async def _late_events(
    session: AsyncSession, environment_id: str, rows: Iterable[Row[Any]]
) -> dict[str, list[Row[Any]]]:
    """Return all raw events of the periods that lines for late usage bill again, as far as these were known then."""
    late = {row.usage_counter_id: row.id for row in rows if row.corrects_line_id is not None}
    if not late:
        return {}
    counters = table_of(models.UsageCounter).c
    statement = select(counters.id, counters.key).where(counters.id.in_(late))
    keys = {row.id: row.key.rpartition("/") for row in (await session.execute(statement)).all()}
    events = await events_of_periods(session, environment_id, {base: int(last) for base, _, last in keys.values()})
    return {late[number]: events.get(base, []) for number, (base, _, _) in keys.items()}


def _replayed(row: Row[Any], events: Sequence[Row[Any]]) -> _ReplayedLine:
    inputs = line_inputs_from_json(row.inputs)
    if row.metering is None:
        return _ReplayedLine(row, inputs, price_line(inputs, row.rules_version), tuple(event.id for event in events))
    measured, strays = _measured(row, inputs, metering_from_json(row.metering), events)
    inputs = replace(inputs, quantity=measured.quantity, event_count=measured.event_count, tally=measured.tally)
    return _ReplayedLine(row, inputs, price_line(inputs, row.rules_version), strays)


def _measured(
    row: Row[Any], inputs: LineInputs, metering: Metering, events: Iterable[Row[Any]]
) -> tuple[Measured, tuple[str, ...]]:
    """Return what the events of a line come to, and the ids of those that the line's terms do not charge."""
    metric, read, strays = metering.metric, [], []
    path = unit_price_path(inputs.model)
    for event in events:
        data = read_data(event.data)
        value = metric.value_of(event.id, event.timestamp, data)
        within = event.type == metric.event_type and row.period_start <= event.timestamp < row.period_end
        if isinstance(value, UncountedReason) or not within or not metering.takes(metric.dimensions_of(data)):
            strays.append(event.id)
        else:
            read.append(ReadEvent(value, None if path is None else unit_price(path, data)))
    return measure(metric.aggregation, inputs.model, read), tuple(strays)


def _assessed(invoice: Row[Any], lines: Sequence[_ReplayedLine]) -> Assessment:
    assessed = [_assessed_line(line) for line in lines]
    discounts = [discount_from_json(item) for item in invoice.summary.get("discounts", ())]
    return assess(assessed, discounts, stored_tax(invoice.summary, invoice.tax_behavior))


def _assessed_line(line: _ReplayedLine) -> AssessedLine:
    row, amount_minor = line.row, line.priced.amount_minor
    if row.corrects_line_id is not None:
        # Each has stored what the discounts of the corrected invoice had come to before it.
        return AssessedLine(amount_minor, None, row.taxable, correction_from_json(row.id, row.adjustments))
    return AssessedLine(amount_minor, None if row.price_id is None else row.period_start, row.taxable)


def _of_line(line: _ReplayedLine, assessment: Assessment, place: int) -> Iterator[Difference]:
    row, priced = line.row, line.priced
    for event_id in line.strays:
        yield Difference(row.id, "event", event_id, "not charged by this line")
    pairs = (
        ("quantity", plain(row.quantity), plain(line.inputs.quantity)),
        ("inputs", row.inputs, line.inputs.to_json()),
        ("exactAmount", plain(row.exact_amount), plain(priced.exact_amount)),
        ("amount", row.amount_minor, priced.amount_minor),
        ("adjustments", row.adjustments or None, line_adjustments(assessment, place) if row.adjustments else None),
    )
    for what, invoiced, replayed in pairs:
        if invoiced != replayed:
            yield Difference(row.id, what, str(invoiced), str(replayed))


def _of_invoice(invoice: Row[Any], assessment: Assessment) -> Iterator[Difference]:
    pairs = (
        ("subtotal", invoice.subtotal_minor, assessment.subtotal_minor),
        ("discount", invoice.discount_minor, assessment.discount_minor),
        ("tax", invoice.tax_minor, assessment.tax_minor),
        ("carriedToCredit", invoice.carried_to_credit_minor, assessment.carried_to_credit_minor),
        ("total", invoice.total_minor, assessment.total_minor),
        ("summary", invoice.summary or None, invoice_summary(assessment) if invoice.summary else None),
    )
    for what, invoiced, replayed in pairs:
        if invoiced != replayed:
            yield Difference(None, what, str(invoiced), str(replayed))

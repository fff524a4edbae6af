"""The lines whose explanations never change: what each version of the pricing rules answered, word for word.

`tests/unit/rules/version_N.json` holds stored inputs of lines and all that the rules of version N answer to them. To
add lines, put them into `LINES` and run `python -m tests.support.rules`: what is not in the file of the current version
yet is appended, and what is stays as it was. Before the rules answer anything else than they did, `RULES_VERSION` is
raised and the old rules stay; then the same command begins a new file.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.billing.aggregation import Aggregation
from app.billing.decimals import plain
from app.billing.line_inputs import LineInputs, line_inputs_from_json
from app.billing.price_models import (
    ChargeScope,
    DynamicPrice,
    GraduatedPrice,
    PackagePrice,
    PercentagePrice,
    StandardPrice,
    VolumePrice,
)
from app.billing.pricing import RULES_VERSION, NotApplied, PricedLine, Step, price_line
from app.billing.proration import Share
from tests.support.price_lines import (
    A_THIRD,
    HALF_OF_JANUARY,
    HALF_OF_LEAP_FEBRUARY,
    LARGEST,
    SMALLEST,
    fee,
    metered,
    of_events,
    tiers,
)

FOLDER = Path(__file__).parent.parent / "unit" / "rules"
COUNT, MAX, UNIQUE = Aggregation.COUNT, Aggregation.MAX, Aggregation.UNIQUE_COUNT
TOKENS, SEAT = StandardPrice(Decimal("0.00002")), StandardPrice(Decimal(49))
REBATE = StandardPrice(Decimal("-0.25"))
SPOT = DynamicPrice(Decimal("0.01"), Decimal(5), "$.price")
CARDS = PercentagePrice(Decimal("0.029"), None, Decimal("0.30"), Decimal(100))
FIXED = PercentagePrice(Decimal("0.029"), Decimal("0.30"))
WHOLE = PercentagePrice(Decimal("0.029"), Decimal(3), Decimal(6), Decimal(100), ChargeScope.PER_PERIOD)
CHEAPER = tiers(("100", "5"), (None, "3"))
FLAT = tiers(("10", "10", "2"), ("20", "5", "3"), (None, "5", "3"))
FREE, BOXES = PackagePrice(Decimal(100), Decimal(5), Decimal(100)), PackagePrice(Decimal(12), Decimal("3.50"))
LEAST: dict[str, Any] = {"period_minimum": Decimal(10)}
MOST: dict[str, Any] = {"period_maximum": Decimal(100)}
MIXED: Sequence[tuple[str, str | None]] = [("10", "2"), ("2", None), ("1", "7"), ("3", "0"), ("-4", "3")]
PAYMENTS = ["1", "2", "1000", "2000", "10000", "-5"]

LINES: dict[str, LineInputs] = {
    "usage of a standard price": metered(TOKENS, "1500000", unit="token", event_count=1234),
    "usage without a unit": metered(TOKENS, "0.5"),
    "late usage": metered(TOKENS, "1600000", unit="token", event_count=1235, charged_before=Decimal(30)),
    "late usage within a tier's flat price": metered(GraduatedPrice(FLAT), "0.5", charged_before=Decimal(7)),
    "usage that was taken back": metered(TOKENS, "0", event_count=0, charged_before=Decimal("30.5")),
    "late usage in a currency without decimals": metered(TOKENS, "1600000", "JPY", charged_before=Decimal(30)),
    "late usage of a part above its bound": metered(SEAT, "9", share=A_THIRD, charged_before=Decimal(5), **MOST),
    "units that grants cover, taken off": metered(
        TOKENS, "1600000", charged_before=Decimal(32), uncovered=Decimal(600000)
    ),
    "late usage of which grants cover all": metered(TOKENS, "1600000", charged_before=Decimal(0), uncovered=Decimal(0)),
    "grants beside tiers": metered(GraduatedPrice(FLAT), "250", charged_before=Decimal(40), uncovered=Decimal("0.5")),
    "no usage": metered(TOKENS, "0", event_count=0),
    "usage below zero": metered(TOKENS, "-12.5", unit="token"),
    "a count": metered(SEAT, "3", aggregation=COUNT, event_count=3, unit="request"),
    "a greatest value": metered(SEAT, "3", aggregation=MAX, event_count=9, unit="seat"),
    "a greatest value without a unit": metered(SEAT, "3", aggregation=MAX, event_count=9),
    "distinct values": metered(SEAT, "3", aggregation=UNIQUE, event_count=9, unit="user"),
    "distinct values without a unit": metered(SEAT, "3", aggregation=UNIQUE, event_count=1),
    "the largest numbers": metered(StandardPrice(Decimal(LARGEST)), LARGEST),
    "the smallest numbers": metered(StandardPrice(Decimal(SMALLEST)), SMALLEST),
    "less than half a cent": metered(StandardPrice(Decimal("49.999999999999999996")), "0.0001"),
    "half a yen": metered(StandardPrice(Decimal(1)), "1.5", "JPY"),
    "half a fils": metered(StandardPrice(Decimal(1)), "0.0005", "KWD"),
    "half of the least of a unidad": metered(StandardPrice(Decimal(1)), "0.00005", "CLF"),
    "a rebate": metered(REBATE, "10", unit="call"),
    "a rebate on nothing": metered(REBATE, "0"),
    "a rebate on less than nothing": metered(REBATE, "-3"),
    "a rebate for a third": metered(REBATE, "10", aggregation=MAX, share=A_THIRD),
    "a sum of a part": metered(TOKENS, "1500000", share=HALF_OF_JANUARY),
    "a greatest value of a part": metered(SEAT, "3", aggregation=MAX, share=HALF_OF_JANUARY),
    "distinct values of a part": metered(SEAT, "3", aggregation=UNIQUE, share=HALF_OF_LEAP_FEBRUARY),
    "a fee": fee(SEAT),
    "a fee for five": fee(SEAT, "5", "EUR"),
    "a fee for a part": fee(SEAT, "5", share=HALF_OF_JANUARY),
    "a fee for a third": fee(SEAT, "1", "JPY", share=A_THIRD),
    "a fee for a share given as a number": fee(SEAT, share=Share(Decimal("0.5"), Decimal(1))),
    "an obligation": fee(SEAT, is_obligation=True),
    "an obligation for a part": fee(SEAT, is_obligation=True, share=HALF_OF_JANUARY),
    "an obligation for a part with bounds": fee(SEAT, is_obligation=True, share=A_THIRD, **LEAST),
    "a fee by tiers": fee(GraduatedPrice(FLAT), "21"),
    "a fee by packages for a part": fee(BOXES, "13", share=A_THIRD),
    "prices that events carry": of_events(SPOT, MIXED, unit="kWh"),
    "prices that events carry for a part": of_events(SPOT, MIXED, share=A_THIRD),
    "no prices that events carry": of_events(SPOT, []),
    "one price that an event carries": of_events(SPOT, [("10", "2")], "KWD"),
    "counted events that carry prices": of_events(SPOT, [("1", "2"), ("1", None)], aggregation=COUNT),
    "a percentage within bounds": of_events(CARDS, PAYMENTS),
    "a percentage of nothing": of_events(CARDS, []),
    "a percentage of one payment": of_events(CARDS, ["10"]),
    "a percentage and a fixed charge": of_events(FIXED, ["100", "10", "1", "0.50"]),
    "a percentage for a part": of_events(FIXED, ["100"], share=A_THIRD),
    "a percentage of a period": of_events(WHOLE, ["1000"]),
    "a percentage of a period below its least charge": of_events(WHOLE, ["1"]),
    "a percentage of a period above its greatest charge": of_events(WHOLE, ["100000"], "JPY"),
    "a percentage of a part of a period": of_events(WHOLE, ["1000"], share=HALF_OF_JANUARY),
    "a percentage of no usage of a part": of_events(WHOLE, [], share=A_THIRD),
    "the last unit of a tier": metered(VolumePrice(CHEAPER), "100"),
    "the first unit of the next tier": metered(VolumePrice(CHEAPER), "101", unit="seat"),
    "volume with flat prices": metered(VolumePrice(FLAT), "11"),
    "volume of nothing": metered(VolumePrice(FLAT), "0"),
    "volume for a part": metered(VolumePrice(FLAT), "5", share=HALF_OF_JANUARY),
    "volume without flat prices for a part": metered(VolumePrice(CHEAPER), "34", share=A_THIRD),
    "volume of one tier": metered(VolumePrice(tiers((None, "0.05"))), "1000"),
    "all tiers entered": metered(GraduatedPrice(FLAT), "21", unit="seat"),
    "no tier but the first entered": metered(GraduatedPrice(FLAT), "0"),
    "tiers for a part": metered(GraduatedPrice(FLAT), "5", share=HALF_OF_JANUARY),
    "tiers for half of a leap February": metered(GraduatedPrice(CHEAPER), "51", share=HALF_OF_LEAP_FEBRUARY),
    "tiers of a greatest value of a part": metered(GraduatedPrice(FLAT), "21", aggregation=MAX, share=A_THIRD),
    "packages after free units": metered(FREE, "201", unit="call"),
    "free units only": metered(FREE, "100"),
    "one package": metered(BOXES, "1"),
    "packages for a part": metered(FREE, "149", share=HALF_OF_JANUARY),
    "packages without free units for a part": metered(BOXES, "149", share=HALF_OF_JANUARY),
    "the least charge at no usage": metered(TOKENS, "0", **LEAST),
    "the greatest charge": metered(SEAT, "5", **MOST),
    "not below the least charge": metered(SEAT, "1", **LEAST),
    "not above the greatest charge": metered(SEAT, "1", **MOST),
    "within both": metered(SEAT, "1", **LEAST, **MOST),
    "the least charge of a part": metered(TOKENS, "0", share=HALF_OF_JANUARY, **LEAST),
    "the greatest charge of a part": fee(SEAT, "9", share=A_THIRD, **MOST),
    "the least charge of events": of_events(CARDS, ["10"], **LEAST),
    "the greatest charge of tiers of a part": metered(GraduatedPrice(FLAT), "21", share=A_THIRD, **MOST),
    "the least charge of packages": metered(FREE, "1", "JPY", **LEAST),
}


def file_of(version: int) -> Path:
    """The file with what the rules of a version answered."""
    return FOLDER / f"version_{version}.json"


def recorded(version: int) -> list[dict[str, Any]]:
    """What is written in the file of a version."""
    lines: list[dict[str, Any]] = json.loads(file_of(version).read_text())
    return lines


def answer(inputs: LineInputs, version: int) -> dict[str, Any]:
    """All that the rules of a version answer to the inputs of a line, as plain JSON."""
    line: PricedLine = price_line(inputs, version)
    return {
        "exact": str(line.exact),
        "exactAmount": f"{line.exact_amount:f}",
        "amountMinor": line.amount_minor,
        "steps": [_step(step) for step in line.steps],
        "notApplied": [_missed(missed) for missed in line.not_applied],
    }


def record(version: int) -> int:
    """Append the lines that are not in a version's file yet; return how many that were."""
    lines = recorded(version) if file_of(version).exists() else []
    known = {line["name"] for line in lines}
    new = [
        {"name": name, "inputs": inputs.to_json(), "answer": answer(inputs, version)}
        for name, inputs in LINES.items()
        if name not in known
    ]
    text = json.dumps([*lines, *new], indent=1, ensure_ascii=False)
    file_of(version).write_text(text + "\n")
    return len(new)


def reworded(version: int) -> list[str]:
    """The names of the lines that the rules of a version no longer answer as they did."""
    return [
        line["name"]
        for line in recorded(version)
        if answer(line_inputs_from_json(line["inputs"]), version) != line["answer"]
    ]


def _step(step: Step) -> dict[str, Any]:
    before = None if step.input is None else plain(step.input)
    return {
        "operation": step.operation.value,
        "description": step.description,
        "input": before,
        "output": plain(step.output),
    }


def _missed(missed: NotApplied) -> dict[str, str]:
    return {"operation": missed.operation.value, "reason": missed.reason}


if __name__ == "__main__":
    print(f"{record(RULES_VERSION)} lines appended to {file_of(RULES_VERSION)}")  # noqa: T201  # it is run by hand

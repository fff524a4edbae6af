"""What was answered once is answered for ever: see `tests.support.rules` for how lines are added."""

import json
from dataclasses import replace

import pytest

from app.billing import pricing
from app.billing.line_inputs import line_inputs_from_json
from app.billing.price_models import standard
from app.billing.pricing import RULES_VERSION
from app.billing.steps import StepOperation
from tests.support import rules
from tests.support.rules import LINES, answer, record, recorded, reworded

VERSIONS = range(1, RULES_VERSION + 1)
#: How many lines a file has at least. Version 1, of which these were recorded as it was replaced, knew STANDARD alone.
LEAST = {1: 24, 2: 60}


def test_every_version_has_its_file() -> None:
    assert sorted(rules.FOLDER.glob("version_*.json")) == [rules.file_of(version) for version in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rules_of_a_version_answer_as_they_did(version: int) -> None:
    assert len(recorded(version)) >= LEAST[version]
    for line in recorded(version):
        inputs = line_inputs_from_json(line["inputs"])
        assert answer(inputs, version) == line["answer"], line["name"]
        assert inputs.to_json() == line["inputs"], line["name"]


def test_the_current_version_has_every_line() -> None:
    assert {line["name"]: line["inputs"] for line in recorded(RULES_VERSION)} == {
        name: inputs.to_json() for name, inputs in LINES.items()
    }


def test_the_lines_take_every_step_and_miss_every_one_that_can_be_missed() -> None:
    answers = [line["answer"] for line in recorded(RULES_VERSION)]
    taken = {step["operation"] for found in answers for step in found["steps"]}
    assert taken == {operation.value for operation in StepOperation} - {"DISCOUNT", "TAX"}
    missed = {each["operation"] for found in answers for each in found["notApplied"]}
    assert missed == {"PRORATE", "PERIOD_BOUNDS"}


def test_another_word_in_a_sentence_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reworded(RULES_VERSION) == []
    monkeypatch.setattr(standard, "spell_units", lambda quantity, unit: f"about {quantity} {unit}")
    found = reworded(RULES_VERSION)
    assert "usage of a standard price" in found
    assert "volume of nothing" not in found


def test_recording_appends_and_never_rewrites(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "FOLDER", tmp_path)
    first, *others = LINES
    monkeypatch.setattr(rules, "LINES", {first: LINES[first]})
    assert record(RULES_VERSION) == 1
    kept = json.loads(rules.file_of(RULES_VERSION).read_text())
    monkeypatch.setattr(pricing, "_RULES", {RULES_VERSION: pricing._RULES[RULES_VERSION][:1]})
    changed = replace(LINES[first], currency="EUR")
    monkeypatch.setattr(rules, "LINES", {first: changed, others[0]: LINES[others[0]]})
    assert record(RULES_VERSION) == 1
    again = json.loads(rules.file_of(RULES_VERSION).read_text())
    assert (again[0], again[1]["name"]) == (kept[0], others[0])

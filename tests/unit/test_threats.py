"""docs/threats.md: every row says what stands against it and which test tries it, or why there is nothing to try."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/threats.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| what happens")
]


def test_every_threat_has_a_control_and_a_test_or_a_reason() -> None:
    assert len(ROWS) > 40
    for threat, control, tests in ROWS:
        assert threat, control
        assert control, threat
        assert tests or control.startswith("not applicable: "), threat


def test_the_tests_exist() -> None:
    named = {name for *_, tests in ROWS for name in re.findall(r"`([\w/]+\.py)`", tests)}
    assert len(named) > 30
    assert {name for name in named if not (ROOT / "tests" / name).is_file()} == set()

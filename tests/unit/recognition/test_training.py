"""The committed weights are what the training command writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.mark.slow
def test_the_training_command_writes_the_committed_weights(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from tests.training import fast

    fast.main(tmp_path)
    for name in ("customer_weights.py", "scenario_weights.py"):
        written = _table((tmp_path / name).read_text())
        committed = _table((fast.PACKAGE / name).read_text())
        assert len(written.keys() ^ committed.keys()) <= len(committed) // 50
        for key in written.keys() & committed.keys():
            assert written[key] == pytest.approx(committed[key], abs=_tolerance(key)), key


def _table(text: str) -> dict[str, list[float]]:
    """Every line that holds numbers, by its words. A word whose weights round to nothing may be
    missing from either side."""
    found: dict[str, list[float]] = {}
    part = ""
    for line in text.split('"""', 2)[2].splitlines():
        if " = " in line:
            part = line.split(" ", 1)[0].rstrip(":")
        head, _, tail = line.strip().replace('":', '" ').partition(" ")
        numbers = [float(number) for number in _NUMBER.findall(tail)]
        if numbers:
            found[f"{part} {head}"] = numbers
    return found


def _tolerance(key: str) -> float:
    """Rounding: two hundredths; the words' tables are in hundredths."""
    return 2.5 if key.split(" ")[0] in {"WORDS", "SAID", "ANSWERED"} else 0.025

"""``evaluate``: the measures are right, and come with intervals that hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.cli.evaluate import BINARY, Counts, compare, evaluate, f1, kappa, spearman
from tests.training.corpus import read_corpus, split, write


def test_measures_by_hand() -> None:
    counts = Counts(hits=6, false=2, missed=4, neither=8)
    assert f1(counts) == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert kappa(counts) == pytest.approx((0.7 - (10 * 8 + 10 * 12) / 400) / 0.5)
    assert f1(Counts(0, 3, 3, 3)) == 0
    assert kappa(Counts(0, 0, 0, 5)) == 0
    assert spearman([(1, 10), (2, 20), (3, 30)]) == pytest.approx(1)
    assert spearman([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    # Ties take the mean of their ranks: 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    assert spearman([(1, 1), (2, 2), (2, 3), (3, 4)]) == pytest.approx(0.9487, abs=1e-4)
    assert spearman([(1, 1), (1, 2)]) == 0


def conversation(labels: list[str], **change: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "agent": {"1": labels},
        "customer": {"0": {"concern": True, "emotion": 1, "repeat": False}},
        "scenario": "billing",
        "recognized_first": False,
        "felt_understood": 3,
        "empathy_score": 40,
    } | change


def test_one_conversation_compared() -> None:
    sample = compare(
        conversation(["goal", "policy"]),
        conversation(["impact"], scenario="other"),
    )
    counts = dict(zip(BINARY, sample.counts, strict=True))
    assert counts["recognition"] == Counts(hits=1)
    assert counts["goal"] == Counts(missed=1)
    assert counts["impact"] == Counts(false=1)
    assert counts["hold"] == Counts(neither=1)
    assert counts["negative"] == Counts(hits=1)
    assert not sample.scenario
    assert sample.felt == (3, 40)


def test_intervals_hold_the_value_and_narrow_with_more_data() -> None:
    right = compare(conversation(["goal"]), conversation(["goal"]))
    wrong = compare(conversation(["goal"]), conversation(["policy"]))

    def width(times: int) -> float:
        row = evaluate([right, right, wrong] * times)["labels"]["goal"]
        low, high = row["f1_interval"]
        assert low <= row["f1"] <= high
        return float(high - low)

    assert 0 < width(60) < width(6)


def test_the_command_on_the_corpus_test_split(tmp_path: Path) -> None:
    transcripts, gold = write(split(read_corpus())["test"], tmp_path, "test")
    done = CliRunner().invoke(main, ["evaluate", "--json", str(gold), str(transcripts)])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["conversations"] == len(gold.read_text().splitlines())
    # Far below what it reaches: this guards the wiring, the model card holds the figures.
    assert result["labels"]["recognition"]["f1"] > 0.4
    table = CliRunner().invoke(main, ["evaluate", "--table", str(gold), str(transcripts)])
    assert "95 % intervals by bootstrap" in table.stdout


@pytest.mark.parametrize(
    ("gold", "fault"),
    [
        ("", "no gold labels"),
        ("[1]", ":1: not a line"),
        ('{"id": "no such"}', "not there: no such"),
    ],
)
def test_gold_that_cannot_be_used_is_named(gold: str, fault: str, tmp_path: Path) -> None:
    file, told = tmp_path / "gold.jsonl", tmp_path / "file.jsonl"
    file.write_text(gold)
    told.write_text('{"id": "x", "turns": []}')
    done = CliRunner().invoke(main, ["evaluate", str(file), str(told)])
    assert done.exit_code == 2
    assert fault in done.output

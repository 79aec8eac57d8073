"""``evaluate``: how far the labels can be trusted on a team's own labelled sample.

Precision, recall and F1 of a binary label, agreement beyond chance (Cohen's kappa), accuracy of the
scenario, and Spearman's rank correlation of the empathy score with ``felt_understood``; each F1,
accuracy and correlation with a 95 % interval by the percentile bootstrap over conversations
(Efron and Tibshirani, 1993, chapter 13), since turns of one conversation are not independent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from stream.cli import EXIT_USAGE, json_lines, stop
from stream.cli.offline import label_conversations
from stream.recognition import RECOGNITION, Label, label_names
from stream.settings import Settings
from stream.sources import FileError

_RESAMPLES = 500
_SEED = 20_240_601
"""Fixed: the same sample always gets the same intervals."""

_AGENT_LABELS = label_names(~Label(0))
_RECOGNITION = frozenset(label_names(RECOGNITION))
BINARY = ("recognition", *_AGENT_LABELS, "concern", "repeat", "negative", "recognized_first")


class Counts(NamedTuple):
    """Pairs of gold and predicted answers of one binary label."""

    hits: int = 0
    false: int = 0
    missed: int = 0
    neither: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class Sample(NamedTuple):
    """One conversation's outcome: counts per binary label, whether the scenario is right, and
    (felt_understood, empathy_score) where the gold has the former."""

    counts: tuple[Counts, ...]
    scenario: bool
    felt: tuple[float, float] | None


def f1(counts: Counts) -> float:
    """The harmonic mean of precision and recall; 0 without a hit."""
    wrong = counts.false + counts.missed
    return 2 * counts.hits / (2 * counts.hits + wrong) if counts.hits else 0.0


def kappa(counts: Counts) -> float:
    """Cohen's kappa; 0 where chance alone would agree."""
    n = sum(counts)
    gold, told = counts.hits + counts.missed, counts.hits + counts.false
    chance = (gold * told + (n - gold) * (n - told)) / (n * n)
    observed = (counts.hits + counts.neither) / n
    return 0.0 if chance == 1 else (observed - chance) / (1 - chance)


def spearman(pairs: Sequence[tuple[float, float]]) -> float:
    """Rank correlation with ties at their mean rank; 0 where one side does not vary."""
    sides = [_ranks([pair[side] for pair in pairs]) for side in (0, 1)]
    mean = (len(pairs) + 1) / 2
    (xs, ys) = ([rank - mean for rank in side] for side in sides)
    spread = sum(x * x for x in xs) * sum(y * y for y in ys)
    return float(sum(x * y for x, y in zip(xs, ys, strict=True)) / spread**0.5) if spread else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values), start=1):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]


def compare(gold: dict[str, Any], told: dict[str, Any]) -> Sample:
    """One conversation's gold labels against the labels told."""
    pairs: dict[str, list[tuple[bool, bool]]] = {name: [] for name in BINARY}
    for turn, labels in gold["agent"].items():
        mine, theirs = set(labels), set(told["agent"][turn])
        pairs["recognition"].append((bool(mine & _RECOGNITION), bool(theirs & _RECOGNITION)))
        for name in _AGENT_LABELS:
            pairs[name].append((name in mine, name in theirs))
    for turn, values in gold["customer"].items():
        other = told["customer"][turn]
        for name in ("concern", "repeat"):
            pairs[name].append((values[name], other[name]))
        pairs["negative"].append((values["emotion"] > 0, other["emotion"] > 0))
    pairs["recognized_first"].append((gold["recognized_first"], told["recognized_first"]))
    felt = gold.get("felt_understood")
    return Sample(
        tuple(
            Counts(
                hits=pairs[name].count((True, True)),
                false=pairs[name].count((False, True)),
                missed=pairs[name].count((True, False)),
                neither=pairs[name].count((False, False)),
            )
            for name in BINARY
        ),
        gold["scenario"] == told["scenario"],
        None if felt is None else (felt, told["empathy_score"]),
    )


def _sum(samples: Sequence[Sample], place: int) -> Counts:
    columns = zip(*(sample.counts[place] for sample in samples), strict=True)
    return Counts(*map(sum, columns))


def _accuracy(samples: Sequence[Sample]) -> float:
    return sum(sample.scenario for sample in samples) / len(samples)


def _correlation(samples: Sequence[Sample]) -> float:
    return spearman([sample.felt for sample in samples if sample.felt is not None])


def evaluate(samples: Sequence[Sample]) -> dict[str, Any]:
    """All measures over the conversations, with their intervals."""
    measures: list[Callable[[Sequence[Sample]], float]] = [
        lambda chosen, place=place: f1(_sum(chosen, place))  # type: ignore[misc]
        for place in range(len(BINARY))
    ]
    measures.append(_accuracy)
    felt = any(sample.felt is not None for sample in samples)
    if felt:
        measures.append(_correlation)
    rng = random.Random(_SEED)  # noqa: S311  (no secret)
    resampled = [
        [measure(chosen) for measure in measures]
        for chosen in (rng.choices(samples, k=len(samples)) for _ in range(_RESAMPLES))
    ]
    intervals = [_interval(column) for column in zip(*resampled, strict=True)]

    result: dict[str, Any] = {"conversations": len(samples), "labels": {}}
    for place, name in enumerate(BINARY):
        counts = _sum(samples, place)
        told, gold = counts.hits + counts.false, counts.hits + counts.missed
        result["labels"][name] = {
            "gold": gold,
            "predicted": told,
            "precision": counts.hits / told if told else 0.0,
            "recall": counts.hits / gold if gold else 0.0,
            "f1": f1(counts),
            "f1_interval": intervals[place],
            "kappa": kappa(counts),
        }
    result["scenario"] = {"accuracy": _accuracy(samples), "interval": intervals[len(BINARY)]}
    if felt:
        result["felt_understood"] = {"spearman": _correlation(samples), "interval": intervals[-1]}
    return result


def _interval(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    cut = round(0.025 * len(ordered))
    return ordered[cut], ordered[-1 - cut]


def run_evaluate(settings: Settings, gold_file: str, file: str, as_json: bool) -> int:
    console = Console(stderr=True)
    try:
        gold = _read_gold(gold_file)
        with console.status("labelling"):
            told = {row["id"]: row for row in label_conversations(settings, [file])}
    except FileError as error:
        stop(str(error), EXIT_USAGE)
    missing = sorted(gold.keys() - told.keys())
    if missing:
        stop(
            f"{file}: {len(missing)} conversations of {gold_file} are not there: "
            f"{', '.join(missing[:3])}",
            EXIT_USAGE,
        )
    try:
        samples = [compare(gold[key], told[key]) for key in sorted(gold)]
    except KeyError as error:
        stop(f"{gold_file}: label or turn {error} does not fit {file}", EXIT_USAGE)
    with console.status(f"{_RESAMPLES} bootstrap samples"):
        result = evaluate(samples)
    if as_json:
        json_lines([result])
    else:
        Console().print(_table(result))
    return 0


def _read_gold(file: str) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    try:
        with Path(file).open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = orjson.loads(line)
                    rows[row["id"]] = row
                except (orjson.JSONDecodeError, KeyError, TypeError):
                    raise FileError(f"{file}:{number}: not a line of gold labels") from None
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}") from None
    if not rows:
        raise FileError(f"{file}: no gold labels")
    return rows


def _table(result: dict[str, Any]) -> Table:
    table = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        title=f"{result['conversations']} conversations; 95 % intervals by bootstrap",
        title_justify="left",
    )
    table.add_column("label")
    for name in ("gold", "predicted", "precision", "recall", "F1", "95 %", "kappa"):
        table.add_column(name, justify="right")
    for name, row in result["labels"].items():
        table.add_row(
            name,
            str(row["gold"]),
            str(row["predicted"]),
            *(f"{row[key]:.2f}" for key in ("precision", "recall", "f1")),
            _shown(row["f1_interval"]),
            f"{row['kappa']:.2f}",
        )
    whole = [("scenario, accuracy", result["scenario"]["accuracy"], result["scenario"]["interval"])]
    if felt := result.get("felt_understood"):
        whole.append(("score with felt_understood", felt["spearman"], felt["interval"]))
    for name, value, interval in whole:
        table.add_row(name, "", "", "", "", f"{value:.2f}", _shown(interval), "")
    return table


def _shown(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"

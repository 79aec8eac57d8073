"""Drop detection: alarms on a fall, silent otherwise, and what the baseline learns."""

from __future__ import annotations

import json
import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.windows import DropDetector, DropRules, DropState

HOUR_MS = 3_600_000
RULES = DropRules()
WEEK = 168


def feed(
    detector: DropDetector,
    start: int,
    hours: int,
    ratio: float,
    *,
    per_hour: int = 60,
    seed: int = 0,
) -> list[tuple[float, DropState]]:
    """Interactions at even times from the hour ``start``; the changes of state and their hours."""
    rng = random.Random(f"{seed} {start}")
    changes = []
    for hour in range(start, start + hours):
        for number in range(per_hour):
            time_ms = hour * HOUR_MS + number * HOUR_MS // per_hour
            if detector.observe(time_ms, rng.random() < ratio):
                changes.append((time_ms / HOUR_MS, detector.state))
    return changes


def learnt(ratio: float = 0.4, weeks: int = 4, per_hour: int = 60) -> DropDetector:
    """A detector with history, at the beginning of a week, without evidence of a drop."""
    detector = DropDetector(RULES, ratio)
    feed(detector, 0, weeks * WEEK, ratio, per_hour=per_hour)
    while detector.statistic > 0:
        detector.observe(weeks * WEEK * HOUR_MS - 1, True)
    return detector


TRAINED = json.dumps(learnt().to_wire())
NOW = 4 * WEEK


def trained() -> DropDetector:
    return DropDetector.from_wire(RULES, json.loads(TRAINED))


def test_a_fall_raises_the_alarm_and_the_return_ends_it() -> None:
    detector = trained()
    ((at, state),) = feed(detector, NOW, 12, 0.2)
    assert state is DropState.DROPPING
    assert at - NOW < 3
    assert 1 <= detector.statistic <= 2
    ((back, state),) = feed(detector, NOW + 12, 20, 0.4)
    assert state is DropState.RECOVERED
    assert back - NOW - 12 < 5
    assert detector.statistic < 1
    feed(detector, NOW + 32, 30, 0.4)
    assert detector.state is DropState.OK


def test_a_fall_from_a_half_or_from_a_tenth_is_found_as_well() -> None:
    for ratio in (0.6, 0.1):
        detector = learnt(ratio)
        changes = feed(detector, NOW, 24, ratio / 3)
        assert [state for _, state in changes] == [DropState.DROPPING]


def test_the_false_alarms_are_as_many_as_stated() -> None:
    alarms = 0
    for queue in range(8):
        detector = DropDetector(RULES, 0.4)
        changes = feed(detector, 0, 12 * WEEK, 0.4, seed=queue)
        alarms += sum(state is DropState.DROPPING for _, state in changes)
    assert 1 <= alarms <= 1.4 * 8 * 3 * RULES.false_alarms


@pytest.mark.parametrize("per_hour", [6, 600])
def test_the_threshold_grows_with_the_volume(per_hour: int) -> None:
    """As many false alarms in four weeks whatever the volume: more interactions, more evidence."""
    less = learnt(per_hour=per_hour)
    usual = trained()
    misses = {}
    for name, detector in (("less", less), ("usual", usual)):
        misses[name] = 0
        while detector.state is not DropState.DROPPING:
            detector.observe(NOW * HOUR_MS, False)
            misses[name] += 1
    assert (misses["less"] < misses["usual"]) == (per_hour < 60)


def test_no_interactions_are_no_evidence() -> None:
    detector = trained()
    assert not feed(detector, NOW + 3 * WEEK, 6, 0.4)
    assert detector.statistic < 1


def test_few_interactions_are_never_an_alarm() -> None:
    """A night of one miss an hour."""
    rare = DropDetector(RULES._replace(false_alarms=1_000), 0.9)
    feed(rare, 0, 4 * WEEK, 0.9)
    while rare.statistic > 0:
        rare.observe(NOW * HOUR_MS - 1, True)
    for number in range(RULES.min_judged - 1):
        assert not rare.observe((NOW + number) * HOUR_MS, False)
    assert rare.observe((NOW + RULES.min_judged) * HOUR_MS, False)


def test_without_history_there_is_no_alarm() -> None:
    detector = DropDetector(RULES, 0.4)
    assert not feed(detector, 0, RULES.min_history // 60, 0.0)
    assert detector.statistic == 0


def test_where_nearly_nothing_is_kept_nothing_drops() -> None:
    detector = DropDetector(RULES, 0.4)
    assert not feed(detector, 0, 3 * WEEK, 0.003)[1:]
    assert detector.statistic == 0


@given(st.lists(st.booleans(), max_size=200))
def test_evidence_is_monotone(outcomes: list[bool]) -> None:
    detector = trained()
    for number, kept in enumerate(outcomes):
        before, state = detector.statistic, detector.state
        changed = detector.observe(NOW * HOUR_MS + number * 60_000, kept)
        if changed or state is not detector.state:
            assert (detector.state is DropState.DROPPING) == (not kept)
        if kept:
            assert detector.statistic <= before
        else:
            assert detector.statistic >= before
        assert (detector.statistic >= 1) == (detector.state is DropState.DROPPING)


def test_the_baseline_does_not_learn_the_drop() -> None:
    detector = trained()
    before = detector.baseline_ratio
    feed(detector, NOW, 4 * 24, 0.15)
    assert detector.state is DropState.DROPPING
    feed(detector, NOW + 4 * 24, 24, 0.4)
    assert detector.state is not DropState.DROPPING
    assert abs(detector.baseline_ratio - before) < 0.015


def test_a_fall_that_lasts_becomes_the_baseline() -> None:
    detector = trained()
    changes = feed(detector, NOW, RULES.accept_hours + 4 * 24, 0.25)
    assert changes[0][1] is DropState.DROPPING
    assert detector.state is not DropState.DROPPING
    assert abs(detector.baseline_ratio - 0.25) < 0.03
    start = NOW + RULES.accept_hours + 4 * 24
    assert DropState.DROPPING in [state for _, state in feed(detector, start, 24, 0.1)]


def test_a_rise_is_learnt_without_an_alarm() -> None:
    detector = trained()
    assert not feed(detector, NOW, 3 * WEEK, 0.55)
    assert detector.baseline_ratio > 0.5


def test_the_season_is_learnt() -> None:
    """A queue whose nights differ from its days is compared with its nights at night."""
    detector = DropDetector(RULES, 0.4)
    alarms = 0
    for hour in range(8 * WEEK):
        night = hour % 24 < 8
        changes = feed(detector, hour, 1, 0.3 if night else 0.5, per_hour=20 if night else 80)
        if hour >= 6 * WEEK:
            alarms += sum(state is DropState.DROPPING for _, state in changes)
            assert abs(detector.baseline_ratio - (0.3 if night else 0.5)) < 0.08
    assert alarms <= 1


def test_a_queue_that_wobbles_needs_more_evidence() -> None:
    rng = random.Random(3)
    detector = DropDetector(RULES, 0.4)
    for hour in range(4 * WEEK):
        feed(detector, hour, 1, rng.choice([0.25, 0.55]))
    assert detector.overdispersion > 1.5 * trained().overdispersion


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(0, 300), st.integers(1, 100))
def test_a_restored_detector_goes_on_alike(seed: int, before: int, after: int) -> None:
    rng = random.Random(seed)
    detector: Any = trained()
    time_ms = NOW * HOUR_MS
    for number in range(before + after):
        if number == before:
            kept_on, detector = (
                detector,
                DropDetector.from_wire(RULES, orjson.loads(orjson.dumps(detector.to_wire()))),
            )
        time_ms += rng.randrange(HOUR_MS)
        kept = rng.random() < 0.25
        changed = detector.observe(time_ms, kept)
        if number >= before:
            assert kept_on.observe(time_ms, kept) == changed
            assert kept_on.statistic == detector.statistic
    assert kept_on.to_wire() == detector.to_wire()


def test_its_state_is_small() -> None:
    assert len(orjson.dumps(learnt(weeks=8, per_hour=200).to_wire())) < 4_000

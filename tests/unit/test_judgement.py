"""The record's answers, one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.events import Event, EventType
from stream.recognition import Label
from stream.session import ClosingRules, InteractionRecord, score_events
from stream.session.record import Break, Kept
from stream.session.score import components, empathy_score
from tests.scripted import ScriptedRecognizer, conversation, tool

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "schemas" / "empathy.interactions.schema.json").read_bytes()
)


def record(*turns: str | Event, rules: ClosingRules | None = None) -> InteractionRecord:
    events = conversation(*turns)
    (closed,) = score_events(events, ScriptedRecognizer(), rules or ClosingRules())
    assert not closed.failed
    jsonschema.validate(json.loads(closed.value), SCHEMA)
    return closed.record


def test_recognition_first() -> None:
    got = record(
        "c: concern emotion1", "a: | situation", "a: data_request", "c: ok", "a: resolution"
    )
    assert got.recognized
    assert got.recognized_first
    assert got.broke_at is None
    assert got.recognition is not None
    assert (got.recognition.turn, got.recognition.agent_turns, got.recognition.seconds) == (
        1,
        1,
        10,
    )
    assert got.recognition.labels == ["situation"]
    assert got.agents == ["a-1"]


def test_recognition_after_process_is_late() -> None:
    got = record("c: concern", "a: data_request", "c: x", "a: | situation impact")
    assert got.recognized
    assert not got.recognized_first
    assert got.broke_at == Break("data_request", 1)
    assert got.recognition is not None
    assert (got.recognition.turn, got.recognition.agent_turns, got.recognition.seconds) == (
        3,
        2,
        30,
    )


@pytest.mark.parametrize(
    ("turn", "first"), [("| situation policy", True), ("situation policy", False)]
)
def test_order_within_one_turn_decides(turn: str, first: bool) -> None:
    got = record("c: concern", f"a: {turn}")
    assert got.recognized_first is first
    assert got.broke_at == (None if first else Break("policy", 1))


def test_no_process_and_no_recognition_breaks_at_the_opening() -> None:
    assert record("c: concern", "a: generic_empathy").broke_at == Break("opening", 1)


def test_a_greeting_before_any_concern_is_no_break() -> None:
    got = record("c: hello", "a: hi", "c: concern", "a: | goal")
    assert got.broke_at is None
    assert got.recognized_first


@pytest.mark.parametrize("step", ["data_request", "policy", "hold", "transfer", "resolution"])
def test_the_first_step_without_recognition_is_the_break(step: str) -> None:
    got = record("c: concern", f"a: generic_empathy {step}", "a: | situation")
    assert got.broke_at == (Break(step, 1) if step != "hold" else None)
    assert got.recognized_first is (step == "hold")  # a hold is no process, by the codebook


def test_a_tool_can_take_the_step() -> None:
    got = record("c: concern", tool(EventType.TRANSFER, "billing"), "a: | situation")
    assert got.broke_at == Break("transfer", None)
    assert not got.recognized_first
    assert record("c: concern", tool(EventType.ACTION, "lookup"), "a: | goal").recognized_first
    assert not record("c: concern", tool(EventType.ACTION, "refund"), "a: | goal").recognized_first


def test_situation_and_goal_are_one_opportunity_each() -> None:
    got = record("c: concern", "a: | situation", "c: concern", "a: resolution")
    assert got.signals.situation_confirmed == Kept(1, 1)
    assert got.signals.goal_acknowledged == Kept(1, 0)
    assert record("c: thanks", "a: hi").signals.situation_confirmed == Kept(0, 0)


def test_next_steps_before_hold_and_transfer() -> None:
    got = record(
        "c: concern",
        "a: next_step",
        "a: hold",
        "c: ok",
        "a: transfer",
        "c: ok",
        "a: next_step transfer",
        tool(EventType.HOLD_STARTED),
        tool(EventType.HOLD_ENDED),
    )
    assert got.signals.next_steps_explained == Kept(4, 3)


def test_concern_before_data_counts_each_request() -> None:
    got = record(
        "c: concern",
        "a: data_request",
        "c: x",
        "a: | situation data_request",
        "c: y",
        "a: data_request",
    )
    assert got.signals.concern_before_data == Kept(3, 2)
    assert record("c: hi", "a: data_request").signals.concern_before_data == Kept(0, 0)


def test_habits() -> None:
    got = record(
        "c: concern", "a: | impact", "a: policy reason", "c: x", "a: resolution", "a: policy"
    )
    assert got.habits.recognition_before_resolution == Kept(1, 1)
    assert got.habits.impact_before_policy == Kept(2, 2)
    assert got.habits.reasoning_explained == Kept(3, 1)
    got = record("c: concern", "a: policy", "a: resolution", "a: reason")
    assert got.habits.recognition_before_resolution == Kept(1, 0)
    assert got.habits.impact_before_policy == Kept(1, 0)
    assert got.habits.reasoning_explained == Kept(2, 2)


def test_repeats_emotion_and_repeated_wording() -> None:
    got = record("c: concern", "a: hold", "c: repeat emotion2", "a: hold", "c: repeat emotion1")
    assert (got.repeats, got.emotion_peak) == (2, 2)
    assert got.wording.repeated_turns == 1
    assert got.wording.copied_ratio is None


def test_bots_are_measured_apart() -> None:
    got = record("c: concern", "b: | situation", "b: data_request", "a: resolution")
    assert not got.recognized
    assert got.bot.turns == 2
    assert got.bot.recognized
    assert got.broke_at == Break("resolution", 3)
    assert got.turns.total == 4
    assert [line.turn for line in got.evidence] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (("c: concern",), "no_agent_turns"),
        (("c: concern", "b: resolution"), "no_agent_turns"),
        (("a: resolution",), "no_customer_turns"),
        ((), "no_customer_turns"),
    ],
)
def test_where_there_is_nothing_to_judge(turns: tuple[str, ...], reason: str) -> None:
    got = record(*turns)
    assert not got.judged
    assert got.unjudged_reason == reason


@pytest.mark.parametrize(("language", "judged"), [("en-GB", True), ("", True), ("de", False)])
def test_languages_that_are_not_read_are_not_judged(language: str, judged: bool) -> None:
    events = [e._replace(language=language) for e in conversation("c: concern", "a: | goal")]
    (closed,) = score_events(events, ScriptedRecognizer(), ClosingRules())
    assert closed.record.judged is judged
    assert closed.record.language == language


def test_a_session_that_cannot_be_judged_says_so() -> None:
    events = conversation("c: concern explode", "a: resolution")
    (closed,) = score_events(events, ScriptedRecognizer(), ClosingRules())
    assert closed.failed == "RuntimeError"
    assert closed.record.unjudged_reason == "failed"
    jsonschema.validate(json.loads(closed.value), SCHEMA)


def test_evidence_holds_labels_and_no_text() -> None:
    events = conversation("c: concern marked-text", "a: | situation marked-text")
    (closed,) = score_events(events, ScriptedRecognizer(), ClosingRules())
    assert b"marked-text" not in closed.value
    assert closed.record.evidence[1].labels == ["situation"]


# -- the score ---------------------------------------------------------------------------------


ratio = st.none() | st.floats(0, 1)
inputs = st.fixed_dictionaries(
    {
        "recognized": st.booleans(),
        "steps_before": st.integers(0, 5),
        "labels": st.integers(0, 7).map(Label),
        "particulars": st.integers(0, 6),
        "generic": st.booleans(),
        "copied_ratio": st.floats(0, 1),
        "repeated_turns": st.integers(0, 3),
        "opportunities": st.integers(1, 6),
        "kept": st.integers(0, 6),
        "resolved": st.booleans(),
        "answers": st.integers(0, 6),
        "repeats": st.integers(0, 6),
        "emotion": st.integers(0, 12),
        "emotion_last": st.integers(0, 2),
        "content": st.booleans(),
    }
).map(
    lambda given: (
        given
        | {
            "kept": min(given["kept"], given["opportunities"]),
            "repeats": min(given["repeats"], given["answers"]),
            "emotion": min(given["emotion"], 2 * given["answers"]),
        }
    )
)


@given(inputs)
def test_the_score_is_within_bounds(given_: dict[str, Any]) -> None:
    parts = components(**given_)
    assert 0 <= empathy_score(parts) <= 100
    assert all(0 <= getattr(parts, name) <= 1 for name in parts.__dataclass_fields__)


BETTER: dict[str, Any] = {
    "steps_before": lambda value: max(0, value - 1),
    "labels": lambda value: value | Label.SITUATION,
    "particulars": lambda value: value + 1,
    "generic": lambda value: True,
    "copied_ratio": lambda value: value / 2,
    "repeated_turns": lambda value: 0,
    "repeats": lambda value: max(0, value - 1),
    "emotion": lambda value: max(0, value - 1),
    "content": lambda value: True,
    "emotion_last": lambda value: max(0, value - 1),
    "resolved": lambda value: True,
}


@given(inputs, st.sampled_from(sorted(BETTER)))
def test_the_score_never_falls_for_better_service(given_: dict[str, Any], name: str) -> None:
    better = given_ | {name: BETTER[name](given_[name])}
    assert empathy_score(components(**better)) >= empathy_score(components(**given_))


def test_the_best_and_the_worst() -> None:
    best = record(
        "c: concern", "a: | situation goal impact next_step", "c: content", "a: resolution reason"
    )
    worst = record(
        "c: concern",
        "a: data_request",
        "c: repeat emotion2",
        "a: policy transfer",
        "c: repeat",
        "a: hold",
    )
    assert best.empathy_score >= 90
    assert worst.empathy_score <= 15

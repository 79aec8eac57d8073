"""Live gaps: each kind opens and closes once, when it should, and says so by its schema."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from stream.events import Event, EventType, format_time
from stream.session import (
    GAP_KINDS,
    ClosingRules,
    GapEvent,
    GapRules,
    Outcome,
    SessionProcessor,
    score_events,
)
from stream.session.record import GAP_VERSION
from tests.scripted import START_MS, ScriptedRecognizer, conversation, tool

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "schemas" / "empathy.gaps.schema.json").read_bytes()
)
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
RECOGNIZER = ScriptedRecognizer()
RULES = ClosingRules()
SLOW = GapRules(turns=99, after_ms=10**9)
"""Nothing goes unrecognised for too long."""


def processor(
    gaps: GapRules = SLOW,
    store: dict[bytes, bytes] | None = None,
    rules: ClosingRules = RULES,
) -> SessionProcessor:
    return SessionProcessor(RECOGNIZER, rules, {} if store is None else store, gaps)


def taken(found: SessionProcessor) -> list[GapEvent]:
    """The gap events since the last call, persisted."""
    changes = found.take()
    for gap in changes.gaps:
        VALIDATOR.validate(json.loads(gap.value))
    found.confirm(changes)
    return [gap.event for gap in changes.gaps]


def gaps(*turns: str | Event, rules: GapRules = SLOW, gap_ms: int = 10_000) -> list[GapEvent]:
    found = processor(rules)
    for offset, event in enumerate(conversation(*turns, gap_ms=gap_ms)):
        found.process(offset, event)
    found.finish()
    return taken(found)


def told(events: list[GapEvent]) -> list[tuple[str, str | None]]:
    return [(event.kind, event.closed_by) for event in events]


UNRECOGNIZED, DATA, HOLD, TRANSFER = GAP_KINDS


def test_schema_and_code_agree() -> None:
    assert set(SCHEMA["properties"]) == {field.name for field in fields(GapEvent)}
    assert SCHEMA["required"] == [field.name for field in fields(GapEvent)]
    assert tuple(SCHEMA["properties"]["kind"]["enum"]) == GAP_KINDS
    assert SCHEMA["properties"]["schema_version"]["const"] == GAP_VERSION


def test_a_concern_unrecognized_for_some_turns() -> None:
    opened, closed = gaps(
        "c: concern",
        "a: greeting",
        "a: resolution",
        "a: policy",
        "a: | situation",
        "a: | goal",
        rules=SLOW._replace(turns=2),
    )
    assert (opened.kind, opened.status, opened.closed_at) == (UNRECOGNIZED, "opened", None)
    assert (opened.turn, opened.agent_turns, opened.seconds_since_concern) == (0, 2, 20)
    assert (opened.session_id, opened.queue, opened.agent) == ("s1", "q", "a-1")
    assert (opened.high_emotion, opened.recognizer) == (False, "scripted-1")
    assert (closed.kind, closed.status, closed.closed_by) == (UNRECOGNIZED, "closed", "recognized")
    assert (closed.opened_at, closed.seconds_since_concern) == (opened.opened_at, 40)


def test_recognition_in_time_leaves_no_gap() -> None:
    rules = GapRules(turns=2, after_ms=60_000)
    assert not gaps("c: concern", "a: hello", "a: | impact", "a: data_request", rules=rules)
    assert not gaps("c: concern emotion2", "a: | goal", "a: policy", rules=rules)
    assert not gaps("c: hello", "a: hello", "a: greeting", "a: greeting", rules=rules)


def test_strong_emotion_halves_the_patience() -> None:
    rules = SLOW._replace(turns=2)
    assert not gaps("c: concern emotion1", "a: hello", "a: | goal", rules=rules)
    opened, _ = gaps("c: concern emotion2", "a: hello", "a: | goal", rules=rules)
    assert (opened.agent_turns, opened.high_emotion) == (1, True)
    rules = SLOW._replace(after_ms=60_000)
    opened, _ = gaps("c: concern emotion2", "a: a", *["a: b"] * 9, rules=rules, gap_ms=7_000)
    assert (opened.seconds_since_concern, opened.high_emotion) == (37, True)
    opened, _ = gaps("c: concern", "a: a", *["a: b"] * 9, rules=rules, gap_ms=7_000)
    assert (opened.seconds_since_concern, opened.high_emotion) == (67, False)


def test_emotion_that_rises_opens_what_was_patiently_awaited() -> None:
    opened, _ = gaps("c: concern", "a: x", "c: emotion2", "a: | goal", rules=SLOW._replace(turns=2))
    assert (opened.seconds_since_concern, opened.turn, opened.agent_turns) == (20, 0, 1)


def test_nobody_is_expected_to_recognize_before_an_agent_is_there() -> None:
    rules = SLOW._replace(after_ms=15_000)
    waiting = ["c: concern", "b: greeting", *["c: concern"] * 9]
    assert not gaps(*waiting, rules=rules)
    opened, _ = gaps(*waiting, "a: hello", "c: x", "c: x", rules=rules)
    assert opened.seconds_since_concern == 125
    # Nor while the customer is still saying what the concern is.
    opened, _ = gaps("a: hello", *["c: concern"] * 9, "a: x", "a: x", rules=rules)
    assert opened.seconds_since_concern == 95
    opened, _ = gaps("a: hello", "c: concern", *["c: anybody?"] * 9, rules=rules)
    assert opened.seconds_since_concern == 15


def test_data_before_recognition() -> None:
    opened, closed = gaps("c: concern", "a: data_request", "a: data_request", "a: | situation")
    assert told([opened, closed]) == [(DATA, None), (DATA, "recognized")]
    assert (opened.turn, opened.seconds_since_concern) == (1, 10)
    assert not gaps("a: data_request", "c: concern", "a: | situation data_request")
    # In the same turn, but too late.
    assert len(gaps("c: concern", "a: data_request situation")) == 2


def test_holds_and_transfers_that_nobody_explains() -> None:
    opened, closed = gaps("c: concern", "a: hold", "c: ok", "a: hold", "a: hold next_step")
    assert told([opened, closed]) == [(HOLD, None), (HOLD, "explained")]
    assert opened.turn == 1
    assert told(gaps("c: concern", "a: transfer", "a: next_step"))[1] == (TRANSFER, "explained")
    assert told(gaps("c: concern", "a: hold", "a: resolution"))[1] == (HOLD, "hold_ended")
    still = gaps("c: concern", "a: hold", "a: resolution hold")
    assert told(still)[1] == (HOLD, "session_closed")
    assert told(gaps("c: concern", "a: hold transfer")) == [
        (HOLD, None),
        (TRANSFER, None),
        (HOLD, "session_closed"),
        (TRANSFER, "session_closed"),
    ]
    assert not gaps("c: concern", "a: hold next_step", "a: transfer")


def test_what_tools_report_waits_for_its_explanation() -> None:
    hold, over = tool(EventType.HOLD_STARTED), tool(EventType.HOLD_ENDED)
    opened, closed = gaps("c: concern", "a: hello", hold, over)
    assert told([opened, closed]) == [(HOLD, None), (HOLD, "hold_ended")]
    assert opened.turn is None
    assert (opened.seconds_since_concern, closed.seconds_since_concern) == (22, 30)
    moved = tool(EventType.TRANSFER)._replace(agent="a-9")
    opened, _ = gaps("c: concern", "a: hello", moved, "a: x")
    assert (opened.kind, opened.agent) == (TRANSFER, "a-9")
    # Explained before, within the time, or over by then.
    assert not gaps("c: concern", "a: next_step", hold, "c: x")
    assert not gaps("c: concern", "a: hello", hold, "a: next_step", gap_ms=1_000)
    assert not gaps("c: concern", "a: hello", hold, over, gap_ms=1_000)
    # Where nobody's words are known, nothing can be said of them.
    assert not gaps("c: concern", hold, "c: x")
    assert not gaps("a: hello", hold, "a: x")


def test_a_second_hold_after_one_explained_in_time() -> None:
    hold = tool(EventType.HOLD_STARTED)
    events = gaps("c: concern", "a: x", hold, "a: next_step", "c: x", "a: hold", gap_ms=1_000)
    assert told(events) == [(HOLD, None), (HOLD, "session_closed")]


def test_what_is_open_closes_with_the_session() -> None:
    events = conversation("c: concern", "a: data_request")
    found = processor()
    for offset, event in enumerate(events):
        found.process(offset, event)
    assert found.open_gaps == {("q", DATA): 1}
    found.finish()
    opened, closed = taken(found)
    assert closed.closed_by == "session_closed"
    assert closed.closed_at == format_time(events[-1].time_ms)
    assert not found.open_gaps
    assert opened.closed_by is None


def test_a_duplicate_changes_nothing() -> None:
    found = processor()
    events = conversation("c: concern", "a: data_request", end=False)
    for offset, event in enumerate([*events, *events, *events]):
        found.process(offset, event)
    assert told(taken(found)) == [(DATA, None)]


def test_recognition_that_arrives_late_closes_the_gap_for_good() -> None:
    events = conversation("c: concern", "a: | situation", "a: data_request", end=False)
    found = processor()
    for offset, n in enumerate((0, 1, 3)):
        found.process(offset, events[n])
    assert told(taken(found)) == [(DATA, None)]
    found.process(3, events[2])
    assert told(taken(found)) == [(DATA, "recognized")]
    again = events[3]._replace(event_id="again", time_ms=START_MS + 1)
    found.process(4, again)
    assert not taken(found)


def test_a_gap_that_was_none_is_revised() -> None:
    events = conversation("c: concern", "a: next_step", "a: hold", end=False)
    found = processor()
    for offset, n in enumerate((0, 1, 3)):
        found.process(offset, events[n])
    assert told(taken(found)) == [(HOLD, None)]
    found.process(3, events[2])
    assert told(taken(found)) == [(HOLD, "revised")]


def test_a_conversation_sent_backwards_is_left_to_its_record() -> None:
    events = conversation("c: concern", *["a: data_request"] * 250, end=False)
    found = processor()
    for offset, event in enumerate(reversed(events)):
        found.process(offset, event)
    assert not taken(found)
    found.finish()
    (closed,) = found.take().records
    (expected,) = score_events(events, RECOGNIZER, RULES)
    assert closed.record.evidence == expected.record.evidence


def test_other_sessions_move_the_time_in_which_a_gap_opens() -> None:
    found = processor(SLOW._replace(after_ms=60_000))
    for offset, event in enumerate(conversation("c: concern", "a: hello", end=False)):
        found.process(offset, event)
    other = conversation("c: concern", session="other", end=False)[1]
    due = START_MS + 20_000 + 60_000
    found.process(10, other._replace(time_ms=due - 1))
    assert not taken(found)
    found.process(11, other._replace(time_ms=due, event_id="x"))
    (opened,) = taken(found)
    assert (opened.session_id, opened.kind) == ("s1", UNRECOGNIZED)
    assert opened.seconds_since_concern == 70


def test_a_session_that_lags_gets_its_time() -> None:
    found = processor(SLOW._replace(after_ms=60_000))
    ahead = 30_000
    other = conversation("c: hello", session="other", end=False)[1]
    found.process(0, other._replace(time_ms=START_MS + 20_000 + ahead))
    for offset, event in enumerate(conversation("c: concern", "a: hello", end=False), start=1):
        found.process(offset, event)
    late = START_MS + 20_000 + 60_000 + ahead
    found.process(10, other._replace(time_ms=late - 1, event_id="x"))
    assert not taken(found)
    found.process(11, other._replace(time_ms=late, event_id="y"))
    assert told(taken(found)) == [(UNRECOGNIZED, None)]


def idle(store: dict[bytes, bytes]) -> SessionProcessor:
    """A partition run dry whose clock has decided to open a gap, not yet emitted."""
    found = processor(SLOW._replace(after_ms=60_000), store)
    for offset, event in enumerate(conversation("c: concern", "a: hello", end=False)):
        found.process(offset, event)
    found.confirm(found.take())
    before = found.now()
    assert found.next_due_ms == START_MS + 80_000
    assert not found.advance(59_999)
    assert found.advance(60_000)
    assert found.now() == before
    changes = found.take()
    assert not changes.gaps
    found.confirm(changes)
    return found


def test_the_clock_opens_a_gap_where_a_partition_has_run_dry() -> None:
    found = idle({})
    found.emit_decided()
    assert told(taken(found)) == [(UNRECOGNIZED, None)]
    assert not found.has_decided
    assert not found.advance(60_001)


def test_what_the_clock_decided_survives_a_restart() -> None:
    store: dict[bytes, bytes] = {}
    first = idle(store)
    first.emit_decided()
    (before,) = first.take().gaps
    restarted = processor(store=dict(store))
    assert restarted.has_decided
    assert restarted.open_gaps == {("q", UNRECOGNIZED): 1}
    restarted.emit_decided()
    (after,) = restarted.take().gaps
    assert after.value == before.value
    # An event that comes before it can be emitted changes no order.
    restarted = processor(store=dict(store))
    recognition = conversation("c: x", "c: x", "a: | goal", end=False)[3]
    restarted.process(10, recognition)
    restarted.emit_decided()
    assert told(taken(restarted)) == [(UNRECOGNIZED, None), (UNRECOGNIZED, "recognized")]


def test_the_clock_is_not_asked_once_the_session_has_ended_or_is_recognized() -> None:
    for last in ("a: | goal", None):
        patient = RULES._replace(linger_ms=3_600_000)
        found = processor(SLOW._replace(after_ms=60_000), rules=patient)
        turns = ["c: concern", "a: hello", *([last] if last else [])]
        for offset, event in enumerate(conversation(*turns, end=last is None)):
            found.process(offset, event)
        found.advance(60_000)
        found.emit_decided()
        assert not taken(found)


def test_a_session_that_closes_before_a_gap_is_due_has_none() -> None:
    rules = RULES._replace(inactivity_ms=30_000)
    found = processor(SLOW._replace(after_ms=60_000), rules=rules)
    for offset, event in enumerate(conversation("c: concern", "a: hello", end=False)):
        found.process(offset, event)
    other = conversation("c: concern", session="other", end=False)[1]
    found.process(10, other._replace(time_ms=START_MS + 200_000))
    assert not taken(found)


@pytest.mark.parametrize("named_at", [1, 3])
def test_a_language_that_is_not_read_has_no_gaps(named_at: int) -> None:
    events = conversation("c: concern", "a: data_request", "a: data_request")
    events[named_at] = events[named_at]._replace(language="de-AT")
    found = processor()
    for offset, event in enumerate(events):
        found.process(offset, event)
    found.finish()
    changes = found.take()
    assert told([gap.event for gap in changes.gaps]) == (
        [] if named_at == 1 else [(DATA, None), (DATA, "session_closed")]
    )
    (expected,) = score_events(events, RECOGNIZER, RULES)
    assert changes.records[0].value == expected.value


def test_a_turn_that_cannot_be_related_ends_the_watch_and_is_reported_by_its_record() -> None:
    found = processor()
    turns = ["c: concern", "a: data_request", "c: explode", "a: | situation", "a: hold"]
    for offset, event in enumerate(conversation(*turns)):
        found.process(offset, event)
    found.finish()
    changes = found.take()
    assert [gap.event.closed_by for gap in changes.gaps] == [None, "session_closed"]
    assert changes.records[0].failed == "RuntimeError"


def test_the_state_of_a_release_that_knew_no_gaps_is_read() -> None:
    events = conversation("c: concern", "a: data_request", "a: data_request", end=False)
    found = SessionProcessor(RECOGNIZER, RULES, {})
    for offset, event in enumerate(events[:-1]):
        found.process(offset, event)
    ((key, value),) = found.take().state.items()
    assert value is not None
    head, facts = map(json.loads, value.splitlines())
    old = [1, *head[1:12], [fact[:4] for fact in facts], *head[13:-4]]
    store = {key: json.dumps(old).encode(), b"closed": json.dumps([1, 5, START_MS]).encode()}
    found = processor(store=store)
    found.process(3, events[-1])
    (opened,) = taken(found)
    # Opened by what came before the upgrade, too; who spoke then was not kept.
    assert (opened.kind, opened.turn, opened.agent) == (DATA, 1, "")
    late = events[1]._replace(session_id="closed")
    assert found.process(6, late) is Outcome.LATE


def test_without_rules_there_are_no_gaps() -> None:
    found = SessionProcessor(RECOGNIZER, RULES, {})
    for offset, event in enumerate(conversation("c: concern", "a: data_request")):
        found.process(offset, event)
    assert not taken(found)
    assert found.open_gaps == {}

"""The promise of gap events: at most one opening and one closing per session and kind, in that
order, the same whatever the batches, crashes and redeliveries; and records that know nothing of
them."""

from __future__ import annotations

import random
from collections import Counter

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.events import Event, EventType
from stream.session import GapRules, SessionProcessor
from tests.property.test_processor import (
    RECOGNIZER,
    RULES,
    TURNS,
    Log,
    Machine,
    make_log,
    straight,
)
from tests.scripted import conversation, tool

RULES_OF_GAPS = GapRules(turns=3, after_ms=40_000, settle_ms=2_000)
STEPS: list[str | Event] = [
    *TURNS,
    "c: concern emotion2",
    "a: greeting",
    "a: hold",
    "a: transfer",
    "a: resolution",
    tool(EventType.HOLD_STARTED),
    tool(EventType.HOLD_ENDED),
    tool(EventType.TRANSFER, "billing"),
]
sessions = st.lists(
    st.tuples(st.lists(st.sampled_from(STEPS), max_size=8), st.integers(500, 50_000)),
    min_size=1,
    max_size=4,
)


def straight_gaps(log: Log) -> list[bytes]:
    """What one uninterrupted pass emits."""
    processor = SessionProcessor(RECOGNIZER, RULES, {}, RULES_OF_GAPS)
    for offset, (event, log_ms) in enumerate(log):
        processor.process(offset, event, log_ms)
    processor.finish()
    assert not processor.open_gaps
    return [gap.value for gap in processor.take().gaps]


def check_promise(values: list[bytes]) -> None:
    """Of the distinct events, in the order in which they first came."""
    opened: dict[tuple[str, str], dict[str, object]] = {}
    closed = set()
    for event in map(orjson.loads, dict.fromkeys(values)):
        key = (event["session_id"], event["kind"])
        if event["status"] == "opened":
            assert key not in opened
            opened[key] = event
        else:
            assert key in opened
            assert key not in closed
            closed.add(key)
            changed = {name for name, value in event.items() if opened[key][name] != value}
            assert {"status", "closed_at", "closed_by"} <= changed
            assert changed <= {"status", "closed_at", "closed_by", "seconds_since_concern"}
            assert event["closed_at"] >= event["opened_at"]
    assert closed == set(opened)


@settings(max_examples=300)
@given(sessions, st.integers(0, 2**32))
def test_batches_crashes_and_redeliveries_change_no_gap_event(
    conversations: list[tuple[list[str | Event], int]], seed: int
) -> None:
    rng = random.Random(seed)
    log = make_log(conversations, rng)
    machine = Machine(log, rng, RULES_OF_GAPS)
    for _ in range(rng.randrange(30)):
        step = rng.random()
        if step < 0.6:
            machine.batch(rng.randrange(1, 8), crash=rng.random() < 0.3)
        elif step < 0.9:
            machine.commit(crash=rng.random() < 0.2)
        else:
            machine.start()
    machine.finish()
    check_promise(machine.gaps)
    assert set(machine.gaps) == set(straight_gaps(log))
    assert {key: set(values) for key, values in machine.emitted.items()} == {
        key: {value} for key, value in straight(log).items()
    }


@settings(max_examples=300)
@given(sessions, st.integers(0, 2**32))
def test_what_the_clock_opens_is_closed_once_whatever_crashes(
    conversations: list[tuple[list[str | Event], int]], seed: int
) -> None:
    rng = random.Random(seed)
    log = make_log(conversations, rng)
    machine = Machine(log, rng, RULES_OF_GAPS)
    for _ in range(rng.randrange(40)):
        step = rng.random()
        if step < 0.45:
            machine.batch(rng.randrange(1, 6), crash=rng.random() < 0.3)
        elif step < 0.6:
            machine.commit(crash=rng.random() < 0.2)
        elif step < 0.95:
            machine.idle(rng.choice([500, 5_000, 45_000]), crash=rng.randrange(4))
        else:
            machine.start()
    machine.finish()
    check_promise(machine.gaps)
    assert not machine.processor.open_gaps


@given(sessions, st.integers(0, 2**32))
def test_the_watch_kept_at_hand_and_one_made_anew_agree(
    conversations: list[tuple[list[str | Event], int]], seed: int
) -> None:
    log = make_log(conversations, random.Random(seed))
    processor = SessionProcessor(RECOGNIZER, RULES, {}, RULES_OF_GAPS)
    for offset, (event, log_ms) in enumerate(log):
        processor._watches.clear()
        processor.process(offset, event, log_ms)
    processor.finish()
    changes = processor.take()
    assert [gap.value for gap in changes.gaps] == straight_gaps(log)
    assert {c.record.session_id: c.value for c in changes.records} == straight(log)


@given(st.lists(st.sampled_from(STEPS), max_size=10), st.integers(500, 50_000))
def test_gaps_are_the_opportunities_that_the_record_counts_as_lost(
    steps: list[str | Event], gap_ms: int
) -> None:
    processor = SessionProcessor(RECOGNIZER, RULES, {}, GapRules(settle_ms=0))
    for offset, event in enumerate(conversation(*steps, gap_ms=gap_ms)):
        processor.process(offset, event)
    processor.finish()
    changes = processor.take()
    (closed,) = changes.records
    record = closed.record
    opened = Counter(gap.event.kind for gap in changes.gaps if gap.event.status == "opened")
    signals = record.signals
    data = signals.concern_before_data
    assert opened["data_before_recognition"] == (data.opportunities > data.kept)
    explained = signals.next_steps_explained
    if opened["unexplained_hold"] or opened["unexplained_transfer"]:
        assert explained.opportunities > explained.kept
    if opened["unrecognized_concern"] and not record.recognized:
        assert record.turns.agent

"""The promise: a session yields one distinct record, however its events are batched, duplicated,
redelivered, reordered or interrupted, and whenever the process is killed."""

from __future__ import annotations

import random
from collections import defaultdict

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.events import Event, EventType
from stream.session import (
    WATERMARK_KEY,
    ClosingRules,
    GapRules,
    Mark,
    Outcome,
    SessionProcessor,
    SessionState,
    score_events,
)
from tests.scripted import START_MS, ScriptedRecognizer, conversation

RULES = ClosingRules(
    linger_ms=2_000, inactivity_ms=120_000, max_age_ms=600_000, grace_ms=10**9, max_events=30
)
RECOGNIZER = ScriptedRecognizer()
TURNS = [
    "c: concern emotion1",
    "c: repeat",
    "c: thanks",
    "a: data_request",
    "a: | situation data_request",
    "a: policy reason",
    "a: generic_empathy",
    "a: hold next_step",
    "b: resolution",
]

Log = list[tuple[Event | list[Event], int]]
"""Events, or all the events of a record, with their records' timestamps in the log; the offset is
the place in the list."""

sessions = st.lists(
    st.tuples(st.lists(st.sampled_from(TURNS), max_size=6), st.integers(1_000, 50_000)),
    min_size=1,
    max_size=4,
)


def make_log(conversations: list[tuple[list[str], int]], rng: random.Random) -> Log:
    """Interleave the sessions, some events duplicated, some locally out of order, some stalled."""
    queues = [
        conversation(*turns, session=f"s{n}", gap_ms=gap, end=rng.random() < 0.8)
        for n, (turns, gap) in enumerate(conversations)
    ]
    shift = {f"s{n}": rng.randrange(-300_000, 300_000) for n in range(len(queues))}
    log: Log = []
    log_ms = START_MS
    while any(queues):
        queue = rng.choice([queue for queue in queues if queue])
        event = queue.pop(rng.randrange(min(2, len(queue))))
        event = event._replace(time_ms=event.time_ms + shift[event.session_id])
        log_ms += rng.choice([0, 1, 50, 1_500, 20_000])
        log.append((event, log_ms))
        if rng.random() < 0.2:
            log.append((rng.choice(log)[0], log_ms))
    return log


def grouped(log: Log, rng: random.Random) -> Log:
    """Neighbours put together into records of several events, some sessions telling only the time
    since their start, some turns preceded by a partial transcript."""
    relative = {name for name in ("s0", "s1", "s2", "s3") if rng.random() < 0.5}
    out: Log = []
    while log:
        count = rng.randrange(1, 5)
        taken, log = log[:count], log[count:]
        log_ms = taken[-1][1]
        events = []
        for event, _ in taken:
            assert isinstance(event, Event)
            if event.session_id in relative:
                # Shifted by up to 300 s, and never before the session's start.
                offset_ms = max(0, event.time_ms - START_MS + 300_000)
                event = event._replace(offset_ms=offset_ms, time_ms=log_ms)
            if event.type is EventType.UTTERANCE and rng.random() < 0.3:
                events.append(event._replace(final=False))
            events.append(event)
        out.append((events, log_ms))
    return out


def take_record(
    processor: SessionProcessor, offset: int, event: Event | list[Event], log_ms: int
) -> None:
    if isinstance(event, Event):
        processor.process(offset, event, log_ms)
    else:
        processor.process_all(offset, event, log_ms)


def straight(log: Log) -> dict[str, bytes]:
    """What one uninterrupted pass emits."""
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    for offset, (event, log_ms) in enumerate(log):
        take_record(processor, offset, event, log_ms)
    processor.finish()
    return {closed.record.session_id: closed.value for closed in processor.take().records}


class Machine:
    """A worker and its broker: what was produced, persisted and committed survives a crash."""

    def __init__(self, log: Log, rng: random.Random, gaps: GapRules | None = None) -> None:
        self.log, self.rng, self.gap_rules = log, rng, gaps
        self.gaps: list[bytes] = []
        self.emitted: dict[str, list[bytes]] = defaultdict(list)
        self.changelog: dict[bytes, bytes] = {}
        self.committed = 0
        self.produced = 0
        """How much of the log exists so far."""
        self.start()

    def start(self) -> None:
        self.processor = SessionProcessor(RECOGNIZER, RULES, dict(self.changelog), self.gap_rules)
        self.processor.resume(self.committed)
        self.at = self.committed
        self.done: Mark | None = None
        if self.processor.has_decided:
            self.processor.emit_decided()
            self.flush()

    def write(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.changelog.pop(key, None)
        else:
            self.changelog[key] = value

    def flush(self, *, crash: bool = False) -> bool:
        """Gaps and records out, then state; with ``crash`` it stops somewhere in between."""
        changes = self.processor.take()
        out = len(changes.records)
        gaps = len(changes.gaps)
        keys = list(changes.state)
        if crash:
            out, gaps = self.rng.randrange(out + 1), self.rng.randrange(gaps + 1)
            self.rng.shuffle(keys)
            all_out = out == len(changes.records) and gaps == len(changes.gaps)
            keys = keys[: self.rng.randrange(len(keys) + 1)] if all_out else []
        self.gaps += [gap.value for gap in changes.gaps[:gaps]]
        for closed in changes.records[:out]:
            self.emitted[closed.record.session_id].append(closed.value)
        for key in keys:
            self.write(key, changes.state[key])
        if crash:
            self.start()
            return False
        self.processor.confirm(changes)
        return True

    def batch(self, size: int, *, crash: bool) -> None:
        end = min(len(self.log), self.at + size)
        self.produced = max(self.produced, end)
        for offset in range(self.at, end):
            take_record(self.processor, offset, *self.log[offset])
        if self.flush(crash=crash):
            self.at = end
            self.done = self.processor.now()

    def commit(self, *, crash: bool) -> None:
        if self.done is None:
            return
        self.write(WATERMARK_KEY, self.processor.mark(self.done, self.committed))
        if crash:
            self.start()
        else:
            self.committed = self.done.offset

    def idle(self, elapsed_ms: int, *, crash: int) -> None:
        """Time passes on a partition that has run dry."""
        if self.at < self.produced:
            return
        if self.processor.advance(elapsed_ms) and self.flush(crash=crash == 1):
            self.processor.emit_decided()
            self.flush(crash=crash == 2)

    def finish(self) -> None:
        while self.at < len(self.log):
            self.batch(len(self.log), crash=False)
        self.processor.finish()
        self.flush()


@settings(max_examples=300)
@given(sessions, st.integers(0, 2**32))
def test_batches_crashes_and_redeliveries_change_nothing(
    conversations: list[tuple[list[str], int]], seed: int
) -> None:
    rng = random.Random(seed)
    log = make_log(conversations, rng)
    if rng.random() < 0.5:
        log = grouped(log, rng)
    machine = Machine(log, rng)
    for _ in range(rng.randrange(30)):
        step = rng.random()
        if step < 0.6:
            machine.batch(rng.randrange(1, 8), crash=rng.random() < 0.3)
        elif step < 0.9:
            machine.commit(crash=rng.random() < 0.2)
        else:
            machine.start()
    machine.finish()
    assert {key: set(values) for key, values in machine.emitted.items()} == {
        key: {value} for key, value in straight(log).items()
    }


@settings(max_examples=300)
@given(sessions, st.integers(0, 2**32))
def test_what_wall_clock_time_closes_is_decided_once(
    conversations: list[tuple[list[str], int]], seed: int
) -> None:
    rng = random.Random(seed)
    log = make_log(conversations, rng)
    machine = Machine(log, rng)
    for _ in range(rng.randrange(40)):
        step = rng.random()
        if step < 0.45:
            machine.batch(rng.randrange(1, 6), crash=rng.random() < 0.3)
        elif step < 0.6:
            machine.commit(crash=rng.random() < 0.2)
        elif step < 0.95:
            machine.idle(rng.choice([500, 5_000, 300_000]), crash=rng.randrange(4))
        else:
            machine.start()
    machine.finish()
    assert set(machine.emitted) == {
        event.session_id for event, _ in log if isinstance(event, Event)
    }
    assert {key: len(set(values)) for key, values in machine.emitted.items()} == dict.fromkeys(
        machine.emitted, 1
    )


def without_quality(value: bytes) -> dict[str, object]:
    record: dict[str, object] = orjson.loads(value)
    del record["quality"]
    return record


@given(st.lists(st.sampled_from(TURNS), min_size=1, max_size=8), st.integers(0, 2**32))
def test_any_order_and_any_duplication_of_a_session_give_the_same_record(
    turns: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    events = conversation(*turns)
    (straight_record,) = score_events(events, RECOGNIZER, RULES)
    mixed = [*events, *rng.choices(events, k=rng.randrange(5))]
    rng.shuffle(mixed)
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    outcomes = [processor.process(n, event, START_MS) for n, event in enumerate(mixed)]
    processor.finish()
    (record,) = processor.take().records
    assert without_quality(record.value) == without_quality(straight_record.value)
    assert record.record.quality.duplicates == len(mixed) - len(events)
    assert outcomes.count(Outcome.DUPLICATE) == len(mixed) - len(events)


@given(st.lists(st.sampled_from(TURNS), max_size=8), st.booleans())
def test_state_survives_encoding(turns: list[str], end: bool) -> None:
    processor = SessionProcessor(RECOGNIZER, RULES, {}, GapRules())
    for offset, event in enumerate(conversation(*turns, end=end)):
        processor.process(offset, event, START_MS)
    ((key, value),) = processor.take().state.items()
    assert value is not None
    state = SessionState.decode(key.decode(), value)
    assert state.encode() == value


@given(sessions, st.integers(0, 2**32))
def test_events_that_share_a_record_count_as_if_each_had_its_own(
    conversations: list[tuple[list[str], int]], seed: int
) -> None:
    """But for what closes in between: a record's events are taken in together."""
    log = make_log(conversations, random.Random(seed))
    patient = RULES._replace(linger_ms=10**9, inactivity_ms=10**9, max_age_ms=10**9)
    results = []
    for together in (False, True):
        processor = SessionProcessor(RECOGNIZER, patient, {})
        if together:
            processor.process_all(0, [event for event, _ in log], log[0][1])
        else:
            for offset, (event, _) in enumerate(log):
                processor.process(offset, event, log[0][1])
        processor.finish()
        results.append({c.record.session_id: c.value for c in processor.take().records})
    assert results[0] == results[1]


def test_a_record_that_fails_half_way_leaves_every_session_as_it_was() -> None:
    events = conversation("c: concern", "a: | situation")
    bad = events[1]._replace(event_id="bad", text="explode on reading")
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    processor.process_all(0, events[:1], START_MS)
    before = processor.take().state
    with pytest.raises(RuntimeError):
        processor.process_all(1, [events[1], bad], START_MS)
    processor.skip(1, START_MS)
    assert processor.take().state == before
    outcomes = processor.process_all(2, [*events[1:], events[1]], START_MS)
    assert outcomes == [Outcome.ACCEPTED] * 3 + [Outcome.DUPLICATE]
    assert processor.process_all(2, events[1:], START_MS) == [Outcome.REDELIVERED] * 3


def test_closing_times() -> None:
    events = conversation("c: concern", "a: resolution", gap_ms=1_000)
    other = conversation("c: concern", session="other")[1]
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    for offset, event in enumerate(events):
        processor.process(offset, event)
    ended_ms = events[-1].time_ms
    processor.process(10, other._replace(time_ms=ended_ms + RULES.linger_ms - 1))
    assert not processor.take().records
    processor.process(11, other._replace(time_ms=ended_ms + RULES.linger_ms, event_id="x"))
    (closed,) = processor.take().records
    assert closed.record.closed_by == "ended"
    assert processor.process(12, events[1]._replace(event_id="late")) is Outcome.LATE


def test_a_closed_session_is_forgotten_after_its_grace_time() -> None:
    rules = RULES._replace(grace_ms=60_000)
    events = conversation("c: concern", "a: resolution", gap_ms=1_000)
    other = conversation("c: concern", session="other")[1]
    store: dict[bytes, bytes] = {}
    processor = SessionProcessor(RECOGNIZER, rules, store)

    def flush() -> int:
        changes = processor.take()
        processor.confirm(changes)
        return len(changes.records)

    log_ms = START_MS
    for offset, event in enumerate(events):
        processor.process(offset, event, log_ms)
    late_event = events[0]._replace(event_id="x")
    processor.process(10, other._replace(time_ms=events[-1].time_ms + rules.linger_ms), log_ms)
    assert flush() == 1
    # A day of event time passes in a replay; the log's own time does not.
    processor.process(11, other._replace(time_ms=START_MS + 86_400_000, event_id="y"), log_ms)
    assert processor.process(12, late_event, log_ms + rules.grace_ms - 1) is Outcome.LATE
    flush()
    assert b"s1" in store
    processor.process(13, other._replace(event_id="z"), log_ms + rules.grace_ms)
    flush()
    assert b"s1" not in store


def test_inactivity_and_age_close_a_session_that_never_ends() -> None:
    events = conversation("c: concern", "a: resolution", end=False)
    other = conversation("c: concern", session="other")[1]
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    for offset, event in enumerate(events):
        processor.process(offset, event)
    last_ms = events[-1].time_ms
    processor.process(10, other._replace(time_ms=last_ms + RULES.inactivity_ms))
    (closed,) = processor.take().records
    assert closed.record.closed_by == "inactivity"
    # The other session keeps talking until it is too old.
    for n in range(1, 8):
        event = other._replace(time_ms=last_ms + RULES.inactivity_ms + n * 100_000, event_id=str(n))
        processor.process(10 + n, event)
    assert [closed.record.closed_by for closed in processor.take().records] == [
        "inactivity",
        "max_age",
    ]


def test_a_session_that_grows_without_end_is_closed() -> None:
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    base = conversation("c: concern", end=False)[1]
    outcomes = [processor.process(n, base._replace(event_id=str(n))) for n in range(40)]
    (closed,) = processor.take().records
    assert closed.record.closed_by == "max_size"
    assert outcomes.count(Outcome.ACCEPTED) == RULES.max_events
    assert outcomes.count(Outcome.LATE) == 40 - RULES.max_events


def test_an_event_that_cannot_be_read_leaves_its_session_as_it_was() -> None:
    events = conversation("c: concern", "a: | situation")
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    offset = 0
    for event in events:
        processor.process(offset, event)
        offset += 1
        bad = event._replace(
            type=EventType.UTTERANCE,
            speaker=next(e.speaker for e in events if e.speaker),
            event_id=f"bad{offset}",
            text="explode on reading",
        )
        try:
            processor.process(offset, bad)
            raise AssertionError("expected the recogniser to fail")
        except RuntimeError:
            processor.skip(offset)
        offset += 1
    processor.finish()
    (closed,) = processor.take().records
    (expected,) = score_events(events, RECOGNIZER, RULES)
    assert closed.value == expected.value


def test_a_clock_ahead_of_the_log_closes_nobody_elses_session() -> None:
    processor = SessionProcessor(RECOGNIZER, RULES, {})
    log_ms = START_MS
    first, second = (conversation("c: concern", session=name, end=False) for name in ("a", "b"))
    processor.process(0, first[1], log_ms)
    processor.process(1, second[1]._replace(time_ms=START_MS + 10**9), log_ms)
    assert not processor.take().records or RULES.max_skew_ms >= RULES.inactivity_ms
    wide = RULES._replace(inactivity_ms=RULES.max_skew_ms + 60_000, max_age_ms=10**9)
    processor = SessionProcessor(RECOGNIZER, wide, {})
    processor.process(0, first[1], log_ms)
    processor.process(1, second[1]._replace(time_ms=START_MS + 10**9), log_ms)
    assert not processor.take().records

"""All sessions of one partition: events in, records and state changes out.

Deterministic: what comes out depends on the partition's log alone, however it is cut into
batches, redelivered or interrupted. No clock and no I/O; the caller persists what
:meth:`SessionProcessor.take` returns and then calls :meth:`SessionProcessor.confirm`. Where
persisting fails, the processor is thrown away and built anew from what was persisted.

Time is the partition's **watermark**: the newest event time seen. An event moves it at most
``max_skew_ms`` past its record's timestamp in the log, and where event time stands still (a replay
of old conversations, a run of rejected events) it follows the log's timestamps. Sessions close
when the watermark says so. Where a partition has run dry, :meth:`SessionProcessor.advance` moves
it by wall-clock time; what that closes is decided in the log first (``closing``) and emitted
after, so that a crash in between cannot decide otherwise.
"""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Iterable, MutableMapping
from typing import NamedTuple

import orjson

from stream.events import Event, EventType
from stream.recognition import Recognizer
from stream.session.facts import observe
from stream.session.judgement import judge, unjudgeable
from stream.session.record import InteractionRecord
from stream.session.state import SessionState, StateError, event_hash

WATERMARK_KEY = b"\xffwatermark"
"""Changelog key of the partition's watermarks. Not UTF-8, so no session id equals it."""


class Outcome(str, enum.Enum):
    """What became of an event: the ``outcome`` label of the events metric."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LATE = "late"
    PARTIAL = "partial"
    REDELIVERED = "redelivered"


class ClosingRules(NamedTuple):
    """When a session ends, in milliseconds of event time.

    ``linger_ms`` after ``session.ended``, so that events under way still count;
    ``inactivity_ms`` without an event; ``max_age_ms`` after the first. A closed session is
    remembered for ``grace_ms`` of the log's time, in which late events are counted and do not open
    it again.
    ``max_events`` and ``max_text_chars`` bound a session's state, which must fit a Kafka message:
    the session closes with the event that reaches one of them.
    """

    linger_ms: int = 100
    inactivity_ms: int = 900_000
    max_age_ms: int = 86_400_000
    grace_ms: int = 3_600_000
    max_skew_ms: int = 300_000
    max_events: int = 2_000
    max_text_chars: int = 400_000
    languages: frozenset[str] = frozenset({"en"})


_LOG_STEP_MS = 1_000
"""Most that one record's log timestamp moves the watermark: a producer whose clock is wrong must
not close everybody's sessions."""


class Mark(NamedTuple):
    """The partition's time before the record at ``offset``: where a restart there begins."""

    offset: int
    watermark_ms: int
    log_ms: int


def _decode_marks(data: bytes) -> list[Mark]:
    try:
        return [Mark(*map(int, mark)) for mark in orjson.loads(data)]
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise StateError("the partition's watermarks cannot be read") from error


def newest_mark(data: bytes) -> int:
    """The highest offset among encoded marks, -1 without any. Raises :class:`StateError`."""
    try:
        # Of any processor's marks: the offset comes first.
        return max((int(mark[0]) for mark in orjson.loads(data)), default=-1)
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
        raise StateError("the partition's watermarks cannot be read") from error


class ClosedSession(NamedTuple):
    """A record to emit. ``ended_log_ms`` is the log's timestamp of ``session.ended``, None where
    the session closed without one or a restart came in between. ``failed`` says what went wrong
    where the session could not be judged."""

    record: InteractionRecord
    value: bytes
    ended_log_ms: int | None
    failed: str = ""


class Changes(NamedTuple):
    """What to persist: records first, then state by changelog key (None: a tombstone)."""

    records: list[ClosedSession]
    state: dict[bytes, bytes | None]


class SessionProcessor:
    """Sessions of one partition.

    ``store`` maps changelog keys to encoded states as last persisted; :meth:`confirm` keeps it
    up to date. Raises :class:`~stream.session.state.StateError` for a store it cannot read.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        rules: ClosingRules,
        store: MutableMapping[bytes, bytes],
    ) -> None:
        self._recognizer = recognizer
        self._rules = rules
        self._store = store
        self._live: dict[str, SessionState] = {}
        self._dirty: set[str] = set()
        self._ended_log_ms: dict[str, int] = {}
        self._closed: list[ClosedSession] = []
        self._removed: set[str] = set()
        self._decided: list[str] = []
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._remembered: deque[tuple[int, str]] = deque()
        """Closed sessions by the log's time when they closed, oldest first."""
        self._open = 0
        self._marks: list[Mark] = []
        self._marks_ahead: list[Mark] = []
        self._marks_changed = False
        self._log_ms = 0
        self.watermark_ms: int | None = None
        self.position = 0
        """Offset after the last record seen."""
        self._clocks = 0
        """Newest watermark that any restored session has seen."""
        self._restore()

    def _restore(self) -> None:
        closed: list[tuple[int, str]] = []
        for key, data in self._store.items():
            if key == WATERMARK_KEY:
                self._marks = _decode_marks(data)
                self._marks_ahead = sorted(self._marks)
                continue
            state = SessionState.decode(key.decode(), data)
            self._clocks = max(self._clocks, state.heard_clock)
            if state.closed_log_ms is not None:
                closed.append((state.closed_log_ms, state.session_id))
                continue
            self._open += 1
            if state.closing:
                self._decided.append(state.session_id)
            else:
                self._schedule(state)
        self._remembered.extend(sorted(closed))

    @property
    def open_sessions(self) -> int:
        """Sessions whose record has not been taken yet."""
        return self._open

    @property
    def next_due_ms(self) -> int | None:
        """Watermark at which the next session may close; None without any."""
        return self._heap[0][0] if self._heap else None

    # -- events ---------------------------------------------------------------------------------

    def resume(self, position: int) -> None:
        """Continue at ``position``, the offset of the next record, in the time of that place."""
        self.position = position
        self._pass_marks(position)
        if self.watermark_ms is None and position and self._clocks:
            # Marks precede every commit: without one the offset was set by hand.
            self.watermark_ms = self._clocks
        self._close_due()

    def skip(self, offset: int, log_ms: int | None = None) -> None:
        """Pass a record that is no event (rejected)."""
        self._pass(offset, log_ms)
        self._close_due()

    def process(self, offset: int, event: Event, log_ms: int | None = None) -> Outcome:
        """Take in the event at ``offset``; ``log_ms`` is its record's timestamp in the log.

        An exception leaves the session as it was; the caller may then :meth:`skip` the record.
        """
        self._pass(offset, log_ms)
        time_ms = event.time_ms
        if log_ms is not None:
            time_ms = min(time_ms, log_ms + self._rules.max_skew_ms)
        if self.watermark_ms is None or time_ms > self.watermark_ms:
            self.watermark_ms = time_ms
        outcome = self._apply(offset, event, self.watermark_ms, log_ms)
        self._close_due()
        return outcome

    def _pass(self, offset: int, log_ms: int | None) -> None:
        self._pass_marks(offset)
        self.position = offset + 1
        if log_ms is not None and log_ms > self._log_ms:
            if self._log_ms and self.watermark_ms is not None:
                self.watermark_ms += min(log_ms - self._log_ms, _LOG_STEP_MS)
            self._log_ms = log_ms
            self._forget_old()

    def _forget_old(self) -> None:
        """By the log's time, which late events come by: in a replay, a day takes minutes."""
        while self._remembered and self._remembered[0][0] + self._rules.grace_ms <= self._log_ms:
            session_id = self._remembered.popleft()[1]
            self._live.pop(session_id, None)
            self._dirty.discard(session_id)
            self._removed.add(session_id)

    def _pass_marks(self, offset: int) -> None:
        while self._marks_ahead and self._marks_ahead[0].offset <= offset:
            mark = self._marks_ahead.pop(0)
            self._log_ms = max(self._log_ms, mark.log_ms)
            if self.watermark_ms is None or mark.watermark_ms > self.watermark_ms:
                self.watermark_ms = mark.watermark_ms
            self._close_due()

    def _apply(self, offset: int, event: Event, clock: int, log_ms: int | None) -> Outcome:
        state = self._session(event.session_id)
        if state is not None and offset <= state.offset:
            return Outcome.REDELIVERED
        if event.type is EventType.UTTERANCE and not event.final:
            return Outcome.PARTIAL
        if state is not None and not state.is_open():
            return Outcome.LATE
        seen = event_hash(event.event_id)
        if state is not None and seen in state.seen:
            state.duplicates += 1
            state.offset = offset
            self._dirty.add(event.session_id)
            return Outcome.DUPLICATE
        fact = observe(event, self._recognizer)
        if state is None:
            state = SessionState(event.session_id, offset, clock, event.time_ms)
            self._live[event.session_id] = state
            self._removed.discard(event.session_id)
            self._open += 1
        state.apply(offset, clock, event, fact, seen)
        self._dirty.add(event.session_id)
        if event.type is EventType.SESSION_ENDED and log_ms is not None:
            self._ended_log_ms.setdefault(event.session_id, log_ms)
        rules = self._rules
        if len(state.facts) >= rules.max_events or state.text_chars >= rules.max_text_chars:
            self._emit(state, "max_size")
        else:
            self._schedule(state)
        return Outcome.ACCEPTED

    def _session(self, session_id: str) -> SessionState | None:
        state = self._live.get(session_id)
        if state is None and session_id not in self._removed:
            data = self._store.get(session_id.encode())
            if data is not None:
                state = self._live[session_id] = SessionState.decode(session_id, data)
        return state

    # -- closing --------------------------------------------------------------------------------

    def _closing(self, state: SessionState) -> tuple[int, str]:
        """The watermark at which a session closes, and why."""
        rules = self._rules
        closing = min(
            (state.heard_clock + rules.inactivity_ms, "inactivity"),
            (state.opened_clock + rules.max_age_ms, "max_age"),
        )
        if state.ended_clock is not None:
            closing = min((state.ended_clock + rules.linger_ms, "ended"), closing)
        return closing

    def _schedule(self, state: SessionState) -> None:
        due = self._closing(state)[0]
        known = self._due.get(state.session_id)
        self._due[state.session_id] = due
        # A later time needs no entry of its own: the earlier entry, when it comes up, is renewed.
        if known is None or due < known:
            heapq.heappush(self._heap, (due, state.session_id))

    def _due_sessions(self, watermark_ms: int) -> Iterable[SessionState]:
        while self._heap and self._heap[0][0] <= watermark_ms:
            entry, session_id = heapq.heappop(self._heap)
            due = self._due.get(session_id)
            if due is None:
                continue
            if due > entry:
                heapq.heappush(self._heap, (due, session_id))
                continue
            state = self._session(session_id)
            assert state is not None
            yield state

    def _close_due(self) -> None:
        if self.watermark_ms is None:
            return
        for state in self._due_sessions(self.watermark_ms):
            self._emit(state, self._closing(state)[1])

    def _emit(self, state: SessionState, reason: str) -> None:
        failed = ""
        try:
            record = judge(state, self._recognizer, reason, self._rules.languages)
        except Exception as error:  # one session must not stop the partition
            failed = type(error).__name__
            record = unjudgeable(state, self._recognizer, reason)
        ended_log_ms = self._ended_log_ms.pop(state.session_id, None)
        self._closed.append(ClosedSession(record, record.encode(), ended_log_ms, failed))
        self._open -= 1
        closed_log_ms = state.closing_log_ms if state.closing else self._log_ms
        state.close(closed_log_ms)
        self._remembered.append((closed_log_ms, state.session_id))
        self._dirty.add(state.session_id)
        self._due.pop(state.session_id, None)

    def advance(self, elapsed_ms: int) -> bool:
        """Move the watermark of a partition that has run dry by wall-clock time.

        Nothing moves unless a session falls due. Returns whether something is to be persisted
        (:meth:`take`, then :meth:`confirm`) and then emitted (:meth:`emit_decided`).
        """
        if self.watermark_ms is None:
            return False
        watermark_ms = self.watermark_ms + elapsed_ms
        moved = False
        for state in self._due_sessions(watermark_ms):
            moved = True
            state.closing = self._closing(state)[1]
            state.closing_log_ms = self._log_ms
            self._decided.append(state.session_id)
            self._due.pop(state.session_id, None)
            self._dirty.add(state.session_id)
        if moved:
            self.watermark_ms = watermark_ms
            if self._log_ms:
                self._log_ms += elapsed_ms
            self._mark(Mark(self.position, watermark_ms, self._log_ms))
        return moved

    def emit_decided(self) -> None:
        """Emit the records of the sessions that :meth:`advance` decided to close, after that
        decision was persisted, here or before a restart."""
        for session_id in self._decided:
            state = self._session(session_id)
            assert state is not None
            self._emit(state, state.closing)
        self._decided = []

    @property
    def has_decided(self) -> bool:
        """Whether :meth:`emit_decided` has records to emit."""
        return bool(self._decided)

    def finish(self) -> None:
        """Close every session, as when there is no more input (scoring a file)."""
        ids = [*self._live, *(key.decode() for key in self._store if key != WATERMARK_KEY)]
        for session_id in dict.fromkeys(ids):
            state = self._session(session_id)
            if state is not None and state.is_open():
                self._emit(state, "inactivity" if state.ended_clock is None else "ended")

    # -- persistence ----------------------------------------------------------------------------

    def now(self) -> Mark | None:
        """The partition's time at its position; None before the first event."""
        if self.watermark_ms is None:
            return None
        return Mark(self.position, self.watermark_ms, self._log_ms)

    def _mark(self, mark: Mark) -> None:
        self._marks = [known for known in self._marks if known.offset != mark.offset]
        self._marks.append(mark)
        self._marks_changed = True

    def mark(self, mark: Mark, committed: int | None) -> bytes:
        """The partition's marks including ``mark``, to be persisted under :data:`WATERMARK_KEY`
        before ``mark.offset`` is committed.

        ``committed`` is the offset committed before: marks below it are no longer needed.
        """
        if committed is not None:
            self._marks = [known for known in self._marks if known.offset >= committed]
        # A mark that wall-clock time set at the same offset is ahead of this one: it holds.
        if all(known.offset != mark.offset for known in self._marks):
            self._mark(mark)
        data = self._store[WATERMARK_KEY] = orjson.dumps([tuple(mark) for mark in self._marks])
        return data

    def take(self) -> Changes:
        """Records to emit and state to persist since the last :meth:`confirm`."""
        state: dict[bytes, bytes | None] = {
            session_id.encode(): self._live[session_id].encode() for session_id in self._dirty
        }
        state.update((session_id.encode(), None) for session_id in self._removed)
        if self._marks_changed:
            state[WATERMARK_KEY] = orjson.dumps([tuple(mark) for mark in self._marks])
        return Changes(self._closed, state)

    def confirm(self, changes: Changes) -> None:
        """``changes``, the last taken, are persisted."""
        for key, value in changes.state.items():
            if value is None:
                self._store.pop(key, None)
            else:
                self._store[key] = value
        self._live.clear()
        self._dirty.clear()
        self._removed.clear()
        self._closed = []
        self._marks_changed = False


def score_events(
    events: Iterable[Event], recognizer: Recognizer, rules: ClosingRules
) -> list[ClosedSession]:
    """The records of events that are a partition of their own, all sessions closed at the end."""
    processor = SessionProcessor(recognizer, rules, {})
    for offset, event in enumerate(events):
        processor.process(offset, event)
    processor.finish()
    return processor.take().records

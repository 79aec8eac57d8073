"""All sessions of one partition: events in, records, gaps and state changes out.

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

Gaps (:mod:`stream.session.gaps`) follow the same rules and change nothing in records: what opens
with time opens by the watermark, and where a partition has run dry by the clock, decided first and
emitted after.
"""

from __future__ import annotations

import enum
import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple

import orjson

from stream.events import Event, EventType
from stream.recognition import Recognizer
from stream.session.facts import fact_of, read
from stream.session.gaps import SESSION_CLOSED, GapRules, Watch, gap_event
from stream.session.judgement import is_read, judge, unjudgeable, walked
from stream.session.record import GapEvent, InteractionRecord
from stream.session.state import Gap, SessionState, StateError, event_hash

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
        marks = [Mark(*mark) for mark in orjson.loads(data)]
        if not all(type(part) is int and 0 <= part < 2**63 for mark in marks for part in mark):
            raise ValueError("a number is something else")
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise StateError("the partition's watermarks cannot be read") from error
    return marks


def newest_mark(data: bytes) -> int:
    """The highest offset among encoded marks, of sessions or of rollups; -1 without any.

    Raises :class:`StateError`.
    """
    try:
        return max((int(mark[0]) for mark in orjson.loads(data)), default=-1)
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
        raise StateError("the partition's watermarks cannot be read") from error


class ClosedSession(NamedTuple):
    """A record to emit. ``ended_log_ms`` is the log's timestamp of ``session.ended``, None where
    the session closed without one or a restart came in between. ``failed`` says what went wrong
    where the session could not be judged. ``wording`` is the sketch of how it recognised."""

    record: InteractionRecord
    value: bytes
    ended_log_ms: int | None
    failed: str = ""
    wording: str = ""


class GapChange(NamedTuple):
    """A gap event to emit. ``log_ms`` is the log's timestamp of the turn or step that caused it,
    None where time or the session's closing did."""

    event: GapEvent
    value: bytes
    log_ms: int | None


class Changes(NamedTuple):
    """What to persist: records and gaps first, then state by changelog key (None: a tombstone)."""

    records: list[ClosedSession]
    gaps: list[GapChange]
    state: dict[bytes, bytes | None]


class _Timers:
    """Sessions by the watermark at which something is due."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def set(self, session_id: str, due: int) -> None:
        known = self._due.get(session_id)
        self._due[session_id] = due
        # A later time needs no entry of its own: the earlier entry, when it comes up, is renewed.
        if known is None or due < known:
            heapq.heappush(self._heap, (due, session_id))

    def cancel(self, session_id: str) -> None:
        self._due.pop(session_id, None)

    def get(self, session_id: str) -> int | None:
        return self._due.get(session_id)

    @property
    def next_ms(self) -> int | None:
        """No timer is due before it; None without any."""
        return self._heap[0][0] if self._heap else None

    def reached(self, watermark_ms: int) -> Iterator[str]:
        """The sessions whose timers are due, each taken off as it comes."""
        heap = self._heap
        while heap and heap[0][0] <= watermark_ms:
            entry, session_id = heapq.heappop(heap)
            due = self._due.get(session_id)
            if due is None:
                continue
            if due > entry:
                heapq.heappush(heap, (due, session_id))
                continue
            del self._due[session_id]
            yield session_id


_UNREAD: Any = object()
"""In place of an event's reading, which may be None."""

_WATCHES = 5_000
"""Most sessions of a partition whose walk is kept at hand, some 10 to 20 kB each; those beyond are
walked anew with each event. Without eviction: where more sessions talk at once than fit, evicting
would let none of them be found again."""

_REORDERED_WORK = 20_000
"""A session is watched until its events out of order, times its facts, exceed this: each of them
means to walk all facts anew, and a conversation sent backwards must not hold up the others."""


class SessionProcessor:
    """Sessions of one partition.

    ``store`` maps changelog keys to encoded states as last persisted; :meth:`confirm` keeps it
    up to date. Without ``gaps`` no gap is looked for. Raises
    :class:`~stream.session.state.StateError` for a store it cannot read.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        rules: ClosingRules,
        store: MutableMapping[bytes, bytes],
        gaps: GapRules | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._rules = rules
        self._gap_rules = gaps
        self._store = store
        self._live: dict[str, SessionState] = {}
        self._dirty: set[str] = set()
        self._ended_log_ms: dict[str, int] = {}
        self._closed: list[ClosedSession] = []
        self._removed: set[str] = set()
        self._decided: list[str] = []
        self._closing_timers = _Timers()
        self._watches: dict[str, Watch | None] = {}
        """None: not watched any more. What is missing is made anew from the session's facts."""
        self._gaps: list[GapChange] = []
        self._gaps_decided: list[str] = []
        """Sessions with gaps that :meth:`advance` decided to open."""
        self._gap_timers = _Timers()
        self.open_gaps: Counter[tuple[str, str]] = Counter()
        """Gaps that are open, by queue and kind."""
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
            self.open_gaps.update((gap.queue, kind) for kind, gap in state.gaps.items() if gap)
            if state.gaps_decided:
                self._gaps_decided.append(state.session_id)
            if state.closing:
                self._decided.append(state.session_id)
                continue
            self._schedule(state)
            if state.gap_due is not None and self._gap_rules is not None:
                self._gap_timers.set(state.session_id, state.gap_due[1])
        self._remembered.extend(sorted(closed))

    @property
    def open_sessions(self) -> int:
        """Sessions whose record has not been taken yet."""
        return self._open

    @property
    def next_due_ms(self) -> int | None:
        """Watermark at which the next session may close or the next gap open; None without any."""
        closing, gap = self._closing_timers.next_ms, self._gap_timers.next_ms
        return gap if closing is None or (gap is not None and gap < closing) else closing

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
        clock = self._tell_time(event, log_ms)
        state = self._session(event.session_id)
        if state is not None and offset <= state.offset:
            outcome = Outcome.REDELIVERED
        else:
            outcome = self._apply(state, offset, event, clock, log_ms)
        self._close_due()
        return outcome

    def process_all(
        self, offset: int, events: Sequence[Event], log_ms: int | None = None
    ) -> list[Outcome]:
        """Take in all events that the record at ``offset`` holds, as one step.

        Whether a session has them already is asked before the first of them. An exception leaves
        every session as it was; the caller may then :meth:`skip` the record.
        """
        self._pass(offset, log_ms)
        states = {event.session_id: self._session(event.session_id) for event in events}
        redelivered = {
            session_id
            for session_id, state in states.items()
            if state is not None and offset <= state.offset
        }
        readings = [
            read(event, self._recognizer)
            if event.final and event.session_id not in redelivered
            else None
            for event in events
        ]
        outcomes = []
        for event, reading in zip(events, readings, strict=True):
            clock = self._tell_time(event, log_ms)
            if event.session_id in redelivered:
                outcomes.append(Outcome.REDELIVERED)
            else:
                state = self._session(event.session_id)
                outcomes.append(self._apply(state, offset, event, clock, log_ms, reading))
        self._close_due()
        return outcomes

    def _pass(self, offset: int, log_ms: int | None) -> None:
        self._pass_marks(offset)
        self.position = offset + 1
        if log_ms is not None and log_ms > self._log_ms:
            if self._log_ms and self.watermark_ms is not None:
                self.watermark_ms += min(log_ms - self._log_ms, _LOG_STEP_MS)
            self._log_ms = log_ms
            self._forget_old()

    def _tell_time(self, event: Event, log_ms: int | None) -> int:
        """Move the watermark to ``event``, as far as its record's timestamp allows."""
        time_ms = event.time_ms
        if log_ms is not None:
            time_ms = min(time_ms, log_ms + self._rules.max_skew_ms)
        if self.watermark_ms is None or time_ms > self.watermark_ms:
            self.watermark_ms = time_ms
        return self.watermark_ms

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

    def _apply(
        self,
        state: SessionState | None,
        offset: int,
        event: Event,
        clock: int,
        log_ms: int | None,
        reading: Any = _UNREAD,
    ) -> Outcome:
        """Take in an event that is not redelivered."""
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
        if reading is _UNREAD:
            reading = read(event, self._recognizer)
        anchor_ms = state.anchor_ms if state is not None else None
        if event.offset_ms is not None:
            if anchor_ms is None:
                anchor_ms = event.time_ms - event.offset_ms
            event = event._replace(time_ms=anchor_ms + event.offset_ms)
        fact = fact_of(event, reading)
        if state is None:
            state = SessionState(event.session_id, offset, clock, event.time_ms)
            self._live[event.session_id] = state
            self._removed.discard(event.session_id)
            self._open += 1
        state.anchor_ms = anchor_ms
        state.apply(offset, clock, event, fact, seen)
        self._dirty.add(event.session_id)
        if event.type is EventType.SESSION_ENDED and log_ms is not None:
            self._ended_log_ms.setdefault(event.session_id, log_ms)
        if self._gap_rules is not None:
            self._watch(state, clock, log_ms, reading)
        rules = self._rules
        if state.fact_count >= rules.max_events or state.text_chars >= rules.max_text_chars:
            self._emit(state, "max_size")
        else:
            self._schedule(state)
        return Outcome.ACCEPTED

    def _session(self, session_id: str) -> SessionState | None:
        state = self._live.get(session_id)
        if state is None and session_id not in self._removed:
            data = self._store.get(session_id.encode())
            if data is not None:
                # All that is held was restored, or is our own.
                state = SessionState.decode(session_id, data, sound=True)
                self._live[session_id] = state
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
        self._closing_timers.set(state.session_id, self._closing(state)[0])

    def _close_due(self) -> None:
        watermark_ms = self.watermark_ms
        if watermark_ms is None:
            return
        for session_id in self._gap_timers.reached(watermark_ms):
            self._open_due(session_id)
        for session_id in self._closing_timers.reached(watermark_ms):
            state = self._session(session_id)
            assert state is not None
            self._emit(state, self._closing(state)[1])

    def _emit(self, state: SessionState, reason: str) -> None:
        self._close_gaps(state)
        watch = self._watches.pop(state.session_id, None)
        walk = None
        if watch is not None and watch.walk.facts == state.fact_count:
            walk = watch.walk
        failed = ""
        wording: str = ""
        try:
            walk = walk or walked(state, self._recognizer)
            record = judge(state, self._recognizer, reason, self._rules.languages, walk)
            wording = walk.recognizing_wording()
        except Exception as error:  # one session must not stop the partition
            failed = type(error).__name__
            record = unjudgeable(state, self._recognizer, reason)
        ended_log_ms = self._ended_log_ms.pop(state.session_id, None)
        closed = ClosedSession(record, record.encode(), ended_log_ms, failed, wording)
        self._closed.append(closed)
        self._open -= 1
        closed_log_ms = state.closing_log_ms if state.closing else self._log_ms
        state.close(closed_log_ms)
        self._remembered.append((closed_log_ms, state.session_id))
        self._dirty.add(state.session_id)
        self._closing_timers.cancel(state.session_id)

    def advance(self, elapsed_ms: int) -> bool:
        """Move the watermark of a partition that has run dry by wall-clock time.

        Nothing moves unless a session falls due; a gap that does moves nothing, so that gaps have
        no part in when sessions close. Returns whether something is to be persisted
        (:meth:`take`, then :meth:`confirm`) and then emitted (:meth:`emit_decided`).
        """
        if self.watermark_ms is None:
            return False
        watermark_ms = self.watermark_ms + elapsed_ms
        for session_id in self._gap_timers.reached(watermark_ms):
            self._open_due(session_id, decide=True)
        moved = False
        for session_id in self._closing_timers.reached(watermark_ms):
            state = self._session(session_id)
            assert state is not None
            moved = True
            state.closing = self._closing(state)[1]
            state.closing_log_ms = self._log_ms
            self._decided.append(state.session_id)
            self._dirty.add(state.session_id)
        if moved:
            self.watermark_ms = watermark_ms
            if self._log_ms:
                self._log_ms += elapsed_ms
            self._mark(Mark(self.position, watermark_ms, self._log_ms))
        return self.has_decided

    def emit_decided(self) -> None:
        """Emit the gaps that :meth:`advance` decided to open and the records of the sessions that
        it decided to close, after that decision was persisted, here or before a restart."""
        for session_id in self._gaps_decided:
            state = self._session(session_id)
            if state is not None:
                self._emit_decided_gaps(state)
        self._gaps_decided = []
        for session_id in self._decided:
            state = self._session(session_id)
            assert state is not None
            self._emit(state, state.closing)
        self._decided = []

    @property
    def has_decided(self) -> bool:
        """Whether :meth:`emit_decided` has something to emit."""
        return bool(self._decided or self._gaps_decided)

    def finish(self) -> None:
        """Close every session, as when there is no more input (scoring a file)."""
        ids = [*self._live, *(key.decode() for key in self._store if key != WATERMARK_KEY)]
        for session_id in dict.fromkeys(ids):
            state = self._session(session_id)
            if state is not None and state.is_open():
                self._emit(state, "inactivity" if state.ended_clock is None else "ended")

    # -- gaps -----------------------------------------------------------------------------------

    def _watch(self, state: SessionState, clock: int, log_ms: int | None, reading: Any) -> None:
        """Look for gaps that open or close with the fact just applied, read as ``reading``."""
        if state.gaps_decided:
            self._emit_decided_gaps(state)
        watch = self._watched(state, reading)
        if watch is None:
            self._set_gap_timer(state, None)
            return
        if watch.changed:
            watch.changed = False
            for kind, gap in watch.newly_opened(state):
                self._open_gap(state, kind, gap)
                self._gap_event(state, kind, gap, log_ms)
            for kind, gap, closed_ms, reason in list(watch.newly_closed(state)):
                self._close_gap(state, kind, gap, closed_ms, reason, log_ms)
        due = watch.next_due(state.gaps)
        if due != (state.gap_due and state.gap_due[0]):
            # The session may lag behind its partition: it gets the time that is left to it.
            timer = None if due is None else (due, clock + due - state.updated_ms)
            self._set_gap_timer(state, timer)

    def _watched(self, state: SessionState, reading: Any = None) -> Watch | None:
        """The session's watch, up to its newest fact; None where it is not watched any more."""
        assert self._gap_rules is not None
        session_id, facts = state.session_id, state.fact_count
        watch = self._watches.get(session_id)
        if watch is None and session_id in self._watches:
            return None
        if not is_read(state.attribute("language"), self._rules.languages):
            return None
        try:
            taken = 0 if watch is None else watch.walk.facts
            if watch is not None and taken == facts:
                return watch
            newest = state.newest_fact
            in_order = (newest.time_ms, newest.sequence) == state.newest
            if watch is not None and taken == facts - 1 and in_order:
                watch.take(newest, reading)
                return watch
            watch = None
            if state.out_of_order * facts <= _REORDERED_WORK:
                watch = Watch(self._recognizer, self._gap_rules)
                for fact in state.in_order():
                    watch.take(fact)
        except Exception:
            # Judging will fail on the same fact when the session closes, and is reported then.
            watch = None
        if watch is None or session_id in self._watches or len(self._watches) < _WATCHES:
            self._watches[session_id] = watch
        return watch

    def _open_due(self, session_id: str, decide: bool = False) -> None:
        """Open the gap that is due; with ``decide`` its event is left to :meth:`emit_decided`."""
        state = self._session(session_id)
        assert state is not None
        assert state.gap_due is not None
        due, timer = state.gap_due
        closing = self._closing_timers.get(session_id)
        watch = None if closing is not None and closing < timer else self._watched(state)
        self._set_gap_timer(state, None)
        if watch is None:
            return
        watch.pass_time(due)
        for kind, gap in watch.newly_opened(state):
            self._open_gap(state, kind, gap)
            if decide:
                state.gaps_decided.append(kind)
                self._gaps_decided.append(session_id)
            else:
                self._gap_event(state, kind, gap, None)
        following = watch.next_due(state.gaps)
        if following is not None:
            self._set_gap_timer(state, (following, timer + following - due))

    def _set_gap_timer(self, state: SessionState, due: tuple[int, int] | None) -> None:
        if due == state.gap_due:
            return
        state.gap_due = due
        self._dirty.add(state.session_id)
        self._gap_timers.cancel(state.session_id)
        if due is not None:
            self._gap_timers.set(state.session_id, due[1])

    def _emit_decided_gaps(self, state: SessionState) -> None:
        for kind in state.gaps_decided:
            gap = state.gaps[kind]
            assert gap is not None
            self._gap_event(state, kind, gap, None)
            self._dirty.add(state.session_id)
        state.gaps_decided = []

    def _close_gaps(self, state: SessionState) -> None:
        """The session closes: so does what is open."""
        self._emit_decided_gaps(state)
        for kind, gap in state.gaps.items():
            if gap is not None:
                self._close_gap(state, kind, gap, state.updated_ms, SESSION_CLOSED, None)
        self._gap_timers.cancel(state.session_id)

    def _open_gap(self, state: SessionState, kind: str, gap: Gap) -> None:
        state.gaps[kind] = gap
        self.open_gaps[gap.queue, kind] += 1
        self._dirty.add(state.session_id)

    def _close_gap(
        self,
        state: SessionState,
        kind: str,
        gap: Gap,
        closed_ms: int,
        reason: str,
        log_ms: int | None,
    ) -> None:
        state.gaps[kind] = None
        self.open_gaps[gap.queue, kind] -= 1
        if not self.open_gaps[gap.queue, kind]:
            del self.open_gaps[gap.queue, kind]
        self._dirty.add(state.session_id)
        self._gap_event(state, kind, gap, log_ms, closed_ms, reason)

    def _gap_event(
        self,
        state: SessionState,
        kind: str,
        gap: Gap,
        log_ms: int | None,
        closed_ms: int | None = None,
        reason: str | None = None,
    ) -> None:
        version = self._recognizer.version
        event = gap_event(state.session_id, kind, gap, version, closed_ms, reason)
        self._gaps.append(GapChange(event, event.encode(), log_ms))

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
        """Records and gaps to emit and state to persist since the last :meth:`confirm`."""
        state: dict[bytes, bytes | None] = {
            session_id.encode(): self._live[session_id].encode() for session_id in self._dirty
        }
        state.update((session_id.encode(), None) for session_id in self._removed)
        if self._marks_changed:
            state[WATERMARK_KEY] = orjson.dumps([tuple(mark) for mark in self._marks])
        return Changes(self._closed, self._gaps, state)

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
        self._gaps = []
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

"""All queues of one partition: contributions in; window messages and state changes out.

The shape is :class:`stream.session.SessionProcessor`'s. The last message of each window depends on
the partition's log alone, however that is cut into batches, redelivered or interrupted; a window is
corrected by emitting it again, so those before may differ.

Time is the partition's **watermark**, the newest event time seen, bounded by ``max_skew_ms`` past
the record's timestamp in the log. It alone decides what is late. Wall-clock time
(:meth:`QueueRollups.advance`) only emits windows earlier, where a partition has run dry: it decides
nothing that a restart would have to repeat, and is not kept.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import MutableMapping
from itertools import chain
from typing import NamedTuple

import orjson

from stream.session import WATERMARK_KEY, StateError
from stream.windows.contribution import OTHER_QUEUE, Contribution
from stream.windows.drop import DropDetector, DropRules
from stream.windows.rollup import DAY_MS, WINDOWS, Rollup, Tally, Window
from stream.windows.state import Bucket, Head, decode_floor, encode_floor

FLOOR_KEY = b"\xfffloor"
"""Changelog key of the watermark below which buckets may be gone. Not UTF-8, as no queue is."""


class Outcome(str, enum.Enum):
    """What became of a contribution: the ``outcome`` label of its metric.

    ``folded``: counted under ``other``, the limit of queues being reached. ``late``: older than the
    grace time. ``early``: from a clock further ahead than the skew bound. ``duplicate``: its
    session is counted. Late, early and duplicate ones change nothing.
    """

    COUNTED = "counted"
    FOLDED = "folded"
    DUPLICATE = "duplicate"
    LATE = "late"
    EARLY = "early"
    REDELIVERED = "redelivered"


class RollupRules(NamedTuple):
    """Windows and limits. Times in milliseconds of event time.

    A contribution corrects its windows until ``grace_ms`` after its bucket's end. Below
    ``min_judged`` interactions a ratio is not stated. ``max_queues`` (of this partition) and
    ``max_channels`` (of a queue) are kept apart, first come first kept; the others count as
    ``other``. A queue that is silent for ``forget_ms`` is forgotten. ``measures`` are the flags of
    a contribution that are watched for drops.
    """

    windows: tuple[Window, ...] = WINDOWS
    grace_ms: int = 3_600_000
    max_skew_ms: int = 300_000
    min_judged: int = 20
    max_queues: int = 200
    max_channels: int = 16
    forget_ms: int = 56 * DAY_MS
    measures: tuple[str, ...] = ("recognized_first",)
    drop: DropRules = DropRules()


_LOG_STEP_MS = 1_000
"""Most that one record's log timestamp moves the watermark, as in the session processor."""

_FLEET_FORGETS = 1 - 1 / 20_000
"""Weight of the fleet's past at each further interaction."""


class Mark(NamedTuple):
    """The partition before the record at ``offset``: its time, and the fleet's judged interactions
    and those with each measure, exponentially forgotten."""

    offset: int
    watermark_ms: int
    log_ms: int
    fleet: tuple[float, ...]


class Emission(NamedTuple):
    """A message for the rollups topic, under the key ``queue``."""

    queue: str
    value: bytes


class Changes(NamedTuple):
    """What to persist: records first, then state by changelog key (None: a tombstone)."""

    records: list[Emission]
    state: dict[bytes, bytes | None]


class _Queue:
    """Decoded state of one queue. ``series`` maps a bucket's length and start to the bucket."""

    __slots__ = ("head", "series")

    def __init__(self, head: Head | None, lengths: list[int]) -> None:
        self.head = head
        self.series: dict[int, dict[int, Bucket]] = {length: {} for length in lengths}


_BucketKey = tuple[str, int, int]
"""Queue, length and start of a bucket."""

_Span = tuple[int, int, str]
"""End of a window's span, the window's place in the rules, and the queue."""


class QueueRollups:
    """Rollups of the queues of one partition.

    ``store`` maps changelog keys to encoded states as last persisted; :meth:`confirm` keeps it up
    to date. Raises :class:`~stream.session.StateError` for a store it cannot read.
    """

    def __init__(self, rules: RollupRules, store: MutableMapping[bytes, bytes]) -> None:
        self._rules = rules
        self._store = store
        self._kept_ms: dict[int, int] = {}
        """How long after its end a bucket can still change a window, by the bucket's length."""
        for window in rules.windows:
            kept = max(self._kept_ms.get(window.bucket_ms, 0), window.size_ms)
            self._kept_ms[window.bucket_ms] = kept
        self._lengths = sorted(self._kept_ms)
        self._finest = self._lengths[0]
        self._queues: dict[str, _Queue] = {}
        self._dirty: set[_BucketKey] = set()
        self._dirty_heads: set[str] = set()
        self._pending: list[_Span] = []
        """Spans that have not ended, a heap."""
        self._ended: set[_Span] = set()
        """Spans to emit."""
        self._drops: list[Emission] = []
        self._marks: list[Mark] = []
        self._fleet = [0.0] * (1 + len(rules.measures))
        self._log_ms = 0
        self._advanced_ms = 0
        self._settled: int | None = None
        """The watermark up to which everything is persisted."""
        self._floor: int | None = None
        """The same as far as that itself is persisted: what is older may be gone from the store."""
        self._swept: int | None = None
        """The floor for which tombstones were written."""
        self.watermark_ms: int | None = None
        self.position = 0
        """Offset after the last record seen."""
        self._restore()

    def _restore(self) -> None:
        for key, data in self._store.items():
            if key == WATERMARK_KEY:
                self._marks = _decode_marks(data)
            elif key == FLOOR_KEY:
                self._floor = decode_floor(data)
            else:
                name, _, place = key.decode().rpartition("\0")
                queue = self._queues.setdefault(name, _Queue(None, self._lengths))
                if not place:
                    queue.head = head = Head.decode(data, self._rules.drop)
                    head.detectors = {**self._new_detectors(), **head.detectors}
                    continue
                length, start_ms = map(int, place.split("."))
                # Of a length that no window has any more, the bucket is left to its tombstone.
                queue.series.setdefault(length, {})[start_ms] = Bucket.decode(data)

    def resume(self, position: int) -> None:
        """Continue at ``position``, the offset of the next record, in the time of that place."""
        self.position = position
        passed = [mark for mark in self._marks if mark.offset <= position]
        if passed:
            mark = max(passed)
            self.watermark_ms, self._log_ms = mark.watermark_ms, mark.log_ms
            if len(mark.fleet) == len(self._fleet):  # of the same measures
                self._fleet = list(mark.fleet)
        for name, queue in self._queues.items():
            for length, buckets in queue.series.items():
                for start_ms in buckets:
                    self._await(name, length, start_ms)

    # -- contributions --------------------------------------------------------------------------

    def skip(self, offset: int, log_ms: int | None = None) -> None:
        """Pass a record that is no contribution."""
        self.position = offset + 1
        if log_ms is not None and log_ms > self._log_ms:
            if self._log_ms and self.watermark_ms is not None:
                self.watermark_ms += min(log_ms - self._log_ms, _LOG_STEP_MS)
            self._log_ms = log_ms

    def process(
        self, offset: int, contribution: Contribution, log_ms: int | None = None
    ) -> Outcome:
        """Take in the contribution at ``offset``; ``log_ms`` is its record's time in the log."""
        self.skip(offset, log_ms)
        ended_ms = contribution.ended_ms
        time_ms = ended_ms
        if log_ms is not None:
            time_ms = min(time_ms, log_ms + self._rules.max_skew_ms)
        if self.watermark_ms is None or time_ms > self.watermark_ms:
            self.watermark_ms = time_ms
        if ended_ms > self.watermark_ms:
            return Outcome.EARLY
        length = self._finest
        start_ms = ended_ms // length * length
        if start_ms + length + self._rules.grace_ms <= self.watermark_ms:
            return Outcome.LATE
        if contribution.judged:
            # Duplicates too: that way the log alone decides, whatever was persisted of it.
            flags = (getattr(contribution, measure) for measure in self._rules.measures)
            for at, flag in enumerate(chain((True,), flags)):
                self._fleet[at] = self._fleet[at] * _FLEET_FORGETS + flag
        name, queue = self._queue(contribution.queue)
        minute = queue.series[length].get(start_ms)
        if minute is None:
            if self._may_be_gone(length, start_ms):
                return Outcome.REDELIVERED
            minute = self._bucket(name, queue, length, start_ms)
        if offset > minute.offset:
            minute.seen.setdefault(contribution.session, offset)
        counted_at = minute.seen.get(contribution.session)
        if counted_at != offset:
            return Outcome.REDELIVERED if counted_at is None else Outcome.DUPLICATE
        return self._count(offset, contribution, name, queue)

    def _count(self, offset: int, contribution: Contribution, name: str, queue: _Queue) -> Outcome:
        """Count a contribution in each part of the state that has not applied it."""
        rules = self._rules
        head = queue.head
        if head is None:
            head = queue.head = Head(self._new_detectors())
        channel = head.channel(contribution.channel, rules.max_channels, OTHER_QUEUE)
        script = head.is_script(offset, contribution)
        applied = False
        for length in self._lengths:
            start_ms = contribution.ended_ms // length * length
            bucket = queue.series[length].get(start_ms)
            if bucket is None:
                if self._may_be_gone(length, start_ms):
                    continue
                bucket = self._bucket(name, queue, length, start_ms)
            if offset > bucket.offset:
                bucket.offset = offset
                bucket.tally.add(contribution, channel, script)
                self._dirty.add((name, length, start_ms))
                applied = True
        if offset > head.offset:
            head.offset = offset
            self._dirty_heads.add(name)
            applied = True
            for measure in head.observe(contribution):
                drop = head.detectors[measure].message(name, measure, contribution.ended_ms)
                self._drops.append(Emission(name, drop.encode()))
        if not applied:
            return Outcome.REDELIVERED
        return Outcome.COUNTED if name == contribution.queue else Outcome.FOLDED

    def _queue(self, name: str) -> tuple[str, _Queue]:
        """The queue that ``name`` counts under."""
        if name not in self._queues:
            named = len(self._queues) - (OTHER_QUEUE in self._queues)
            if named >= self._rules.max_queues:
                name = OTHER_QUEUE
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue(None, self._lengths)
        return name, queue

    def _new_detectors(self) -> dict[str, DropDetector]:
        judged, *kept = self._fleet
        rules = self._rules
        return {
            measure: DropDetector(rules.drop, rules.drop.prior(count, judged))
            for measure, count in zip(rules.measures, kept, strict=True)
        }

    def _bucket(self, name: str, queue: _Queue, length: int, start_ms: int) -> Bucket:
        bucket = queue.series[length][start_ms] = Bucket()
        self._await(name, length, start_ms)
        return bucket

    def _gone_at(self, length: int, start_ms: int) -> int:
        """The watermark from which nothing can change a window with this bucket."""
        return start_ms + length + self._kept_ms.get(length, 0) + self._rules.grace_ms

    def _may_be_gone(self, length: int, start_ms: int) -> bool:
        return self._floor is not None and self._gone_at(length, start_ms) <= self._floor

    # -- windows --------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int | None:
        """The watermark, or where wall-clock time has brought it; None before the first event."""
        return None if self.watermark_ms is None else max(self.watermark_ms, self._advanced_ms)

    def advance(self, elapsed_ms: int) -> bool:
        """Emit what ends within ``elapsed_ms`` of wall-clock time after the watermark, the
        partition having run dry since that last moved. Returns whether there is something to take.
        """
        if self.watermark_ms is None:
            return False
        self._advanced_ms = max(self._advanced_ms, self.watermark_ms + elapsed_ms)
        due = self.next_due_ms
        return due is not None and due <= self._advanced_ms

    @property
    def next_due_ms(self) -> int | None:
        """Time at which the next window ends; None without any."""
        return self._pending[0][0] if self._pending else None

    def _spans(self, name: str, length: int, start_ms: int) -> list[_Span]:
        """The spans that hold a bucket, but those that had ended for good when it was settled."""
        return [
            (start + window.size_ms, number, name)
            for number, window in enumerate(self._rules.windows)
            if window.bucket_ms == length
            for start in window.starts(start_ms)
            if not self._may_be_gone(length, start)
        ]

    def _await(self, name: str, length: int, start_ms: int) -> None:
        """Have the windows of a bucket emitted at their end, if that is still to come."""
        now_ms = self.now_ms
        for span in self._spans(name, length, start_ms):
            if now_ms is None or span[0] > now_ms:
                heapq.heappush(self._pending, span)

    def _emit_ended(self) -> list[Emission]:
        now_ms = self.now_ms
        if now_ms is None:
            return []
        while self._pending and self._pending[0][0] <= now_ms:
            self._ended.add(heapq.heappop(self._pending))
        for key in self._dirty:
            self._ended.update(span for span in self._spans(*key) if span[0] <= now_ms)
        emissions = []
        for end_ms, number, name in sorted(self._ended):
            window = self._rules.windows[number]
            rollup = self._merge(name, window, end_ms - window.size_ms)
            if rollup.interactions:
                emissions.append(Emission(name, rollup.encode()))
        return emissions

    def _merge(self, name: str, window: Window, start_ms: int) -> Rollup:
        buckets = self._queues[name].series[window.bucket_ms]
        inside = map(buckets.get, window.buckets(start_ms))
        tally = Tally.merged([bucket.tally for bucket in inside if bucket is not None])
        return tally.rollup(name, window, start_ms, self._rules.min_judged)

    # -- questions ------------------------------------------------------------------------------

    @property
    def queues(self) -> list[str]:
        """The names of the queues with state, sorted."""
        return sorted(name for name, queue in self._queues.items() if queue.head is not None)

    def current(self, queue: str, window: Window, now_ms: int | None = None) -> Rollup | None:
        """The window's last ``size_ms`` up to ``now_ms`` (by default :attr:`now_ms`), the bucket
        under way included; None of a queue that is not known."""
        now_ms = self.now_ms if now_ms is None else now_ms
        if now_ms is None or queue not in self._queues:
            return None
        end_ms = now_ms // window.bucket_ms * window.bucket_ms + window.bucket_ms
        return self._merge(queue, window, end_ms - window.size_ms)

    def detectors(self, queue: str) -> dict[str, DropDetector]:
        """The queue's drop detectors by measure, to be read; none of a queue that is not known."""
        known = self._queues.get(queue)
        return known.head.detectors if known is not None and known.head is not None else {}

    # -- persistence ----------------------------------------------------------------------------

    def now(self) -> Mark | None:
        """The partition's time at its position; None before the first event."""
        if self.watermark_ms is None:
            return None
        return Mark(self.position, self.watermark_ms, self._log_ms, tuple(self._fleet))

    def mark(self, mark: Mark, committed: int | None) -> bytes:
        """The partition's marks including ``mark``, to be persisted under
        :data:`~stream.session.WATERMARK_KEY` before ``mark.offset`` is committed.

        ``committed`` is the offset committed before: marks below it are no longer needed.
        """
        self._marks = [
            known
            for known in self._marks
            if known.offset != mark.offset and (committed is None or known.offset >= committed)
        ]
        self._marks.append(mark)
        data = self._store[WATERMARK_KEY] = orjson.dumps([tuple(mark) for mark in self._marks])
        return data

    def take(self) -> Changes:
        """Messages to emit and state to persist since the last :meth:`confirm`."""
        state: dict[bytes, bytes | None] = {}
        for name, length, start_ms in self._dirty:
            bucket = self._queues[name].series[length][start_ms]
            state[_key(name, length, start_ms)] = bucket.encode()
        for name in self._dirty_heads:
            head = self._queues[name].head
            assert head is not None
            state[_key(name)] = head.encode()
        records = [*self._emit_ended(), *self._drops]
        # What is settled is said first, and dropped only after that is persisted: state that is
        # lost in between is known to be lost, and nothing is emitted from what is left of it.
        settled = self._settled
        if settled is not None and (self._floor is None or settled >= self._floor + self._finest):
            state[FLOOR_KEY] = encode_floor(self.position, settled)
        state.update((key, None) for key in self._gone())
        return Changes(records, state)

    def _gone(self) -> list[bytes]:
        """Keys of what nothing needs any more: of the newest floor, that is persisted."""
        gone: list[bytes] = []
        if self._floor is None or self._floor == self._swept:
            return gone
        for name, queue in self._queues.items():
            for length, buckets in queue.series.items():
                gone += (
                    _key(name, length, start_ms)
                    for start_ms in buckets
                    if self._may_be_gone(length, start_ms)
                )
            if (
                queue.head is not None
                and queue.head.newest_ms + self._rules.forget_ms <= self._floor
                and name not in self._dirty_heads
            ):
                gone.append(_key(name))
        return gone

    def confirm(self, changes: Changes) -> None:
        """``changes``, the last taken, are persisted."""
        for key, value in changes.state.items():
            if value is not None:
                self._store[key] = value
                continue
            self._store.pop(key, None)
            name, length, start_ms = _place(key)
            queue = self._queues[name]
            if length:
                del queue.series[length][start_ms]
            else:
                del self._queues[name]
        self._swept = self._floor
        if FLOOR_KEY in changes.state:
            self._floor = self._settled
        self._settled = self.watermark_ms
        for name in self._dirty_heads:
            head = self._queues[name].head
            assert head is not None
            head.script_offsets = []
        self._dirty.clear()
        self._dirty_heads.clear()
        self._ended.clear()
        self._drops = []


def _key(name: str, length: int = 0, start_ms: int = 0) -> bytes:
    """The changelog key of a queue's head, or of one of its buckets."""
    return f"{name}\0{length}.{start_ms}".encode() if length else f"{name}\0".encode()


def _place(key: bytes) -> _BucketKey:
    """The inverse of :func:`_key`."""
    name, _, place = key.decode().rpartition("\0")
    length, start_ms = map(int, place.split(".")) if place else (0, 0)
    return name, length, start_ms


def _decode_marks(data: bytes) -> list[Mark]:
    try:
        return [
            Mark(int(offset), int(watermark_ms), int(log_ms), tuple(fleet))
            for offset, watermark_ms, log_ms, fleet in orjson.loads(data)
        ]
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise StateError("the partition's watermarks cannot be read") from error

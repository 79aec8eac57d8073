"""What the board shows: recognition by queue, drops, gaps, and the health of this worker.

The figures come from the topics of rollups and gaps, read whole, so that every worker's board shows
all queues; a queue's baseline is known to the worker that keeps its detector. No text, no agent and
no session is in a snapshot. Time is passed in; everything kept has a limit.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from importlib.resources import files
from itertools import chain
from typing import Any, Literal, NamedTuple

import orjson

from stream import __version__
from stream.events import parse_time
from stream.ops.metrics import DetectorView, Metrics, total
from stream.session.gaps import GAP_KINDS
from stream.session.record import GAP_VERSION
from stream.windows import OTHER_QUEUE, WINDOWS, DropState, RollupRules
from stream.windows.contribution import BEHAVIOURS
from stream.windows.drop import DROP_VERSION
from stream.windows.rollup import DAY_MS, MINUTE_MS, ROLLUP_VERSION

TopicKind = Literal["rollups", "gaps"]

_WINDOWS = {window.name: window for window in WINDOWS if window.size_ms > MINUTE_MS}
"""Shown from the shortest that states a ratio. A minute has too few interactions for one."""

_MEASURES = ("recognized", "recognized_first")
_MEASURE = "recognized_first"
_COURSE_POINTS = 60
_GAPS_SHOWN = 50
_MAX_OPEN_GAPS = 10_000
_MAX_CLOSED_GAPS = 1_000
"""Closed gaps are kept for longer than they are shown: one that is emitted again stays closed."""

_RATE_MS = 60_000
"""The rate of events is that of the last minute."""


class _UnknownError(ValueError):
    """A message of a type or version that is not known."""


class _Figures(NamedTuple):
    """What is shown of one window."""

    end_ms: int
    judged: int
    recognized: int
    first: int
    recognized_ratio: float | None
    first_ratio: float | None
    seconds_p50: float | None
    broke_at: dict[str, int]
    behaviours: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, message: dict[str, Any]) -> _Figures:
        kept = {**message["signals"], **message["habits"]}
        return cls(
            parse_time(message["end_at"]),
            _count(message["judged"]),
            _count(message["recognized"]),
            _count(message["recognized_first"]),
            _number(message["recognized_ratio"]),
            _number(message["recognized_first_ratio"]),
            _number(message["recognition_seconds"]["p50"]),
            {_text(step): _count(count) for step, count in message["broke_at"].items()},
            {
                name: (_count(kept[name]["opportunities"]), _count(kept[name]["kept"]))
                for name in BEHAVIOURS
            },
        )


class _Drop(NamedTuple):
    state: DropState
    at_ms: int
    baseline_ratio: float
    ratio: float | None
    judged: int


class _Gap(NamedTuple):
    """``number`` counts the gaps in the order in which this board first saw them."""

    number: int
    kind: str
    queue: str
    channel: str
    opened_ms: int
    closed_ms: int | None
    closed_by: str | None
    agent_turns: int
    high_emotion: bool


class _Queue:
    """``courses`` maps a window's name to the ratios by the window's end; ``active_ms`` is the
    newest end of a window or opening of a gap."""

    __slots__ = ("active_ms", "courses", "drops", "newest")

    def __init__(self) -> None:
        self.newest: dict[str, _Figures] = {}
        self.courses: dict[str, dict[int, float | None]] = {}
        self.drops: dict[str, _Drop] = {}
        self.active_ms = 0

    def take(self, name: str, figures: _Figures) -> None:
        """A window, or its correction: the last message of each holds."""
        course = self.courses.setdefault(name, {})
        course[figures.end_ms] = figures.first_ratio
        if len(course) > _COURSE_POINTS:
            del course[min(course)]
        newest = self.newest.get(name)
        if newest is None or figures.end_ms >= newest.end_ms:
            self.newest[name] = figures


class Board:
    """Takes in the messages of both topics; any thread may call.

    ``max_queues`` are kept apart. Further ones are not shown, unless one that is kept has been
    silent for a day. ``min_judged`` is the least that a ratio rests on, as in the rollups.
    ``ready`` is the readiness probe: the empty string, or what is wrong.
    """

    def __init__(
        self,
        metrics: Metrics,
        ready: Callable[[], str],
        *,
        max_queues: int = 200,
        min_judged: int = RollupRules().min_judged,
    ) -> None:
        self._metrics = metrics
        self._ready = ready
        self._max_queues = max_queues
        self._min_judged = min_judged
        self._lock = threading.Lock()
        self._queues: dict[str, _Queue] = {}
        self._queues_full = False
        self._full_until_ms = 0
        """While none of the queues can have become silent; to look costs as much as a message."""
        self._active_ms = 0
        self._newest: dict[str, int] = dict.fromkeys(_WINDOWS, 0)
        """The newest end of a window by the window's name."""
        self._open: OrderedDict[tuple[str, str], _Gap] = OrderedDict()
        self._closed: OrderedDict[tuple[str, str], _Gap] = OrderedDict()
        self._gaps_seen = 0
        self._ignored: Counter[str] = Counter({"unreadable": 0, "unknown": 0})
        self._events: deque[tuple[int, float]] = deque()
        """Times and totals of events, from which the rate follows."""

    # -- in -------------------------------------------------------------------------------------

    def take(self, topic: TopicKind, value: bytes | None) -> None:
        """Take in one message. What cannot be used is counted in the snapshot's ``ignored``."""
        take = self._take_rollup if topic == "rollups" else self._take_gap
        with self._lock:
            try:
                take(orjson.loads(value or b""))
            except _UnknownError:
                self._ignored["unknown"] += 1
            except (AttributeError, KeyError, TypeError, ValueError):
                self._ignored["unreadable"] += 1

    def _take_rollup(self, message: dict[str, Any]) -> None:
        version = (message["type"], message["schema_version"])
        if version == ("window", ROLLUP_VERSION):
            name = message["window"]
            if name not in _WINDOWS:
                return
            figures = _Figures.of(message)
            self._newest[name] = max(self._newest[name], figures.end_ms)
            queue = self._queue(_text(message["queue"]), figures.end_ms)
            if queue is not None:
                queue.take(name, figures)
        elif version == ("drop", DROP_VERSION) and message["measure"] in _MEASURES:
            drop = _Drop(
                DropState(message["state"]),
                parse_time(message["at"]),
                float(message["baseline_ratio"]),
                _number(message["ratio"]),
                _count(message["judged"]),
            )
            queue = self._queue(_text(message["queue"]), drop.at_ms)
            if queue is not None:
                queue.drops[message["measure"]] = drop
        else:
            raise _UnknownError

    def _take_gap(self, message: dict[str, Any]) -> None:
        if message["schema_version"] != GAP_VERSION or message["kind"] not in GAP_KINDS:
            raise _UnknownError
        key = _text(message["session_id"]), message["kind"]
        closed = {"opened": False, "closed": True}[message["status"]]
        if key in self._closed or (key in self._open and not closed):
            return
        known = self._open.get(key)
        gap = _Gap(
            known.number if known else self._gaps_seen,
            message["kind"],
            _text(message["queue"]),
            _text(message["channel"]),
            parse_time(message["opened_at"]),
            parse_time(message["closed_at"]) if closed else None,
            _text(message["closed_by"]) if closed else None,
            _count(message["agent_turns"]),
            bool(message["high_emotion"]),
        )
        self._queue(gap.queue or OTHER_QUEUE, gap.opened_ms)
        if known is None:
            self._gaps_seen += 1
        if closed:
            self._open.pop(key, None)
            self._closed[key] = gap
            if len(self._closed) > _MAX_CLOSED_GAPS:
                self._closed.popitem(last=False)
            return
        self._open[key] = gap
        if len(self._open) > _MAX_OPEN_GAPS:
            self._open.popitem(last=False)

    def _queue(self, name: str, active_ms: int) -> _Queue | None:
        self._active_ms = max(self._active_ms, active_ms)
        queue = self._queues.get(name)
        if queue is None:
            if len(self._queues) >= self._max_queues and self._active_ms > self._full_until_ms:
                self._forget_silent()
            if len(self._queues) >= self._max_queues:
                self._queues_full = True
                return None
            queue = self._queues[name] = _Queue()
        queue.active_ms = max(queue.active_ms, active_ms)
        return queue

    def _forget_silent(self) -> None:
        for name in [name for name in self._queues if self._is_silent(name)]:
            del self._queues[name]
        oldest_ms = min((queue.active_ms for queue in self._queues.values()), default=0)
        self._full_until_ms = oldest_ms + DAY_MS

    def _is_silent(self, name: str) -> bool:
        return self._queues[name].active_ms < self._active_ms - DAY_MS

    # -- out ------------------------------------------------------------------------------------

    def snapshot(self, now_ms: int) -> dict[str, Any]:
        """All that the page shows, as JSON's types; times are milliseconds since the Unix epoch.

        Ratios are shares of judged interactions, None of too few.
        """
        detectors = {standing.queue: standing.detectors for standing in self._metrics.standings}
        with self._lock:
            open_gaps = Counter(gap.queue or OTHER_QUEUE for gap in self._open.values())
            rows = [
                self._row(name, queue, detectors.get(name, {}), open_gaps[name])
                for name, queue in self._queues.items()
            ]
            rows = [
                row
                for row in rows
                if row["drop"] or row["open_gaps"] or not self._is_silent(row["queue"])
            ]
            return {
                "now_ms": now_ms,
                "newest_ms": max(self._newest.values()) or None,
                "min_judged": self._min_judged,
                "queues": sorted(rows, key=lambda row: (row["state"] != "dropping", row["queue"])),
                "queues_silent": len(self._queues) - len(rows),
                "queues_full": self._queues_full,
                "fleet": self._fleet(),
                "gaps": {
                    "open": len(self._open),
                    "newest": [
                        gap._asdict()
                        for gap in heapq.nlargest(
                            _GAPS_SHOWN,
                            chain(self._open.values(), self._closed.values()),
                            key=lambda gap: (gap.opened_ms, gap.number),
                        )
                    ],
                },
                "health": self._health(now_ms),
                "ignored": dict(self._ignored),
            }

    def _is_current(self, name: str, figures: _Figures) -> bool:
        return figures.end_ms > self._newest[name] - _WINDOWS[name].size_ms

    def _chosen(self, queue: _Queue) -> str | None:
        """The shortest window that is current and states a ratio; failing that the longest that is
        current, and failing that the newest."""
        current = [
            name
            for name in _WINDOWS
            if name in queue.newest and self._is_current(name, queue.newest[name])
        ]
        for name in current:
            if queue.newest[name].first_ratio is not None:
                return name
        if current:
            return current[-1]
        return max(queue.newest, key=lambda name: queue.newest[name].end_ms, default=None)

    def _row(
        self, name: str, queue: _Queue, detectors: dict[str, DetectorView], open_gaps: int
    ) -> dict[str, Any]:
        state, drop = self._drop(queue, detectors)
        row: dict[str, Any] = {
            "queue": name,
            "state": state.value,
            "drop": drop,
            "open_gaps": open_gaps,
            "window": None,
            "reference": None,
        }
        chosen = self._chosen(queue)
        if chosen is None:
            return row
        figures = queue.newest[chosen]
        step_ms = _WINDOWS[chosen].hop_ms
        end_ms = self._newest[chosen]
        course = queue.courses[chosen]
        first_ms = end_ms - (_COURSE_POINTS - 1) * step_ms
        return row | {
            "window": chosen,
            "current": self._is_current(chosen, figures),
            "end_ms": figures.end_ms,
            "judged": figures.judged,
            "recognized_ratio": figures.recognized_ratio,
            "recognized_first_ratio": figures.first_ratio,
            "seconds_p50": figures.seconds_p50,
            "broke_at": max(figures.broke_at.items(), key=lambda item: item[1], default=None),
            "reference": self._reference(queue, chosen, drop, detectors),
            "course": {
                "end_ms": end_ms,
                "step_ms": step_ms,
                "ratios": [course.get(ms) for ms in range(first_ms, end_ms + 1, step_ms)],
            },
        }

    def _drop(
        self, queue: _Queue, detectors: dict[str, DetectorView]
    ) -> tuple[DropState, dict[str, Any] | None]:
        """The queue's state, and the drop that it is in. A detector knows better than its last
        message, which may be on its way."""
        newest_ms = max(self._newest.values())
        states = {
            measure: DropState.OK
            if drop.state is DropState.RECOVERED and drop.at_ms < newest_ms - DAY_MS
            else drop.state
            for measure, drop in queue.drops.items()
        } | {measure: detector.state for measure, detector in detectors.items()}
        for measure, state in states.items():
            if state is not DropState.DROPPING:
                continue
            said = queue.drops.get(measure)
            if said is None or said.state is not DropState.DROPPING:
                return state, {"measure": measure}
            return state, {
                "measure": measure,
                "since_ms": said.at_ms,
                "baseline_ratio": said.baseline_ratio,
                "ratio": said.ratio,
                "judged": said.judged,
            }
        return (
            DropState.RECOVERED if DropState.RECOVERED in states.values() else DropState.OK
        ), None

    def _reference(
        self,
        queue: _Queue,
        chosen: str,
        drop: dict[str, Any] | None,
        detectors: dict[str, DetectorView],
    ) -> dict[str, Any] | None:
        """What to compare a queue with: its baseline, where this worker knows it or a drop has
        said it; failing that its own last day."""
        detector = detectors.get(_MEASURE)
        if detector is not None and detector.baseline_ratio is not None:
            return {"kind": "baseline", "ratio": round(detector.baseline_ratio, 4)}
        if drop is not None and drop["measure"] == _MEASURE and "baseline_ratio" in drop:
            return {"kind": "baseline", "ratio": drop["baseline_ratio"]}
        day = queue.newest.get("24h")
        if day is None or day.first_ratio is None or chosen == "24h":
            return None
        return {"kind": "day", "ratio": day.first_ratio}

    def _fleet(self) -> dict[str, Any] | None:
        """All queues together in the last hour, or what there is of it."""
        for name in ("1h", "15m"):
            current = [
                queue.newest[name]
                for queue in self._queues.values()
                if name in queue.newest and self._is_current(name, queue.newest[name])
            ]
            if not current:
                continue
            broke_at: Counter[str] = Counter()
            kept = dict.fromkeys(BEHAVIOURS, (0, 0))
            for figures in current:
                broke_at.update(figures.broke_at)
                for behaviour, counts in figures.behaviours.items():
                    kept[behaviour] = kept[behaviour][0] + counts[0], kept[behaviour][1] + counts[1]
            return {
                "window": name,
                "judged": sum(figures.judged for figures in current),
                "recognized": sum(figures.recognized for figures in current),
                "recognized_first": sum(figures.first for figures in current),
                "broke_at": broke_at.most_common(),
                "behaviours": kept,
            }
        return None

    def _health(self, now_ms: int) -> dict[str, Any]:
        metrics = self._metrics
        rejected = total(metrics.rejected)
        events = total(metrics.events) + rejected
        samples = self._events
        while samples and not now_ms - 2 * _RATE_MS < samples[0][0] <= now_ms:
            samples.popleft()
        while len(samples) > 1 and samples[1][0] <= now_ms - _RATE_MS:
            samples.popleft()
        rate = None
        if samples and samples[0][0] < now_ms:
            then_ms, then = samples[0]
            rate = round((events - then) / (now_ms - then_ms) * 1000, 2)
        if not samples or samples[-1][0] <= now_ms - 1000:
            samples.append((now_ms, events))
        return {
            "fault": self._ready(),
            "version": __version__,
            "events_per_second": rate,
            "events": events,
            "rejected": rejected,
            "late": total(metrics.late),
            "failed": total(metrics.failed),
            "lag": total(metrics.lag),
            "partitions": total(metrics.assigned),
            "open_sessions": total(metrics.open_sessions),
            "latency_p95_seconds": _quantile_bound(metrics, 0.95),
            "rebalances": total(metrics.rebalances),
            "recovery_seconds": total(metrics.recovery),
        }


def page() -> bytes:
    """The page, one HTML file that asks for ``board.json`` beside it and for nothing else."""
    return files("stream.ops").joinpath("board.html").read_bytes()


def _quantile_bound(metrics: Metrics, share: float) -> float | None:
    """The least bucket of record latency with ``share`` of the records since the start. None
    without records, and where the last bucket has no bound."""
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for family in metrics.record_latency.collect()
        for sample in family.samples
        if sample.name.endswith("_bucket")
    ]
    count = buckets[-1][1]
    bound = next(le for le, below in buckets if below >= share * count)
    return bound if count and bound != float("inf") else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _number(value: Any) -> float | None:
    return None if value is None else float(value)

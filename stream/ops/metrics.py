"""Every metric of the service, with its help text, in one place."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from stream import __version__, windows
from stream.events import EventType, RejectReason
from stream.recognition import RECOGNITION, Label, label_names
from stream.session import BREAK_STEPS, GapChange, InteractionRecord, Outcome
from stream.session.record import Evidence
from stream.sources import DropReason
from stream.windows import OTHER_QUEUE

_RECOGNITION_SECONDS = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 14_400, 86_400)
_LATENCY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


_RECOGNIZING = frozenset(label_names(RECOGNITION))
_FORMULA = label_names(Label.GENERIC_EMPATHY)[0]

_BUILD = "Version of the service."

_GAPS_OPEN = "empathy_gaps_open"

_COLLECTED = (
    (
        _GAPS_OPEN,
        "Gaps that are open in the sessions of this worker, by queue and kind.",
        ("queue", "kind"),
    ),
    (
        "empathy_recognition_ratio",
        "Share of the judged interactions of the newest window with recognition, by queue; absent "
        "where there are too few.",
        ("queue", "window"),
    ),
    (
        "empathy_recognized_first_ratio",
        "Share of the judged interactions of the newest window in which recognition came first, by "
        "queue; absent where there are too few.",
        ("queue", "window"),
    ),
    (
        "empathy_signal_ratio",
        "Share of the opportunities of the newest window in which a signal or habit was kept, by "
        "queue; absent where there are too few.",
        ("queue", "window", "signal"),
    ),
    (
        "empathy_script_ratio",
        "Share of the recognitions of the newest window in wording that recurs over the queue's "
        "sessions; absent where there are too few.",
        ("queue", "window"),
    ),
    (
        "empathy_window_interactions",
        "Judged interactions of the newest window, by queue: what its ratios rest on.",
        ("queue", "window"),
    ),
    (
        "empathy_baseline_ratio",
        "What the queue's own history says of a measure at this hour of the week.",
        ("queue", "measure"),
    ),
    (
        "empathy_drop_statistic",
        "Evidence that a measure has fallen below its baseline; at 1 it is an alarm.",
        ("queue", "measure"),
    ),
    (
        "empathy_drop_active",
        "1 while a measure is in a drop.",
        ("queue", "measure"),
    ),
)


def total(metric: Counter | Gauge) -> float:
    """The sum of a metric over its labels."""
    return sum(
        sample.value
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    )


class QueueStanding(NamedTuple):
    """Where a queue stands: its newest windows, and its drop detectors by measure.

    A signal's ratio is stated from ``min_judged`` opportunities on.
    """

    queue: str
    windows: list[windows.Rollup]
    detectors: dict[str, DetectorView]
    min_judged: int


class DetectorView(NamedTuple):
    """A drop detector at one moment. ``baseline_ratio`` is None before it has history."""

    baseline_ratio: float | None
    statistic: float
    state: windows.DropState


class _OfQueue(NamedTuple):
    """A queue's counters of judged records, found once: looking all of them up by their labels
    for each record costs more than counting it."""

    judged: Counter
    recognized: Counter
    recognized_first: Counter
    broke_at: dict[str, Counter]
    agent_turns: Counter
    formula_turns: Counter
    recognition_seconds: Histogram

    @classmethod
    def of(cls, metrics: Metrics, queue: str) -> _OfQueue:
        """They appear together, at 0, so that a rate exists before the first hit."""
        return cls(
            metrics.judged.labels(queue),
            metrics.recognized.labels(queue),
            metrics.recognized_first.labels(queue),
            {step: metrics.broke_at.labels(queue, step) for step in BREAK_STEPS},
            metrics.agent_turns.labels(queue),
            metrics.formula_turns.labels(queue),
            metrics.recognition_seconds.labels(queue),
        )


class Metrics:
    """The metrics of one worker, in a registry of their own.

    ``max_queues`` bounds the values of the ``queue`` label: first come, first named; the others
    count as :data:`OTHER_QUEUE`. No metric has a label per session or agent.
    """

    def __init__(self, recognizer: str, max_queues: int) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._max_queues = max_queues
        self._queues: set[str] = set()
        self._of_queues: dict[str, _OfQueue] = {}
        self._open_gaps: tuple[Mapping[tuple[str, str], int], ...] = ()
        self._gaps_shown: set[tuple[str, str]] = set()

        self.events = Counter(
            "empathy_events_total",
            "Events read from the events topic, by type and by what became of them.",
            ["type", "outcome"],
            registry=registry,
        )
        # All at 0 from the start: a rate needs a value before the first event.
        for event_type in EventType:
            for outcome in Outcome:
                self.events.labels(event_type.value, outcome.value)
        self.rejected = Counter(
            "empathy_events_rejected_total",
            "Events sent to the rejected topic, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in RejectReason:
            self.rejected.labels(reason.value)
        self.dropped = Counter(
            "empathy_payload_parts_dropped_total",
            "Parts of payloads (segments, notifications) that become no event, by reason.",
            ["reason"],
            registry=registry,
        )
        for drop_reason in DropReason:
            self.dropped.labels(drop_reason.value)
        self.late = Counter(
            "empathy_events_late_total",
            "Events of sessions already closed: counted, in no record.",
            registry=registry,
        )
        self.open_sessions = Gauge(
            "empathy_sessions_open",
            "Sessions without a record yet, on this worker.",
            registry=registry,
        )
        self.records = Counter(
            "empathy_records_total",
            "Interaction records emitted, by queue, by why the session closed, and by whether it "
            "was judged.",
            ["queue", "closed_by", "judged"],
            registry=registry,
        )
        self.recognized = Counter(
            "empathy_records_recognized_total",
            "Judged interactions in which the agent recognised the customer.",
            ["queue"],
            registry=registry,
        )
        self.recognized_first = Counter(
            "empathy_records_recognized_first_total",
            "Judged interactions in which recognition came before any process.",
            ["queue"],
            registry=registry,
        )
        self.judged = Counter(
            "empathy_records_judged_total",
            "Interactions that count in recognition rates: the denominator.",
            ["queue"],
            registry=registry,
        )
        self.broke_at = Counter(
            "empathy_records_broke_at_total",
            "Judged interactions by the step at which empathy first broke, by queue.",
            ["queue", "step"],
            registry=registry,
        )
        self.agent_turns = Counter(
            "empathy_agent_turns_total",
            "Agent turns of judged interactions, by queue.",
            ["queue"],
            registry=registry,
        )
        self.formula_turns = Counter(
            "empathy_formula_turns_total",
            "Agent turns of judged interactions that carry a stock formula and recognise nothing, "
            "by queue.",
            ["queue"],
            registry=registry,
        )
        self.failed = Counter(
            "empathy_sessions_failed_total",
            "Sessions that could not be judged because of a fault of the service.",
            registry=registry,
        )
        self.recognition_seconds = Histogram(
            "empathy_recognition_seconds",
            "Time from the customer's first concern to the first recognition, by queue.",
            ["queue"],
            buckets=_RECOGNITION_SECONDS,
            registry=registry,
        )
        self.record_latency = Histogram(
            "empathy_record_latency_seconds",
            "Time from session.ended in the log to its record acknowledged by the broker.",
            buckets=_LATENCY_SECONDS,
            registry=registry,
        )
        self.gaps_opened = Counter(
            "empathy_gaps_opened_total",
            "Gaps opened in conversations still going on, by queue and kind.",
            ["queue", "kind"],
            registry=registry,
        )
        self.gaps_closed = Counter(
            "empathy_gaps_closed_total",
            "Gaps closed, by what was missing or with the session, by queue and kind.",
            ["queue", "kind"],
            registry=registry,
        )
        self.gap_latency = Histogram(
            "empathy_gap_latency_seconds",
            "Time from the turn or step in the log to the gap event that it causes acknowledged by "
            "the broker; what time alone opens or closes is not in it.",
            buckets=_LATENCY_SECONDS,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "empathy_batch_seconds",
            "Time to process and persist one batch of events.",
            buckets=_BATCH_SECONDS,
            registry=registry,
        )
        self.lag = Gauge(
            "empathy_consumer_lag_records",
            "Records of the events topic not yet processed, by partition.",
            ["partition"],
            registry=registry,
        )
        self.queues_folded = Counter(
            "empathy_queues_folded_total",
            "Records whose queue counts as 'other' because EMPATHY_MAX_QUEUES is reached.",
            registry=registry,
        )
        self.assigned = Gauge(
            "empathy_partitions_assigned",
            "Partitions of the events topic that this worker owns.",
            registry=registry,
        )
        self.rebalances = Counter(
            "empathy_rebalances_total",
            "Rebalances that this worker went through.",
            registry=registry,
        )
        self.ready = Gauge(
            "empathy_worker_ready",
            "1 while the worker is a member of the group with its state recovered.",
            registry=registry,
        )
        self.recovery = Gauge(
            "empathy_recovery_seconds",
            "How long the newest rebalance took, from the revocation to the state recovered.",
            registry=registry,
        )
        self.held = Gauge(
            "empathy_state_held",
            "Sessions whose state this worker holds, open or remembered, its standbys included.",
            registry=registry,
        )
        self.contributions = Counter(
            "empathy_contributions_total",
            "Interactions regrouped by queue, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        for became in windows.Outcome:
            self.contributions.labels(became.value)
        self._standings: list[QueueStanding] = []
        registry.register(self)
        build = Info("empathy_build", _BUILD, registry=registry)
        build.info(
            {
                "version": __version__,
                "recognizer": recognizer,
                "python": platform.python_version(),
            }
        )

    def catalogue(self) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
        """Every metric as it is scraped: name, type, labels, help text."""
        for metric in vars(self).values():
            if isinstance(metric, MetricWrapperBase):
                (family,) = metric.describe()
                suffix = "_total" if family.type == "counter" else ""
                yield family.name + suffix, family.type, metric._labelnames, family.documentation
        for name, text, labels in _COLLECTED:
            yield name, "gauge", labels, text
        yield "empathy_build_info", "gauge", ("version", "recognizer", "python"), _BUILD

    def show_standings(self, standings: list[QueueStanding]) -> None:
        """Where the queues stand whose windows this worker keeps; all others vanish."""
        self._standings = standings

    @property
    def standings(self) -> list[QueueStanding]:
        """What was shown last."""
        return self._standings

    def describe(self) -> list[Metric]:
        """Names of what :meth:`collect` gives, for the registry."""
        return [GaugeMetricFamily(name, text) for name, text, _ in _COLLECTED]

    def collect(self) -> Iterator[Metric]:
        """The gauges of gaps and queues, from one moment."""
        families = {
            name: GaugeMetricFamily(name, text, labels=labels) for name, text, labels in _COLLECTED
        }
        for labels, count in self._gaps_open():
            families[_GAPS_OPEN].add_metric(labels, count)
        for standing in self._standings:
            for rollup in standing.windows:
                where = [standing.queue, rollup.window]
                families["empathy_window_interactions"].add_metric(where, rollup.judged)
                for name, ratio in (
                    ("empathy_recognition_ratio", rollup.recognized_ratio),
                    ("empathy_recognized_first_ratio", rollup.recognized_first_ratio),
                ):
                    if ratio is not None:
                        families[name].add_metric(where, ratio)
                if rollup.recognized and rollup.recognized_own_ratio is not None:
                    families["empathy_script_ratio"].add_metric(
                        where, rollup.scripts / rollup.recognized
                    )
                for behaviour, kept in rollup.behaviours():
                    if kept.opportunities >= standing.min_judged:
                        families["empathy_signal_ratio"].add_metric(
                            [*where, behaviour], kept.kept / kept.opportunities
                        )
            for measure, detector in standing.detectors.items():
                where = [standing.queue, measure]
                baseline = detector.baseline_ratio
                if baseline is not None:
                    families["empathy_baseline_ratio"].add_metric(where, baseline)
                families["empathy_drop_statistic"].add_metric(where, detector.statistic)
                dropping = detector.state is windows.DropState.DROPPING
                families["empathy_drop_active"].add_metric(where, float(dropping))
        yield from families.values()

    def queue_label(self, queue: str) -> str:
        """The label that a queue counts under."""
        label = self._label(queue)
        if label == OTHER_QUEUE and queue not in ("", OTHER_QUEUE):
            self.queues_folded.inc()
        return label

    def _label(self, queue: str) -> str:
        if not queue or queue == OTHER_QUEUE:
            return OTHER_QUEUE
        if queue not in self._queues:
            if len(self._queues) >= self._max_queues:
                return OTHER_QUEUE
            self._queues.add(queue)
        return queue

    def count_events(self, event_type: str, outcome: Outcome, count: int) -> None:
        """Count events that were not rejected."""
        self.events.labels(event_type, outcome.value).inc(count)
        if outcome is Outcome.LATE:
            self.late.inc(count)

    def count_record(self, record: InteractionRecord) -> None:
        """Count one emitted record."""
        queue = self.queue_label(record.queue)
        judged = "true" if record.judged else "false"
        self.records.labels(queue, record.closed_by, judged).inc()
        if not record.judged:
            return
        of_queue = self._of_queues.get(queue)
        if of_queue is None:
            of_queue = self._of_queues[queue] = _OfQueue.of(self, queue)
        of_queue.judged.inc()
        of_queue.recognized.inc(record.recognized)
        of_queue.recognized_first.inc(record.recognized_first)
        if record.broke_at is not None:
            of_queue.broke_at[record.broke_at.step].inc()
        of_queue.agent_turns.inc(record.turns.agent)
        of_queue.formula_turns.inc(sum(map(_is_formula, record.evidence)))
        if record.recognition is not None:
            of_queue.recognition_seconds.observe(record.recognition.seconds)

    def count_gaps(self, gaps: Iterable[GapChange], now_ms: float) -> None:
        """Count gap events that were acknowledged by ``now_ms``, since the Unix epoch."""
        counts: defaultdict[tuple[str, str, bool], int] = defaultdict(int)
        for gap in gaps:
            event = gap.event
            counts[event.queue, event.kind, event.status == "opened"] += 1
            if gap.log_ms is not None:
                self.gap_latency.observe(max(0.0, now_ms - gap.log_ms) / 1000)
        for (queue, kind, opened), count in counts.items():
            labels = self._label(queue), kind
            # Both from the first on: a rate needs a value before the first closing.
            self.gaps_opened.labels(*labels).inc(count * opened)
            self.gaps_closed.labels(*labels).inc(count * (not opened))

    def show_open_gaps(self, partitions: Iterable[Mapping[tuple[str, str], int]]) -> None:
        """Show the open gaps of these partitions, each by queue and kind, as they are when asked:
        there may be thousands between two scrapes."""
        self._open_gaps = tuple(partitions)

    def forget_open_gaps(self) -> None:
        """Show none until it is known which partitions this worker has."""
        self._open_gaps = ()
        self._gaps_shown.clear()

    def _gaps_open(self) -> Iterator[tuple[tuple[str, str], int]]:
        totals: dict[tuple[str, str], int] = {}
        for partition in self._open_gaps:
            for (queue, kind), count in partition.items():
                labels = self._label(queue), kind
                totals[labels] = totals.get(labels, 0) + count
        self._gaps_shown.update(totals)
        for labels in self._gaps_shown:
            yield labels, totals.get(labels, 0)


def _is_formula(turn: Evidence) -> bool:
    """Whether a stock formula is all the recognition that an agent turn has."""
    labels = turn.labels or ()
    return turn.speaker == "agent" and _FORMULA in labels and _RECOGNIZING.isdisjoint(labels)

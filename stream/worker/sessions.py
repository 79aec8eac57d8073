"""The stage that turns events into interaction records and gaps."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import MutableMapping
from typing import Any

from faust.types import TP

from stream.events import Event, Rejected, RejectReason
from stream.ops.metrics import Metrics
from stream.recognition import recognizer_named
from stream.session import Changes, Outcome, SessionProcessor
from stream.settings import Settings
from stream.sources import Mapped, Source
from stream.sources.framing import framed
from stream.windows import Contribution
from stream.worker.output import Send
from stream.worker.registry import Frames, Registry
from stream.worker.rejects import RejectedShare
from stream.worker.rules import closing_rules, gap_rules
from stream.worker.stage import Partition, Stage

log = logging.getLogger(__name__)

_REJECTED_BYTES = 900_000
"""Most of a rejected event that is kept: what brokers accept by default, headers included."""


class SessionStage(Stage[SessionProcessor]):
    """``source`` reads the records of the events topic, in which the ``registry``, if there is
    one, knows the schemas."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        source: Source,
        registry: Registry | None = None,
        **stage: Any,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._registry = registry
        self._source = source if registry is None else framed(source, registry.types)
        self._frames = Frames() if registry is None else registry.frames
        self._recognizer = recognizer_named(settings.recognizer)
        self._rules = closing_rules(settings)
        self._gap_rules = gap_rules(settings)
        self._share = RejectedShare(settings.max_rejected_ratio)
        self._rejected_warned = False
        super().__init__(**stage)

    def new_processor(self, held: MutableMapping[bytes, bytes]) -> SessionProcessor:
        return SessionProcessor(self._recognizer, self._rules, held, self._gap_rules)

    async def take_in(
        self, tp: TP, partition: Partition[SessionProcessor], records: list[Any]
    ) -> None:
        if self._registry is not None:
            generation = self.group.generation
            await self._registry.learn(
                (record.value for record in records), lambda: self.group.generation == generation
            )
        processor = partition.processor
        source, max_bytes = self._source, self._settings.max_event_bytes
        counts: dict[tuple[str, Outcome], int] = {}
        rejects: list[Send] = []
        reasons: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        for record in records:
            offset, log_ms = record.offset, record.timestamp
            found: Event | Mapped | Rejected | None
            try:
                found = source(record.key, record.value, record.headers, log_ms, max_bytes)
                if isinstance(found, Event):
                    kind = (found.type.value, processor.process(offset, found, log_ms))
                    counts[kind] = counts.get(kind, 0) + 1
                    continue
                if isinstance(found, Mapped) and found.events:
                    outcomes = processor.process_all(offset, found.events, log_ms)
                    for event, outcome in zip(found.events, outcomes, strict=True):
                        kind = (event.type.value, outcome)
                        counts[kind] = counts.get(kind, 0) + 1
                else:
                    processor.skip(offset, log_ms)
            except Exception as error:  # one record must not stop the partition
                log.error("a record could not be processed", extra=_place(record) | _at(error))
                processor.skip(offset, log_ms)
                found = Rejected(RejectReason.PROCESSING_FAILED, type(error).__name__)
            if isinstance(found, Mapped):
                dropped.update(reason.value for _, reason in found.dropped)
                found = found.rejected
            if found is not None:
                reasons[found.reason.value] += 1
                rejects.append(self._reject(record, found))
        self._share.check(len(records), reasons)
        await self.persist(tp, partition, rejects)

        for reason, count in reasons.items():
            self._metrics.rejected.labels(reason).inc(count)
        for reason, count in dropped.items():
            self._metrics.dropped.labels(reason).inc(count)
        for (event_type, outcome), count in counts.items():
            self._metrics.count_events(event_type, outcome, count)

    def _reject(self, record: Any, rejected: Rejected) -> Send:
        if not self._rejected_warned:
            self._rejected_warned = True
            log.warning(
                "events are being rejected; each is in the rejected topic with its reason",
                extra={"reason": rejected.reason.value, "detail": rejected.detail} | _place(record),
            )
        value = record.value
        headers = rejection_headers(rejected, record.topic, record.partition, record.offset)
        if value is not None and len(value) > _REJECTED_BYTES:
            value = value[:_REJECTED_BYTES]
            headers.append(("truncated", b"true"))
        return Send(self._settings.rejected_topic, record.key, value, None, headers)

    def results(self, changes: Changes) -> list[Send]:
        settings, frames = self._settings, self._frames
        sends = [
            Send(settings.gaps_topic, gap.event.session_id.encode(), frames.gaps + gap.value)
            for gap in changes.gaps
        ]
        for closed in changes.records:
            record = closed.record
            value = frames.interactions + closed.value
            sends.append(Send(settings.interactions_topic, record.session_id.encode(), value))
            added = Contribution.of(record, closed.wording)
            sends.append(Send(settings.repartition_topic, added.queue.encode(), added.encode()))
        return sends

    def count(self, changes: Changes) -> None:
        now_ms = time.time() * 1000
        for closed in changes.records:
            self._metrics.count_record(closed.record)
            if closed.ended_log_ms is not None:
                latency = max(0.0, now_ms - closed.ended_log_ms) / 1000
                self._metrics.record_latency.observe(latency)
            if closed.failed:
                self._metrics.failed.inc()
                log.error("a session could not be judged", extra={"cause": closed.failed})
        if changes.gaps:
            self._metrics.count_gaps(changes.gaps, now_ms)

    async def emit_decided(self, tp: TP, partition: Partition[SessionProcessor]) -> None:
        if partition.processor.has_decided:
            partition.processor.emit_decided()
            await self.persist(tp, partition, [])
            self.observe()

    def observe(self) -> None:
        metrics = self._metrics
        processors = {n: partition.processor for n, partition in self.partitions.items()}
        metrics.open_sessions.set(sum(each.open_sessions for each in processors.values()))
        for number, processor in processors.items():
            end = self.consumer.highwater(TP(self.topic, number))
            if end is not None:
                metrics.lag.labels(str(number)).set(max(0, end - processor.position))

    def observe_assignment(self) -> None:
        if not self.partitions:
            # What another worker shows now must vanish here.
            self._metrics.lag.clear()
            self._metrics.forget_open_gaps()
        self.observe()
        self._metrics.show_open_gaps(
            partition.processor.open_gaps for partition in self.partitions.values()
        )


def rejection_headers(
    rejected: Rejected, topic: str, partition: int, offset: int
) -> list[tuple[str, bytes]]:
    """The headers of a rejected event, which was read at the given place."""
    return [
        ("reason", rejected.reason.value.encode()),
        ("detail", rejected.detail.encode()),
        ("source.topic", topic.encode()),
        ("source.partition", str(partition).encode()),
        ("source.offset", str(offset).encode()),
    ]


def _place(record: Any) -> dict[str, Any]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _at(error: Exception) -> dict[str, Any]:
    """What went wrong and where, without the error's message: it may quote what was said."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    return {"cause": type(error).__name__, "stack": stack}

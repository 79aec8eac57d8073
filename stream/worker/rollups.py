"""The stage that rolls interactions up by queue: windows, baselines and drops."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, MutableMapping
from typing import Any

from faust.types import TP

from stream.ops.metrics import DetectorView, Metrics, QueueStanding
from stream.settings import Settings
from stream.windows import (
    WINDOWS,
    Changes,
    Contribution,
    ContributionError,
    QueueRollups,
)
from stream.worker.output import Send
from stream.worker.rules import rollup_rules
from stream.worker.stage import Partition, Stage

log = logging.getLogger(__name__)

_ROUND_SECONDS = 2.0
"""How often each queue's gauges are brought up to date."""

_SLICE_SECONDS = 0.002
"""Longest that this takes at a time: it holds up everything else."""


class RollupStage(Stage[QueueRollups]):
    """Reads what the session stage regrouped by queue. ``frame`` precedes what it writes."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        partitions: int,
        frame: bytes = b"",
        **stage: Any,
    ) -> None:
        self._settings = settings
        self._frame = frame
        self._metrics = metrics
        self._rules = rollup_rules(settings, partitions)
        self._round: Iterator[QueueStanding] | None = None
        self._standings: list[QueueStanding] = []
        self._next_round = 0.0
        super().__init__(**stage)

    def new_processor(self, held: MutableMapping[bytes, bytes]) -> QueueRollups:
        return QueueRollups(self._rules, held)

    async def take_in(self, tp: TP, partition: Partition[QueueRollups], records: list[Any]) -> None:
        processor = partition.processor
        outcomes = []
        for record in records:
            try:
                contribution = Contribution.decode(record.value)
            except ContributionError as error:
                # Written by a newer release: what it counts is left to that release.
                log.error(str(error), extra={"topic": tp.topic, "offset": record.offset})
                processor.skip(record.offset, record.timestamp)
                continue
            outcomes.append(processor.process(record.offset, contribution, record.timestamp))
        await self.persist(tp, partition, [])
        for outcome in outcomes:
            self._metrics.contributions.labels(outcome.value).inc()

    def results(self, changes: Changes) -> list[Send]:
        topic, frame = self._settings.rollups_topic, self._frame
        return [Send(topic, found.queue.encode(), frame + found.value) for found in changes.records]

    def forget(self) -> None:
        super().forget()
        self._round = None
        self._standings = []
        self._metrics.show_standings([])

    def show(self, now: float) -> None:
        """Go on with bringing the gauges up to date, for a moment."""
        if self._round is None:
            if now < self._next_round:
                return
            self._next_round = now + _ROUND_SECONDS
            self._standings = []
            self._round = self._look(now)
        until = time.monotonic() + _SLICE_SECONDS
        for standing in self._round:
            self._standings.append(standing)
            if time.monotonic() > until:
                return
        self._round = None
        self._metrics.show_standings(self._standings)

    def _look(self, now: float) -> Iterator[QueueStanding]:
        for partition in list(self.partitions.values()):
            processor = partition.processor
            if processor.watermark_ms is None:
                continue
            now_ms = processor.watermark_ms + partition.elapsed_ms(now)
            for queue in processor.queues:
                found = (processor.current(queue, window, now_ms) for window in WINDOWS[1:])
                detectors = {
                    measure: DetectorView(
                        detector.baseline_ratio if detector.warm else None,
                        detector.statistic,
                        detector.state,
                    )
                    for measure, detector in processor.detectors(queue).items()
                }
                yield QueueStanding(
                    queue,
                    [rollup for rollup in found if rollup is not None],
                    detectors,
                    self._rules.min_judged,
                )

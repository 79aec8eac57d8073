"""A stage of the worker: a topic whose partitions are worked on, each by a processor.

For each batch, in this order: results out and acknowledged, then the changed states to the stage's
changelog, then the batch becomes committable; or all of it as one transaction
(:mod:`stream.worker.output`). Whatever happens in between, the batch is read again by the
partition's next owner, and the state's offsets make that a no-op.
"""

from __future__ import annotations

import abc
import logging
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Generic, Protocol, TypeVar

import faust
from faust.types import TP
from faust.types.tuples import Message

from stream.session import WATERMARK_KEY
from stream.worker.output import Dropped, Output, Send, changelog
from stream.worker.store import ChangelogStore
from stream.worker.transport import Batch, BatchConsumer

log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 2.0
"""Records fetched that have not arrived by then, with nothing being processed, got lost in a
rebalance."""


_VOUCHED_SECONDS = 1.0
"""How long time passes after an answer of the broker. One that is away for longer has no place for
what its producers have to say, which comes when it is back."""


class Processor(Protocol):
    """What a stage asks of the pure core."""

    position: int
    watermark_ms: int | None

    def resume(self, position: int) -> None: ...

    @property
    def next_due_ms(self) -> int | None: ...

    def advance(self, elapsed_ms: int) -> bool: ...

    def now(self) -> Any: ...

    def mark(self, mark: Any, committed: int | None) -> bytes: ...

    def take(self) -> Any: ...

    def confirm(self, changes: Any) -> None: ...


P = TypeVar("P", bound=Processor)


class Group:
    """The consumer group as the outputs of a topic see it."""

    def __init__(self, app: faust.App, topic: str) -> None:
        self._app = app
        self._topic = topic

    @property
    def generation(self) -> int:
        return int(self._app.consumer_generation_id)

    async def confirm(self, partition: int) -> bool:
        consumer: BatchConsumer = self._app.consumer
        return TP(self._topic, partition) in consumer.assignment() and await consumer.confirm()

    async def committed(self, partition: int) -> tuple[int, str] | None:
        consumer: BatchConsumer = self._app.consumer
        return await consumer.fetch_committed(TP(self._topic, partition))


class Partition(Generic[P]):
    """A processor and when its watermark last moved on this worker's clock."""

    def __init__(self, processor: P, now: float) -> None:
        self.processor = processor
        self.watermark_ms = processor.watermark_ms
        self.moved_at = now
        self.answer: int | None = None
        """The broker's last answer about the partition, and when it was noticed."""
        self.answered_at = now
        self.awaited: tuple[int, int, float] | None = None
        """The position at which records already fetched are awaited, how many batches of any
        partition were done by then, and since when."""
        self.gap: tuple[int, int] | None = None
        """A position and the next offset that came, when it was read again for the last time."""

    def missed_to(self, batch: Batch, contiguous: bool = False) -> int | None:
        """The end of the records that should have come before some of ``batch`` and have not.

        Offsets may be missing from the log itself (transactions, retention): between batches that
        follow each other that is taken as such, and else when reading again gives the same. In a
        ``contiguous`` log none may be missing anywhere.
        """
        position = self.processor.position
        if batch.follows is not None and batch.follows > position:
            return batch.follows
        if batch.follows is not None and not contiguous:
            return None
        expected = position
        for record in batch.records if contiguous else batch.records[:1]:
            if record.offset > expected:
                gap = (position, int(record.offset))
                if gap == self.gap:
                    return None
                self.gap = gap
                return gap[1]
            expected = max(expected, record.offset + 1)
        return None

    def unexplained(self, fetched: int) -> int:
        """The offset up to which records are still to arrive, where the consumer is at ``fetched``.

        Reading again that brings nothing shows that there is nothing: what transactions leave at
        the end of a log, or what retention took from its beginning.
        """
        position = self.processor.position
        return position if (position, fetched) == self.gap else fetched

    def lacks(self, fetched: int, done: int, now: float) -> bool:
        """Whether records before ``fetched`` have not arrived for so long that they will not, while
        no batch was: ``done`` counts those of all partitions."""
        position = self.processor.position
        if position >= fetched:
            self.awaited = None
        elif self.awaited is None or self.awaited[:2] != (position, done):
            self.awaited = (position, done, now)
        else:
            return now - self.awaited[2] > _ARRIVAL_SECONDS
        return False

    def observe_watermark(self, now: float) -> None:
        if self.processor.watermark_ms != self.watermark_ms:
            self.watermark_ms = self.processor.watermark_ms
            self.moved_at = now

    def observe_answer(self, answer: int | None, now: float) -> None:
        """``answer`` differs from the last one where the broker has answered since."""
        if answer == self.answer:
            return
        silent = now - self.answered_at - _VOUCHED_SECONDS
        if silent > 0:
            self.moved_at = min(now, self.moved_at + silent)
        self.answer = answer
        self.answered_at = now

    def elapsed_ms(self, now: float) -> int:
        """Wall-clock time since the watermark moved, without that in which the broker was away."""
        passed = min(now, self.answered_at + _VOUCHED_SECONDS) - self.moved_at
        return max(0, round(passed * 1000))


class Stage(abc.ABC, Generic[P]):
    """``topic`` is read, ``changelog_topic`` holds the state under the same partitions."""

    def __init__(
        self,
        app: faust.App,
        topic: str,
        changelog_topic: str,
        store: ChangelogStore,
        output: Output,
        group: Group,
    ) -> None:
        self.app = app
        self.topic = topic
        self.changelog_topic = changelog_topic
        self.store = store
        self.output = output
        self.group = group
        self.partitions: dict[int, Partition[P]] = {}
        self._marks: dict[TP, Any] = {}

    # -- what a stage does ----------------------------------------------------------------------

    @abc.abstractmethod
    def new_processor(self, held: MutableMapping[bytes, bytes]) -> P:
        """A processor of what is held of a partition."""

    @abc.abstractmethod
    async def take_in(self, tp: TP, partition: Partition[P], records: list[Any]) -> None:
        """Process ``records`` and :meth:`persist` what comes of them."""

    @abc.abstractmethod
    def results(self, changes: Any) -> list[Send]:
        """The messages to emit for ``changes``."""

    def count(self, changes: Any) -> None:
        """``changes`` are written."""

    def observe(self) -> None:
        """A batch is done, or time has passed."""

    def observe_assignment(self) -> None:
        """Partitions have come or gone."""

    async def emit_decided(self, tp: TP, partition: Partition[P]) -> None:
        """Emit what the clock decided, once that decision is persisted."""

    # -- assignment -----------------------------------------------------------------------------

    @property
    def consumer(self) -> BatchConsumer:
        consumer: BatchConsumer = self.app.consumer
        return consumer

    async def assign(self, assigned: set[TP]) -> None:
        """Partitions are about to be assigned, before their state is restored."""
        await self.output.assign(tp.partition for tp in assigned if tp.topic == self.topic)

    def forget(self) -> None:
        """Which partitions stay is not known: all are built again from what was persisted."""
        self.partitions.clear()
        self._marks.clear()
        self.observe_assignment()

    def stalled(self, now: float) -> None:
        """The process knows nothing of the time until ``now``."""
        for partition in self.partitions.values():
            partition.moved_at = now

    def observe_answers(self) -> None:
        """Notice which partitions the broker has answered about, also while none is looked after:
        what is written may be waiting for the broker."""
        now = time.monotonic()
        for number, partition in self.partitions.items():
            partition.observe_answer(self.consumer.answered(TP(self.topic, number)), now)

    def partition(self, tp: TP) -> Partition[P]:
        """The partition at work; restored first, where it is not."""
        partition = self.partitions.get(tp.partition)
        if partition is None:
            processor = self.new_processor(self.store.partition(tp.partition))
            processor.resume(self.consumer.committed(tp) or 0)
            partition = self.partitions[tp.partition] = Partition(processor, time.monotonic())
            self.observe_assignment()
        return partition

    def _changelog_tp(self, partition: int) -> TP:
        return TP(self.changelog_topic, partition)

    # -- batches --------------------------------------------------------------------------------

    async def process(self, message: Message) -> None:
        """Take in a batch; afterwards it is committable, or was read too early and let go."""
        tp = message.tp
        partition = self.partition(tp)
        processor = partition.processor
        missed_to = partition.missed_to(message.value, self.consumer.contiguous)
        if missed_to is not None:
            self.consumer.drop(message)
            await self._read_again(partition, tp, missed_to)
            return
        await self.take_in(tp, partition, message.value.records)
        partition.observe_watermark(time.monotonic())
        if self.output.commits:
            self.consumer.drop(message)
        else:
            mark = processor.now()
            if mark is not None:
                self._marks[tp] = mark
            self.consumer.ack(message)
        self.observe()

    def drop(self, message: Message) -> None:
        """Let go of a batch that was not done, and of what its partition has in memory."""
        self.partitions.pop(message.partition, None)
        self.consumer.drop(message)

    async def _read_again(self, partition: Partition[P], tp: TP, fetched: int) -> None:
        """Go back for records that were fetched and never arrived."""
        position = partition.processor.position
        log.warning(
            "records were passed over and are read again",
            extra={"topic": tp.topic, "partition": tp.partition, "from": position, "to": fetched},
        )
        partition.awaited = None
        await self.consumer.read_again(tp, position)

    # -- results --------------------------------------------------------------------------------

    async def persist(self, tp: TP, partition: Partition[P], rejects: list[Send]) -> None:
        """Results and ``rejects`` out, then the changelog, then the processor may go on."""
        processor = partition.processor
        generation = self.group.generation
        changes = processor.take()
        state = dict(changes.state)
        if self.output.commits:
            mark = processor.now()
            if mark is not None:
                state[WATERMARK_KEY] = processor.mark(mark, self.consumer.committed(tp))
        results = [*rejects, *self.results(changes)]
        if results or state:
            await self._write(tp, results, state, processor.position, generation)
            self.count(changes)
        processor.confirm(changes)
        changelog_tp = self._changelog_tp(tp.partition)
        if self.store.disputed(changelog_tp) and await self.group.confirm(tp.partition):
            log.warning(
                "another worker wrote to a changelog of ours; all that is held is written again",
                extra={"topic": changelog_tp.topic, "partition": tp.partition},
            )
            held = dict(self.store.partition(tp.partition))
            await self._write(tp, [], held, processor.position, generation, everything=True)

    async def _write(
        self,
        tp: TP,
        results: list[Send],
        state: Mapping[bytes, bytes | None],
        position: int,
        generation: int,
        everything: bool = False,
    ) -> None:
        """Raises :class:`Dropped` when ``generation`` has passed: what is held may be another's."""
        changelog_tp = self._changelog_tp(tp.partition)
        written = await self.output.write(
            tp.partition,
            results,
            changelog(changelog_tp.topic, tp.partition, state),
            position,
            generation,
        )
        if self.group.generation != generation:
            raise Dropped
        if not self.output.commits:
            self.store.acknowledge(changelog_tp, written, everything)
            return
        self.consumer.note_committed(tp, position)
        if written:
            self.store.acknowledge_fenced(changelog_tp, written[-1])

    async def before_commit(self, tp: TP, offset: int) -> None:
        """Persist the partition's time at the offset about to be committed, so that a restart there
        goes on at the same place of the log."""
        mark = self._marks.get(tp)
        partition = self.partitions.get(tp.partition)
        if mark is not None and partition is not None and mark.offset == offset:
            value = partition.processor.mark(mark, self.consumer.committed(tp))
            await self._write(tp, [], {WATERMARK_KEY: value}, offset, self.group.generation)

    # -- partitions that have run dry ------------------------------------------------------------

    async def advance_idle(self, tp: TP, batches_done: int) -> None:
        """Look after a partition while it gets no batch: notice what got lost, let time pass."""
        consumer = self.consumer
        partition = self.partition(tp)
        processor = partition.processor
        now = time.monotonic()
        partition.observe_watermark(now)
        partition.observe_answer(consumer.answered(tp), now)
        fetched = partition.unexplained(consumer.fetched_to(tp))
        if partition.lacks(fetched, batches_done, now):
            partition.gap = (processor.position, fetched)
            await self._read_again(partition, tp, fetched)
        if fetched > processor.position:
            return  # what is under way, or lost, comes before anything that the clock does
        await self.emit_decided(tp, partition)
        due = processor.next_due_ms
        if due is None or processor.watermark_ms is None:
            return
        elapsed_ms = partition.elapsed_ms(now)
        if processor.watermark_ms + elapsed_ms < due:
            return
        if not consumer.all_read(tp, processor.position):
            return
        if processor.advance(elapsed_ms):
            await self.persist(tp, partition, [])
            await self.emit_decided(tp, partition)
            partition.observe_watermark(time.monotonic())
            self.observe()

    def describe(self) -> dict[int, Any]:
        """Where the partitions stand, for whoever looks at a worker that seems to hang."""
        return {
            number: {
                "position": partition.processor.position,
                "watermark": partition.processor.watermark_ms,
                "next_due": partition.processor.next_due_ms,
            }
            for number, partition in self.partitions.items()
        }

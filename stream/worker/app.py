"""The worker: batches of events through the session processors, results to Kafka.

For each batch, in this order: gaps, records and rejected events out and acknowledged, then the
changed states to the changelog, then the batch becomes committable. Whatever happens in between,
the batch is read again by the partition's next owner, and the state's offsets make that a no-op.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from typing import Any

import faust
from aiokafka.errors import IllegalStateError
from faust.types import TP, StreamT
from faust.types.tuples import Message
from yarl import URL

from stream.events import Event, Rejected, RejectReason
from stream.ops.metrics import Metrics
from stream.recognition import fast
from stream.session import (
    WATERMARK_KEY,
    Changes,
    Mark,
    Outcome,
    SessionProcessor,
)
from stream.settings import Settings
from stream.sources import Mapped, Source, read_event
from stream.worker.kafka import client_options, faust_credentials
from stream.worker.output import (
    AtLeastOnce,
    DeliveryError,
    Dropped,
    ExactlyOnce,
    Output,
    Send,
    changelog,
)
from stream.worker.recovery import RecoveryWatch
from stream.worker.rejects import RejectedShare, TooManyRejectedError
from stream.worker.rules import closing_rules, gap_rules
from stream.worker.store import SessionStore
from stream.worker.transport import Batch, BatchApp, BatchConsumer, BatchSchema, BatchTransport

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.02
"""How often partitions that have run dry are looked at: part of a record's latency."""

_STALL_SECONDS = 1.0
"""An event loop that turns later than this was stopped or starved."""

_ARRIVAL_SECONDS = 2.0
"""Records fetched that have not arrived by then, with nothing being processed, got lost in a
rebalance."""

_REVOKE_SECONDS = 1.0
"""How long a rebalance waits for what is being written for partitions that have run dry."""

_REJECTED_BYTES = 900_000
"""Most of a rejected event that is kept: what brokers accept by default, headers included."""


class _Partition:
    """A session processor and when its watermark last moved on this worker's clock."""

    def __init__(self, processor: SessionProcessor, now: float) -> None:
        self.processor = processor
        self.watermark_ms = processor.watermark_ms
        self.moved_at = now
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


class _Group:
    """The consumer group as the outputs see it."""

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


class Worker:
    """One member of the consumer group. ``partitions`` is the events topic's; ``source`` reads
    its records."""

    def __init__(
        self, settings: Settings, partitions: int, metrics: Metrics, source: Source = read_event
    ) -> None:
        self._settings = settings
        self._source = source
        self._metrics = metrics
        self._recognizer = fast()
        self._rules = closing_rules(settings)
        self._gap_rules = gap_rules(settings)
        self._partitions: dict[int, _Partition] = {}
        self._marks: dict[TP, Mark] = {}
        self._lock = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[BaseException] | None = None
        self._beat = time.monotonic()
        self._batches_done = 0
        self._started = False
        self._rejected_warned = False
        self._share = RejectedShare(settings.max_rejected_ratio)
        self.app = self._build(partitions)

    # -- Faust ----------------------------------------------------------------------------------

    def _build(self, partitions: int) -> faust.App:
        settings = self._settings
        app = BatchApp(
            settings.group_id,
            # Else variables of Faust's (APP_WEB_ENABLED, BROKER_URL, ...) win over what follows.
            env={},
            broker=[URL(f"kafka://{server}") for server in settings.bootstrap_servers],
            broker_credentials=faust_credentials(settings),
            broker_session_timeout=settings.session_timeout_seconds,
            broker_heartbeat_interval=min(1.0, settings.session_timeout_seconds / 10),
            broker_request_timeout=max(40.0, settings.session_timeout_seconds + 5),
            broker_commit_interval=settings.commit_interval_seconds,
            broker_max_poll_records=settings.max_poll_records,
            consumer_auto_offset_reset="earliest",
            # Each entry is a poll's worth of records: two are one being done and one ready.
            stream_buffer_maxsize=2,
            stream_wait_empty=True,
            topic_allow_declare=False,
            topic_disable_leader=True,
            key_serializer="raw",
            value_serializer="raw",
            store="memory://",
            # Standbys read their changelogs through queues that Faust clears at every rebalance.
            table_standby_replicas=0,
            autodiscover=False,
            web_enabled=False,
        )
        app.transport = BatchTransport(
            app.conf.broker_consumer,
            app,
            batched_topics=frozenset({settings.events_topic, settings.changelog_topic}),
            before_assignment=self._before_assignment,
            before_commit=self._before_commit,
            read_committed=settings.processing_guarantee == "exactly_once",
        )
        self._watch: RecoveryWatch
        self._group = _Group(app, settings.events_topic)
        self._output: Output
        if settings.processing_guarantee == "exactly_once":
            options = client_options(settings)
            self._output = ExactlyOnce(
                options, settings.group_id, settings.events_topic, self._group
            )
        else:
            self._output = AtLeastOnce(lambda: app.producer._ensure_producer(), self._group)
        table = app.Table(
            "sessions",
            partitions=partitions,
            key_type=bytes,
            value_type=bytes,
            schema=BatchSchema(),
            on_changelog_event=lambda event: self._watch.on_changelog_event(event),
        )
        self._store = table._data = SessionStore(URL("memory://"), app, table)
        self._watch = RecoveryWatch(app, self._store)
        events = app.topic(settings.events_topic, schema=BatchSchema(), allow_empty=True)

        async def sessions(stream: StreamT) -> None:
            async for event in stream.noack().events():
                await self._on_batch(event.message)

        app.agent(events, name="sessions")(sessions)
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_rebalance_complete.connect(self._on_rebalanced)
        return app

    async def _before_assignment(self, assigned: set[TP]) -> None:
        topic = self._settings.events_topic
        await self._output.assign(tp.partition for tp in assigned if tp.topic == topic)

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        # What the clock closes is no message that Faust would wait for.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._lock.acquire(), _REVOKE_SECONDS)
            self._lock.release()
        # Which partitions stay is known only at the assignment: all are built again from what
        # was persisted, which for those that stay is in memory.
        self._forget_partitions()

    async def _on_rebalanced(self, *_: Any, **__: Any) -> None:
        self._forget_partitions()
        self._metrics.rebalances.inc()

    def _forget_partitions(self) -> None:
        self._partitions.clear()
        self._marks.clear()
        self._watch.forget()
        self._metrics.lag.clear()
        self._metrics.open_sessions.set(0)
        self._metrics.forget_open_gaps()

    # -- life -----------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then drain. Raises what stopped the worker otherwise."""
        self._failure = asyncio.get_running_loop().create_future()
        self._ticker = asyncio.create_task(self._tick())
        starting = asyncio.create_task(self.app.start())
        stopping = asyncio.create_task(stop.wait())
        crashed = asyncio.create_task(self.app.wait_until_stopped())
        try:
            pending = {starting, stopping, crashed, self._failure}
            while True:
                done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if starting in done:
                    starting.result()
                    pending.discard(starting)
                    self._started = True
                if stopping in done or crashed in done or self._failure in done:
                    break
        finally:
            self._ticker.cancel()
            async with self._lock:
                self._started = False
            try:
                await asyncio.wait_for(self.app.stop(), self._settings.drain_seconds)
            except asyncio.TimeoutError:
                log.warning("not drained in time; what is missing will be read again")
            for task in (starting, stopping, crashed):
                task.cancel()
            await self._output.close()
        if self._failure.done():
            raise self._failure.result()
        if not stop.is_set():
            reason = self.app.crash_reason or RuntimeError("the Faust app stopped by itself")
            raise reason

    def _fail(self, error: BaseException) -> None:
        assert self._failure is not None
        if not self._failure.done():
            self._failure.set_result(error)

    def healthy(self) -> str:
        """Empty while the event loop turns."""
        silent = time.monotonic() - self._beat
        if silent > self._settings.stuck_seconds:
            return f"the event loop has not turned for {silent:.0f} s"
        return ""

    def ready(self) -> str:
        """Empty while the worker is a member of the group with its state recovered."""
        if not self._started:
            return "starting"
        if self.app.rebalancing or not self.app.tables.actives_ready:
            return "rebalancing"
        return ""

    def describe(self) -> dict[str, Any]:
        """Where the worker stands, for a log line."""
        if not self._started:
            return {"ready": self.ready()}
        sessions = {
            number: {
                "open": partition.processor.open_sessions,
                "position": partition.processor.position,
                "watermark": partition.processor.watermark_ms,
                "next_due": partition.processor.next_due_ms,
            }
            for number, partition in self._partitions.items()
        }
        return {"ready": self.ready(), "sessions": sessions, **self.app.consumer.describe()}

    # -- batches --------------------------------------------------------------------------------

    async def _on_batch(self, message: Message) -> None:
        consumer: BatchConsumer = self.app.consumer
        started = time.monotonic()
        try:
            async with self._lock:
                self._check_owned(message)
                await self._process(message)
        except Dropped:
            self._partitions.pop(message.partition, None)
            consumer.drop(message)
        except asyncio.CancelledError:
            self._partitions.pop(message.partition, None)
            consumer.drop(message)
            raise
        except Exception as error:
            self._partitions.pop(message.partition, None)
            consumer.drop(message)
            if not isinstance(error, (TooManyRejectedError, DeliveryError)):
                log.exception("a batch failed; the worker stops and the batch will be read again")
            self._fail(error)
            # The next batch must not be taken: its commit would pass over this one.
            await asyncio.Event().wait()
        else:
            self._batches_done += 1
            self._metrics.batch_seconds.observe(time.monotonic() - started)

    def _check_owned(self, message: Message) -> None:
        app = self.app
        if message.generation_id != app.consumer_generation_id or message.tp not in (
            app.consumer.assignment()
        ):
            raise Dropped

    def _partition(self, tp: TP) -> _Partition:
        partition = self._partitions.get(tp.partition)
        if partition is None:
            processor = SessionProcessor(
                self._recognizer,
                self._rules,
                self._store.partition(tp.partition),
                self._gap_rules,
            )
            processor.resume(self.app.consumer.committed(tp) or 0)
            partition = self._partitions[tp.partition] = _Partition(processor, time.monotonic())
            self._show_open_gaps()
        return partition

    async def _process(self, message: Message) -> None:
        metrics = self._metrics
        tp = message.tp
        partition = self._partition(tp)
        processor = partition.processor
        missed_to = partition.missed_to(message.value, self.app.consumer.contiguous)
        if missed_to is not None:
            self.app.consumer.drop(message)
            await self._read_again(partition, tp, missed_to)
            return
        source, max_bytes = self._source, self._settings.max_event_bytes
        counts: dict[tuple[str, Outcome], int] = {}
        rejects: list[Send] = []
        reasons: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        for record in message.value.records:
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
        self._share.check(len(message.value.records), reasons)
        await self._persist(tp, processor, rejects)

        for reason, count in reasons.items():
            metrics.rejected.labels(reason).inc(count)
        for reason, count in dropped.items():
            metrics.dropped.labels(reason).inc(count)
        for (event_type, outcome), count in counts.items():
            metrics.count_events(event_type, outcome, count)
        partition.observe_watermark(time.monotonic())
        if self._output.commits:
            self.app.consumer.drop(message)
        else:
            mark = processor.now()
            if mark is not None:
                self._marks[tp] = mark
            self.app.consumer.ack(message)
        self._observe_state(tp, processor)

    async def _read_again(self, partition: _Partition, tp: TP, fetched: int) -> None:
        """Go back for records that were fetched and never arrived."""
        position = partition.processor.position
        log.warning(
            "records were passed over and are read again",
            extra={"partition": tp.partition, "from": position, "to": fetched},
        )
        partition.awaited = None
        await self.app.consumer.read_again(tp, position)

    def _reject(self, record: Any, rejected: Rejected) -> Send:
        if not self._rejected_warned:
            self._rejected_warned = True
            log.warning(
                "events are being rejected; each is in the rejected topic with its reason",
                extra={"reason": rejected.reason.value, "detail": rejected.detail} | _place(record),
            )
        value = record.value
        headers = [
            ("reason", rejected.reason.value.encode()),
            ("detail", rejected.detail.encode()),
            ("source.topic", record.topic.encode()),
            ("source.partition", str(record.partition).encode()),
            ("source.offset", str(record.offset).encode()),
        ]
        if value is not None and len(value) > _REJECTED_BYTES:
            value = value[:_REJECTED_BYTES]
            headers.append(("truncated", b"true"))
        return Send(self._settings.rejected_topic, record.key, value, None, headers)

    # -- results --------------------------------------------------------------------------------

    async def _persist(self, tp: TP, processor: SessionProcessor, rejects: list[Send]) -> None:
        """Gaps, records and rejects out, then the changelog, then the processor may go on."""
        changes = processor.take()
        topic, gaps_topic = self._settings.interactions_topic, self._settings.gaps_topic
        records = [
            Send(topic, closed.record.session_id.encode(), closed.value)
            for closed in changes.records
        ]
        gaps = [Send(gaps_topic, gap.event.session_id.encode(), gap.value) for gap in changes.gaps]
        state = dict(changes.state)
        if self._output.commits:
            state |= self._mark(tp, processor)
        results = [*gaps, *rejects, *records]
        if results or state:
            await self._write(tp, results, state, processor.position)
            self._count_records(changes)
        if gaps:
            self._metrics.count_gaps(changes.gaps, time.time() * 1000)
            self._show_open_gaps()
        processor.confirm(changes)
        if self._store.disputed(self._changelog_tp(tp)) and await self._group.confirm(tp.partition):
            log.warning(
                "another worker wrote to a changelog of ours; all that is held is written again",
                extra={"partition": tp.partition},
            )
            held = dict(self._store.partition(tp.partition))
            await self._write(tp, [], held, processor.position, everything=True)

    async def _write(
        self,
        tp: TP,
        results: list[Send],
        state: Mapping[bytes, bytes | None],
        position: int,
        everything: bool = False,
    ) -> None:
        consumer: BatchConsumer = self.app.consumer
        changelog_tp = self._changelog_tp(tp)
        written = await self._output.write(
            tp.partition,
            results,
            changelog(changelog_tp.topic, tp.partition, state),
            position,
            self._group.generation,
        )
        if not self._output.commits:
            self._store.acknowledge(changelog_tp, written, everything)
            return
        consumer.note_committed(tp, position)
        if written:
            self._store.acknowledge_fenced(changelog_tp, written[-1])

    def _changelog_tp(self, tp: TP) -> TP:
        return TP(self._settings.changelog_topic, tp.partition)

    def _mark(self, tp: TP, processor: SessionProcessor) -> dict[bytes, bytes | None]:
        mark = processor.now()
        if mark is None:
            return {}
        return {WATERMARK_KEY: processor.mark(mark, self.app.consumer.committed(tp))}

    def _count_records(self, changes: Changes) -> None:
        now_ms = time.time() * 1000
        for closed in changes.records:
            self._metrics.count_record(closed.record)
            if closed.ended_log_ms is not None:
                latency = max(0.0, now_ms - closed.ended_log_ms) / 1000
                self._metrics.record_latency.observe(latency)
            if closed.failed:
                self._metrics.failed.inc()
                log.error("a session could not be judged", extra={"cause": closed.failed})

    async def _before_commit(self, offsets: Mapping[TP, int]) -> None:
        """Persist each partition's time at the offset about to be committed, so that a restart
        there closes sessions at the same places of the log."""
        for tp, offset in offsets.items():
            mark = self._marks.get(tp)
            partition = self._partitions.get(tp.partition)
            if mark is not None and partition is not None and mark.offset == offset:
                value = partition.processor.mark(mark, self.app.consumer.committed(tp))
                await self._write(tp, [], {WATERMARK_KEY: value}, offset)

    # -- partitions that have run dry ------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            slept_at = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            self._beat = time.monotonic()
            overslept = self._beat - slept_at - _TICK_SECONDS
            if overslept > _STALL_SECONDS:
                # A process that was stopped knows nothing of the time between: it may have lost
                # its partitions, and must not close what others are talking to.
                log.warning("the process was stalled", extra={"seconds": round(overslept, 1)})
                for partition in self._partitions.values():
                    partition.moved_at = self._beat
            try:
                if self._started or self.app.in_recovery:
                    await self._watch.tick(self._beat)
                if not self.ready():
                    async with self._lock:
                        await self._advance_idle()
            except (Dropped, IllegalStateError):  # the assignment has changed
                self._partitions.clear()
            except Exception as error:
                log.exception("closing sessions failed")
                self._fail(error)
                return

    async def _advance_idle(self) -> None:
        consumer: BatchConsumer = self.app.consumer
        assigned = [tp for tp in consumer.assignment() if tp.topic == self._settings.events_topic]
        self._metrics.assigned.set(len(assigned))
        for tp in assigned:
            if self.ready():
                return
            partition = self._partition(tp)
            processor = partition.processor
            now = time.monotonic()
            partition.observe_watermark(now)
            fetched = partition.unexplained(consumer.fetched_to(tp))
            if partition.lacks(fetched, self._batches_done, now):
                partition.gap = (processor.position, fetched)
                await self._read_again(partition, tp, fetched)
            if fetched > processor.position:
                continue  # what is under way, or lost, comes before any closing by the clock
            if processor.has_decided:
                await self._emit_decided(tp, processor)
            due = processor.next_due_ms
            if due is None or processor.watermark_ms is None:
                continue
            elapsed_ms = round((now - partition.moved_at) * 1000)
            if processor.watermark_ms + elapsed_ms < due:
                continue
            if not consumer.all_read(tp, processor.position):
                continue
            if processor.advance(elapsed_ms):
                await self._persist(tp, processor, [])
                await self._emit_decided(tp, processor)
                partition.observe_watermark(time.monotonic())

    async def _emit_decided(self, tp: TP, processor: SessionProcessor) -> None:
        processor.emit_decided()
        await self._persist(tp, processor, [])
        self._observe_state(tp, processor)

    def _show_open_gaps(self) -> None:
        self._metrics.show_open_gaps(
            partition.processor.open_gaps for partition in self._partitions.values()
        )

    def _observe_state(self, tp: TP, processor: SessionProcessor) -> None:
        self._metrics.open_sessions.set(
            sum(partition.processor.open_sessions for partition in self._partitions.values())
        )
        highwater = self.app.consumer.highwater(tp)
        if highwater is not None:
            self._metrics.lag.labels(str(tp.partition)).set(max(0, highwater - processor.position))


def _place(record: Any) -> dict[str, Any]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _at(error: Exception) -> dict[str, Any]:
    """What went wrong and where, without the error's message: it may quote what was said."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    return {"cause": type(error).__name__, "stack": stack}

"""The worker: a member of the consumer group, on Faust, with the stages that it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

import faust
from aiokafka.errors import IllegalStateError
from faust.types import TP, StreamT
from faust.types.tuples import Message
from yarl import URL

from stream.ops.metrics import Metrics
from stream.settings import Settings
from stream.sources import Source, read_event
from stream.worker.kafka import client_options, faust_credentials
from stream.worker.output import AtLeastOnce, DeliveryError, Dropped, ExactlyOnce, Output
from stream.worker.recovery import RecoveryWatch, SteadyTableManager
from stream.worker.registry import Registry, RegistryError
from stream.worker.rejects import TooManyRejectedError
from stream.worker.rollups import RollupStage
from stream.worker.sessions import SessionStage
from stream.worker.stage import Group, Stage
from stream.worker.store import ChangelogStore
from stream.worker.transport import BatchApp, BatchConsumer, BatchSchema, BatchTransport

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.02
"""How often partitions that have run dry are looked at: part of a record's latency."""

_LISTEN_SECONDS = 0.1
"""How often the broker's answers are looked for: as often as it answers."""

_STALL_SECONDS = 1.0
"""An event loop that turns later than this was stopped or starved."""

_REVOKE_SECONDS = 1.0
"""How long a rebalance waits for what is being written for partitions that have run dry."""


class Worker:
    """One member of the consumer group. ``partitions`` is the events topic's; ``source`` reads
    its records; ``registry``, prepared, knows the schemas of what is framed."""

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        metrics: Metrics,
        source: Source = read_event,
        registry: Registry | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None
        self._failure: asyncio.Future[BaseException] | None = None
        self._beat = time.monotonic()
        self._batches_done = 0
        self._started = False
        self.drained = False
        """Whether the worker has ended in good order."""
        self._revoked_at: float | None = None
        self.app = self._build()
        self._sessions = SessionStage(
            settings,
            metrics,
            source,
            registry,
            **self._parts("sessions", settings.events_topic, settings.changelog_topic, partitions),
        )
        self._rollups = RollupStage(
            settings,
            metrics,
            partitions,
            b"" if registry is None else registry.frames.rollups,
            **self._parts(
                "rollups",
                settings.repartition_topic,
                settings.rollups_changelog_topic,
                partitions,
            ),
        )
        self._stages: dict[str, Stage[Any]] = {
            stage.topic: stage for stage in (self._sessions, self._rollups)
        }
        self._watch = RecoveryWatch(
            self.app, {stage.changelog_topic: stage.store for stage in self._stages.values()}
        )

    # -- Faust ----------------------------------------------------------------------------------

    def _build(self) -> faust.App:
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
            TableManager=SteadyTableManager,
            table_standby_replicas=settings.standby_replicas,
            autodiscover=False,
            web_enabled=False,
        )
        app.transport = BatchTransport(
            app.conf.broker_consumer,
            app,
            batched_topics=frozenset({settings.events_topic, *settings.internal_topics}),
            before_assignment=self._before_assignment,
            before_commit=self._before_commit,
            read_committed=settings.processing_guarantee == "exactly_once",
        )
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_rebalance_complete.connect(self._on_rebalanced)
        return app

    def _parts(
        self, name: str, topic: str, changelog_topic: str, partitions: int
    ) -> dict[str, Any]:
        """What Faust has to do with a stage: a table for its state, an agent for its topic."""
        app, settings = self.app, self._settings
        table = app.Table(
            name,
            partitions=partitions,
            key_type=bytes,
            value_type=bytes,
            schema=BatchSchema(),
            on_changelog_event=lambda event: self._watch.on_changelog_event(event),
        )
        assert table.changelog_topic_name == changelog_topic
        store = table._data = ChangelogStore(URL("memory://"), app, table)
        output: Output
        group = Group(app, topic)
        if settings.processing_guarantee == "exactly_once":
            output = ExactlyOnce(client_options(settings), settings.group_id, topic, group)
        else:
            output = AtLeastOnce(lambda: app.producer._ensure_producer(), group)

        async def batches(stream: StreamT) -> None:
            async for event in stream.noack().events():
                await self._on_batch(event.message)

        app.agent(app.topic(topic, schema=BatchSchema(), allow_empty=True), name=name)(batches)
        return {
            "app": app,
            "topic": topic,
            "changelog_topic": changelog_topic,
            "store": store,
            "output": output,
            "group": group,
        }

    async def _before_assignment(self, assigned: set[TP]) -> None:
        for stage in self._stages.values():
            await stage.assign(assigned)

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        self._revoked_at = time.monotonic()
        # What the clock closes is no message that Faust would wait for.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._lock.acquire(), _REVOKE_SECONDS)
            self._lock.release()
        self._forget()

    async def _on_rebalanced(self, *_: Any, **__: Any) -> None:
        self._forget()
        self._metrics.rebalances.inc()

    def _forget(self) -> None:
        for stage in self._stages.values():
            stage.forget()
        self._watch.forget()

    # -- life -----------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then drain. Raises what stopped the worker otherwise."""
        self._failure = asyncio.get_running_loop().create_future()
        self._ticker = asyncio.create_task(self._tick())
        listener = asyncio.create_task(self._listen())
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
            listener.cancel()
            self._started = False
            # Not wait_for: it waits for what was cancelled, and Faust's services may not heed that.
            draining = asyncio.create_task(self._drain())
            await asyncio.wait({draining}, timeout=self._settings.drain_seconds)
            self.drained = draining.done()
            for task in (starting, stopping, crashed):
                task.cancel()
            for stage in self._stages.values():
                await stage.output.close()
        if self._failure.done():
            raise self._failure.result()
        if not stop.is_set():
            reason = self.app.crash_reason or RuntimeError("the Faust app stopped by itself")
            raise reason

    async def _drain(self) -> None:
        async with self._lock:  # what is being written may wait for a lost broker
            pass
        await self.app.stop()

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
        stages = {topic: stage.describe() for topic, stage in self._stages.items()}
        return {"ready": self.ready(), "stages": stages, **self.app.consumer.describe()}

    # -- batches --------------------------------------------------------------------------------

    async def _on_batch(self, message: Message) -> None:
        stage = self._stages[message.topic]
        try:
            async with self._lock:
                started = time.monotonic()
                self._check_owned(message)
                await stage.process(message)
        except Dropped:
            stage.drop(message)
        except asyncio.CancelledError:
            stage.drop(message)
            raise
        except Exception as error:
            stage.drop(message)
            if not isinstance(error, (TooManyRejectedError, DeliveryError, RegistryError)):
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

    async def _before_commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            for tp, offset in offsets.items():
                stage = self._stages.get(tp.topic)
                if stage is not None:
                    await stage.before_commit(tp, offset)
        except Dropped:
            return False
        return True

    # -- partitions that have run dry ------------------------------------------------------------

    async def _listen(self) -> None:
        """Notices the broker's answers, whatever the tick waits for."""
        while True:
            await asyncio.sleep(_LISTEN_SECONDS)
            if not self.ready():
                for stage in self._stages.values():
                    stage.observe_answers()

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
                for stage in self._stages.values():
                    stage.stalled(self._beat)
            try:
                if self._started or self.app.in_recovery:
                    await self._watch.tick(self._beat)
                self._observe_readiness()
                if not self.ready():
                    async with self._lock:
                        await self._advance_idle()
                    self._rollups.show(self._beat)
            except (Dropped, IllegalStateError):  # the assignment has changed
                for stage in self._stages.values():
                    stage.partitions.clear()
            except Exception as error:
                log.exception("what the clock does failed")
                self._fail(error)
                return

    def _observe_readiness(self) -> None:
        self._metrics.held.set(len(self._sessions.store))
        ready = not self.ready()
        self._metrics.ready.set(ready)
        if ready and self._revoked_at is not None:
            self._metrics.recovery.set(time.monotonic() - self._revoked_at)
            self._revoked_at = None

    async def _advance_idle(self) -> None:
        consumer: BatchConsumer = self.app.consumer
        assigned = consumer.assignment()
        events = self._settings.events_topic
        self._metrics.assigned.set(sum(tp.topic == events for tp in assigned))
        for tp in assigned:
            stage = self._stages.get(tp.topic)
            if self.ready():
                return
            if stage is not None:
                await stage.advance_idle(tp, self._batches_done)

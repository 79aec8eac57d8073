"""Keeps Faust's restoring of its tables honest.

Faust takes a changelog record as applied once it has left the queue, waits for offsets that hold
no record, and loses what its queues hold when it clears them around a rebalance. Here a partition's
changelog counts as read as far as the store has applied it without a gap; what got lost on the way
is read again, and the marks that transactions leave at the end of a log are passed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import faust
from aiokafka.errors import KafkaError
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP, EventT
from mode import Service

from stream.worker.store import ChangelogStore
from stream.worker.transport import BatchConsumer

log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 1.0
"""Records handed out that have not been applied by then, with the queue empty, got lost."""


_QUIET_SECONDS = 1.0
"""How long nothing may arrive before what is left of a changelog is taken for transaction marks."""

_RETRY_SECONDS = 1.0


class SteadyRecovery(Recovery):  # type: ignore[misc]
    """Restores again what a lost broker interrupted.

    aiokafka cancels what waits for a group that it has just left, and mode's wait says of a request
    that took too long that the service was stopped. In Faust's task that restores, both read as the
    end of the task, which nobody notices: the worker would be a member of the group for ever and
    never work on its partitions. A request that times out by itself would end the worker.
    """

    @Service.task  # type: ignore[untyped-decorator]
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            cause = "took too long"
            try:
                await Recovery._restart_recovery(self)
                if self.should_stop:
                    return
            except (asyncio.CancelledError, asyncio.TimeoutError, KafkaError) as error:
                if self.should_stop or (isinstance(error, KafkaError) and not error.retriable):
                    raise
                cause = type(error).__name__
            log.warning("restoring was interrupted; it begins again", extra={"cause": cause})
            await asyncio.sleep(_RETRY_SECONDS)
            self.signal_recovery_start.set()


class SteadyTableManager(TableManager):  # type: ignore[misc]
    """Restores by :class:`SteadyRecovery`, and at once: Faust's sleeps a second before it begins,
    for tables that agents may still add, and here all are there before the app starts."""

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = SteadyRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


@dataclass
class _Stand:
    """Where a changelog stands, and since when."""

    held: int
    since: float
    ended: tuple[float, int] | None = None
    """When it was first seen to be fetched to its end, and the poll under way then."""


class RecoveryWatch:
    """``stores`` hold what the changelogs of ``app``'s tables say, by the changelog's topic."""

    def __init__(self, app: faust.App, stores: Mapping[str, ChangelogStore]) -> None:
        self._app = app
        self._stores = stores
        self._stands: dict[TP, _Stand] = {}

    async def on_changelog_event(self, event: EventT) -> None:
        """Called by Faust for each batch of a changelog, after it has noted it as applied."""
        recovery = self._app.tables.recovery
        recovery.flush_buffers()
        self._note(event.message.tp)

    def _note(self, tp: TP) -> None:
        recovery = self._app.tables.recovery
        held = self._stores[tp.topic].persisted_offset(tp)
        if held is not None:
            active = tp in recovery.active_tps
            (recovery.active_offsets if active else recovery.standby_offsets)[tp] = held

    def forget(self) -> None:
        """The assignment changes."""
        self._stands.clear()
        # Faust clears it only with the next record: it would end the next recovery at once.
        self._app.tables.recovery.signal_recovery_end.clear()

    async def tick(self, now: float) -> None:
        """Look at all changelogs that are being read; to be called every few milliseconds."""
        app = self._app
        recovery = app.tables.recovery
        consumer: BatchConsumer = app.consumer
        if not app.tables.changelog_queue.empty():
            return
        reading = set(recovery.standby_tps)
        if app.in_recovery:
            reading |= {tp for tp, left in recovery.active_remaining().items() if left > 0}
        ended = False
        for tp in reading:
            held = self._stores[tp.topic].persisted_offset(tp)
            if held is None:
                continue
            stand = self._stands.get(tp)
            if stand is None or stand.held != held:
                self._stands[tp] = stand = _Stand(held, now)
            if consumer.handed_out(tp) > held + 1:
                if now - stand.since > _ARRIVAL_SECONDS:
                    await self._read_again(tp, held)
                    return
            elif tp in recovery.active_tps and consumer.all_read(tp, held + 1):
                if stand.ended is None:
                    stand.ended = (now, consumer.polls)
                # What was fetched before has arrived by then, if there was anything.
                elif now - stand.ended[0] > _QUIET_SECONDS and consumer.polls > stand.ended[1] + 1:
                    recovery.active_offsets[tp] = recovery.active_highwaters[tp]
                    ended = True
        if ended and not recovery.need_recovery():
            recovery._set_recovery_ended()
            recovery.signal_recovery_end.set()

    async def _read_again(self, tp: TP, held: int) -> None:
        log.warning(
            "state was passed over and is read again",
            extra={"topic": tp.topic, "partition": tp.partition, "from": held + 1},
        )
        self._stands.pop(tp, None)
        consumer: BatchConsumer = self._app.consumer
        await consumer.read_again(tp, held + 1)
        self._note(tp)

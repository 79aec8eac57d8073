"""A Faust transport that delivers one message per partition and poll, holding all its records.

Faust's path from the fetcher to an agent costs about 180 µs per message before any work. The
topics named to :class:`BatchTransport` pay it once per poll: ``Consumer.getmany`` yields one
message whose value is the poll's records and whose offset is the last of them. Two places of
Faust's bookkeeping assume one record per message, and are replaced for these topics:

* an offset that jumps would be noted as a gap *when the message is delivered*, and the next commit
  would pass over work not yet done: batched topics note no gaps;
* an acknowledged offset would commit alone: acknowledging a batch makes its range committable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import faust
from aiokafka.errors import KafkaError
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message, ack_lock
from mode.utils.futures import notify
from mode.utils.queues import ThrowableQueue

from stream.embedded import end_offsets, is_embedded

BeforeAssignment = Callable[[set[TP]], Awaitable[None]]
BeforeCommit = Callable[[Mapping[TP, int]], Awaitable[bool]]


class _Queue(ThrowableQueue):  # type: ignore[misc]
    """A queue whose clearing is noticed: Faust clears its queues around a rebalance, and a
    partition that was taken from the fetcher while the queue was full is not given back."""

    def clear(self) -> None:
        super().clear()
        self.maybe_endorse_pressure_drop()


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust app with queues that can be cleared, and a step before each assignment."""

    def _create_directories(self) -> None:
        """None: state is in memory and in the changelog; a full or read-only disk is no fault."""

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        if not self.should_stop:
            try:
                await self.transport.before_assignment(assigned)
            except Exception as error:
                await self.crash(error)
                return
        await super()._on_partitions_assigned(assigned, generation_id)

    def FlowControlQueue(  # noqa: N802  (Faust's name)
        self, maxsize: int | None = None, *, clear_on_resume: bool = False
    ) -> ThrowableQueue:
        return _Queue(
            maxsize=maxsize, flow_control=self.flow_control, clear_on_resume=clear_on_resume
        )


class Batch(NamedTuple):
    """A poll's records of one partition, and where the batch handed out before it ended: whoever
    has not done that one has missed it. None for the first since an assignment or a seek."""

    records: list[Any]
    follows: int | None


class BatchSchema(Schema):  # type: ignore[misc]
    """Passes keys and values through as they are: they are a batch's records, or raw bytes."""

    def loads_key(self, app: Any, message: Message, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Message, **_: Any) -> Any:
        return message.value


_FETCH_WAIT_MS = 100
"""How long a broker may hold a fetch that has nothing to give. Apache Kafka answers as soon as
there is something; the embedded broker looks again only after half of it, which is latency."""


_POLL_SECONDS = 0.1
"""Longest poll. Faust's, of 1 s, holds up every rebalance: what comes after it waits for it."""
_POLL_PAUSE_SECONDS = 0.02
_CONFIRM_ATTEMPTS = 4
_CONFIRM_PAUSE_SECONDS = 0.25


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    def _create_consumer(self, loop: Any) -> Any:
        consumer = super()._create_consumer(loop)
        # Faust fixes 1500 ms and has no setting for it.
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        # And has none for this without transactions of its own.
        if self.transport.read_committed:
            consumer._isolation_level = "read_committed"
        return consumer

    embedded = False
    """Whether the brokers are the embedded one; known once started."""

    async def on_start(self) -> None:
        await super().on_start()
        self.embedded = await asyncio.to_thread(is_embedded, self._servers())

    def _servers(self) -> str:
        return ",".join(f"{url.host}:{url.port}" for url in self.transport.url)

    async def _highwaters(self, partitions: list[TP]) -> Mapping[TP, int]:
        """Where each partition ends. The embedded broker's own answer is wrong (stream.embedded),
        and a recovery that stops short of the end loses state."""
        if not self.embedded:
            return cast(Mapping[TP, int], await super()._highwaters(partitions))
        ends = await asyncio.to_thread(end_offsets, self._servers(), list(partitions))
        return {tp: ends[tp.topic, tp.partition] for tp in partitions}

    def fetched(self, tp: TP) -> tuple[int | None, int | None]:
        """The next offset to fetch and the end of the partition, as far as is known."""
        state = self._state_of(tp)
        if state is None:
            return None, None
        end = state.lso if self.transport.read_committed else state.highwater
        # Reading the position of a partition that is still looking for it would raise.
        return (state.position if state.has_valid_position else None), end

    def answered(self, tp: TP) -> int | None:
        """When the broker last told the partition's end, by the wall clock; None before it did."""
        state = self._state_of(tp)
        return None if state is None else cast("int | None", state.timestamp)

    def _state_of(self, tp: TP) -> Any:
        """What aiokafka knows of a partition; None for one that is not assigned."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None or tp not in assignment.tps:
            return None
        return assignment.state_value(driver.ensure_aiokafka_TP(tp))

    async def confirm(self) -> bool:
        """Whether the group, asked now, counts this process among the members of the generation
        that it works in: it may be joining the next already, and heartbeats then speak of that."""
        coordinator = self._ensure_consumer()._coordinator

        def current() -> bool:
            return bool(coordinator.generation == self.app.consumer_generation_id)

        return current() and bool(await self.call_thread(coordinator._do_heartbeat)) and current()

    async def fetch_committed(self, tp: TP) -> tuple[int, str] | None:
        """The group's offset for a partition, with its metadata, from the broker."""
        partition = driver.ensure_aiokafka_TP(tp)
        fetch = self._ensure_consumer()._coordinator.fetch_committed_offsets
        found = (await self.call_thread(fetch, [partition])).get(partition)
        return None if found is None else (int(found.offset), str(found.metadata))

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], *args: Any, **kwargs: Any
    ) -> Any:
        """Fetch; what comes across a rebalance is not handed out, since nobody can tell to which
        assignment it belongs. Where it moved the position of the new one, that is moved back."""
        subscriptions = consumer._subscription

        def assignment() -> Any:
            return subscriptions.subscription and subscriptions.subscription.assignment

        before = assignment()
        # Here, not where the poll was asked for: a rebalance may lie between.
        self.consumer.poll_generation = self.app.consumer_generation_id
        records = await super()._fetch_records(consumer, active_partitions, *args, **kwargs)
        now = assignment()
        if now is before:
            return records
        for tp, batch in records.items():
            if now is not None and tp in now.tps:
                state = now.state_value(tp)
                if state.has_valid_position and state.position == batch[-1].offset + 1:
                    state.seek(batch[0].offset)
        return {}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; a broker that cannot be reached is tried again at the next interval."""
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        wanted = {
            driver.ensure_aiokafka_TP(tp): offset
            for tp, offset in offsets.items()
            if tp in assigned
        }
        try:
            await consumer.commit(wanted)
        except KafkaError as error:
            # A rebalance or a lost broker: the work is done again or committed later.
            self.log.warning("Offsets not committed, will be again: %s", type(error).__name__)
            return False
        return True


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """The consumer of :class:`BatchTransport`."""

    transport: BatchTransport

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._done: dict[TP, int] = {}
        """Offset up to which each partition's batches are done."""
        self._delivered: dict[TP, int] = {}
        """Offset after the last record of each partition that was handed out."""
        self.poll_generation = 0
        """Generation in which the poll under way fetches."""
        self.polls = 0
        """Polls begun; what those before the last fetched is handed out."""

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _batched(self, topic: str) -> bool:
        return topic in self.transport.batched_topics

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Fetch; during a rebalance, from changelogs only.

        Faust lets events flow a moment before it clears its queues for the last time: what was
        fetched in between would be gone, and the consumer's position past it.
        """
        wanted = active_partitions
        if wanted and self.app.rebalancing:
            wanted = {tp for tp in wanted if self._is_changelog_tp(tp)}
            if not wanted:
                await self.sleep(_POLL_PAUSE_SECONDS)
                return {}
        return await super()._getmany(wanted, min(timeout, _POLL_SECONDS))

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        """As Faust's, which sleeps for a second while no partition is active."""
        if self.flow_active and not self._get_active_partitions():
            await self.sleep(_POLL_PAUSE_SECONDS)
            return {}, set()
        records, active = await super()._wait_next_records(timeout)
        return records, active

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """Fetch from the broker. Yields batches for batched topics, single records for others."""
        self.polls += 1
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            # Fetched while a rebalance began: to be read again by whoever owns the partition.
            self._note_lost(records)
            try:
                await self.perform_seek()
            except KafkaError as error:
                self.log.warning("Cannot seek to committed offsets: %s", type(error).__name__)
            return
        for tp, batch in records.items():
            if (
                not self.flow_active
                or not self._is_current(self.poll_generation)
                or (active is not None and tp not in active | self._buffered_partitions)
            ):
                self._note_lost({tp: batch})
            elif self._batched(tp.topic):
                message = self._to_batch(tp, batch, self.poll_generation)
                self._delivered[tp] = batch[-1].offset + 1
                yield tp, message
            else:
                for record in batch:
                    yield tp, self._to_message(tp, record)

    def _is_current(self, generation: int) -> bool:
        return bool(self.app.consumer_generation_id == generation)

    def _note_lost(self, records: Mapping[TP, list[Any]]) -> None:
        """What the consumer's position has passed and is not handed out counts as handed out and
        lost, which is noticed; what belongs to an assignment before is nothing to us."""
        if self._is_current(self.poll_generation):
            for tp, batch in records.items():
                self._delivered[tp] = batch[-1].offset + 1

    def _to_batch(self, tp: TP, records: list[Any], generation: int) -> ConsumerMessage:
        last = records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            Batch(records, self._delivered.get(tp)),
            None,
            tp=tp,
            generation_id=generation,
        )

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand what is fetched to the streams, until the consumer or ``fetcher`` stops.

        Faust's own loop also drops what lies below the last offset it remembers having handed out,
        and remembers it even for what a rebalance kept from being handed out: after a seek back,
        such records would be passed over in silence.
        """
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self.sleep(0)
                async for _, message in self.getmany(timeout=1.0):
                    await self._hand_on(message)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _hand_on(self, message: ConsumerMessage) -> None:
        """Give a message to its stream. A rebalance may take the partition from Faust's index while
        the message waits its turn: it is lost then, which is noticed, and does not end the worker.
        """
        try:
            await self.wait_first(self.callback(message), self.suspend_flow.wait())
        except KeyError as error:
            if error.args != (message.tp,):
                raise

    @property
    def contiguous(self) -> bool:
        """Whether every offset of the broker's logs holds a record: so the embedded broker, which
        at times lets a reader miss a batch while several write."""
        return bool(self._thread.embedded)

    def highwater(self, tp: TP) -> int | None:
        """The end of a partition; None where it is not known, or the partition was just taken away:
        aiokafka's own answer would end the worker then."""
        _, end = self._thread.fetched(tp)
        return None if end is None else int(end)

    def answered(self, tp: TP) -> int | None:
        """Changes with every answer of the broker about the partition, also an empty one."""
        told: int | None = self._thread.answered(tp)
        return told

    def fetched_to(self, tp: TP) -> int:
        """The offset up to which a partition was fetched, handed out or not; 0 before the first."""
        return max(self._thread.fetched(tp)[0] or 0, self._delivered.get(tp, 0))

    def handed_out(self, tp: TP) -> int:
        """The offset after the last record handed out; 0 before the first."""
        return self._delivered.get(tp, 0)

    async def read_again(self, tp: TP, offset: int) -> None:
        """Go back to ``offset``: what was handed out from there on got lost on the way."""
        self._delivered.pop(tp, None)
        await self.seek_wait({tp: offset})

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self._batched(tp.topic):
            await super()._add_gap(tp, offset_from, offset_to)

    def ack(self, message: Message) -> bool:
        """Mark a message as done. A batch of an earlier generation is dropped, not committed:
        its partition may have another owner."""
        if not self._batched(message.topic):
            return bool(super().ack(message))
        current = message.generation_id == self.app.consumer_generation_id
        return self._finish(message, message.offset + 1 if current else None)

    def drop(self, message: Message) -> None:
        """Let go of a batch that was not done: it will be read again."""
        self._finish(message, None)

    def _finish(self, message: Message, done: int | None) -> bool:
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            if done is not None:
                self._done[message.tp] = done
            notify(self._waiting_for_ack)
            return True

    def all_read(self, tp: TP, position: int) -> bool:
        """Whether nothing is left of a partition of which ``position`` is the next offset to
        process. What transactions leave at the end of the log counts as nothing."""
        fetched, highwater = self._thread.fetched(tp)
        if highwater is None:
            return False
        return position >= highwater or (
            fetched is not None and fetched >= highwater and position >= self._delivered.get(tp, 0)
        )

    async def confirm(self) -> bool:
        """Whether the group, asked now, counts this process among its members.

        A rebalance may wait for whoever asks: no answer, after a few attempts, is a no.
        """
        for _ in range(_CONFIRM_ATTEMPTS):
            if await self._thread.confirm():
                return True
            await self.sleep(_CONFIRM_PAUSE_SECONDS)
        return False

    async def fetch_committed(self, tp: TP) -> tuple[int, str] | None:
        """The group's offset for a partition, with its metadata, from the broker."""
        return cast("tuple[int, str] | None", await self._thread.fetch_committed(tp))

    def note_committed(self, tp: TP, offset: int) -> None:
        """An offset was committed by other means."""
        self._committed_offset[tp] = offset

    def describe(self) -> dict[str, Any]:
        """Where the consumer stands, for whoever looks at a worker that seems to hang."""
        return {
            "generation": self.app.consumer_generation_id,
            "assigned": sorted(map(str, self.assignment())),
            "flowing": self.flow_active,
            "active": sorted(map(str, self._active_partitions)),
            "paused": sorted(map(str, self._paused_partitions)),
            "buffered": sorted(map(str, self._buffered_partitions)),
            "read": {str(tp): offset for tp, offset in self._read_offset.items()},
            "committed": {str(tp): offset for tp, offset in self._committed_offset.items()},
            "fetched": {str(tp): self._thread.fetched(tp) for tp in self.assignment()},
            "unfinished": len(self._unacked_messages),
        }

    def committed(self, tp: TP) -> int | None:
        """The offset last committed by this consumer, or found when it was assigned."""
        offset = self._committed_offset[tp]
        return None if offset is None else int(offset)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        self._done.clear()
        self._delivered.clear()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        for tp in list(self._done):
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        if self._batched(tp.topic):
            return self._done.get(tp)
        offset = super()._new_offset(tp)
        return None if offset is None else int(offset)

    async def _commit_offsets(
        self, offsets: Mapping[TP, int], start_new_transaction: bool = True
    ) -> bool:
        """As Faust's, but persists what must precede the commit, and believes in a commit only
        when the broker has confirmed it (Faust notes it either way)."""
        assigned = self.assignment()
        wanted = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not wanted:
            return False
        if not await self.transport.before_commit(wanted):
            return False
        await self.app.producer.flush()
        if not await self._commit(wanted):
            return False
        self.app.tables.on_commit(wanted)
        self._committed_offset.update(wanted)
        return True


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """``batched_topics`` are delivered in batches. ``before_assignment`` is awaited with the
    partitions about to be taken over, ``before_commit`` with the offsets about to be committed,
    which its answer allows.
    ``read_committed`` leaves out what belongs to open or aborted transactions."""

    Consumer = BatchConsumer

    def __init__(
        self,
        *args: Any,
        batched_topics: frozenset[str],
        before_assignment: BeforeAssignment,
        before_commit: BeforeCommit,
        read_committed: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.batched_topics = batched_topics
        self.before_assignment = before_assignment
        self.read_committed = read_committed
        self.before_commit = before_commit

"""What a batch yields, written to Kafka under one of two processing guarantees.

At least once: results are acknowledged, then the state's changelog, and the offset is committed
later. A crash in between makes the next owner emit the same bytes again.

Exactly once: results, changelog and offset are one transaction of a producer that belongs to the
partition. Its transactional id names group and partition, so whoever takes the partition over
fences the owner before (https://cwiki.apache.org/confluence/display/KAFKA/KIP-98, "zombie
fencing"), and readers with ``isolation.level=read_committed`` see each record once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, KafkaTimeoutError, ProducerFenced
from aiokafka.partitioner import murmur2
from aiokafka.structs import OffsetAndMetadata, TopicPartition

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_TRANSACTION_SECONDS = 60.0
"""After this long brokers abort a transaction that has not ended."""
_CLOSE_SECONDS = 2.0


class Send(NamedTuple):
    """One message to produce."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: list[tuple[str, bytes]] | None = None


class Dropped(Exception):  # noqa: N818  (an outcome, not an error)
    """The partition is no longer ours: what is under way is to be dropped whole."""


class DeliveryError(KafkaError):  # type: ignore[misc]
    """A broker refuses a message for good; the text names the topic and the reason."""


class Membership(Protocol):
    """What the outputs ask of the consumer group."""

    @property
    def generation(self) -> int: ...

    async def confirm(self, partition: int) -> bool:
        """Whether the group, asked now, knows this worker as the owner of ``partition``."""

    async def committed(self, partition: int) -> tuple[int, str] | None:
        """The group's offset for ``partition`` of the topic, and the metadata beside it."""


class Output(Protocol):
    """Writes what a batch of a partition of a stage's topic yields."""

    commits: bool
    """Whether :meth:`write` also commits the offset."""

    async def assign(self, partitions: Iterable[int]) -> None:
        """Make ready for ``partitions``, before their state is restored."""

    async def write(
        self,
        partition: int,
        results: list[Send],
        state: list[Send],
        position: int,
        generation: int,
    ) -> list[int]:
        """Write durably; a broker that cannot be reached is waited for. Returns the changelog's
        offsets as far as they are known. Raises :class:`Dropped` and :class:`DeliveryError`."""

    async def close(self) -> None: ...


async def _produce(producer: AIOKafkaProducer, sends: list[Send]) -> list[int | KafkaError]:
    """Send all and wait for all; per message its offset or the KafkaError it met.

    In batches of our own: aiokafka's path for single messages costs several times as much. Raises
    :class:`DeliveryError` when a broker refuses a message for good.
    """
    answers: list[Any] = [None] * len(sends)
    numbers: dict[tuple[str, int], list[int]] = {}
    unknown: dict[str, KafkaError] = {}
    places: dict[str, list[int]] = {}
    for topic in dict.fromkeys(send.topic for send in sends):
        try:
            places[topic] = sorted(await producer.partitions_for(topic))
        except KafkaError as error:
            unknown[topic] = error
    for number, (topic, key, value, partition, headers) in enumerate(sends):
        try:
            if topic in unknown:
                raise unknown[topic]
            producer._serialize(key, value, headers or [])  # refuses what is too large
            if partition is None and key is not None:
                partition = places[topic][_place(key) % len(places[topic])]
            else:
                partition = producer._partition(topic, partition, None, None, key, None)
        except KafkaError as error:
            answers[number] = error
        else:
            numbers.setdefault((topic, partition), []).append(number)

    async def deliver(topic: str, partition: int, numbers: list[int]) -> None:
        found = await _deliver(producer, topic, partition, [sends[number] for number in numbers])
        for number, answer in zip(numbers, found, strict=True):
            answers[number] = answer

    await asyncio.gather(*(deliver(*tp, found) for tp, found in numbers.items()))
    for send, answer in zip(sends, answers, strict=True):
        if isinstance(answer, KafkaError) and _is_final(answer):
            raise DeliveryError(f"{type(answer).__name__}: topic {send.topic}: {answer}")
    return answers


@lru_cache(maxsize=1 << 14)
def _place(key: bytes) -> int:
    """What Kafka's clients take the partition of a key from; aiokafka works it out for each message
    anew, at the cost of several."""
    return int(murmur2(key)) & 0x7FFFFFFF


async def _deliver(
    producer: AIOKafkaProducer, topic: str, partition: int, sends: list[Send]
) -> list[int | KafkaError]:
    """Send to one partition, in order; per message its offset or the KafkaError it met."""
    deliveries: list[tuple[int, asyncio.Future[Any]]] = []
    submitted = 0
    refused: list[int | KafkaError] = []
    while submitted < len(sends):
        batch = producer.create_batch()
        for send in itertools.islice(sends, submitted, None):
            appended = batch.append(
                timestamp=None, key=send.key, value=send.value, headers=send.headers or []
            )
            if appended is None:
                break  # full
        batch.close()
        try:
            delivery = await producer.send_batch(batch, topic, partition=partition)
        except KafkaError as error:
            refused = [error] * (len(sends) - submitted)
            break
        deliveries.append((batch.record_count(), delivery))
        submitted += batch.record_count()
    answers: list[int | KafkaError] = []
    for count, delivery in deliveries:
        try:
            first = (await delivery).offset
            answers += range(first, first + count)
        except KafkaError as error:
            answers += [error] * count
    return answers + refused


def _is_final(error: KafkaError) -> bool:
    """Whether trying again is in vain. What aiokafka's tasks cannot name is a plain error, and
    brokers that are away for longer than a request may take are a timeout that it calls final."""
    passing = isinstance(error, (KafkaTimeoutError, ProducerFenced)) or type(error) is KafkaError
    return not (error.retriable or passing)


class AtLeastOnce:
    """``producer`` gives the producer to use; it outlives rebalances."""

    commits = False

    def __init__(self, producer: Callable[[], AIOKafkaProducer], membership: Membership) -> None:
        self._producer = producer
        self._membership = membership

    async def assign(self, partitions: Iterable[int]) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """The producer is not ours."""

    async def write(
        self,
        partition: int,
        results: list[Send],
        state: list[Send],
        position: int,
        generation: int,
    ) -> list[int]:
        await self._deliver(results, generation)
        return await self._deliver(state, generation)

    async def _deliver(self, sends: list[Send], generation: int) -> list[int]:
        offsets: list[int] = []
        waiting = _Waiting()
        while sends:
            if self._membership.generation != generation:
                raise Dropped
            answers = await _produce(self._producer(), sends)
            failed = []
            for send, answer in zip(sends, answers, strict=True):
                if isinstance(answer, KafkaError):
                    failed.append(send)
                else:
                    offsets.append(answer)
            sends = failed
            if sends:
                cause = next(answer for answer in answers if isinstance(answer, KafkaError))
                await waiting.pause(cause, len(sends))
        return offsets


class _Waiting:
    """Waits between attempts, and says so once."""

    def __init__(self) -> None:
        self._warned = False

    async def pause(self, cause: BaseException, pending: int) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "results cannot be delivered; waiting for the brokers",
                extra={"pending": pending, "cause": type(cause).__name__},
            )
        await asyncio.sleep(_RETRY_SECONDS)


class ExactlyOnce:
    """``options`` are aiokafka's; ``topic`` is the one whose offsets are committed.

    A transaction whose outcome is unknown (the broker was lost while it ended) is settled by
    fencing, which ends it, and by a token that each transaction leaves beside the offset. Before
    the first write after fencing the group must confirm that the partition is ours: a worker that
    was frozen may fence its successor, but then writes nothing, and the successor fences it back.
    """

    commits = True

    def __init__(
        self, options: Mapping[str, Any], group_id: str, topic: str, membership: Membership
    ) -> None:
        self._options = options
        self._group_id = group_id
        self._topic = topic
        self._membership = membership
        self._producers: dict[int, AIOKafkaProducer] = {}
        self._confirmed: set[int] = set()
        self._tokens = (f"{uuid.uuid4().hex}:{n}" for n in itertools.count())

    async def assign(self, partitions: Iterable[int]) -> None:
        await self.close()
        await asyncio.gather(*map(self._fence, partitions))

    async def close(self) -> None:
        producers, self._producers = self._producers, {}
        await asyncio.gather(*map(_close, producers.values()))

    async def _fence(self, partition: int) -> None:
        """A producer of our own for ``partition``; every other's transaction is over then."""
        generation = self._membership.generation
        waiting = _Waiting()
        self._confirmed.discard(partition)
        while True:
            producer = AIOKafkaProducer(
                **self._options,
                transactional_id=f"{self._group_id}-{self._topic}-{partition}",
                transaction_timeout_ms=round(_TRANSACTION_SECONDS * 1000),
            )
            try:
                await producer.start()
                await _begin(producer)
                await producer.abort_transaction()
            # The second is how aiokafka says that it was told of no broker at all.
            except (KafkaError, AssertionError) as error:
                await _close(producer)
                if isinstance(error, KafkaError) and _is_final(error):
                    raise
                await waiting.pause(error, 0)
                if self._membership.generation != generation:
                    return
            except BaseException:
                await _close(producer)
                raise
            else:
                self._producers[partition] = producer
                return

    async def write(
        self,
        partition: int,
        results: list[Send],
        state: list[Send],
        position: int,
        generation: int,
    ) -> list[int]:
        token = next(self._tokens)
        waiting = _Waiting()
        attempted = False
        while True:
            if self._membership.generation != generation:
                raise Dropped
            if partition not in self._producers:
                await self._fence(partition)
            if partition not in self._confirmed:
                if not await self._membership.confirm(partition):
                    raise Dropped
                self._confirmed.add(partition)
            if attempted and await self._membership.committed(partition) == (position, token):
                return []
            attempted = True
            try:
                return await asyncio.wait_for(
                    self._transaction(partition, results, state, position, token),
                    _TRANSACTION_SECONDS,
                )
            # The last two are how aiokafka says that the transaction ended in the meantime.
            except (
                KafkaError,
                asyncio.TimeoutError,
                IllegalOperation,
                AssertionError,
            ) as error:
                await _close(self._producers.pop(partition))
                if isinstance(error, DeliveryError):
                    raise
                await waiting.pause(error, len(results) + len(state))

    async def _transaction(
        self, partition: int, results: list[Send], state: list[Send], position: int, token: str
    ) -> list[int]:
        producer = self._producers[partition]
        await producer.begin_transaction()
        answers = await _produce(producer, [*results, *state])
        offsets: list[int] = []
        for answer in answers:
            if isinstance(answer, KafkaError):
                raise answer
            offsets.append(answer)
        offset = OffsetAndMetadata(position, token)
        await producer.send_offsets_to_transaction(
            {TopicPartition(self._topic, partition): offset}, self._group_id
        )
        await producer.commit_transaction()
        return offsets[len(results) :]


async def _begin(producer: AIOKafkaProducer) -> None:
    """Begin the first transaction: it waits for the producer id, whose grant is what fences.

    aiokafka leaves it waiting when its sender has failed.
    """
    sender: asyncio.Task[None] = producer._sender.sender_task
    beginning = asyncio.ensure_future(producer.begin_transaction())
    try:
        await asyncio.wait(
            {beginning, sender},
            timeout=_TRANSACTION_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if beginning.done():
            beginning.result()
        elif sender.done():
            sender.result()
        else:
            raise KafkaTimeoutError("no producer id within the transaction's time")
    finally:
        beginning.cancel()


async def _close(producer: AIOKafkaProducer) -> None:
    """Let go of a producer without waiting for what it still holds."""
    tasks = {asyncio.ensure_future(producer.stop())}
    if producer._sender.sender_task is not None:  # it has been started
        tasks.add(producer._sender.sender_task)
    _, pending = await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
    if pending:
        await producer.client.close()
    # Cancelled once, the sender waits for its requests; twice, it lets go of them.
    for _ in range(2):
        if pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=_CLOSE_SECONDS)
    for task in tasks - pending:
        if not task.cancelled() and task.exception() is not None:
            log.debug("a producer was let go", extra={"cause": type(task.exception()).__name__})


def changelog(topic: str, partition: int, state: Mapping[bytes, bytes | None]) -> list[Send]:
    """States as changelog messages."""
    return [Send(topic, key, value, partition) for key, value in state.items()]

"""What is produced in batches of our own, and what becomes of each message."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    InvalidTopicError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from stream.worker import output
from stream.worker.output import DeliveryError, ExactlyOnce, Send, _produce

_MOST_BYTES = 5_000


class Producer:
    """Stands in for aiokafka's; ``errors`` are met by deliveries, in their order."""

    def __init__(self, errors: list[Exception | None] | None = None, lost: str = "") -> None:
        self.sent: list[tuple[str, int, int]] = []
        self._errors = errors or []
        self._lost = lost
        self._next = 100

    async def partitions_for(self, topic: str) -> set[int]:
        if topic == self._lost:
            raise UnknownTopicOrPartitionError
        return {0, 1}

    def _serialize(self, key: bytes, value: bytes, headers: Any) -> None:
        if len(value or b"") > _MOST_BYTES:
            raise MessageSizeTooLargeError("too large")

    def _partition(self, topic: str, partition: int | None, *rest: Any) -> int:
        return rest[2][-1] % 2 if partition is None else partition

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1_000, 0, is_transactional=0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        delivery = asyncio.get_running_loop().create_future()
        self.sent.append((topic, partition, batch.record_count()))
        error = self._errors.pop(0) if self._errors else None
        if error is None:
            delivery.set_result(SimpleNamespace(offset=self._next))
            self._next += batch.record_count()
        else:
            delivery.set_exception(error)
        return delivery


def produce(producer: Any, sends: list[Send]) -> list[Any]:
    return asyncio.run(_produce(producer, sends))


def states(count: int, size: int) -> list[Send]:
    return [Send("changelog", b"k%d" % n, b"x" * size, 1) for n in range(count)]


def test_a_batch_of_messages_is_one_delivery_and_each_has_its_offset() -> None:
    producer = Producer()
    assert produce(producer, states(5, 10)) == [100, 101, 102, 103, 104]
    assert producer.sent == [("changelog", 1, 5)]


def test_a_full_batch_is_followed_by_another_in_order() -> None:
    producer = Producer()
    assert produce(producer, states(7, 400)) == [100, 101, 102, 103, 104, 105, 106]
    assert [count for *_, count in producer.sent] == [2, 2, 2, 1]


def test_a_message_larger_than_a_batch_goes_alone() -> None:
    producer = Producer()
    assert produce(producer, states(2, 3_000)) == [100, 101]
    assert [count for *_, count in producer.sent] == [1, 1]


def test_keys_find_their_partitions() -> None:
    producer = Producer()
    found = produce(producer, [Send("records", bytes([n]), b"v") for n in range(4)])
    assert sorted(producer.sent) == [("records", 0, 2), ("records", 1, 2)]
    assert sorted(found) == [100, 101, 102, 103]


def test_what_fails_is_what_was_in_the_failed_batch() -> None:
    error = KafkaTimeoutError()
    found = produce(Producer(errors=[None, error]), states(5, 400))
    assert found == [100, 101, error, error, 102]


def test_a_topic_without_metadata_costs_no_other_topic() -> None:
    known, lost = states(1, 10)[0], Send("lost", b"k", b"v")
    found = produce(Producer(lost="lost"), [lost, known])
    assert isinstance(found[0], UnknownTopicOrPartitionError)
    assert found[1] == 100


@pytest.mark.parametrize(
    ("producer", "sends"),
    [
        (Producer(errors=[InvalidTopicError()]), states(1, 10)),
        (Producer(), states(1, _MOST_BYTES + 1)),
    ],
)
def test_what_is_refused_for_good_is_told_with_its_topic(
    producer: Producer, sends: list[Send]
) -> None:
    with pytest.raises(DeliveryError, match="topic changelog"):
        produce(producer, sends)


def test_fencing_waits_for_brokers_that_aiokafka_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found by chaos: asked for a coordinator while it knows no broker, aiokafka asserts."""
    started = 0

    class Client:
        def __init__(self, **_: Any) -> None:
            self._sender = SimpleNamespace(sender_task=None)

        async def start(self) -> None:
            nonlocal started
            started += 1
            if started == 1:
                raise AssertionError("Did we not perform bootstrap?")

        async def stop(self) -> None:
            """Nothing to let go of."""

        async def abort_transaction(self) -> None:
            """Nothing was begun."""

    async def begin(_: Any) -> None:
        """The producer's id is granted."""

    monkeypatch.setattr(output, "AIOKafkaProducer", Client)
    monkeypatch.setattr(output, "_begin", begin)
    monkeypatch.setattr(output, "_RETRY_SECONDS", 0.0)
    group: Any = SimpleNamespace(generation=1)
    asyncio.run(ExactlyOnce({}, "group", "events", group).assign([0]))
    assert started == 2

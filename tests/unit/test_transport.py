"""What of Faust's bookkeeping is replaced: its issues around rebalances and commits, by name."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from stream.worker.transport import BatchConsumer, _ConsumerThread

TP0 = TP("events", 0)


def consumer(generation: int = 1) -> BatchConsumer:
    found = object.__new__(BatchConsumer)
    app = SimpleNamespace(consumer_generation_id=generation)
    found.__dict__.update(
        app=app,
        transport=SimpleNamespace(batched_topics=frozenset({"events"})),
        _acked={},
        _done={},
        _delivered={},
        _unacked_messages=set(),
        _waiting_for_ack=None,
        poll_generation=generation,
    )
    return found


class Message(SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


def message(offset: int, generation: int = 1) -> Any:
    return Message(topic="events", tp=TP0, offset=offset, generation_id=generation, acked=False)


def test_offsets_go_on_being_committed_after_a_duplicate_acknowledgement() -> None:
    found = consumer()
    first, second = message(9), message(19)
    assert found.ack(first)
    assert not found.ack(first)
    assert found._new_offset(TP0) == 10
    assert found.ack(second)
    assert not found.ack(first)
    assert found._new_offset(TP0) == 20
    assert list(found._filter_tps_with_pending_acks()) == [TP0]


def test_work_of_an_earlier_generation_is_not_committed() -> None:
    found = consumer(generation=2)
    assert found.ack(message(9, generation=1))
    assert found._new_offset(TP0) is None


def test_what_was_let_go_is_not_committed() -> None:
    found = consumer()
    assert found.ack(message(9))
    found.drop(message(19))
    assert found._new_offset(TP0) == 10


def test_records_that_a_rebalance_keeps_from_being_handed_out_count_as_lost() -> None:
    found = consumer()
    records = [SimpleNamespace(offset=offset) for offset in (4, 5, 6)]
    found._note_lost({TP0: records})
    assert found.handed_out(TP0) == 7
    # Of an assignment before: its offsets are nothing to the new one.
    found = consumer()
    found.app.consumer_generation_id = 2
    found._note_lost({TP0: records})
    assert found.handed_out(TP0) == 0


def test_a_message_whose_partition_a_rebalance_took_ends_nothing() -> None:
    """Found by chaos: Faust's index of partitions was cleared while a message waited its turn."""

    async def hand_on(missing: object) -> None:
        found = consumer()

        async def callback(_: object) -> None:
            raise KeyError(missing)

        async def first(call: Any, other: Any) -> None:
            other.close()
            await call

        fake = SimpleNamespace(
            callback=callback, wait_first=first, suspend_flow=SimpleNamespace(wait=never)
        )
        await type(found)._hand_on(cast(Any, fake), message(4))

    async def never() -> None:
        raise AssertionError

    asyncio.run(hand_on(message(4).tp))
    with pytest.raises(KeyError):
        asyncio.run(hand_on("something else"))


def test_the_end_of_a_partition_that_a_rebalance_took_is_not_known() -> None:
    """Found by chaos: asking aiokafka for it ended the worker."""
    found = consumer()
    thread = object.__new__(_ConsumerThread)
    subscription = SimpleNamespace(assignment=SimpleNamespace(tps={TP("events", 1)}))
    asked = SimpleNamespace(_subscription=SimpleNamespace(subscription=subscription))
    thread.__dict__.update(_consumer=asked, transport=SimpleNamespace(read_committed=False))
    found.__dict__["_thread"] = thread
    assert found.highwater(TP0) is None

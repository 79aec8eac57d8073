"""The tables' storage: what it holds, and up to where it may claim to hold it."""

from __future__ import annotations

import asyncio
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from stream.session import (
    WATERMARK_KEY,
    ClosingRules,
    SessionProcessor,
    SessionState,
    StateError,
)
from stream.worker.store import ChangelogStore
from stream.worker.transport import Batch
from tests.scripted import ScriptedRecognizer

CHANGELOG = "sessions-changelog"
TP0 = TP(CHANGELOG, 0)


def store(*assigned: TP) -> ChangelogStore:
    table: Any = SimpleNamespace(changelog_topic_name=CHANGELOG, name="sessions")
    found = ChangelogStore("memory://", SimpleNamespace(), table)
    rebalance(found, *assigned)
    return found


def rebalance(found: ChangelogStore, *assigned: TP) -> None:
    asyncio.run(found.on_rebalance(set(assigned), set(), set(assigned)))


def state(offset: int) -> bytes:
    return SessionState("s", offset, 0, 0).encode()


def read(found: ChangelogStore, tp: TP, start: int, *records: tuple[bytes, bytes | None]) -> None:
    """Changelog records from ``start`` on, as the recovery applies them."""
    batch = Batch([SimpleNamespace(key=key, value=value) for key, value in records], None)
    message = SimpleNamespace(
        partition=tp.partition, tp=tp, offset=start + len(records) - 1, value=batch
    )
    events: Any = [SimpleNamespace(message=message)]
    found.apply_changelog_batch(events, lambda key: key, lambda value: value)


def test_the_changelog_is_applied_in_order() -> None:
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(1)), (b"b", state(2)), (b"a", state(5)), (b"b", None))
    assert found.partition(0) == {b"a": state(5)}
    assert found.persisted_offset(TP0) == 3


def test_an_older_state_never_replaces_a_newer_one() -> None:
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(9)), (b"a", state(3)))
    assert found.partition(0) == {b"a": state(9)}


def test_what_cannot_be_read_is_left_for_the_session_processor_to_refuse() -> None:
    """Raised while Faust recovers, it would be logged, and waited on for ever."""
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(9)), (b"a", b"garbage"), (WATERMARK_KEY, b"[[1,2,3]]"))
    read(found, TP0, 3, (WATERMARK_KEY, b"garbage"))
    assert found.partition(0) == {b"a": b"garbage", WATERMARK_KEY: b"garbage"}
    with pytest.raises(StateError):
        SessionProcessor(ScriptedRecognizer(), ClosingRules(), found.partition(0))


def test_older_watermarks_never_replace_newer_ones() -> None:
    found = store(TP0)
    newer, older = b"[[40,9,9],[50,10,10]]", b"[[20,5,5],[30,6,6]]"
    read(found, TP0, 0, (WATERMARK_KEY, newer), (WATERMARK_KEY, older))
    assert found.partition(0) == {WATERMARK_KEY: newer}


def test_own_writes_count_while_nobody_else_writes() -> None:
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(1)))
    found.acknowledge(TP0, [1, 2])
    found.acknowledge(TP0, [])
    assert found.persisted_offset(TP0) == 2
    assert not found.disputed(TP0)


@pytest.mark.parametrize("offsets", [[40], [3, 5]])
def test_somebody_elses_writes_are_noticed_until_all_is_written_again(offsets: list[int]) -> None:
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(1)), (b"b", state(1)), (b"c", state(1)))
    found.acknowledge(TP0, offsets)
    assert found.disputed(TP0)
    # What lies between is not held.
    assert found.persisted_offset(TP0) == 2
    found.acknowledge(TP0, [41, 42, 44], everything=True)
    assert found.disputed(TP0)
    found.acknowledge(TP0, [45, 46, 47], everything=True)
    assert not found.disputed(TP0)
    assert found.persisted_offset(TP0) == 47


def test_behind_a_fence_transaction_marks_are_no_gap() -> None:
    found = store(TP0)
    found.acknowledge_fenced(TP0, 7)
    assert found.persisted_offset(TP0) == 7
    assert not found.disputed(TP0)


def test_a_partition_that_is_lost_leaves_nothing_behind() -> None:
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(1)))
    rebalance(found, TP(CHANGELOG, 1))
    assert found.persisted_offset(TP0) is None
    # What was under way when it was lost must not pass for the whole when it comes back.
    read(found, TP0, 7, (b"b", state(8)))
    found.acknowledge(TP0, [8])
    rebalance(found, TP0)
    assert found.persisted_offset(TP0) == -1
    assert found.partition(0) == {}


def test_a_partition_that_stays_is_kept() -> None:
    found = store(TP0)
    read(found, TP0, 0, (b"a", state(1)))
    rebalance(found, TP0, TP(CHANGELOG, 1))
    assert found.partition(0) == {b"a": state(1)}
    assert found.persisted_offset(TP0) == 0


def test_what_is_kept_of_closed_sessions_takes_no_more_memory_than_it_needs() -> None:
    """Found by a backlog: what orjson returns holds on to its buffer of 1 to 4 KB."""
    closed = SessionState("s", 5, 0, 0)
    closed.close(1_767_225_600_000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = [closed.encode() for _ in range(1_000)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(kept) < 200

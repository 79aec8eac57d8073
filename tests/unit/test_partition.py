"""Noticing records that a rebalance lost between the consumer and the worker."""

from __future__ import annotations

from types import SimpleNamespace

from stream.session import ClosingRules, SessionProcessor
from stream.worker.stage import _ARRIVAL_SECONDS, _VOUCHED_SECONDS, Partition
from stream.worker.transport import Batch
from tests.scripted import ScriptedRecognizer


def partition(position: int) -> Partition:
    processor = SessionProcessor(ScriptedRecognizer(), ClosingRules(), {})
    processor.resume(position)
    return Partition(processor, now=0.0)


def batch(first: int, follows: int | None) -> Batch:
    return Batch([SimpleNamespace(offset=first)], follows)


def test_batches_in_sequence_miss_nothing() -> None:
    assert partition(10).missed_to(batch(10, follows=10)) is None
    assert partition(10).missed_to(batch(10, follows=None)) is None
    # Offsets that transactions take lie between two batches that follow each other.
    assert partition(10).missed_to(batch(12, follows=10)) is None
    # A redelivery is a no-op for the sessions, not for us to judge.
    assert partition(10).missed_to(batch(4, follows=None)) is None


def test_a_batch_that_never_arrived_is_read_again() -> None:
    assert partition(10).missed_to(batch(20, follows=20)) == 20


def test_a_gap_at_the_start_is_read_again_once_and_then_believed() -> None:
    found = partition(0)
    assert found.missed_to(batch(6, follows=None)) == 6
    assert found.missed_to(batch(6, follows=None)) is None
    assert found.missed_to(batch(9, follows=None)) == 9


def test_a_log_without_holes_is_read_again_at_any_hole() -> None:
    def holed(*offsets: int) -> Batch:
        return Batch([SimpleNamespace(offset=offset) for offset in offsets], 10)

    assert partition(10).missed_to(holed(10, 11, 12), contiguous=True) is None
    assert partition(10).missed_to(holed(8, 9, 10, 11), contiguous=True) is None
    assert partition(10).missed_to(holed(12, 13), contiguous=True) == 12
    found = partition(10)
    assert found.missed_to(holed(10, 11, 14), contiguous=True) == 14
    assert found.missed_to(holed(10, 11, 14), contiguous=True) is None


AWAY_MS = round(1000 * _VOUCHED_SECONDS)
"""What passes at the beginning of an outage."""


def test_time_passes_while_the_broker_answers() -> None:
    found = partition(10)
    for n in range(1, 11):
        found.observe_answer(n, now=n / 10)
        assert found.elapsed_ms(now=n / 10 + 0.05) == 100 * n + 50


def test_time_without_a_broker_does_not_pass() -> None:
    found = partition(10)
    found.observe_answer(1, now=0.5)
    assert found.elapsed_ms(now=60.4) == 500 + AWAY_MS
    found.observe_answer(1, now=60.4)  # no answer
    assert found.elapsed_ms(now=60.4) == 500 + AWAY_MS
    found.observe_answer(2, now=60.5)
    assert found.elapsed_ms(now=60.5) == 500 + AWAY_MS
    found.observe_answer(3, now=61.0)
    assert found.elapsed_ms(now=61.0) == 1000 + AWAY_MS


def test_a_slow_broker_slows_time_and_does_not_stop_it() -> None:
    found = partition(10)
    for n in range(1, 6):
        found.observe_answer(n, now=3.0 * n)
    assert found.elapsed_ms(now=15.0) == 5 * AWAY_MS


def test_a_watermark_that_moved_while_the_broker_was_away_is_not_in_the_future() -> None:
    found = partition(10)
    found.observe_answer(1, now=0.0)
    found.processor.watermark_ms = 5
    found.observe_watermark(now=59.0)
    assert found.elapsed_ms(now=59.5) == 0
    found.observe_answer(2, now=60.0)
    assert found.elapsed_ms(now=60.0) == 0
    found.observe_answer(3, now=60.1)
    assert found.elapsed_ms(now=60.1) == 100


def test_the_last_batch_lost_is_noticed_by_the_clock() -> None:
    found = partition(10)
    assert not found.lacks(10, 0, now=0.0)
    assert not found.lacks(20, 0, now=1.0)
    assert not found.lacks(20, 0, now=1.0 + _ARRIVAL_SECONDS)
    assert found.lacks(20, 0, now=1.1 + _ARRIVAL_SECONDS)
    found.processor.skip(19)
    assert not found.lacks(20, 0, now=99.0)


def test_progress_starts_the_wait_anew() -> None:
    found = partition(10)
    assert not found.lacks(30, 0, now=0.0)
    found.processor.skip(14)
    assert not found.lacks(30, 0, now=1.0 + _ARRIVAL_SECONDS)
    assert found.lacks(30, 0, now=1.1 + 2 * _ARRIVAL_SECONDS)


def test_a_busy_worker_waits_for_its_turn() -> None:
    found = partition(10)
    assert not found.lacks(30, 0, now=0.0)
    assert not found.lacks(30, 1, now=9.0)
    assert found.lacks(30, 1, now=9.1 + _ARRIVAL_SECONDS)


def test_a_tail_that_was_fetched_and_lost_is_read_again_once() -> None:
    found = partition(10)
    assert found.unexplained(18) == 18
    assert not found.lacks(18, 0, now=0.0)
    assert found.lacks(18, 0, now=0.1 + _ARRIVAL_SECONDS)
    found.gap = (10, 18)  # read again, and nothing came: the log ends in a transaction's mark
    assert found.unexplained(18) == 10
    assert found.unexplained(25) == 25

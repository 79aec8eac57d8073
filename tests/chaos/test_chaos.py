"""A handful of faults in the default run; ``python -m tests.chaos`` has the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.schedule import Schedule, Single
from tests.kafka.fixtures import running_kafka
from tests.pipeline import Worker, messages, send, synthetic, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    """One that may be stopped."""
    with running_kafka(tmp_path_factory.mktemp("kafka")) as cluster:
        yield Single(cluster)


@pytest.mark.parametrize(
    ("guarantee", "faults"),
    [
        ("at_least_once", ("kill_worker", "freeze_worker")),
        ("exactly_once", ("kill_worker", "restart_broker", "join_worker")),
    ],
)
def test_nothing_is_lost_or_doubled_under_faults(
    broker: Single, tmp_path: Path, guarantee: str, faults: tuple[str, ...]
) -> None:
    outcome = Schedule(broker, tmp_path, 1, True, guarantee, planned=faults).run(100)
    assert (outcome.lost, outcome.differing) == ([], []), outcome
    if guarantee == "exactly_once":
        assert outcome.reemitted == 0


def test_a_worker_ends_though_its_brokers_are_gone(broker: Single, tmp_path: Path) -> None:
    settings = replace(Schedule(broker, tmp_path, 2, True).settings, drain_seconds=2.0)
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        worker.wait_ready()
        send(broker.bootstrap_servers, settings.events_topic, messages(synthetic(300)))
        wait_for(lambda: worker.metrics()["empathy_events_total"] > 100, "work under way")
        broker.stop()
        started = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - started < 30
    finally:
        worker.kill()
        broker.start()

"""A handful of faults in the default run; ``python -m tests.chaos`` has the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.schedule import Schedule, Single
from tests.kafka.fixtures import running_kafka


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_under_faults(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as cluster:
        broker = Single(cluster)
        for n, (guarantee, faults) in enumerate(
            [
                ("at_least_once", ("kill_worker", "freeze_worker")),
                ("exactly_once", ("kill_worker", "restart_broker", "join_worker")),
            ]
        ):
            outcome = Schedule(broker, tmp_path, n, True, guarantee, planned=faults).run(100)
            assert (outcome.lost, outcome.differing) == ([], []), outcome
            if guarantee == "exactly_once":
                assert outcome.reemitted == 0

"""``python -m tests.benchmarks.recovery [--sessions N] [--json]``: how long state takes to move.

On Apache Kafka, with N open sessions of four events each: a worker killed and another that restores
all of it from the changelog; the same with a standby; a second worker joining and leaving. Seconds
are from the event to all partitions being worked on, as the workers' metrics say; whole processes,
medians of ``--runs``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stream.events import encode
from stream.settings import Settings
from tests.kafka.broker import KafkaCluster
from tests.pipeline import Worker, send, synthetic, wait_for

_PARTITIONS = 4
_START_MS = 1_767_225_600_000
_DEADLINE_SECONDS = 600.0


def open_sessions(count: int) -> Iterator[tuple[bytes, bytes]]:
    """The first four events of ``count`` conversations that go on, all begun in one second."""
    for transcript in synthetic(count, seed=3):
        for n, event in enumerate(transcript.events()[:4]):
            event = event._replace(time_ms=_START_MS + n)
            yield event.session_id.encode(), encode(event)


class Bench:
    """Workers on topics of their own."""

    def __init__(self, servers: str, directory: Path) -> None:
        name = uuid.uuid4().hex[:8]
        self._directory = directory
        self.workers: list[Worker] = []
        self.settings = Settings(
            bootstrap_servers=(servers,),
            group_id=f"recovery-{name}",
            events_topic=f"recovery-{name}-events",
            rejected_topic=f"recovery-{name}-rejected",
            interactions_topic=f"recovery-{name}-interactions",
            gaps_topic=f"recovery-{name}-gaps",
            rollups_topic=f"recovery-{name}-rollups",
            partitions=_PARTITIONS,
            session_timeout_seconds=6.0,
            inactivity_seconds=86_400,  # nothing closes
            log_format="json",
        )

    def start(self) -> Worker:
        log = self._directory / f"{self.settings.group_id}-{len(self.workers)}.log"
        worker = Worker(self.settings, log)
        self.workers.append(worker)
        return worker

    def owned(self) -> list[float]:
        """Partitions that each living worker works on."""
        found = []
        for worker in self.workers:
            if worker.process.poll() is None:
                metrics = worker.metrics()
                ready = metrics.get("empathy_worker_ready") == 1
                found.append(metrics.get("empathy_partitions_assigned", 0) if ready else 0)
        return found

    def settled(self, workers: int) -> float:
        """Seconds until ``workers`` share all partitions."""
        started = time.monotonic()
        wait_for(
            lambda: (
                len(found := self.owned()) == workers and sum(found) == _PARTITIONS and all(found)
            ),
            "all partitions worked on",
            _DEADLINE_SECONDS,
        )
        return time.monotonic() - started

    def held(self) -> float:
        alive = [worker for worker in self.workers if worker.process.poll() is None]
        return sum(worker.metrics().get("empathy_sessions_open", 0) for worker in alive)

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()


def measure(servers: str, directory: Path, sessions: int) -> dict[str, float]:
    """One run on topics of its own."""
    bench = Bench(servers, directory)
    figures: dict[str, float] = {}
    try:
        bench.start().wait_ready()
        send(servers, bench.settings.events_topic, open_sessions(sessions))
        wait_for(lambda: bench.held() >= sessions, "all sessions open", _DEADLINE_SECONDS)

        bench.workers[0].stop()
        bench.start()
        started = time.monotonic()
        bench.workers[-1].wait_ready()
        wait_for(lambda: bench.held() >= sessions, "all sessions restored", _DEADLINE_SECONDS)
        figures["restart_seconds"] = time.monotonic() - started
        # Of these, what the worker itself counts from the assignment to the state recovered.
        figures["restore_seconds"] = bench.workers[-1].metrics()["empathy_recovery_seconds"]

        bench.settings = replace(bench.settings, standby_replicas=1)
        bench.workers[-1].stop()
        first = bench.start()
        first.wait_ready()
        second = bench.start()
        figures["join_seconds"] = bench.settled(2)
        figures["join_rebalance_seconds"] = first.metrics()["empathy_recovery_seconds"]
        wait_for(
            lambda: second.metrics().get("empathy_state_held", 0) >= sessions,
            "the standby has everything",
            _DEADLINE_SECONDS,
        )
        second.stop()
        figures["leave_seconds"] = bench.settled(1)
        figures["leave_rebalance_seconds"] = first.metrics()["empathy_recovery_seconds"]
        wait_for(lambda: bench.held() >= sessions, "all sessions there", _DEADLINE_SECONDS)
        return figures
    finally:
        bench.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    runs = []
    with (
        tempfile.TemporaryDirectory(prefix="empathy-recovery-") as directory,
        KafkaCluster(directory=Path(directory) / "kafka") as cluster,
    ):
        for n in range(arguments.runs):
            print(f"run {n + 1} of {arguments.runs}", file=sys.stderr, flush=True)
            runs.append(measure(cluster.bootstrap_servers, Path(directory), arguments.sessions))
    result = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]} | {
        "sessions": arguments.sessions,
        "runs": arguments.runs,
    }
    print(
        json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result.items())
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

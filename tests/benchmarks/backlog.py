"""``python -m tests.benchmarks.backlog [--events N] [--seconds S] [--json]``: a backlog's memory.

N events wait on Apache Kafka before a worker starts; its resident memory is read every second for S
seconds while it works through them. Flat means: what it holds is the open sessions and a few
batches, however much waits.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stream.events import encode
from tests.benchmarks.processes import resident_bytes
from tests.benchmarks.recovery import Bench
from tests.kafka.broker import KafkaCluster
from tests.pipeline import send, synthetic

_SENT_AT_ONCE = 100_000


def conversations(events: int) -> Iterator[tuple[bytes, bytes]]:
    """Conversations one after the other, until there are that many events."""
    samples = synthetic(500, seed=4)
    sent = n = 0
    while sent < events:
        sample = samples[n % len(samples)]
        shift = n * 1_000
        for event in sample.events():
            name = f"{event.session_id}-{n}"
            later = event._replace(
                session_id=name,
                event_id=f"{name}:{event.sequence}:{event.type.value}",
                time_ms=event.time_ms + shift,
            )
            yield name.encode(), encode(later)
            sent += 1
        n += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="empathy-backlog-") as directory,
        KafkaCluster(directory=Path(directory) / "kafka") as cluster,
    ):
        bench = Bench(cluster.bootstrap_servers, Path(directory))
        bench.settings = dataclasses.replace(bench.settings, inactivity_seconds=900)
        try:
            worker = bench.start().wait_ready()
            worker.stop()
            chunk: list[tuple[bytes, bytes]] = []
            for n, message in enumerate(conversations(arguments.events), 1):
                chunk.append(message)
                if len(chunk) == _SENT_AT_ONCE:
                    send(cluster.bootstrap_servers, bench.settings.events_topic, chunk)
                    chunk = []
                    print(f"{n} events sent", file=sys.stderr, flush=True)
            send(cluster.bootstrap_servers, bench.settings.events_topic, chunk)
            worker = bench.start().wait_ready()
            samples = []
            for _ in range(arguments.seconds):
                time.sleep(1)  # one sample a second
                samples.append(resident_bytes(worker.process.pid) / 2**20)
            metrics = worker.metrics()
        finally:
            bench.close()
    half = len(samples) // 2
    result = {
        "events": arguments.events,
        "seconds": arguments.seconds,
        "processed": round(metrics["empathy_events_total"]),
        "left": round(metrics["empathy_consumer_lag_records"]),
        "resident_mb_first_half": round(statistics.median(samples[:half]), 1),
        "resident_mb_second_half": round(statistics.median(samples[half:]), 1),
        "resident_mb_most": round(max(samples), 1),
    }
    print(
        json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result.items())
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

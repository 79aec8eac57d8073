"""``python -m tests.benchmarks.throughput [--quick] [--json]``: how fast the service is, and what
its users would have instead.

On Apache Kafka on this machine, 4 partitions, the corpus's conversations interleaved by time
(:mod:`tests.benchmarks.workload`) are written before anything runs. Then, round after round, the
worker and each peer (:mod:`tests.benchmarks.peers`) read the same log one after the other, each in
fresh processes with topics of its own: events per second, and CPU time of the process per event,
from the end of the warm-up to the last record. Ratios are within a round; shown are medians over
the rounds.

* ``cost_over_limit``: the worker's CPU time per event over that of ``observe`` and ``judge`` alone
  (:mod:`tests.benchmarks.limit`), both measured in the same round.
* ``p99_seconds_at_half_load``: from sending ``session.ended`` to the record in a consumer's hands,
  at half the median throughput, on default settings, whose linger (0.1 s) is part of it.
* ``bytes_per_open_session``: what open sessions add to resident memory, over their number.

A peer that cannot be run is null, with the reason under ``unavailable``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks import live
from tests.benchmarks.peers import environments
from tests.benchmarks.systems import (
    Failed,
    Run,
    Start,
    measure,
    new_topics,
    run_limit,
    start_workers,
)
from tests.benchmarks.workload import Log, create_topics, interleaved, log_of, write
from tests.kafka.broker import KafkaCluster

OURS = "empathy_stream"
PEERS: dict[str, Callable[[], Start]] = {
    "idiomatic_faust": environments.faust,
    "quixstreams": environments.quix,
    "bytewax": environments.bytewax,
    "kafka_streams": environments.kafka_streams,
}
_SCALING_WARM_UP = 0.4
"""Two workers do not join at the same moment: by then both work."""


class Size(NamedTuple):
    rounds: int
    sessions: int
    open_sessions: int
    latency_seconds: float


FULL = Size(rounds=5, sessions=6_000, open_sessions=100_000, latency_seconds=45)
QUICK = Size(rounds=1, sessions=1_500, open_sessions=5_000, latency_seconds=15)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def available(names: list[str]) -> tuple[dict[str, Start], dict[str, str]]:
    """The peers that can be run, and why the others cannot."""
    starts: dict[str, Start] = {}
    reasons: dict[str, str] = {}
    for name in names:
        say(f"{name}: its environment")
        try:
            starts[name] = PEERS[name]()
        except environments.Unavailable as error:
            reasons[name] = str(error)
            say(f"{name}: {error}")
    return starts, reasons


def compare(
    servers: str, size: Size, log: Log, starts: dict[str, Start], directory: Path
) -> tuple[dict[str, list[Run]], list[float], dict[str, str]]:
    """All rounds: runs by system, the limit of each round, and why systems gave up."""
    events = "throughput-events"
    asyncio.run(create_topics(servers, events))
    write(servers, events, log.messages)
    runs: dict[str, list[Run]] = defaultdict(list)
    limits: list[float] = []
    failed: dict[str, str] = {}
    for n in range(size.rounds):
        for name, start in ({OURS: start_workers(1)} | starts).items():
            if name in failed:
                continue
            try:
                run = measure(start, new_topics(servers, events, name), log, directory)
                if run.records != log.sessions:
                    raise Failed(f"{run.records} records of {log.sessions} sessions")
            except Failed as error:
                if name == OURS:
                    raise
                failed[name] = str(error)
                runs.pop(name, None)
                say(f"{name}: {error}")
                continue
            runs[name].append(run)
            cost = f"{run.cpu_seconds_per_event * 1e6:.0f} µs of CPU per event"
            say(f"round {n + 1}, {name}: {run.events_per_second:,.0f} events/s, {cost}")
        limits.append(run_limit(log.sessions, _concurrent(size)))
        say(f"round {n + 1}, limit: {limits[-1] * 1e6:.0f} µs of CPU per event")
    return runs, limits, failed


def _concurrent(size: Size) -> int:
    return size.sessions // 2


def scaling(servers: str, rounds: int, log: Log, directory: Path) -> dict[str, float]:
    """Two workers over one, side by side on the same log, each measured from the same place."""
    ratios, costs = [], []
    for _ in range(rounds):
        found = []
        for count in (1, 2):
            topics = new_topics(servers, "throughput-events", f"workers-{count}")
            start = start_workers(count)
            found.append(measure(start, topics, log, directory, _SCALING_WARM_UP))
            say(f"workers: {count}, {found[-1].events_per_second:,.0f} events/s")
        ratios.append(found[1].events_per_second / found[0].events_per_second)
        costs.append(found[1].cpu_seconds_per_event)
    return {
        "ratio_of_two_workers": statistics.median(ratios),
        "cpu_seconds_per_event_of_two_workers": statistics.median(costs),
    }


def benchmark(size: Size, peers: list[str]) -> dict[str, Any]:
    starts, unavailable = available(peers)
    log = log_of(interleaved(size.sessions, _concurrent(size)))
    with (
        tempfile.TemporaryDirectory(prefix="empathy-throughput-") as name,
        KafkaCluster(directory=Path(name) / "kafka") as cluster,
    ):
        directory, servers = Path(name), cluster.bootstrap_servers
        runs, limits, failed = compare(servers, size, log, starts, directory)
        unavailable |= failed
        ours = runs[OURS]
        rate = statistics.median(run.events_per_second for run in ours)
        scaled = scaling(servers, max(1, size.rounds // 2), log, directory)
        say("latency at half load")
        needed = round(rate / 2 * size.latency_seconds)
        # At half load each event goes once: the log must be long enough, and is taken as it is.
        paced = log if len(log) >= needed else log_of(_longer(log, size, needed))
        late = live.latency(servers, paced, rate / 2, size.latency_seconds, directory)
        say(f"memory of {size.open_sessions:,} open sessions")
        held = live.memory(servers, size.open_sessions, directory)
        say("starts")
        starting = live.start_seconds(max(3, size.rounds), directory)

    def ratio(peer: str) -> float | None:
        if peer not in runs:
            return None
        pairs = zip(ours, runs[peer], strict=True)
        return statistics.median(a.events_per_second / b.events_per_second for a, b in pairs)

    over = [run.cpu_seconds_per_event / limit for run, limit in zip(ours, limits, strict=True)]
    return {
        "events_per_second": rate,
        "ratio_to_idiomatic_faust": ratio("idiomatic_faust"),
        "ratio_to_quixstreams": ratio("quixstreams"),
        "ratio_to_bytewax": ratio("bytewax"),
        "ratio_to_kafka_streams": ratio("kafka_streams"),
        "cost_over_limit": statistics.median(over),
        "p50_seconds_at_half_load": late["p50"],
        "p99_seconds_at_half_load": late["p99"],
        "worker_cpu_ratio_at_half_load": late["worker_cpu_ratio"],
        **held,
        **scaled,
        "startup_to_first_record_seconds": starting,
        "import_seconds": live.import_seconds(max(3, size.rounds)),
        "cpu_seconds_per_event": {
            "limit": statistics.median(limits),
            **{
                name: statistics.median(run.cpu_seconds_per_event for run in found)
                for name, found in runs.items()
            },
        },
        "events_per_second_of": {
            name: [round(run.events_per_second) for run in found] for name, found in runs.items()
        },
        "unavailable": unavailable,
        "events": len(log),
        "sessions": log.sessions,
        "rounds": size.rounds,
    }


def _longer(log: Log, size: Size, events: int) -> list[Any]:
    times = -(-events // len(log))
    return interleaved(size.sessions * times, _concurrent(size), seed=2)


def show(result: dict[str, Any]) -> None:
    console = Console()
    systems = Table(
        title="Throughput at saturation, one process each, medians", title_justify="left"
    )
    for heading in ("system", "events/s", "worker over it", "CPU µs per event"):
        systems.add_column(heading, justify="left" if heading == "system" else "right")
    costs = result["cpu_seconds_per_event"]
    for name, found in result["events_per_second_of"].items():
        ratio = result.get(f"ratio_to_{name}")
        systems.add_row(
            name,
            f"{statistics.median(found):,.0f}",
            f"{ratio:.2f}" if ratio else "",
            f"{costs[name] * 1e6:.0f}",
        )
    systems.add_row("limit: observe and judge", "", "", f"{costs['limit'] * 1e6:.0f}")
    for name, reason in result["unavailable"].items():
        systems.add_row(name, reason.splitlines()[0])
    console.print(systems)
    figures = Table(title="The worker", title_justify="left", show_header=False)
    figures.add_column()
    figures.add_column(justify="right")
    for name, value in result.items():
        if isinstance(value, int | float) and not name.startswith("ratio_to"):
            figures.add_row(name, f"{value:,.3f}".rstrip("0").rstrip("."))
    console.print(figures)


def _end(number: int, _frame: FrameType | None) -> None:
    """As Ctrl-C: what was started is ended on the way out."""
    raise SystemExit(128 + number)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> int:
    parser = argparse.ArgumentParser(
        description="How fast the service is, and what its users would have instead."
    )
    parser.add_argument("--quick", action="store_true", help="one small round: 3 minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, help="instead of 5, or of 1 with --quick")
    parser.add_argument(
        "--peers",
        default=",".join(PEERS),
        help="names separated by commas; empty: none (default: %(default)s)",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    size = QUICK if arguments.quick else FULL
    if arguments.rounds:
        size = size._replace(rounds=arguments.rounds)
    peers = [name for name in arguments.peers.split(",") if name]
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    result = _rounded(benchmark(size, peers))
    if arguments.json:
        print(json.dumps(result))
    else:
        show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())

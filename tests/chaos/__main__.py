"""``python -m tests.chaos --schedules N --seed S [--json] [--broker kafka|embedded]
[--guarantee at_least_once|exactly_once] [--faults a,b]``.

Each schedule puts 2 or 3 workers under load and lets one to three faults strike: a worker killed,
frozen past its session timeout, joining, leaving, the clock that stamps the events jumping, and on
Apache Kafka the broker restarted, frozen or gone for a minute; events come duplicated and out of
order. Afterwards every session must have exactly one
distinct record, the one that ``score`` gives. The seed reproduces the schedules.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stream.embedded import EmbeddedBroker
from tests.chaos.schedule import Broker, Outcome, Schedule, Single
from tests.kafka.broker import KafkaCluster


@contextlib.contextmanager
def embedded() -> Iterator[Broker]:
    """The embedded broker: workers' faults only."""
    with EmbeddedBroker() as broker:
        yield broker  # type: ignore[misc]


@contextlib.contextmanager
def kafka(directory: Path) -> Iterator[Broker]:
    """One Apache Kafka broker."""
    with KafkaCluster(directory=directory) as cluster:
        yield Single(cluster)


def run(
    schedules: int,
    seed: int,
    broker_name: str,
    guarantee: str,
    faults: tuple[str, ...],
    directory: Path,
) -> Iterator[Outcome]:
    """Run schedules one after the other on one broker."""
    chosen = embedded() if broker_name == "embedded" else kafka(directory / "kafka")
    with chosen as broker:
        for n in range(schedules):
            schedule = Schedule(
                broker, directory, seed + n, broker_name == "kafka", guarantee, planned=faults
            )
            yield schedule.run()


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """What some schedules found together."""
    return {
        "schedules": len(outcomes),
        "sessions": sum(outcome.sessions for outcome in outcomes),
        "lost": sum(len(outcome.lost) for outcome in outcomes),
        "differing": sum(len(outcome.differing) for outcome in outcomes),
        "reemitted": sum(outcome.reemitted for outcome in outcomes),
        "recovery_seconds_median": statistics.median(
            outcome.recovery_seconds for outcome in outcomes
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schedules", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", choices=("kafka", "embedded"), default="kafka")
    parser.add_argument(
        "--guarantee", choices=("at_least_once", "exactly_once"), default="at_least_once"
    )
    parser.add_argument(
        "--faults", default="", help="these in each schedule, separated by commas, not drawn ones"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", type=Path, help="folder to keep the workers' logs in")
    arguments = parser.parse_args()
    # What the clients say of a broker that is down on purpose is no news.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        directory = arguments.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="empathy-chaos-"))
        )
        directory.mkdir(parents=True, exist_ok=True)
        for n, outcome in enumerate(
            run(
                arguments.schedules,
                arguments.seed,
                arguments.broker,
                arguments.guarantee,
                tuple(filter(None, arguments.faults.split(","))),
                directory,
            )
        ):
            outcomes.append(outcome)
            print(f"seed {arguments.seed + n}: {asdict(outcome)}", file=sys.stderr, flush=True)
    result = summary(outcomes) | {
        "by_fault": {
            fault: summary([each for each in outcomes if fault in each.faults])
            for fault in sorted({fault for outcome in outcomes for fault in outcome.faults})
        }
    }
    print(
        json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result.items())
    )
    doubled = arguments.guarantee == "exactly_once" and result["reemitted"]
    return 1 if result["lost"] or result["differing"] or doubled else 0


if __name__ == "__main__":
    sys.exit(main())

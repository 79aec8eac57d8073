"""What the throughput benchmark runs side by side: the service's worker and its peers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.settings import Settings
from tests.benchmarks.limit import WARM_UP
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.workload import PARTITIONS, Log, create_topics
from tests.pipeline import Worker

_DEADLINE_SECONDS = 600.0
_POLL_SECONDS = 0.02


class Failed(RuntimeError):  # noqa: N818  (as it reads in the benchmark's output)
    """A run that did not come to its end; the message ends with the last of the process's log."""


class Topics(NamedTuple):
    """Of one run: the events are shared, the rest is its own."""

    servers: str
    group: str
    events: str
    records: str


class Running(Protocol):
    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]: ...

    def close(self) -> None: ...


Start = Callable[[Topics, Path], Running]
"""Starts the processes of a system; what they write goes into the folder."""


@dataclass
class Run:
    """One run's figures. ``first_record_seconds`` is from the start of the process."""

    events_per_second: float
    cpu_seconds_per_event: float
    records: int
    first_record_seconds: float


def worker_settings(topics: Topics) -> Settings:
    """The defaults, on topics of their own."""
    return Settings(
        bootstrap_servers=(topics.servers,),
        group_id=topics.group,
        events_topic=topics.events,
        rejected_topic=f"{topics.group}-rejected",
        interactions_topic=topics.records,
        gaps_topic=f"{topics.group}-gaps",
        rollups_topic=f"{topics.group}-rollups",
        partitions=PARTITIONS,
        log_format="json",
    )


class Workers:
    """``count`` of the service's workers, which share the partitions."""

    def __init__(self, settings: Settings, directory: Path, count: int = 1) -> None:
        self.workers: list[Worker] = []
        try:
            for _ in range(count):
                # A log of its own: a worker's port is read from the first line that tells one.
                log = directory / f"{settings.group_id}-{time.time_ns()}.log"
                self.workers.append(Worker(settings, log))
        except BaseException:
            self.close()
            raise

    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]:
        return [worker.process for worker in self.workers]

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()


def start_workers(count: int) -> Start:
    return lambda topics, directory: Workers(worker_settings(topics), directory, count)


class Command:
    """A peer: one process, told its topics by the environment."""

    def __init__(
        self, command: Sequence[str], topics: Topics, directory: Path, more: dict[str, str]
    ) -> None:
        self.log = directory / f"{topics.group}.log"
        state = directory / f"{topics.group}-state"
        state.mkdir()
        told = {f"PEER_{name.upper()}": value for name, value in topics._asdict().items()}
        environ = {**os.environ, **told, "PEER_STATE": str(state), **more}
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                list(command),
                env=environ,
                cwd=state,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]:
        return [self._process]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def new_topics(servers: str, events: str, name: str) -> Topics:
    """Makes the topic of the records; everything else a system makes itself."""
    group = f"{name}-{uuid.uuid4().hex[:8]}"
    topics = Topics(servers, group, events, f"{group}-records")
    asyncio.run(create_topics(servers, topics.records))
    return topics


def measure(
    start: Start, topics: Topics, log: Log, directory: Path, warm_up: float = WARM_UP
) -> Run:
    """One run over the whole log, measured from the end of the warm-up to the last record.

    How far a system is follows from the records that each partition has yielded. Raises
    :class:`Failed`.
    """
    began = time.monotonic()
    running = start(topics, directory)
    try:
        return asyncio.run(_watch(running, topics, log, warm_up, began))
    except (Failed, ProcessLookupError) as error:
        logs = sorted(directory.glob(f"{topics.group}*.log"))
        tail = logs[0].read_bytes()[-2_000:].decode(errors="replace") if logs else ""
        raise Failed(f"{error}\n{tail}") from None
    finally:
        running.close()


async def _watch(running: Running, topics: Topics, log: Log, warm_up: float, began: float) -> Run:
    partitions = [TopicPartition(topics.records, n) for n in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(bootstrap_servers=topics.servers)
    await consumer.start()

    async def records() -> list[int]:
        ends = await consumer.end_offsets(partitions)
        return [ends[partition] for partition in partitions]

    def cpu() -> float:
        return sum(cpu_seconds(process.pid) for process in running.processes)

    async def until(events: int, last: bool = False) -> tuple[float, float, int, float | None]:
        first = None
        while True:
            counts = await records()
            now = time.monotonic()
            if first is None and any(counts):
                first = now - began
            done = log.processed(counts)
            if done >= events and (not last or sum(counts) >= log.sessions):
                return now, cpu(), done, first
            for process in running.processes:
                if process.poll() is not None:
                    raise Failed(f"ended with code {process.returncode} after {done} events")
            if now - began > _DEADLINE_SECONDS:
                raise Failed(f"{done} of {len(log)} events in {_DEADLINE_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    try:
        started, cpu_before, before, first = await until(max(1, round(len(log) * warm_up)))
        ended, cpu_after, _, _ = await until(0, last=True)
        # What was sent twice would come now.
        await asyncio.sleep(0.5)
        written = sum(await records())
    finally:
        await consumer.stop()
    events = len(log) - before
    assert first is not None
    return Run(events / (ended - started), (cpu_after - cpu_before) / events, written, first)


def run_limit(sessions: int, concurrent: int) -> float:
    """CPU seconds per event of ``observe`` and ``judge`` alone, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.limit", str(sessions), str(concurrent)],
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(json.loads(done.stdout)["cpu_seconds_per_event"])

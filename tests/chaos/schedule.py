"""One chaos schedule: conversations under load while workers and the broker suffer faults."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiokafka import AIOKafkaProducer, ConsumerRecord

from stream.events import Event, encode
from stream.recognition import fast
from stream.session import ClosingRules, score_events
from stream.settings import Settings
from stream.sources import Transcript
from tests.kafka.broker import KafkaCluster
from tests.pipeline import Worker, read_topic, synthetic, wait_for

SESSION_TIMEOUT_SECONDS = 3.0
LOAD_SECONDS = 10.0
DEADLINE_SECONDS = 120.0
_BROKER_GONE_SECONDS = 60.0


class Broker(Protocol):
    """What a schedule does to a broker; None-like brokers refuse by lacking the faults."""

    @property
    def bootstrap_servers(self) -> str: ...

    def restart(self) -> None: ...

    def stop(self) -> None: ...

    def start(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Single:
    """The only broker of a cluster."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self.bootstrap_servers = cluster.bootstrap_servers

    def restart(self) -> None:
        self._cluster.restart(1)

    def stop(self) -> None:
        self._cluster.stop(1)

    def start(self) -> None:
        self._cluster.start(1)

    def pause(self) -> None:
        self._cluster.pause(1)

    def resume(self) -> None:
        self._cluster.resume(1)


@dataclass
class Outcome:
    """What a schedule found. ``lost``: sessions without a record; ``differing``: sessions with a
    record that is not what ``score`` gives, or with two distinct ones; ``reemitted``: records that
    readers see again (exactly once: readers of committed data)."""

    faults: list[str]
    sessions: int
    lost: list[str]
    differing: list[str]
    reemitted: int
    recovery_seconds: float


@dataclass
class Schedule:
    """A run of its own topics and group. ``broker_faults`` are applied only where a broker has
    them."""

    broker: Broker
    directory: Path
    seed: int
    broker_faults: bool
    guarantee: str = "at_least_once"
    planned: tuple[str, ...] = ()
    """Faults by name; without any, the seed draws one to three."""
    workers: list[Worker] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        name = uuid.uuid4().hex[:8]
        self.settings = Settings(
            bootstrap_servers=(self.broker.bootstrap_servers,),
            group_id=f"chaos-{name}",
            events_topic=f"chaos-{name}-events",
            rejected_topic=f"chaos-{name}-rejected",
            interactions_topic=f"chaos-{name}-interactions",
            gaps_topic=f"chaos-{name}-gaps",
            rollups_topic=f"chaos-{name}-rollups",
            session_timeout_seconds=SESSION_TIMEOUT_SECONDS,
            linger_seconds=2.5,
            commit_interval_seconds=0.5,
            processing_guarantee=self.guarantee,
            log_format="json",
        )
        self.clock_ms = 0
        """How far the clock that stamps the events is off."""

    def start_worker(self) -> Worker:
        log = self.directory / f"{self.settings.group_id}-{len(self.workers)}.log"
        worker = Worker(self.settings, log)
        self.workers.append(worker)
        return worker

    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.process.poll() is None]

    # -- faults ---------------------------------------------------------------------------------

    def kill_worker(self) -> None:
        """kill -9 at any moment; another takes its place."""
        victim = self.rng.choice(self.alive())
        victim.kill()
        self.start_worker()

    def freeze_worker(self) -> None:
        """SIGSTOP past the session timeout, then SIGCONT: a zombie that still believes."""
        victim = self.rng.choice(self.alive())
        victim.process.send_signal(signal.SIGSTOP)
        time.sleep(SESSION_TIMEOUT_SECONDS * 1.7)  # how long it is frozen is the fault itself
        victim.process.send_signal(signal.SIGCONT)

    def join_worker(self) -> None:
        """A rebalance in mid-batch: one more."""
        self.start_worker()

    def leave_worker(self) -> None:
        """A rebalance in mid-batch: one less, in good order."""
        alive = self.alive()
        if len(alive) > 1:
            assert self.rng.choice(alive).stop() == 0

    def restart_broker(self) -> None:
        self.broker.restart()

    def lose_broker(self) -> None:
        """Gone for a minute: past the session timeout, and past what brokers give a transaction."""
        self.broker.stop()
        time.sleep(_BROKER_GONE_SECONDS)  # the fault itself
        self.broker.start()

    def pause_broker(self) -> None:
        self.broker.pause()
        time.sleep(self.rng.uniform(1, 6))  # the fault itself
        self.broker.resume()

    def jump_clock(self) -> None:
        """The clock that stamps the events jumps, ahead or back, by less than the grace time."""
        self.clock_ms += self.rng.choice([-1, 1]) * self.rng.randrange(600_000)

    def fault(self) -> Callable[[], None]:
        faults = [
            self.kill_worker,
            self.freeze_worker,
            self.join_worker,
            self.leave_worker,
            self.jump_clock,
        ]
        if self.broker_faults:
            faults += [self.restart_broker, self.pause_broker, self.lose_broker]
        # A minute without a broker is the longest by far.
        weights = [1.0 if fault != self.lose_broker else 0.3 for fault in faults]
        return self.rng.choices(faults, weights)[0]

    # -- the run --------------------------------------------------------------------------------

    def run(self, sessions: int = 200) -> Outcome:
        transcripts = synthetic(sessions, seed=self.seed)
        try:
            for _ in range(self.rng.choice([2, 3])):
                self.start_worker()
            for worker in self.workers:
                worker.wait_ready()
            load = asyncio.run(self._load_and_faults(transcripts))
            healed = time.monotonic()
            if not self.alive():
                self.start_worker()
            assert load
            self._wait_until_done(len(transcripts))
            recovery = time.monotonic() - healed
            for worker in self.alive():
                worker.stop()
            codes = [worker.process.returncode for worker in self.workers]
            assert set(codes) <= {0, -signal.SIGKILL}, f"exit codes {codes}: {self.faults}"
            return self._outcome(transcripts, recovery)
        finally:
            for worker in self.alive():
                worker.kill()

    async def _load_and_faults(self, transcripts: list[Transcript]) -> bool:
        loading = asyncio.create_task(self._load(transcripts))
        faults = [getattr(self, name) for name in self.planned] or [
            self.fault() for _ in range(self.rng.randrange(1, 4))
        ]
        for fault in faults:
            await asyncio.sleep(self.rng.uniform(0.3, 2.5))  # when it strikes
            self.faults.append(fault.__name__)
            await asyncio.to_thread(fault)
        await loading
        return True

    async def _load(self, transcripts: list[Transcript]) -> None:
        """Events as they happen, a few duplicated, neighbours out of order."""
        events = disturbed(transcripts, self.rng)
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker.bootstrap_servers, acks="all", request_timeout_ms=120_000
        )
        await producer.start()
        try:
            started = time.monotonic()
            pending = []
            for n, event in enumerate(events):
                wait = started + LOAD_SECONDS * n / len(events) - time.monotonic()
                if wait > 0.01:
                    await asyncio.sleep(wait)
                pending.append(
                    await producer.send(
                        self.settings.events_topic,
                        encode(event),
                        event.session_id.encode(),
                        timestamp_ms=round(time.time() * 1000) + self.clock_ms,
                    )
                )
            await asyncio.gather(*pending)
        finally:
            await producer.stop()

    def _wait_until_done(self, sessions: int) -> None:
        def done() -> bool:
            topic = self.settings.interactions_topic
            found = self._read(topic)
            if len({message.key for message in found}) < sessions:
                return False
            return all(
                worker.metrics().get("empathy_sessions_open", 1) == 0 for worker in self.alive()
            )

        try:
            wait_for(done, "every session has its record", DEADLINE_SECONDS)
        except AssertionError:  # what is missing is the outcome
            for worker in self.alive():
                worker.process.send_signal(signal.SIGUSR1)
            time.sleep(1)  # they log where they stand; it is for people

    def _read(self, topic: str) -> list[ConsumerRecord]:
        committed = self.guarantee == "exactly_once"
        return read_topic(self.broker.bootstrap_servers, topic, committed)

    def _outcome(self, transcripts: list[Transcript], recovery: float) -> Outcome:
        found: dict[str, list[bytes]] = {}
        for message in self._read(self.settings.interactions_topic):
            found.setdefault(message.key.decode(), []).append(message.value)
        rules = ClosingRules()
        differing = []
        for transcript in transcripts:
            values = found.get(transcript.id, [])
            ((closed),) = score_events(transcript.events(), fast(), rules)
            if values and (
                len(set(values)) > 1 or without_quality(values[0]) != without_quality(closed.value)
            ):
                differing.append(transcript.id)
        lost = [transcript.id for transcript in transcripts if transcript.id not in found]
        if lost or differing:
            self._keep_evidence({*lost, *differing})
        return Outcome(
            faults=self.faults,
            sessions=len(transcripts),
            lost=lost,
            differing=differing,
            reemitted=sum(len(values) - 1 for values in found.values()),
            recovery_seconds=round(recovery, 2),
        )

    def _keep_evidence(self, sessions: set[str]) -> None:
        """What the topics hold of sessions that went wrong, and of the partitions' time."""
        settings = self.settings
        topics = (settings.events_topic, settings.interactions_topic, settings.changelog_topic)
        with (self.directory / f"{settings.group_id}.evidence").open("w") as out:
            for topic in topics:
                for message in read_topic(self.broker.bootstrap_servers, topic):
                    key = (message.key or b"").decode(errors="replace")
                    if key in sessions or not message.key.isascii():
                        value = (message.value or b"").decode(errors="replace")
                        at = (topic, message.partition, message.offset, message.timestamp)
                        out.write(f"{at} {key} {value}\n")


def without_quality(value: bytes) -> dict[str, object]:
    """A record without what delivery, and so a duplicate on purpose, changes."""
    record: dict[str, object] = json.loads(value)
    del record["quality"]
    return record


def disturbed(transcripts: list[Transcript], rng: random.Random) -> list[Event]:
    """All events as they happened, each up to 2 s of event time out of place, some twice."""
    timed = [
        (event.time_ms + rng.randrange(2_000), event)
        for transcript in transcripts
        for event in transcript.events()
    ]
    timed += [
        (time_ms + rng.randrange(2_000), event)
        for time_ms, event in rng.sample(timed, k=len(timed) // 20)
    ]
    return [event for _, event in sorted(timed)]

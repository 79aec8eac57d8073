"""What the throughput benchmark measures besides throughput: latency, memory, starts."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.embedded import EmbeddedBroker
from stream.events.model import format_time
from tests.benchmarks.processes import cpu_seconds, resident_bytes
from tests.benchmarks.systems import Topics, Workers, new_topics, worker_settings
from tests.benchmarks.workload import (
    PARTITIONS,
    Log,
    Message,
    conversations,
    create_topics,
    log_of,
    open_sessions,
    write,
)
from tests.pipeline import wait_for

_TICK_SECONDS = 0.005
_WARM_UP_SECONDS = 5.0
_READ_SECONDS = 15.0
_HELD_SECONDS = 900.0
_SETTLE_SECONDS = 3.0
_TIME = b'"time":"'
_TIME_LENGTH = len(format_time(0))


# --- latency ------------------------------------------------------------------------------------


def latency(
    servers: str, log: Log, rate: float, seconds: float, directory: Path
) -> dict[str, float]:
    """Seconds from sending ``session.ended`` to its record in a consumer's hands, at ``rate``
    events per second, each event carrying the time at which it is sent; the first seconds do not
    count. With the worker's CPU seconds per second."""
    events = f"latency-{time.time_ns()}"
    asyncio.run(create_topics(servers, events))
    topics = new_topics(servers, events, "latency")
    workers = Workers(worker_settings(topics), directory)
    try:
        workers.workers[0].wait_ready()
        pid = workers.processes[0].pid
        cpu, began = cpu_seconds(pid), time.monotonic()
        found = asyncio.run(_live(topics, log, rate, seconds))
        busy = (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
    finally:
        workers.close()
    cuts = statistics.quantiles(found, n=100)
    return {"p50": cuts[49], "p99": cuts[98], "records": len(found), "worker_cpu_ratio": busy}


async def _live(topics: Topics, log: Log, rate: float, seconds: float) -> list[float]:
    producer = AIOKafkaProducer(bootstrap_servers=topics.servers)
    consumer = _consumer(topics)
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(topics.records, n) for n in range(PARTITIONS)])
    sent_at: dict[bytes, float] = {}
    found: list[float] = []
    waiting: set[bytes] = set()

    async def receive() -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            now = time.monotonic()
            for batch in batches.values():
                for record in batch:
                    if record.key in waiting:
                        waiting.discard(record.key)
                        found.append(now - sent_at[record.key])

    receiving = asyncio.create_task(receive())
    try:
        began = time.monotonic()
        sent = 0
        messages = log.messages[: round(rate * seconds)]
        while sent < len(messages):
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            due = min(len(messages), round((now - began) * rate))
            stamp = format_time(time.time_ns() // 1_000_000).encode()
            for message in messages[sent:due]:
                await _send_stamped(producer, topics.events, message, stamp)
                if message.ends:
                    sent_at[message.key] = time.monotonic()
                    if now - began > _WARM_UP_SECONDS:
                        waiting.add(message.key)
            sent = due
        deadline = time.monotonic() + _READ_SECONDS
        while waiting and time.monotonic() < deadline and not receiving.done():  # noqa: ASYNC110
            await asyncio.sleep(_TICK_SECONDS)
        assert not waiting, f"{len(waiting)} records did not come"
        return found
    finally:
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
        await producer.stop()
        await consumer.stop()


async def _send_stamped(
    producer: AIOKafkaProducer, topic: str, message: Message, stamp: bytes
) -> None:
    value = message.value
    at = value.index(_TIME) + len(_TIME)
    value = value[:at] + stamp + value[at + _TIME_LENGTH :]
    await producer.send(topic, value, message.key, partition=message.partition)


def _consumer(topics: Topics) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(bootstrap_servers=topics.servers, auto_offset_reset="earliest")


# --- memory and recovery ------------------------------------------------------------------------


def memory(servers: str, sessions: int, directory: Path) -> dict[str, float]:
    """What ``sessions`` open sessions, each somewhere in its course, add to a worker's resident
    memory after others have warmed it up; and how long a worker takes from its start to having
    read them back."""
    events = f"memory-{time.time_ns()}"
    asyncio.run(create_topics(servers, events))
    topics = new_topics(servers, events, "memory")
    settings = replace(worker_settings(topics), inactivity_seconds=86_400)  # nothing closes
    with contextlib.ExitStack() as closing:
        workers = Workers(settings, directory)
        closing.callback(workers.close)
        worker = workers.workers[0].wait_ready()

        def holds(count: int) -> None:
            wait_for(
                lambda: (
                    (metrics := worker.metrics()).get("empathy_sessions_open", 0) >= count
                    and metrics.get("empathy_consumer_lag_records", 1) == 0
                ),
                f"{count} sessions held",
                _HELD_SECONDS,
            )
            time.sleep(_SETTLE_SECONDS)  # until what is held for the batches is freed

        warm_up = max(1, sessions // 20)
        write(servers, events, open_sessions(warm_up, seed=5)[0])
        holds(warm_up)
        before = resident_bytes(worker.process.pid)
        messages, length = open_sessions(sessions)
        write(servers, events, messages)
        holds(warm_up + sessions)
        added = resident_bytes(worker.process.pid) - before
        assert worker.stop() == 0

        began = time.monotonic()
        again = Workers(settings, directory)
        closing.callback(again.close)
        worker = again.workers[0].wait_ready()
        wait_for(
            lambda: worker.metrics().get("empathy_sessions_open", 0) >= warm_up + sessions,
            "all sessions restored",
            _HELD_SECONDS,
        )
        return {
            "bytes_per_open_session": added / sessions,
            "open_sessions": sessions,
            "events_per_open_session": length,
            "recovery_seconds": time.monotonic() - began,
        }


# --- starts -------------------------------------------------------------------------------------


def import_seconds(runs: int) -> float:
    """Median time that the command line takes to be imported, in fresh processes."""
    code = "import time; t = time.perf_counter(); import stream.cli; print(time.perf_counter() - t)"
    found = []
    for _ in range(runs + 1):
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
        found.append(float(done.stdout))
    return statistics.median(found[1:])  # the first may compile


def start_seconds(runs: int, directory: Path) -> float:
    """Median time from starting a worker process on the embedded broker, where a conversation
    waits, to its record being readable."""
    found = []
    for _ in range(runs):
        with EmbeddedBroker() as broker:
            topics = Topics(
                broker.bootstrap_servers, f"start-{time.time_ns()}", "events", "records"
            )
            _prepare(topics)
            began = time.monotonic()
            # That broker makes a group wait for half of it; the demo takes two seconds, too.
            settings = replace(worker_settings(topics), session_timeout_seconds=2.0)
            workers = Workers(settings, directory)
            try:
                asyncio.run(_first_record(topics))
                found.append(time.monotonic() - began)
            finally:
                workers.close()
    return statistics.median(found)


def _prepare(topics: Topics) -> None:
    async def make() -> None:
        client = AIOKafkaAdminClient(bootstrap_servers=topics.servers)
        await client.start()
        try:
            names = (topics.events, topics.records)
            await client.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        finally:
            await client.close()

    asyncio.run(make())
    now_ms = time.time_ns() // 1_000_000
    [transcript] = conversations(1)
    events = [event._replace(time_ms=now_ms) for event in transcript.events()]
    write(topics.servers, topics.events, log_of(events).messages)


async def _first_record(topics: Topics) -> None:
    consumer = _consumer(topics)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topics.records, n) for n in range(PARTITIONS)])
        await asyncio.wait_for(consumer.getone(), 60)
    finally:
        await consumer.stop()

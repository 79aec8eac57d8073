"""The whole path on a real broker: events in, records out, whatever happens in between."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stream.events import RejectReason
from stream.samples import sample_conversations
from stream.settings import Settings
from tests.contract.brokers import Broker
from tests.pipeline import (
    Worker,
    interleaved,
    messages,
    read_topic,
    run,
    scored,
    send,
    synthetic,
    wait_for,
    write_transcripts,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Topics and group of their own."""
    name = uuid.uuid4().hex[:8]
    return Settings(
        bootstrap_servers=(broker.bootstrap_servers,),
        group_id=f"g-{name}",
        events_topic=f"events-{name}",
        rejected_topic=f"rejected-{name}",
        interactions_topic=f"interactions-{name}",
        session_timeout_seconds=broker.session_seconds,
        log_format="json",
    )


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers, with settings changed, and takes down what is left of them."""
    workers: list[Worker] = []

    def start_worker(**changed: Any) -> Worker:
        worker = Worker(replace(settings, **changed), tmp_path / f"worker-{len(workers)}.log")
        workers.append(worker)
        return worker

    yield start_worker
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


def records(settings: Settings) -> dict[str, list[bytes]]:
    out: dict[str, list[bytes]] = {}
    for message in read_topic(settings.bootstrap_servers[0], settings.interactions_topic):
        out.setdefault(message.key.decode(), []).append(message.value)
    return out


def wait_for_records(settings: Settings, worker: Worker, count: int) -> None:
    wait_for(
        lambda: worker.metrics().get("empathy_records_total", 0) >= count,
        f"{count} records",
    )


def test_produced_transcripts_become_the_records_that_score_gives(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    transcripts = sample_conversations()
    file = tmp_path / "samples.jsonl"
    write_transcripts(transcripts, file)
    worker = start().wait_ready()
    for _ in range(2):  # the second time, every event is a duplicate or late
        produced = run("produce", str(file), settings=settings)
        assert produced.returncode == 0, produced.stderr
    wait_for_records(settings, worker, len(transcripts))
    assert worker.stop() == 0
    found = records(settings)
    expected = scored(transcripts, tmp_path)

    def plain(value: bytes) -> dict[str, object]:
        return {name: part for name, part in json.loads(value).items() if name != "quality"}

    assert {key: len(values) for key, values in found.items()} == dict.fromkeys(expected, 1)
    assert {key: plain(values[0]) for key, values in found.items()} == {
        key: plain(value) for key, value in expected.items()
    }


def test_a_killed_worker_loses_and_doubles_nothing(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    transcripts = synthetic(1_000)
    servers = settings.bootstrap_servers[0]
    expected = scored(transcripts, tmp_path)
    worker = start().wait_ready()
    stream = interleaved(transcripts, random.Random(7))
    half = len(stream) // 2
    send(servers, settings.events_topic, stream[:half])
    wait_for(lambda: worker.metrics()["empathy_events_total"] > half // 3, "a third processed")
    worker.kill()
    send(servers, settings.events_topic, stream[half:])
    worker = start().wait_ready()
    wait_for(lambda: worker.metrics().get("empathy_events_total", 0) > 100, "catching up")
    worker.kill()
    worker = start().wait_ready()

    def complete() -> bool:
        return (
            len(records(settings)) >= len(expected)
            and worker.metrics()["empathy_sessions_open"] == 0
        )

    wait_for(complete, "every conversation has its record")
    assert worker.stop() == 0
    found = records(settings)
    assert found.keys() == expected.keys()
    # A record may come again after a kill, but never a different one.
    assert {key: set(values) for key, values in found.items()} == {
        key: {value} for key, value in expected.items()
    }


def hostile(
    rng: random.Random, good: list[tuple[bytes, bytes]]
) -> tuple[bytes | None, bytes | None]:
    """Something that must be rejected."""
    key, value = rng.choice(good)
    event = json.loads(value)
    kind = rng.randrange(12)
    if kind == 0:
        return key, rng.randbytes(rng.randrange(1, 300))
    if kind == 1:
        return key, value[: rng.randrange(1, len(value) - 1)]
    if kind == 2:
        return None, value
    if kind == 3:
        return b"not the session", value
    if kind == 4:
        return key, b""
    if kind == 5:
        return key, None
    if kind == 6:
        return key, b"[" * rng.randrange(1, 5_000)
    if kind == 7:
        event["time"] = rng.choice(["now", -1, 17e8, None, "2026-13-01T00:00:00Z"])
    elif kind == 8:
        event["type"] = rng.choice(["", "utterance\x00", 5, {"$gt": ""}, None])
    elif kind == 9:
        event["schema_version"] = rng.choice([0, 2, "1", [1]])
    elif kind == 10:
        event["event_id"] = rng.choice([None, "", 7, "x" * 300])
    else:
        event["text"], event["speaker"], event["type"] = "x" * 20_000, "agent", "utterance"
    return key, json.dumps(event).encode()


def test_hostile_bytes_cost_nobody_elses_conversation(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    rng = random.Random(11)
    transcripts = synthetic(200, seed=2)
    good = interleaved(transcripts, rng)
    bad = [hostile(rng, good) for _ in range(10_000)]
    stream: list[tuple[bytes | None, bytes | None]] = [*good]
    for message in bad:
        stream.insert(rng.randrange(len(stream) + 1), message)
    # Inserting keeps each conversation's own order.
    worker = start(max_event_bytes=16_384).wait_ready()
    servers = settings.bootstrap_servers[0]
    send(servers, settings.events_topic, stream)
    wait_for(
        lambda: worker.metrics()["empathy_events_rejected_total"] >= len(bad), "all rejected", 120
    )
    wait_for_records(settings, worker, len(transcripts))
    assert worker.stop() == 0

    # On a machine so busy that the worker loses its partitions, things are emitted again.
    expected = scored(transcripts, tmp_path)
    found = {key: set(values) for key, values in records(settings).items()}
    assert found == {key: {value} for key, value in expected.items()}
    rejected = {}
    reasons = {reason.value for reason in RejectReason}
    for message in read_topic(servers, settings.rejected_topic):
        headers = dict(message.headers)
        assert headers["reason"].decode() in reasons
        assert headers["source.topic"].decode() == settings.events_topic
        place = int(headers["source.partition"]), int(headers["source.offset"])
        rejected[place] = (message.key, message.value)
    assert Counter(rejected.values()) == Counter(bad)


def test_a_session_that_falls_silent_is_closed_by_the_clock(
    settings: Settings, start: Callable[..., Worker]
) -> None:
    transcript = synthetic(1, seed=3)[0]
    worker = start(inactivity_seconds=1.0).wait_ready()
    unended = messages([transcript])[:-1]
    send(settings.bootstrap_servers[0], settings.events_topic, unended)
    wait_for_records(settings, worker, 1)
    assert worker.stop() == 0
    ((value,),) = records(settings).values()
    assert json.loads(value)["closed_by"] == "inactivity"


def test_operations_port_and_logs(settings: Settings, start: Callable[..., Worker]) -> None:
    worker = start()
    assert worker.get("/healthz")[0] == 200
    worker.wait_ready()
    send(settings.bootstrap_servers[0], settings.events_topic, messages(synthetic(1, seed=4)))
    wait_for_records(settings, worker, 1)
    status, text = worker.get("/metrics")
    assert status == 200
    assert "empathy_build_info" in text
    assert worker.get("/nothing")[0] == 404
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 10
    assert all(entry["level"] != "ERROR" for entry in worker.entries())


def test_missing_topics_stop_the_start_with_what_to_do(settings: Settings) -> None:
    strict = replace(settings, create_topics=False, ops_port=0)
    stopped = run("worker", settings=strict)
    assert stopped.returncode == 69
    assert f"topic {settings.events_topic} does not exist" in stopped.stderr.decode()
    assert "kafka-topics.sh --create" in stopped.stderr.decode()


def test_a_wrong_setting_stops_the_start() -> None:
    stopped = run("worker", environ={"EMPATHY_LINGER_SECONDS": "soon"})
    assert stopped.returncode == 2
    assert "EMPATHY_LINGER_SECONDS: 'soon' is not allowed" in stopped.stderr.decode()


def test_the_demo_once() -> None:
    done = run("demo", "--once", "--ops-port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(sample_conversations())} conversations" in done.stdout.decode()

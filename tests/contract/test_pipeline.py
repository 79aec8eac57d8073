"""The whole path on a real broker: events in, records out, whatever happens in between."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.embedded import EmbeddedBroker
from stream.events import RejectReason
from stream.samples import sample_conversations
from stream.settings import Settings
from stream.sources import Transcript
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


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest.fixture
def settings(servers: str) -> Settings:
    """Topics and group of their own; the embedded broker is quick with a short session timeout."""
    name = uuid.uuid4().hex[:8]
    return Settings(
        bootstrap_servers=(servers,),
        group_id=f"g-{name}",
        events_topic=f"events-{name}",
        rejected_topic=f"rejected-{name}",
        interactions_topic=f"interactions-{name}",
        session_timeout_seconds=2.0,
        log_format="json",
    )


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[[], Worker]]:
    """Starts workers and takes down what is left of them."""
    workers: list[Worker] = []

    def start_worker() -> Worker:
        worker = Worker(settings, tmp_path / f"worker-{len(workers)}.log")
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
    settings: Settings, start: Callable[[], Worker], tmp_path: Path
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
    settings: Settings, start: Callable[[], Worker], tmp_path: Path
) -> None:
    transcripts = synthetic(2_000)
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
        event["text"], event["speaker"], event["type"] = "x" * 300_000, "agent", "utterance"
    return key, json.dumps(event).encode()


def test_hostile_bytes_cost_nobody_elses_conversation(
    settings: Settings, start: Callable[[], Worker], tmp_path: Path
) -> None:
    rng = random.Random(11)
    transcripts = synthetic(200, seed=2)
    good = interleaved(transcripts, rng)
    bad = [hostile(rng, good) for _ in range(10_000)]
    stream: list[tuple[bytes | None, bytes | None]] = [*good]
    for message in bad:
        stream.insert(rng.randrange(len(stream) + 1), message)
    # Inserting keeps each conversation's own order.
    worker = start().wait_ready()
    servers = settings.bootstrap_servers[0]
    send(servers, settings.events_topic, stream)
    wait_for(
        lambda: worker.metrics()["empathy_events_rejected_total"] >= len(bad), "all rejected", 120
    )
    wait_for_records(settings, worker, len(transcripts))
    assert worker.stop() == 0

    expected = scored(transcripts, tmp_path)
    assert records(settings) == {key: [value] for key, value in expected.items()}
    rejected = read_topic(servers, settings.rejected_topic)
    reasons = {reason.value for reason in RejectReason}
    originals: Counter[tuple[bytes | None, bytes | None]] = Counter(bad)
    for message in rejected:
        headers = dict(message.headers)
        assert headers["reason"].decode() in reasons
        assert headers["source.topic"].decode() == settings.events_topic
        assert headers["source.offset"].isdigit()
        originals[message.key, message.value] -= 1
    assert not +originals
    assert len(rejected) == len(bad)


def test_a_session_that_falls_silent_is_closed_by_the_clock(
    settings: Settings, tmp_path: Path
) -> None:
    settings = Settings(**{**vars(settings), "inactivity_seconds": 1.0})
    transcript = synthetic(1, seed=3)[0]
    worker = Worker(settings, tmp_path / "quick.log")
    try:
        worker.wait_ready()
        unended = messages([transcript])[:-1]
        send(settings.bootstrap_servers[0], settings.events_topic, unended)
        wait_for_records(settings, worker, 1)
        assert worker.stop() == 0
    finally:
        worker.kill()
    ((value,),) = records(settings).values()
    assert json.loads(value)["closed_by"] == "inactivity"


def contact_lens(transcript: Transcript) -> list[dict[str, Any]]:
    """A call as Contact Lens streams it: two turns a payload, each payload once more."""
    common = {
        "Version": "1.0.0",
        "Channel": "VOICE",
        "AccountId": "123456789012",
        "InstanceId": "instance",
        "ContactId": transcript.id,
        "LanguageCode": "en-US",
    }
    roles = {"customer": "CUSTOMER", "agent": "AGENT", "bot": "CUSTOM_BOT", "system": "SYSTEM"}
    turns = [
        {
            "Id": f"turn-{n}",
            "ParticipantId": roles[turn.speaker.value],
            "ParticipantRole": roles[turn.speaker.value],
            "BeginOffsetMillis": turn.time_ms - transcript.started_ms,
            "EndOffsetMillis": turn.time_ms - transcript.started_ms + 900,
        }
        for n, turn in enumerate(transcript.turns)
    ]
    segments = [
        [
            {"Utterance": turn | {"PartialContent": said.text[:5], "TranscriptId": turn["Id"]}},
            {"Transcript": turn | {"Content": said.text, "Sentiment": "NEUTRAL"}},
        ]
        for turn, said in zip(turns, transcript.turns, strict=True)
    ]
    payloads = [common | {"EventType": "STARTED"}]
    for n in range(0, len(segments), 2):
        pair = [*segments[n], *(segments[n + 1] if n + 1 < len(segments) else [])]
        payload = common | {"EventType": "SEGMENTS", "Segments": [*pair, {"Categories": {}}]}
        payloads += [payload, payload]
    return [*payloads, common | {"EventType": "COMPLETED"}]


def test_contact_lens_on_the_wire_becomes_the_record_of_the_conversation(
    settings: Settings, tmp_path: Path
) -> None:
    settings = Settings(**{**vars(settings), "source": "contact-lens"})
    transcripts = [t._replace(language="en-US", channel="voice") for t in sample_conversations()]
    worker = Worker(settings, tmp_path / "contact-lens.log")
    try:
        worker.wait_ready()
        stream = [
            (transcript.id.encode(), json.dumps(payload).encode())
            for transcript in transcripts
            for payload in contact_lens(transcript)
        ]
        servers = settings.bootstrap_servers[0]
        send(servers, settings.events_topic, [*stream, (b"k", b'{"not": "theirs"}')])
        wait_for_records(settings, worker, len(transcripts))
        metrics = worker.metrics()
        assert worker.stop() == 0
    finally:
        worker.kill()
    assert metrics["empathy_events_rejected_total"] == 1
    assert metrics["empathy_payload_parts_dropped_total"] == sum(
        b'"Categories"' in value for _, value in stream
    )
    found = records(settings)
    expected = scored(transcripts, tmp_path)
    assert {key: len(values) for key, values in found.items()} == dict.fromkeys(expected, 1)
    for key, (value,) in found.items():
        record, scored_record = json.loads(value), json.loads(expected[key])
        for name in ("turns", "recognition", "broke_at", "signals", "evidence", "empathy_score"):
            assert record[name] == scored_record[name], name
    (rejected,) = read_topic(settings.bootstrap_servers[0], settings.rejected_topic)
    assert dict(rejected.headers)["reason"] == b"unknown_payload"


def test_a_mapping_file_that_cannot_be_used_stops_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "bus.yaml"
    file.write_text("version: 1\nrules:\n  - drop: all\n    when: kind == 'x'\n")
    stopped = run(
        "worker", environ={"EMPATHY_SOURCE": "mapping", "EMPATHY_MAPPING_FILE": str(file)}
    )
    assert stopped.returncode == 2
    assert f"{file}:4:11: when: " in stopped.stderr.decode()
    assert "kind == 'x'" in stopped.stderr.decode()


def test_operations_port_and_logs(settings: Settings, start: Callable[[], Worker]) -> None:
    worker = start()
    assert worker.get("/healthz")[0] == 200
    worker.wait_ready()
    marked = "marked-text-4711"
    transcript = synthetic(1, seed=4)[0]
    transcript = transcript._replace(
        turns=tuple(turn._replace(text=f"{turn.text} {marked}") for turn in transcript.turns)
    )
    servers = settings.bootstrap_servers[0]
    send(servers, settings.events_topic, messages([transcript]))
    send(servers, settings.events_topic, [(b"k", f'{{"text": "{marked}"'.encode())])
    wait_for_records(settings, worker, 1)
    status, text = worker.get("/metrics")
    assert status == 200
    assert "empathy_build_info" in text
    assert worker.get("/nothing")[0] == 404
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 10
    # Nothing but the events topic and the rejected original ever holds what was said.
    assert marked not in text
    assert marked not in worker.log.read_text()
    for topic in (settings.interactions_topic, settings.changelog_topic):
        for message in read_topic(servers, topic):
            assert marked.encode() not in (message.value or b"")
    assert all(entry["level"] != "ERROR" for entry in worker.entries())


def test_missing_topics_stop_the_start_with_what_to_do(settings: Settings) -> None:
    strict = Settings(**{**vars(settings), "create_topics": False, "ops_port": 0})
    stopped = run("worker", settings=strict)
    assert stopped.returncode == 69
    assert f"topic {settings.events_topic} does not exist" in stopped.stderr.decode()
    assert "kafka-topics.sh --create" in stopped.stderr.decode()


def test_a_wrong_setting_stops_the_start(settings: Settings) -> None:
    stopped = run("worker", environ={"EMPATHY_LINGER_SECONDS": "soon"})
    assert stopped.returncode == 2
    assert "EMPATHY_LINGER_SECONDS: 'soon' is not allowed" in stopped.stderr.decode()


def test_the_demo_once() -> None:
    done = run("demo", "--once", "--ops-port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(sample_conversations())} conversations" in done.stdout.decode()

"""This release goes on with what earlier releases left in their changelogs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.cli import EXIT_UNAVAILABLE
from stream.events import encode
from stream.recognition import fast
from stream.session import (
    WATERMARK_KEY,
    ClosingRules,
    Outcome,
    SessionProcessor,
    SessionState,
    StateError,
    score_events,
)
from stream.session import state as layouts
from stream.settings import Settings
from tests.kafka.broker import KafkaCluster
from tests.pipeline import Worker, own_topics, read_topic, wait_for
from tests.upgrade.recording import Recording

RULES = ClosingRules()

RECORDINGS = [Recording.load(file) for file in sorted(Path(__file__).parent.glob("*.jsonl"))]
each_release = pytest.mark.parametrize(
    "recording", RECORDINGS, ids=[recording.release for recording in RECORDINGS]
)

FACTS = (
    "session_id",
    "queue",
    "channel",
    "language",
    "agents",
    "started_at",
    "ended_at",
    "closed_by",
    "turns",
    "quality",
)
"""What a record says whichever recogniser read the turns."""


def unfinished(recording: Recording) -> set[str]:
    """The sessions that were open: little is left of the others."""
    state = recording.state()
    del state[WATERMARK_KEY]
    return {key.decode() for key, value in state.items() if len(value) > 100}


def expected(recording: Recording) -> dict[str, dict[str, Any]]:
    """What ``score`` gives for the sessions that were open."""
    records = [score_events(t.events(), fast(), RULES)[0] for t in recording.transcripts]
    found = {closed.record.session_id: comparable(recording, closed.value) for closed in records}
    return {session: found[session] for session in unfinished(recording)}


def comparable(recording: Recording, value: bytes) -> dict[str, Any]:
    """The record, or if the turns before were read by another recogniser, its facts."""
    record: dict[str, Any] = json.loads(value)
    if recording.recognizer == fast().version:
        return record
    return {name: record[name] for name in FACTS}


def restored(recording: Recording) -> SessionProcessor:
    processor = SessionProcessor(fast(), RULES, recording.state())
    processor.resume(recording.position)
    return processor


def test_the_first_release_is_recorded() -> None:
    (first, *_) = RECORDINGS
    assert first.release == "0.1.0"
    assert first.committed == first.position
    remembered = {transcript.id for transcript in first.transcripts} - unfinished(first)
    assert len(remembered) == 2
    ended = [t for t in first.transcripts if first.sent[t.id] == len(t.events())]
    assert unfinished(first) & {transcript.id for transcript in ended}


@each_release
def test_sessions_of_an_earlier_release_end_as_score_says(recording: Recording) -> None:
    processor = restored(recording)
    log_ms = recording.changelog[-1].timestamp_ms
    for offset, event in enumerate(recording.remaining(), start=recording.position):
        assert processor.process(offset, event, log_ms) is Outcome.ACCEPTED
    processor.finish()
    found = {closed.record.session_id: closed.value for closed in processor.take().records}
    assert {session: comparable(recording, value) for session, value in found.items()} == expected(
        recording
    )


@each_release
def test_what_an_earlier_release_has_done_is_not_done_again(recording: Recording) -> None:
    processor = restored(recording)
    log_ms = recording.changelog[-1].timestamp_ms
    outcomes: list[Outcome] = []
    for transcript in recording.transcripts:
        for n, event in enumerate(transcript.events()[: recording.sent[transcript.id]]):
            assert processor.process(n, event, log_ms) is Outcome.REDELIVERED
            again = recording.position + len(outcomes)
            outcomes.append(processor.process(again, event, log_ms))
    assert set(outcomes) == {Outcome.DUPLICATE, Outcome.LATE}


@each_release
def test_the_watermark_of_an_earlier_release_holds(recording: Recording) -> None:
    newest = max(
        event.time_ms
        for transcript in recording.transcripts
        for event in transcript.events()[: recording.sent[transcript.id]]
    )
    watermark_ms = restored(recording).watermark_ms
    assert watermark_ms is not None
    assert watermark_ms >= newest


@pytest.mark.slow
@each_release
def test_a_worker_takes_over_from_an_earlier_release(
    recording: Recording, kafka: KafkaCluster, tmp_path: Path
) -> None:
    settings = settings_for(kafka)
    asyncio.run(restore_topics(settings, recording))
    worker = Worker(settings, tmp_path / "worker.log")
    sessions = expected(recording)
    try:
        wait_for(
            lambda: worker.metrics().get("empathy_records_total", 0) >= len(sessions), "records"
        )
        metrics = worker.metrics()
        # What lies before the committed offset was not read: it is no event.
        assert metrics["empathy_events_rejected_total"] == 0
        assert metrics["empathy_sessions_open"] == 0
        assert worker.stop() == 0
    finally:
        worker.kill()
    records = read_topic(kafka.bootstrap_servers, settings.interactions_topic)
    found = {record.key.decode(): comparable(recording, record.value) for record in records}
    assert found == sessions


@pytest.mark.slow
def test_a_worker_refuses_the_state_of_a_newer_release(kafka: KafkaCluster, tmp_path: Path) -> None:
    (recording, *_) = RECORDINGS
    newer = [
        record._replace(value=newer_layout(record.value))
        if record.value and record.key != WATERMARK_KEY
        else record
        for record in recording.changelog
    ]
    settings = settings_for(kafka)
    asyncio.run(restore_topics(settings, recording._replace(changelog=newer)))
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        assert worker.process.wait(60) == EXIT_UNAVAILABLE
    finally:
        worker.kill()
    *_, error = [entry["message"] for entry in worker.entries() if entry["level"] == "ERROR"]
    assert settings.changelog_topic in error
    assert f"version {layouts.STATE_VERSION + 1}" in error
    assert read_topic(kafka.bootstrap_servers, settings.interactions_topic) == []


def newer_layout(value: bytes) -> bytes:
    return json.dumps([layouts.STATE_VERSION + 1, *json.loads(value)[1:]]).encode()


def settings_for(kafka: KafkaCluster) -> Settings:
    return Settings(
        bootstrap_servers=(kafka.bootstrap_servers,),
        **own_topics(),
        session_timeout_seconds=2.0,
        log_format="json",
    )


async def restore_topics(settings: Settings, recording: Recording) -> None:
    """Topics and committed offset as the release left them, and what came after. In the place of
    the events that it had processed is something that would be rejected."""
    servers = settings.bootstrap_servers[0]
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        names = (settings.events_topic, settings.changelog_topic)
        await admin.create_topics([NewTopic(name, 1, -1, {}) for name in names])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for key, value, timestamp_ms in recording.changelog:
            await producer.send(settings.changelog_topic, value, key, timestamp_ms=timestamp_ms)
        for _ in range(recording.position):
            await producer.send(settings.events_topic, b"done", b"done")
        for event in recording.remaining():
            await producer.send(settings.events_topic, encode(event), event.session_id.encode())
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=settings.group_id, enable_auto_commit=False
    )
    async with consumer:
        events = TopicPartition(settings.events_topic, 0)
        consumer.assign([events])
        await consumer.commit({events: recording.position})


# --- layouts --------------------------------------------------------------------------------------


def test_a_changed_layout_migrates_on_read(monkeypatch: pytest.MonkeyPatch) -> None:
    (recording, *_) = RECORDINGS
    session = min(unfinished(recording))
    now = SessionState.decode(session, recording.state()[session.encode()]).encode()
    # Two layouts on, of which the next has a field that the one after it drops again.
    version = layouts.STATE_VERSION
    steps = {
        version: lambda head, facts: ([version + 1, *head[1:], "added"], facts),
        version + 1: lambda head, facts: ([version + 2, *head[1:-1]], facts),
    }
    monkeypatch.setattr(layouts, "STATE_VERSION", version + 2)
    monkeypatch.setattr(layouts, "_MIGRATIONS", layouts._MIGRATIONS | steps)
    migrated = SessionState.decode(session, now).encode()
    head, facts = now.splitlines()
    assert migrated == orjson.dumps([version + 2, *json.loads(head)[1:]]) + b"\n" + facts


def test_a_newer_layout_is_refused() -> None:
    value = json.dumps([layouts.STATE_VERSION + 1, 5, 6]).encode()
    with pytest.raises(StateError, match=f"version {layouts.STATE_VERSION + 1}"):
        SessionState.decode("s", value)

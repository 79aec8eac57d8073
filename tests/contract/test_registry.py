"""The worker beside a schema registry: framed events in, framed results out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.cli import EXIT_UNAVAILABLE, EXIT_USAGE
from stream.events import RejectReason
from stream.samples import sample_conversations
from stream.settings import Settings
from stream.sources.framing import header, payload, schema_id
from tests.contract.brokers import Broker, embedded_only
from tests.pipeline import Worker, messages, own_topics, read_topic, scored, send, wait_for
from tests.registry import FakeRegistry

pytestmark = pytest.mark.slow


def settings_for(broker: Broker, fake: FakeRegistry) -> Settings:
    return Settings(
        bootstrap_servers=(broker.bootstrap_servers,),
        **own_topics(),
        schema_registry_url=fake.url,
        schema_registry_username="key",
        schema_registry_password="secret",
        schema_registry_output=True,
        session_timeout_seconds=broker.session_seconds,
        log_format="json",
    )


@embedded_only
def test_framed_events_become_framed_results(broker: Broker, tmp_path: Path) -> None:
    with FakeRegistry("key", "secret") as fake:
        settings = settings_for(broker, fake)
        event_schema, avro = fake.add('{"type": "object"}'), fake.add('"string"', "AVRO")
        transcripts = sample_conversations()
        # Every other event is framed; some frames name what cannot be read.
        sent = [
            (key, header(event_schema) + value if n % 2 else value)
            for n, (key, value) in enumerate(messages(transcripts))
        ]
        bad = [(b"k", header(avro) + b"x"), (b"k", header(4) + b"{}"), (b"k", b"\0")]
        worker = Worker(settings, tmp_path / "worker.log")
        try:
            send(broker.bootstrap_servers, settings.events_topic, sent + bad)
            wait_for(
                lambda: (
                    worker.metrics().get("empathy_records_total", 0) >= len(transcripts)
                    and worker.metrics()["empathy_events_rejected_total"] == len(bad)
                ),
                "records and rejects",
            )
            wait_for(
                lambda: json.loads(worker.get("/board.json")[1])["gaps"]["newest"],
                "gaps on the board, out of their frames",
            )
            assert worker.stop() == 0
        finally:
            worker.kill()
        ids = {
            topic: fake.subjects[f"{topic}-value"]
            for topic in (settings.interactions_topic, settings.gaps_topic, settings.rollups_topic)
        }
        looked_up = [path for method, path in fake.asked if method == "GET"]
    assert len([path for path in looked_up if path.endswith(f"/{event_schema}")]) == 1
    written = {topic: read_topic(broker.bootstrap_servers, topic) for topic in ids}
    for topic, found in written.items():
        assert found
        assert {schema_id(record.value) for record in found} == set(ids[topic])
    records = {r.key.decode(): payload(r.value) for r in written[settings.interactions_topic]}
    assert records == scored(transcripts, tmp_path)
    rejected = read_topic(broker.bootstrap_servers, settings.rejected_topic)
    assert sorted((dict(r.headers)["reason"].decode(), r.value) for r in rejected) == sorted(
        [
            (RejectReason.UNSUPPORTED_SCHEMA.value, bad[0][1]),
            (RejectReason.UNKNOWN_SCHEMA.value, bad[1][1]),
            (RejectReason.UNKNOWN_SCHEMA.value, bad[2][1]),
        ]
    )


@embedded_only
@pytest.mark.parametrize("fault", ["credentials", "incompatible"])
def test_a_registry_that_refuses_ends_the_start(broker: Broker, tmp_path: Path, fault: str) -> None:
    with FakeRegistry("key", "other" if fault == "credentials" else "secret") as fake:
        settings = settings_for(broker, fake)
        fake.incompatible.add(f"{settings.gaps_topic}-value")
        worker = Worker(settings, tmp_path / "worker.log")
        try:
            code = worker.process.wait(30)
        finally:
            worker.kill()
    (*_, error) = [entry for entry in worker.entries() if entry["level"] == "ERROR"]
    if fault == "credentials":
        assert code == EXIT_USAGE
        assert "EMPATHY_SCHEMA_REGISTRY_PASSWORD" in error["message"]
    else:
        assert code == EXIT_UNAVAILABLE
        assert (
            f"not compatible with what is registered under {settings.gaps_topic}-value"
            in (error["message"])
        )
    assert "secret" not in worker.log.read_text()


@embedded_only
def test_events_wait_for_a_registry_that_is_away(broker: Broker, tmp_path: Path) -> None:
    with FakeRegistry("key", "secret") as fake:
        settings = settings_for(broker, fake)
        number = fake.add('{"type": "object"}')
        (transcript, *_) = sample_conversations()
        worker = Worker(settings, tmp_path / "worker.log").wait_ready()
        try:
            fake.failing = 2
            send(
                broker.bootstrap_servers,
                settings.events_topic,
                [(key, header(number) + value) for key, value in messages([transcript])],
            )
            wait_for(lambda: worker.metrics().get("empathy_records_total", 0) == 1, "the record")
            assert worker.metrics()["empathy_events_rejected_total"] == 0
            assert worker.stop() == 0
        finally:
            worker.kill()

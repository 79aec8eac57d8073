"""With pseudonyms, no reference leaves the worker but in rejected events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stream.samples import sample_conversations
from stream.settings import Settings
from tests.contract.brokers import Broker, embedded_only
from tests.pipeline import (
    Worker,
    messages,
    own_topics,
    read_topic,
    run,
    send,
    wait_for,
    write_transcripts,
)

pytestmark = pytest.mark.slow


def comparable(values: Iterable[bytes]) -> dict[str, Any]:
    """Records by session, without what delivery did; each session may have one."""
    records = [json.loads(value) for value in values]
    for record in records:
        del record["quality"]
    found = {record["session_id"]: record for record in records}
    assert len(found) == len(records)
    return found


@embedded_only
def test_no_reference_leaves_the_worker(broker: Broker, tmp_path: Path) -> None:
    settings = Settings(
        bootstrap_servers=(broker.bootstrap_servers,),
        **own_topics(),
        pseudonyms="agents_and_sessions",
        pseudonym_key="correct horse battery",
        session_timeout_seconds=broker.session_seconds,
        log_format="json",
    )
    transcripts = [
        t._replace(id=f"session-{t.id}", agent=f"agent-{t.id}") for t in sample_conversations()
    ]
    file = tmp_path / "transcripts.jsonl"
    write_transcripts(transcripts, file)
    scored = run("score", "--json", str(file), settings=settings).stdout.splitlines()
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        # Twice: duplicates are known by pseudonyms as well.
        send(broker.bootstrap_servers, settings.events_topic, messages(transcripts) * 2)
        wait_for(
            lambda: worker.metrics().get("empathy_records_total", 0) >= len(transcripts), "records"
        )
        assert worker.stop() == 0
    finally:
        worker.kill()
    written = {
        topic: read_topic(broker.bootstrap_servers, topic)
        for topic in (
            settings.interactions_topic,
            settings.gaps_topic,
            settings.rollups_topic,
            *settings.internal_topics,
        )
    }
    records = written[settings.interactions_topic]
    assert comparable(record.value for record in records) == comparable(scored)
    for record in records:
        assert record.key.decode() == json.loads(record.value)["session_id"]
    assert written[settings.gaps_topic]
    for topic, held in written.items():
        for record in held:
            for part in (record.key or b"", record.value or b""):
                assert b"sample-" not in part, topic
    assert "sample-" not in worker.log.read_text()

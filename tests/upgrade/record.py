"""Record this release's changelog: ``python -m tests.upgrade.record tests/upgrade/VERSION.jsonl``.

Once per release whose state layout differs from the last one's; the file stays for good.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from stream import __version__
from stream.embedded import EmbeddedBroker
from stream.events import encode
from stream.recognition import fast
from stream.samples import sample_conversations
from stream.settings import Settings
from stream.sources import Transcript
from tests.pipeline import Worker, read_topic, send, wait_for
from tests.upgrade.recording import ChangelogRecord, Recording

START_MS = 1_767_258_000_000
CLOSED, OPEN = 2, 4


def moved(transcript: Transcript, start_ms: int) -> Transcript:
    offset = start_ms - transcript.started_ms
    turns = tuple(turn._replace(time_ms=turn.time_ms + offset) for turn in transcript.turns)
    return transcript._replace(started_ms=start_ms, turns=turns)


def record(broker: EmbeddedBroker, directory: Path) -> Recording:
    """Some conversations that closed an hour ago, some half way, and one that has just ended."""
    quick = [t for t in sample_conversations() if t.turns[-1].time_ms - t.started_ms < 600_000]
    chosen = quick[:: len(quick) // (CLOSED + OPEN + 1)][: CLOSED + OPEN + 1]
    transcripts = [moved(transcript, START_MS) for transcript in chosen]
    transcripts[:CLOSED] = [moved(t, START_MS - 3_600_000) for t in transcripts[:CLOSED]]
    # Its end is the latest event sent, so that its linger time has not passed.
    ended_after = max(transcript.events()[-1].time_ms for transcript in transcripts)
    length = transcripts[-1].events()[-1].time_ms - transcripts[-1].started_ms
    transcripts[-1] = moved(transcripts[-1], ended_after - length + 1)
    sent = {transcript.id: len(transcript.events()) for transcript in transcripts}
    for transcript in transcripts[CLOSED : CLOSED + OPEN]:
        sent[transcript.id] //= 2
    events = [event for t in transcripts for event in t.events()[: sent[t.id]]]
    events.sort(key=lambda event: event.time_ms)

    settings = Settings(
        bootstrap_servers=(broker.bootstrap_servers,),
        partitions=1,
        linger_seconds=60,
        session_timeout_seconds=2,
        log_format="json",
    )
    worker = Worker(settings, directory / "worker.log").wait_ready()
    try:
        done = 0
        while done < len(events):
            part = events[done : done + len(events) // 4 + 1]
            messages = [(event.session_id.encode(), encode(event)) for event in part]
            send(broker.bootstrap_servers, settings.events_topic, messages)
            done += len(part)
            wait_for(lambda: worker.metrics()["empathy_events_total"] == done, "processed")  # noqa: B023
        wait_for(lambda: worker.metrics()["empathy_sessions_open"] == OPEN + 1, "the closed closed")
    finally:
        assert worker.stop() == 0
    changelog = [
        ChangelogRecord(record.key, record.value, record.timestamp)
        for record in read_topic(broker.bootstrap_servers, settings.changelog_topic)
    ]
    return Recording(__version__, fast().version, len(events), transcripts, sent, changelog)


def main() -> None:
    file = Path(sys.argv[1])
    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as directory:
        recording = record(broker, Path(directory))
    assert recording.committed == recording.position
    recording.save(file)
    print(f"{file}: {len(recording.changelog)} changelog records, {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()

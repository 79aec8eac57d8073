"""A changelog as a release left it, with conversations under way, for later releases to restore."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

from stream.events import Event
from stream.session import WATERMARK_KEY, newest_mark
from stream.sources import Transcript, parse_transcript


class ChangelogRecord(NamedTuple):
    key: bytes
    value: bytes | None
    timestamp_ms: int


class Recording(NamedTuple):
    """``sent`` says how many of a transcript's events the release had processed.

    The events were in one partition, up to ``position``, which was committed.
    """

    release: str
    recognizer: str
    position: int
    transcripts: list[Transcript]
    sent: dict[str, int]
    changelog: list[ChangelogRecord]

    def state(self) -> dict[bytes, bytes]:
        """What compaction leaves of the changelog."""
        newest = {record.key: record.value for record in self.changelog}
        return {key: value for key, value in newest.items() if value is not None}

    def remaining(self) -> list[Event]:
        """The events still to come, as they happen."""
        events = [
            event
            for transcript in self.transcripts
            for event in transcript.events()[self.sent[transcript.id] :]
        ]
        return sorted(events, key=lambda event: event.time_ms)

    def save(self, file: Path) -> None:
        lines: list[dict[str, Any]] = [
            {
                "release": self.release,
                "recognizer": self.recognizer,
                "position": self.position,
            }
        ]
        for transcript in self.transcripts:
            turns = [
                {"speaker": turn.speaker.value, "text": turn.text, "at": turn.time_ms}
                for turn in transcript.turns
            ]
            lines.append(
                {
                    "id": transcript.id,
                    "sent": self.sent[transcript.id],
                    "queue": transcript.queue,
                    "channel": transcript.channel,
                    "agent": transcript.agent,
                    "started_at": transcript.started_ms,
                    "turns": turns,
                }
            )
        for record in self.changelog:
            value = record.value
            lines.append(
                {
                    "key": base64.b64encode(record.key).decode(),
                    "value": None if value is None else base64.b64encode(value).decode(),
                    "timestamp": record.timestamp_ms,
                }
            )
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    @classmethod
    def load(cls, file: Path) -> Recording:
        head, *lines = map(json.loads, file.read_text().splitlines())
        told = [line for line in lines if "turns" in line]
        return cls(
            head["release"],
            head["recognizer"],
            head["position"],
            [parse_transcript(json.dumps(line)) for line in told],
            {line["id"]: line["sent"] for line in told},
            [
                ChangelogRecord(
                    base64.b64decode(line["key"]),
                    None if line["value"] is None else base64.b64decode(line["value"]),
                    line["timestamp"],
                )
                for line in lines
                if "key" in line
            ],
        )

    @property
    def committed(self) -> int:
        """The offset of the newest mark: what was persisted before the last commit."""
        return newest_mark(self.state()[WATERMARK_KEY])

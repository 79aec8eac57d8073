"""Transcripts and files into events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.events import Event, EventType, encode
from stream.sources import (
    FileError,
    Transcript,
    TranscriptError,
    parse_transcript,
    read_conversations,
)
from stream.sources.transcript import DEFAULT_GAP_MS, DEFAULT_START_MS


def transcript(**change: object) -> Transcript:
    data = {
        "id": "c1",
        "queue": "orders",
        "channel": "chat",
        "agent": "a-1",
        "turns": [
            {"speaker": "customer", "text": "hello"},
            {"speaker": "agent", "text": "hi"},
        ],
    }
    return parse_transcript(json.dumps(data | change))


def test_events_of_a_transcript_without_times() -> None:
    events = transcript().events()
    assert [event.type for event in events] == [
        EventType.SESSION_STARTED,
        EventType.UTTERANCE,
        EventType.UTTERANCE,
        EventType.SESSION_ENDED,
    ]
    assert [event.time_ms - DEFAULT_START_MS for event in events] == [
        0,
        0,
        DEFAULT_GAP_MS,
        DEFAULT_GAP_MS,
    ]
    assert {event.session_id for event in events} == {"c1"}
    assert {event.queue for event in events} == {"orders"}
    assert len({event.event_id for event in events}) == 4
    assert events == transcript().events()


def test_a_turns_time_counts_and_never_falls() -> None:
    turns = [
        {"speaker": "customer", "text": "a", "at": "2026-01-01T10:00:05Z"},
        {"speaker": "agent", "text": "b", "at": "2026-01-01T10:00:01Z"},
        {"speaker": "agent", "text": "c", "at": 1_767_261_620_000},
    ]
    parsed = transcript(turns=turns)
    times = [turn.time_ms - parsed.started_ms for turn in parsed.turns]
    assert times == [0, 0, 15_000]
    assert [turn.text for turn in parsed.turns] == ["a", "b", "c"]


def test_the_start_may_precede_the_first_turn() -> None:
    turns = [{"speaker": "customer", "text": "a", "at": "2026-01-01T10:00:05Z"}]
    parsed = transcript(turns=turns, started_at="2026-01-01T10:00:00Z")
    assert parsed.turns[0].time_ms - parsed.started_ms == 5_000


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": ""}, "id is missing"),
        ({"id": None}, "id is missing"),
        ({"turns": {}}, "turns must be a list"),
        ({"turns": [{"speaker": "boss", "text": "x"}]}, r"turns\[0\].speaker must be one of"),
        ({"turns": [{"speaker": "agent"}]}, r"turns\[0\].text must be a string"),
        ({"turns": [{"speaker": "agent", "text": "", "at": "noon"}]}, r"turns\[0\].at: "),
        ({"queue": 4}, "queue must be a string"),
    ],
)
def test_faults_are_named(change: dict[str, object], fault: str) -> None:
    with pytest.raises(TranscriptError, match=fault):
        transcript(**change)


def test_files_hold_transcripts_and_events(tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl"
    parsed = transcript()
    line = json.dumps({"id": "c2", "turns": [], "extra": 1}).encode()
    file.write_bytes(b"\n" + line + b"\n" + encode(parsed.events()[1]) + b"\n")
    first, second = read_conversations([str(file)])
    assert isinstance(first, Transcript)
    assert isinstance(second, Event)
    assert second == parsed.events()[1]


@pytest.mark.parametrize("line", ["{", "[]", '{"type": "utterance"}', '{"id": 1, "turns": []}'])
def test_a_bad_line_is_named_with_its_place(tmp_path: Path, line: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("\n" + line + "\n")
    with pytest.raises(FileError, match=r"bad\.jsonl:2: "):
        list(read_conversations([str(file)]))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileError, match=r"nowhere\.jsonl: No such file"):
        list(read_conversations(["nowhere.jsonl"]))

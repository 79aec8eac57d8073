"""What takes bytes from outside, each with what it promises for any bytes whatever.

A target takes one input and says what became of it; an exception that it lets out is a finding.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from stream.events import Event, Rejected, decode, encode
from stream.recognition import fast
from stream.samples import sample_conversations
from stream.session import (
    WATERMARK_KEY,
    ClosingRules,
    SessionProcessor,
    SessionState,
    StateError,
    encoded_offset,
    newest_mark,
)
from stream.sources import FileError, TranscriptError, parse_transcript, read_conversations
from tests.fuzz.mutate import MAX_BYTES, nearly

_RULES = ClosingRules(max_events=40)
_SEEDS = random.Random(1).sample(sample_conversations(), 12)
_EVENTS = [event for transcript in _SEEDS for event in transcript.events()]
_SESSION = "s"


class Target(NamedTuple):
    name: str
    weight: int
    make: Callable[[random.Random], bytes]
    run: Callable[[bytes], str]


# -- events ---------------------------------------------------------------------------------------


def _event(data: bytes) -> str:
    key = _key(data)
    event = decode(key, data, MAX_BYTES)
    if isinstance(event, Rejected):
        event.detail.encode()
        return event.reason.value
    assert decode(event.session_id.encode(), encode(event), 10 * MAX_BYTES) == event
    return "accepted"


def _key(data: bytes) -> bytes | None:
    """The key that lets as much as possible of an event be looked at."""
    try:
        return str(json.loads(data)["session_id"]).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return b"x" if len(data) % 2 else None


class _Stream:
    """A partition that lives through all inputs, as a worker's does, with ever new sessions and a
    restart now and then."""

    def __init__(self) -> None:
        self._store: dict[bytes, bytes] = {}
        self._start(0)

    def _start(self, position: int) -> None:
        self._processor = SessionProcessor(fast(), _RULES, self._store)
        self._processor.resume(position)

    def __call__(self, data: bytes) -> str:
        processor = self._processor
        position = processor.position
        event = decode(_key(data), data, MAX_BYTES)
        if isinstance(event, Rejected):
            processor.skip(position, None)
            outcome = event.reason.value
        else:
            event = event._replace(session_id=f"{event.session_id}-{position // 500}")
            outcome = processor.process(position, event, event.time_ms).value
        if position % 50 == 0 and processor.advance(1_000):
            processor.emit_decided()
        changes = processor.take()
        for closed in changes.records:
            json.loads(closed.value)
            assert not closed.failed, closed.failed
        processor.confirm(changes)
        if position % 2_000 == 1_999:
            if len(self._store) > 1_000:
                self._store.clear()
            self._start(position + 1)
        return outcome


# -- files ----------------------------------------------------------------------------------------


def _transcript(data: bytes) -> str:
    try:
        transcript = parse_transcript(data)
    except TranscriptError as error:
        str(error).encode()
        return "refused"
    for event in transcript.events():
        # Whatever a transcript says, the worker takes.
        assert decode(event.session_id.encode(), encode(event), 10 * MAX_BYTES) == event
    return "accepted"


class _File:
    def __init__(self, directory: Path) -> None:
        self._file = directory / "input.jsonl"

    def __call__(self, data: bytes) -> str:
        self._file.write_bytes(data)
        try:
            found = list(read_conversations([str(self._file)]))
        except FileError as error:
            str(error).encode()
            return "refused"
        return "accepted" if found else "empty"


# -- what is restored -----------------------------------------------------------------------------


@cache
def _states() -> dict[bytes, bytes]:
    """Sessions at all their stages, and the marks of their partition."""
    processor = SessionProcessor(fast(), ClosingRules(), {})
    held: dict[bytes, bytes] = {}
    for n, transcript in enumerate(_SEEDS):
        events = transcript.events()
        for event in events[: len(events) * n // len(_SEEDS) + 2]:
            processor.process(processor.position, event, event.time_ms)
        changes = processor.take()
        held |= {key: value for key, value in changes.state.items() if value is not None}
        processor.confirm(changes)
        if n == len(_SEEDS) // 2 and processor.advance(1_000_000_000):
            held |= {key: value for key, value in processor.take().state.items() if value}
            processor.emit_decided()
    now = processor.now()
    assert now is not None
    held[WATERMARK_KEY] = processor.mark(now, None)
    return held


def sessions() -> list[list[Any]]:
    """The layouts of sessions at all their stages: head and, of open ones, facts."""
    return [
        [json.loads(line) for line in value.splitlines()]
        for key, value in _states().items()
        if key != WATERMARK_KEY
    ]


def _state(data: bytes) -> str:
    with contextlib.suppress(StateError):
        encoded_offset(data)
    try:
        state = SessionState.decode(_SESSION, data)
    except StateError as error:
        str(error).encode()
        return "refused"
    again = state.encode()
    assert SessionState.decode(_SESSION, again).encode() == again
    # What can be read can be gone on with, to the record.
    processor = SessionProcessor(fast(), _RULES, {_SESSION.encode(): data})
    processor.resume(1)
    for n, event in enumerate(_EVENTS[:2]):
        processor.process(1 + n, event._replace(session_id=_SESSION), event.time_ms)
    processor.advance(10**9)
    processor.emit_decided()
    processor.finish()
    changes = processor.take()
    for closed in changes.records:
        json.loads(closed.value)
    processor.confirm(changes)
    return "accepted"


def _marks(data: bytes) -> str:
    with contextlib.suppress(StateError):
        newest_mark(data)
    try:
        processor = SessionProcessor(fast(), _RULES, {WATERMARK_KEY: data})
    except StateError:
        return "refused"
    processor.resume(5)
    processor.process(5, _EVENTS[0], _EVENTS[0].time_ms)
    now = processor.now()
    assert now is not None
    processor.mark(now, 5)
    return "accepted"


def targets(directory: Path) -> Iterator[Target]:
    """All of them; ``directory`` is for the files that some need."""
    events = [json.loads(encode(event)) for event in _EVENTS]
    transcripts = [_written(transcript.events()) for transcript in _SEEDS]
    lines: list[object] = [*transcripts, *events]
    yield Target("event", 8, nearly(events), _event)
    yield Target("stream", 4, nearly(events), _Stream())
    yield Target("transcript", 3, nearly(transcripts), _transcript)
    yield Target("file", 2, nearly(lines), _File(directory))
    yield Target("state", 4, nearly(sessions(), lines=True), _state)
    yield Target("marks", 1, nearly([json.loads(_states()[WATERMARK_KEY])]), _marks)


def _written(events: list[Event]) -> dict[str, object]:
    turns = [
        {"speaker": event.speaker.value, "text": event.text, "at": event.time_ms}
        for event in events
        if event.speaker is not None
    ]
    first = events[0]
    return {"id": first.session_id, "queue": first.queue, "agent": first.agent, "turns": turns}

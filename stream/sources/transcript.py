"""A transcript, the whole conversation on one JSON line, into events."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from stream.events import Event, EventType, Speaker, parse_time
from stream.events.decode import MAX_ID_LENGTH

DEFAULT_START_MS = 1_577_836_800_000
"""Start of a transcript that carries no time (2020-01-01T00:00:00Z): fixed, so that the same
file always yields the same events."""

DEFAULT_GAP_MS = 10_000
"""Time from a turn to the next where a turn carries no time of its own."""

_SPEAKERS = {member.value: member for member in Speaker}


class TranscriptError(ValueError):
    """A transcript that breaks the format; says which field of which turn."""


class Turn(NamedTuple):
    speaker: Speaker
    text: str
    time_ms: int


class Transcript(NamedTuple):
    """``turns`` are in the order spoken, their times never falling."""

    id: str
    turns: tuple[Turn, ...]
    started_ms: int
    queue: str = ""
    channel: str = ""
    language: str = ""
    agent: str = ""

    def events(self) -> list[Event]:
        """The conversation as canonical events, the session's start and end included.

        Event ids derive from the transcript's id, so producing a file twice yields duplicates
        that the service recognises, not a second conversation.
        """

        def event(
            n: int, kind: EventType, time_ms: int, speaker: Speaker | None = None, text: str = ""
        ) -> Event:
            return Event(
                kind,
                f"{self.id[-200:]}:{n}",
                self.id,
                time_ms,
                n,
                self.channel,
                self.queue,
                self.language,
                self.agent,
                speaker,
                text,
            )

        out = [event(0, EventType.SESSION_STARTED, self.started_ms)]
        out += [
            event(n, EventType.UTTERANCE, turn.time_ms, turn.speaker, turn.text)
            for n, turn in enumerate(self.turns, start=1)
        ]
        ended_ms = self.turns[-1].time_ms if self.turns else self.started_ms
        out.append(event(len(out), EventType.SESSION_ENDED, ended_ms))
        return out


def parse_transcript(line: bytes | str) -> Transcript:
    """Parse one JSON line ``{"id", "turns": [{"speaker", "text", "at"?}], "queue"?, "channel"?,
    "language"?, "agent"?, "started_at"?}``; other keys are ignored.

    A turn's time that lies before the previous turn's is raised to it: the order of the turns
    is what the file says happened. Raises :class:`TranscriptError`.
    """
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise TranscriptError(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise TranscriptError("a transcript must be a JSON object")
    return _transcript(data)


def _name(data: dict[str, Any], field: str) -> str:
    value = data.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TranscriptError(f"{field} must be a string")
    if len(value) > MAX_ID_LENGTH:
        raise TranscriptError(f"{field} is longer than {MAX_ID_LENGTH} characters")
    return value


def _time(value: object, field: str) -> int:
    try:
        return parse_time(value)
    except ValueError as error:
        raise TranscriptError(f"{field}: {error}") from None


def _transcript(data: dict[str, Any]) -> Transcript:
    identity = _name(data, "id")
    if not identity:
        raise TranscriptError("id is missing or empty")
    raw_turns = data.get("turns")
    if not isinstance(raw_turns, list):
        raise TranscriptError("turns must be a list")
    started = data.get("started_at")
    started_ms = None if started is None else _time(started, "started_at")

    turns: list[Turn] = []
    now = DEFAULT_START_MS if started_ms is None else started_ms
    for n, raw in enumerate(raw_turns):
        if not isinstance(raw, dict):
            raise TranscriptError(f"turns[{n}] must be an object")
        speaker = raw.get("speaker")
        if not isinstance(speaker, str) or speaker not in _SPEAKERS:
            raise TranscriptError(f"turns[{n}].speaker must be one of {', '.join(_SPEAKERS)}")
        text = raw.get("text")
        if not isinstance(text, str):
            raise TranscriptError(f"turns[{n}].text must be a string")
        at = raw.get("at")
        if at is not None:
            at_ms = _time(at, f"turns[{n}].at")
            now = at_ms if not turns and started_ms is None else max(now, at_ms)
        elif turns:
            now += DEFAULT_GAP_MS
        turns.append(Turn(_SPEAKERS[speaker], text, now))
    if started_ms is None:
        started_ms = turns[0].time_ms if turns else DEFAULT_START_MS
    return Transcript(
        identity,
        tuple(turns),
        started_ms,
        _name(data, "queue"),
        _name(data, "channel"),
        _name(data, "language"),
        _name(data, "agent"),
    )

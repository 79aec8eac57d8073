"""Conversations from files: JSON lines that are transcripts or canonical events."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from stream.events import Event, Rejected, decode
from stream.sources.transcript import Transcript, TranscriptError, parse_transcript

_MAX_EVENT_BYTES = 16 * 1024 * 1024  # a file is the operator's own, unlike a topic


class FileError(ValueError):
    """A line that is neither a transcript nor an event; names the file and the line."""


def read_conversations(paths: Iterable[str]) -> Iterator[Transcript | Event]:
    """Yield what the files hold, in order. ``-`` is standard input; blank lines are skipped.

    Raises :class:`FileError` at the first line that is neither, or for a file that cannot be read.
    """
    for path in paths:
        name = "<stdin>" if path == "-" else path
        try:
            lines = sys.stdin.buffer if path == "-" else Path(path).open("rb")
            with lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield _conversation(line, f"{name}:{number}")
        except OSError as error:
            raise FileError(f"{name}: {error.strerror or error}") from None


def _conversation(line: bytes, where: str) -> Transcript | Event:
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FileError(f"{where}: not JSON: {error.msg}") from None
    if isinstance(data, dict) and "type" in data and "turns" not in data:
        session_id = data.get("session_id")
        key = session_id.encode() if isinstance(session_id, str) else None
        event = decode(key, line, _MAX_EVENT_BYTES)
        if isinstance(event, Rejected):
            raise FileError(f"{where}: {event.reason.value}: {event.detail}")
        return event
    try:
        return parse_transcript(line)
    except TranscriptError as error:
        raise FileError(f"{where}: {error}") from None

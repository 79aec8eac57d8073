"""Conversations from files: JSON lines that are transcripts or canonical events, and the analysis
files of Contact Lens. Records of a bus from files, to try a source on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from stream.events import Event, Rejected, decode, parse_time
from stream.events.decode import Refused
from stream.sources.contact_lens import analysis, file_name, is_analysis
from stream.sources.transcript import (
    DEFAULT_START_MS,
    Transcript,
    TranscriptError,
    parse_transcript,
)

_MAX_EVENT_BYTES = 16 * 1024 * 1024  # a file is the operator's own, unlike a topic


class FileError(ValueError):
    """A line that is none of what a file may hold; names the file and the line."""


class Conversation(NamedTuple):
    """A whole conversation that came as something else than a transcript."""

    id: str
    recorded: tuple[Event, ...]

    def events(self) -> list[Event]:
        """The conversation as canonical events, the session's start and end included."""
        return list(self.recorded)


def read_conversations(paths: Iterable[str]) -> Iterator[Transcript | Conversation | Event]:
    """Yield what the files hold, in order. ``-`` is standard input; blank lines are skipped.

    Raises :class:`FileError` at the first line that is nothing of it, or for a file that cannot be
    read.
    """
    for path in paths:
        for line, where in _documents(path):
            yield _conversation(line, where)


def _documents(path: str) -> Iterator[tuple[bytes, str]]:
    """The lines of a file and their names; a file that is one JSON document over many lines is
    taken as one."""
    name = "<stdin>" if path == "-" else path
    try:
        lines = sys.stdin.buffer if path == "-" else Path(path).open("rb")
        with lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    if number == 1 and line.strip() in (b"{", b"["):
                        yield line + lines.read(), name
                        return
                    yield line, f"{name}:{number}"
    except OSError as error:
        raise FileError(f"{name}: {error.strerror or error}") from None


class Record(NamedTuple):
    """A record of a bus, from a file. ``key`` is None where the file does not tell it."""

    where: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    log_ms: int | None


def read_records(path: str) -> Iterator[Record]:
    """Records from a file: a payload a line, one payload, a JSON list of payloads, or what
    ``kcat -C -J`` prints, which holds keys, headers and timestamps too.

    Raises :class:`FileError` for a file that cannot be read.
    """
    for line, where in _documents(path):
        try:
            data = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield Record(where, None, line.strip(), (), None)  # a web form, or a fault to be shown
            continue
        items = data if isinstance(data, list) else [data]
        for n, item in enumerate(items):
            place = f"{where}[{n}]" if isinstance(data, list) else where
            if isinstance(item, dict) and {"payload", "partition", "offset"} <= item.keys():
                yield _printed(item, place)
            else:
                value = orjson.dumps(item) if isinstance(data, list) else line
                yield Record(place, None, value, (), None)


def _printed(item: dict[str, Any], where: str) -> Record:
    """A record as kcat prints it: headers are a list of names and values in turn."""
    flat = item.get("headers")
    flat = [str(part) for part in flat] if isinstance(flat, list) else []
    key, value, log_ms = item.get("key"), item["payload"], item.get("ts")
    return Record(
        where,
        None if key is None else str(key).encode(),
        None if value is None else _bytes(value),
        tuple((name, text.encode()) for name, text in zip(flat[::2], flat[1::2], strict=False)),
        log_ms if type(log_ms) is int else None,
    )


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else orjson.dumps(value)


def _conversation(line: bytes, where: str) -> Transcript | Conversation | Event:
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FileError(f"{where}: not JSON: {error.msg}") from None
    if isinstance(data, dict) and is_analysis(data):
        return _analysis(data, where)
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


def _analysis(data: dict[str, Any], where: str) -> Conversation:
    """Where the analysis names neither contact nor start, its file's name does; else the file's
    name is the conversation's."""
    file = Path(where).name
    contact_id, start = file_name(file)
    try:
        start_ms = parse_time(start) if start else DEFAULT_START_MS
    except ValueError:
        start_ms = DEFAULT_START_MS
    try:
        events, _, rejected = analysis(data, contact_id or file, start_ms)
    except Refused as refused:
        rejected, events = refused.rejected, []
    if rejected is not None:
        raise FileError(f"{where}: {rejected.reason.value}: {rejected.detail}")
    if not events:
        raise FileError(f"{where}: the analysis holds no turn")
    return Conversation(events[0].session_id, tuple(events))

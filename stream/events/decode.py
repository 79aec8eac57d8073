"""From the bytes of a Kafka record to a typed event, or to a named rejection."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import orjson

from stream.events.model import SCHEMA_VERSION, Event, EventType, Speaker, parse_time

MAX_ID_LENGTH = 256
"""Longest accepted identifier or name, in characters: they are keys, labels and state."""

_TYPES = {member.value: member for member in EventType}
_SPEAKERS = {member.value: member for member in Speaker}


class RejectReason(str, enum.Enum):
    """Why an event was refused: the value of the ``reason`` header and metric label."""

    MISSING_KEY = "missing_key"
    KEY_MISMATCH = "key_mismatch"
    EMPTY = "empty"
    OVERSIZED = "oversized"
    MALFORMED_JSON = "malformed_json"
    WRONG_TYPE = "wrong_type"
    MISSING_FIELD = "missing_field"
    INVALID_VALUE = "invalid_value"
    BAD_TIME = "bad_time"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_PAYLOAD = "unknown_payload"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNSUPPORTED_SCHEMA = "unsupported_schema"
    PROCESSING_FAILED = "processing_failed"


class Rejected(NamedTuple):
    """A refusal. ``detail`` names the field and the fault and never quotes the payload."""

    reason: RejectReason
    detail: str


class Refused(Exception):  # noqa: N818  (a refusal is an outcome, not an error)
    """What a part of the decoding raises; its caller turns it into :class:`Rejected`."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        self.rejected = Rejected(reason, detail)


def decode(key: bytes | None, value: bytes | None, max_bytes: int) -> Event | Rejected:
    """Decode one record of ``conversation.events``.

    ``max_bytes`` bounds the size of ``value``. Fields that the schema does not know are ignored.
    Never raises: whatever the bytes are, the answer is an event or a rejection.
    """
    try:
        return event_of(key, json_object(value, max_bytes))
    except Refused as refused:
        return refused.rejected


def json_object(value: bytes | None, max_bytes: int) -> dict[str, Any]:
    """The JSON object that a record's value is. Raises :class:`Refused`."""
    if not value:
        raise Refused(RejectReason.EMPTY, "the record has no value")
    if len(value) > max_bytes:
        raise Refused(RejectReason.OVERSIZED, f"{len(value)} bytes; the limit is {max_bytes}")
    try:
        data = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        if value[0] == 0:
            raise Refused(
                RejectReason.MALFORMED_JSON,
                "begins with a zero byte, as in Confluent's wire format: for its schema registry "
                "see EMPATHY_SCHEMA_REGISTRY_URL",
            ) from None
        where = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise Refused(RejectReason.MALFORMED_JSON, where) from None
    if type(data) is not dict:
        raise Refused(RejectReason.WRONG_TYPE, "the event must be a JSON object")
    return data


def _text(data: dict[str, Any], field: str) -> str:
    """An optional identifier or name; ``null`` counts as absent, as many serialisers write it."""
    value = data.get(field)
    if value is None:
        return ""
    if type(value) is not str:
        raise Refused(RejectReason.WRONG_TYPE, f"{field} must be a string")
    if len(value) > MAX_ID_LENGTH:
        raise Refused(
            RejectReason.INVALID_VALUE, f"{field} is longer than {MAX_ID_LENGTH} characters"
        )
    return value


def _required(data: dict[str, Any], field: str) -> str:
    value = _text(data, field)
    if not value:
        raise Refused(RejectReason.MISSING_FIELD, f"{field} is missing or empty")
    return value


def event_of(key: bytes | None, data: dict[str, Any]) -> Event:
    """The event that a decoded JSON object is. Raises :class:`Refused`."""
    version = data.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION or type(version) is not int:
        raise Refused(RejectReason.UNKNOWN_VERSION, f"schema_version must be {SCHEMA_VERSION}")
    kind = data.get("type")
    event_type = _TYPES.get(kind) if type(kind) is str else None
    if event_type is None:
        if kind is None:
            raise Refused(RejectReason.MISSING_FIELD, "type is missing")
        raise Refused(RejectReason.UNKNOWN_TYPE, f"type must be one of {', '.join(_TYPES)}")

    session_id = _required(data, "session_id")
    if key is None:
        raise Refused(RejectReason.MISSING_KEY, "the record's key must be the session id")
    if key != session_id.encode():
        raise Refused(RejectReason.KEY_MISMATCH, "the record's key is not its session_id")
    event_id = _required(data, "event_id")
    time = data.get("time")
    if time is None:
        raise Refused(RejectReason.MISSING_FIELD, "time is missing")
    try:
        time_ms = parse_time(time)
    except ValueError as error:
        raise Refused(RejectReason.BAD_TIME, str(error)) from None
    sequence = data.get("sequence", 0)
    if type(sequence) is not int:
        raise Refused(RejectReason.WRONG_TYPE, "sequence must be a whole number")
    if not 0 <= sequence < 2**53:
        raise Refused(RejectReason.INVALID_VALUE, "sequence must be from 0 to 2^53 - 1")

    speaker: Speaker | None = None
    text = name = ""
    final = True
    if event_type is EventType.UTTERANCE:
        speaker, text, final = _utterance(data)
    elif event_type is EventType.TRANSFER:
        name = _text(data, "target")
    elif event_type is EventType.ACTION:
        name = _required(data, "action")
    return Event(
        event_type,
        event_id,
        session_id,
        time_ms,
        sequence,
        _text(data, "channel"),
        _text(data, "queue"),
        _text(data, "language"),
        _text(data, "agent"),
        speaker,
        text,
        final,
        name,
    )


def _utterance(data: dict[str, Any]) -> tuple[Speaker, str, bool]:
    who = data.get("speaker")
    speaker = _SPEAKERS.get(who) if type(who) is str else None
    if speaker is None:
        if who is None:
            raise Refused(RejectReason.MISSING_FIELD, "speaker is missing")
        raise Refused(RejectReason.INVALID_VALUE, f"speaker must be one of {', '.join(_SPEAKERS)}")
    text = data.get("text")
    if type(text) is not str:
        if text is None:
            raise Refused(RejectReason.MISSING_FIELD, "text is missing")
        raise Refused(RejectReason.WRONG_TYPE, "text must be a string")
    final = data.get("final", True)
    if type(final) is not bool:
        raise Refused(RejectReason.WRONG_TYPE, "final must be true or false")
    return speaker, text, final

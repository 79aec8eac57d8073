"""Confluent's wire format: a zero byte, the schema's id in four bytes (big-endian), the payload.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html
(section "Wire format"). Newer clients may put the id into a header: the value is plain then.
JSON never begins with a zero byte, so that framed and plain values may share a topic.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from stream.events import Event, Rejected, RejectReason
from stream.sources.base import Headers, Mapped, Source

_HEADER = struct.Struct(">BI")
_MAGIC = 0

JSON_SCHEMA = "JSON"
"""The registry's name for the type of a JSON Schema."""


def header(schema_id: int) -> bytes:
    """What precedes the payload."""
    return _HEADER.pack(_MAGIC, schema_id)


def schema_id(value: bytes | None) -> int | None:
    """The id in a framed value; None where the value is not framed, or is too short to be."""
    if not value or value[0] != _MAGIC or len(value) < _HEADER.size:
        return None
    found: int = _HEADER.unpack_from(value)[1]
    return found


def payload(value: bytes) -> bytes:
    """A value without its frame, if it has one."""
    return value[_HEADER.size :] if value and value[0] == _MAGIC else value


def framed(source: Source, types: Mapping[int, str]) -> Source:
    """Opens frames before ``source`` reads what is in them. ``types`` are those of the schemas by
    id, as the registry knows them: what is missing is unknown."""

    def read(
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        log_ms: int | None,
        max_bytes: int,
    ) -> Event | Mapped | Rejected:
        if not value or value[0] != _MAGIC:
            return source(key, value, headers, log_ms, max_bytes)
        found = schema_id(value)
        if found is None:
            return Rejected(RejectReason.UNKNOWN_SCHEMA, "the frame is too short to name a schema")
        kind = types.get(found)
        if kind is None:
            return Rejected(
                RejectReason.UNKNOWN_SCHEMA, f"the registry knows no schema with the id {found}"
            )
        if kind != JSON_SCHEMA:
            return Rejected(
                RejectReason.UNSUPPORTED_SCHEMA,
                f"schema {found} is of the type {kind}; only {JSON_SCHEMA} is read",
            )
        return source(key, payload(value), headers, log_ms, max_bytes)

    return read

"""CloudEvents 1.0 envelopes: structured mode (the JSON event format) and Kafka's binary mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import orjson

from stream.events import RejectReason
from stream.events.decode import Refused, json_object

_ATTRIBUTES = ("id", "type", "source", "time")
_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch"
_NO_LIMIT = 2**62


class Envelope(NamedTuple):
    """The attributes that sources use; all empty where there was no envelope."""

    id: str = ""
    type: str = ""
    source: str = ""
    time: str = ""


NO_ENVELOPE = Envelope()


def is_batch(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").startswith(_BATCH)


def is_structured(data: dict[str, Any], headers: dict[str, str]) -> bool:
    """By the content type, or, as many producers set none, by the attributes every event has."""
    if headers.get("content-type", "").startswith(_STRUCTURED):
        return True
    return all(isinstance(data.get(name), str) for name in ("specversion", "id", "type", "source"))


def unwrap(data: dict[str, Any], headers: dict[str, str]) -> tuple[dict[str, Any], Envelope]:
    """The data of a CloudEvent and its attributes; ``data`` itself if it is none.

    Raises :class:`Refused` for another version and for data that is no JSON object.
    """
    if version := headers.get("ce_specversion"):
        _check(version)
        return data, Envelope(*(headers.get(f"ce_{name}", "") for name in _ATTRIBUTES))
    if not is_structured(data, headers):
        return data, NO_ENVELOPE
    _check(data.get("specversion"))
    envelope = Envelope(*(_string(data.get(name)) for name in _ATTRIBUTES))
    return _content(data), envelope


def _check(version: object) -> None:
    if not isinstance(version, str) or not version.startswith("1."):
        raise Refused(RejectReason.UNKNOWN_VERSION, "specversion: only CloudEvents 1.x is read")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _content(data: dict[str, Any]) -> dict[str, Any]:
    if "data_base64" in data:
        try:
            return json_object(
                base64.b64decode(_string(data["data_base64"]), validate=True), _NO_LIMIT
            )
        except binascii.Error:
            raise Refused(RejectReason.MALFORMED_JSON, "data_base64 is no Base64") from None
    content = data.get("data")
    if isinstance(content, str):  # JSON inside JSON, as some producers write it
        try:
            content = orjson.loads(content)
        except orjson.JSONDecodeError:
            content = None
    if not isinstance(content, dict):
        raise Refused(RejectReason.WRONG_TYPE, "the CloudEvent's data must be a JSON object")
    return content

"""CloudEvents 1.0 after its specification:

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from stream.events import Event, EventType, Rejected, RejectReason, Speaker
from stream.sources import Mapped, make_source
from tests.unit.sources.reading import LIMIT, LOG_MS, mapped, read
from tests.unit.sources.test_contact_lens import VOICE

UTTERANCE: dict[str, Any] = {
    "type": "utterance",
    "session_id": "s1",
    "speaker": "customer",
    "text": "hello",
}
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/crm",
    "type": "com.example.turn",
    "time": "2026-03-02T09:14:05.120Z",
    "datacontenttype": "application/json",
}
EVENT = Event(
    EventType.UTTERANCE, "e1", "s1", 1_772_442_845_120, speaker=Speaker.CUSTOMER, text="hello"
)
BINARY = tuple(
    (f"ce_{name}", str(value).encode())
    for name, value in ENVELOPE.items()
    if name != "datacontenttype"
)


@pytest.mark.parametrize("source", ["events", "auto"])
@pytest.mark.parametrize(
    "body",
    [
        {"data": UTTERANCE},
        {"data": json.dumps(UTTERANCE)},
        {"data_base64": base64.b64encode(json.dumps(UTTERANCE).encode()).decode()},
    ],
    ids=["object", "text", "base64"],
)
def test_structured_mode(source: str, body: dict[str, Any]) -> None:
    """Id and time come from the envelope where the data has none."""
    assert mapped(source, ENVELOPE | body, key=b"s1").events == [EVENT]
    own = UTTERANCE | {"event_id": "own", "time": "2026-03-02T09:14:06Z"}
    (event,) = mapped(source, ENVELOPE | {"data": own}, key=b"s1").events
    assert (event.event_id, event.time_ms) == ("own", 1_772_442_846_000)


@pytest.mark.parametrize("source", ["events", "auto"])
def test_binary_mode(source: str) -> None:
    headers = (*BINARY, ("content-type", b"application/json"))
    assert mapped(source, UTTERANCE, headers=headers, key=b"s1").events == [EVENT]


@pytest.mark.parametrize("source", ["contact-lens", "auto"])
def test_a_vendors_payload_in_an_envelope(source: str) -> None:
    started = VOICE | {"EventType": "STARTED"}
    plain = mapped(source, started)
    assert mapped(source, ENVELOPE | {"data": started}) == plain
    assert mapped(source, started, headers=BINARY) == plain
    assert plain.events


@pytest.mark.parametrize("source", ["events", "contact-lens", "auto"])
@pytest.mark.parametrize(
    ("payload", "headers", "reason"),
    [
        (ENVELOPE | {"specversion": "2.0"}, (), RejectReason.UNKNOWN_VERSION),
        (UTTERANCE, (("ce_specversion", b"0.3"),), RejectReason.UNKNOWN_VERSION),
        (ENVELOPE | {"data": [1]}, (), RejectReason.WRONG_TYPE),
        (ENVELOPE | {"data_base64": "!"}, (), RejectReason.MALFORMED_JSON),
        (ENVELOPE, (), RejectReason.WRONG_TYPE),
    ],
)
def test_an_envelope_that_cannot_be_opened(
    source: str, payload: Any, headers: tuple[tuple[str, bytes], ...], reason: RejectReason
) -> None:
    found = read(source, payload, headers=headers, key=b"s1")
    assert isinstance(found, Rejected)
    assert found.reason is reason


def test_the_key_of_an_event_in_an_envelope_must_be_its_session() -> None:
    found = read("events", ENVELOPE | {"data": UTTERANCE}, key=b"other")
    assert isinstance(found, Rejected)
    assert found.reason is RejectReason.KEY_MISMATCH


def test_a_rejected_event_without_an_envelope_keeps_its_reason() -> None:
    found = make_source("events")(b"s1", b"{", [("trace", b"1")], LOG_MS, LIMIT)
    assert isinstance(found, Rejected)
    assert not isinstance(found, Mapped)
    assert found.reason is RejectReason.MALFORMED_JSON

"""Promises of every source: any bytes have an answer, and the same bytes the same answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.events import Event, EventType, Rejected, RejectReason, decode, encode
from stream.samples import sample_conversations
from stream.sources import SOURCES, Mapped, Source, make_source
from stream.sources.mapping import parse_mapping
from tests.unit.sources.reading import LIMIT, LOG_MS
from tests.unit.sources.test_contact_lens import CALL_ANALYSIS, CHAT, VOICE, said, wrote
from tests.unit.sources.test_genesys import TURNS, conversation, person, transcription
from tests.unit.sources.test_mapping import MESSAGES
from tests.unit.sources.test_twilio import ADDED, TRANSCRIPT

HELD = {"held": True, "startHoldTime": "2026-03-02T09:15:00Z"}
PAYLOADS: dict[str, list[dict[str, Any]]] = {
    "contact-lens": [
        VOICE | {"EventType": "STARTED"},
        VOICE | {"EventType": "SEGMENTS", "Segments": [said(1, "CUSTOMER", "hello", 0, 900)]},
        CHAT
        | {
            "StreamingEventType": "SEGMENTS",
            "Segments": [wrote(1, "AGENT", "p", "hello", "2026-03-02T09:14:00Z")],
        },
        CALL_ANALYSIS | {"CustomerMetadata": {"ContactId": "c"}},
    ],
    "genesys": [
        transcription(*TURNS),
        conversation(person("a", "agent", "09:14:00", call=HELD)),
    ],
    "twilio": [ADDED, TRANSCRIPT],
    "events": [json.loads(encode(event)) for event in sample_conversations()[0].events()[:2]],
    "mapping": [
        {
            "kind": "chat.message",
            "conversation": {"id": "c"},
            "messages": [{"id": 1, "sent_at": 1, "author": {"role": "visitor"}, "body": "x"}],
        }
    ],
}
EXAMPLES = [payload for payloads in PAYLOADS.values() for payload in payloads]


def source(name: str) -> Source:
    return make_source(name, parse_mapping(MESSAGES, "bus.yaml") if name == "mapping" else None)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A vendor's payload with some of its values exchanged, dropped, or taken from elsewhere."""
    payload = json.loads(json.dumps(draw(st.sampled_from(EXAMPLES))))
    for _ in range(draw(st.integers(1, 3))):
        node: Any = payload
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            child = node[key]
            if isinstance(child, (dict, list)) and child and draw(st.integers(0, 3)):
                node = child
                continue
            if isinstance(node, dict) and draw(st.booleans()):
                del node[key]
            else:
                node[key] = draw(json_values)
            break
    return dict(payload)


def ask(name: str, value: bytes, key: bytes | None = b"k") -> Event | Mapped | Rejected:
    found = source(name)(key, value, (), LOG_MS, LIMIT)
    assert isinstance(found, (Event, Mapped, Rejected))
    if isinstance(found, Mapped):
        for event in found.events:
            # What the sources make, the schema of events takes.
            again = decode(event.session_id.encode(), encode(event), LIMIT)
            assert again == event._replace(offset_ms=None), event
        assert found.events or found.dropped or found.rejected
    rejected = found if isinstance(found, Rejected) else None
    if isinstance(found, Mapped):
        rejected = found.rejected
    if rejected is not None:
        assert isinstance(rejected.reason, RejectReason)
        assert rejected.detail
    assert source(name)(key, value, (), LOG_MS, LIMIT) == found
    return found


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=150)
@given(payload=damaged())
def test_damaged_payloads(name: str, payload: dict[str, Any]) -> None:
    ask(name, json.dumps(payload).encode())


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=50)
@given(value=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(name: str, value: bytes) -> None:
    source(name)(b"k", value, (), LOG_MS, LIMIT)


@pytest.mark.parametrize("name", [name for name in PAYLOADS if name != "mapping"])
def test_auto_tells_each_vendors_payloads_from_the_others(name: str) -> None:
    for payload in PAYLOADS[name]:
        value = json.dumps(payload).encode()
        key = payload.get("session_id", "k").encode()
        expected = ask(name, value, key)
        if isinstance(expected, Event):
            expected = Mapped([expected], [])
        assert isinstance(expected, Mapped)
        assert expected.events
        assert ask("auto", value, key) == expected
        for other in PAYLOADS:
            if other not in (name, "mapping"):
                assert isinstance(ask(other, value, key), Rejected)


def test_auto_refuses_what_could_be_several_and_what_is_none() -> None:
    found = ask("auto", json.dumps(ADDED | {"topicName": "v2.users.u.conversations"}).encode())
    assert isinstance(found, Rejected)
    assert found.detail == "looks like several sources: genesys, twilio; name one"
    found = ask("auto", b'{"hello": 1}')
    assert found == (RejectReason.UNKNOWN_PAYLOAD, "looks like none of the sources")


def test_a_rejection_never_quotes_the_payload() -> None:
    secret = "xyzzy-4711"

    def with_secret(node: Any) -> Any:
        """Each value in turn replaced."""
        if isinstance(node, dict):
            for key in node:
                for child in with_secret(node[key]):
                    yield node | {key: child}
        elif isinstance(node, list):
            for n in range(len(node)):
                for child in with_secret(node[n]):
                    yield [*node[:n], child, *node[n + 1 :]]
        yield [secret]
        yield {secret: secret}
        yield secret

    for name, payloads in PAYLOADS.items():
        for payload in payloads:
            for change in with_secret(payload):
                found = ask(name, json.dumps(change).encode())
                rejected = found.rejected if isinstance(found, Mapped) else found
                if isinstance(rejected, Rejected):
                    assert secret not in rejected.detail


def test_a_single_event_comes_as_it_is() -> None:
    event = sample_conversations()[0].events()[0]
    found = make_source("events")(event.session_id.encode(), encode(event), (), LOG_MS, LIMIT)
    assert found == event
    assert event.type is EventType.SESSION_STARTED

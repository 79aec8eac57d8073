"""Decoding: every event of the schema comes through, everything else is a named rejection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.events import (
    Event,
    EventType,
    Rejected,
    RejectReason,
    Speaker,
    decode,
    encode,
    format_time,
    parse_time,
)

SCHEMAS = Path(__file__).parents[2] / "schemas"
EVENT_SCHEMA = json.loads((SCHEMAS / "conversation.events.schema.json").read_bytes())
VALIDATOR = jsonschema.Draft202012Validator(
    EVENT_SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
LIMIT = 10_000
GOOD: dict[str, Any] = {
    "type": "utterance",
    "event_id": "e1",
    "session_id": "s1",
    "time": "2026-03-02T09:14:05.120Z",
    "speaker": "customer",
    "text": "hello",
}


def decoded(data: Any, key: bytes | None = b"s1") -> Event | Rejected:
    return decode(key, json.dumps(data).encode(), LIMIT)


def test_an_utterance_with_every_field() -> None:
    event = decoded(
        GOOD
        | {
            "schema_version": 1,
            "sequence": 4,
            "channel": "chat",
            "queue": "orders",
            "language": "en-GB",
            "agent": "a-17",
            "final": False,
            "vendor": {"anything": [1, 2]},
        }
    )
    assert event == Event(
        EventType.UTTERANCE,
        "e1",
        "s1",
        1_772_442_845_120,
        4,
        "chat",
        "orders",
        "en-GB",
        "a-17",
        Speaker.CUSTOMER,
        "hello",
        False,
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, RejectReason.EMPTY),
        (b"", RejectReason.EMPTY),
        (b"{", RejectReason.MALFORMED_JSON),
        (b"\xff\xfe", RejectReason.MALFORMED_JSON),
        (b'{"a": NaN}', RejectReason.MALFORMED_JSON),
        (b"[" * 5000, RejectReason.MALFORMED_JSON),
        (b"x" * (LIMIT + 1), RejectReason.OVERSIZED),
        (b"[]", RejectReason.WRONG_TYPE),
        (b"7", RejectReason.WRONG_TYPE),
    ],
)
def test_bytes_that_are_no_event(value: bytes | None, reason: RejectReason) -> None:
    rejected = decode(b"s1", value, LIMIT)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": None}, RejectReason.MISSING_FIELD),
        ({"type": "utterance.deleted"}, RejectReason.UNKNOWN_TYPE),
        ({"type": 3}, RejectReason.UNKNOWN_TYPE),
        ({"schema_version": 2}, RejectReason.UNKNOWN_VERSION),
        ({"schema_version": True}, RejectReason.UNKNOWN_VERSION),
        ({"session_id": None}, RejectReason.MISSING_FIELD),
        ({"session_id": ""}, RejectReason.MISSING_FIELD),
        ({"session_id": 5}, RejectReason.WRONG_TYPE),
        ({"session_id": "another"}, RejectReason.KEY_MISMATCH),
        ({"event_id": None}, RejectReason.MISSING_FIELD),
        ({"event_id": "e" * 257}, RejectReason.INVALID_VALUE),
        ({"time": None}, RejectReason.MISSING_FIELD),
        ({"time": "yesterday"}, RejectReason.BAD_TIME),
        ({"time": "2026-03-02T09:14:05"}, RejectReason.BAD_TIME),
        ({"time": "2026-02-30T09:14:05Z"}, RejectReason.BAD_TIME),
        ({"time": 1_772_442_845}, RejectReason.BAD_TIME),
        ({"time": 1e400}, RejectReason.MALFORMED_JSON),
        ({"time": True}, RejectReason.BAD_TIME),
        ({"sequence": -1}, RejectReason.INVALID_VALUE),
        ({"sequence": "1"}, RejectReason.WRONG_TYPE),
        ({"queue": 7}, RejectReason.WRONG_TYPE),
        ({"speaker": None}, RejectReason.MISSING_FIELD),
        ({"speaker": "supervisor"}, RejectReason.INVALID_VALUE),
        ({"text": None}, RejectReason.MISSING_FIELD),
        ({"text": ["a"]}, RejectReason.WRONG_TYPE),
        ({"final": "yes"}, RejectReason.WRONG_TYPE),
        ({"type": "action"}, RejectReason.MISSING_FIELD),
    ],
)
def test_each_fault_has_its_reason(change: dict[str, Any], reason: RejectReason) -> None:
    rejected = decoded(GOOD | change)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is reason
    assert rejected.detail


def test_the_key_must_be_the_session() -> None:
    assert decoded(GOOD, key=None) == (
        RejectReason.MISSING_KEY,
        "the record's key must be the session id",
    )


def test_a_rejection_never_quotes_the_payload() -> None:
    secret = "xyzzy-4711"
    for field in GOOD:
        for value in (secret, [secret], {secret: secret}):
            outcome = decoded(GOOD | {field: value}, key=b"s1")
            if isinstance(outcome, Rejected):
                assert secret not in outcome.detail


@pytest.mark.parametrize("example", EVENT_SCHEMA["examples"], ids=lambda e: e["type"])
def test_the_schemas_examples_decode(example: dict[str, Any]) -> None:
    VALIDATOR.validate(example)
    event = decoded(example, key=example["session_id"].encode())
    assert isinstance(event, Event), event
    assert event.type.value == example["type"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "schema_version", "sequence", "queue", "final", "target", "x"]),
        json_values
        | st.sampled_from([*(t.value for t in EventType), "customer", 1, "2026-01-01T00:00:00Z"]),
        max_size=6,
    )
)
def test_code_and_schema_agree(change: dict[str, Any]) -> None:
    data = GOOD | change
    session = data["session_id"]
    key = session.encode("utf-8", "surrogatepass") if isinstance(session, str) else b"s1"
    try:
        value = json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    event = decode(key, value, LIMIT)
    if isinstance(event, Event):
        # A null optional field counts as absent; the schema says so for names only.
        shown = {name: item for name, item in data.items() if item is not None}
        VALIDATOR.validate(shown)
    elif event.reason is not RejectReason.BAD_TIME:
        assert not VALIDATOR.is_valid(data), event


@given(st.binary(max_size=200), st.none() | st.binary(max_size=20))
def test_any_bytes_have_an_answer(value: bytes, key: bytes | None) -> None:
    assert isinstance(decode(key, value, LIMIT), (Event, Rejected))


events = st.builds(
    Event,
    st.sampled_from(EventType),
    st.text(min_size=1, max_size=20),
    st.text(min_size=1, max_size=20),
    st.integers(946_684_800_000, 4_102_444_799_999),
    st.integers(0, 2**53 - 1),
    *[st.text(max_size=10)] * 4,
).map(
    lambda event: event._replace(
        final=True,
        offset_ms=None,
        speaker=Speaker.AGENT if event.type is EventType.UTTERANCE else None,
        text="words" if event.type is EventType.UTTERANCE else "",
        name="refund" if event.type is EventType.ACTION else "",
    )
)


@given(events)
def test_what_is_encoded_decodes_to_the_same(event: Event) -> None:
    data = encode(event)
    VALIDATOR.validate(json.loads(data))
    assert decode(event.session_id.encode(), data, LIMIT) == event


@given(st.integers(946_684_800_000, 4_102_444_799_999))
def test_times_survive_formatting(time_ms: int) -> None:
    assert parse_time(format_time(time_ms)) == time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-03-02T10:14:05+01:00", 1_772_442_845_000),
        ("2026-03-02t04:44:05.5-04:30", 1_772_442_845_500),
        ("2026-03-02 09:14:05.123456789Z", 1_772_442_845_123),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
    ],
)
def test_rfc_3339_in_its_forms(text: str, time_ms: int) -> None:
    assert parse_time(text) == time_ms

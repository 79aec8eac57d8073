"""Mapping files: what they can say, and that each fault is named with its place."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stream.events import Event, EventType, Rejected, RejectReason, Speaker
from stream.sources import MAPPING, Mapped, make_source
from stream.sources.mapping import MappingError, parse_mapping
from tests.unit.sources.reading import LIMIT, LOG_MS, dropped, short

MESSAGES = """\
version: 1
rules:
  - name: message
    when: payload.kind == 'chat.message'
    each: payload.messages
    event:
      type: utterance
      session_id: payload.conversation.id
      event_id: item.id
      time: item.sent_at
      speaker: item.author.role
      text: item.body
      queue: payload.conversation.queue
      agent: item.author.ref
      channel: headers.medium
    time_unit: seconds
    words:
      speaker: {visitor: customer, operator: agent, "*": system}
  - when: payload.kind == 'handover'
    event:
      type: payload.what
      session_id: key
      event_id: join(':', ['handover', to_string(payload.n)])
      time: timestamp
      target: payload.to
    words:
      type: {moved: transfer}
  - when: payload.kind == 'typing'
    drop: typing indicators
"""


def read(text: str, payload: Any, key: bytes = b"c-1", **headers: str) -> Mapped | Rejected:
    source = make_source(MAPPING, parse_mapping(text, "bus.yaml"))
    pairs = [(name, value.encode()) for name, value in headers.items()]
    found = source(key, json.dumps(payload).encode(), pairs, LOG_MS, LIMIT)
    assert not isinstance(found, Event)
    return found


def test_elements_words_headers_and_seconds() -> None:
    payload = {
        "kind": "chat.message",
        "conversation": {"id": 81, "queue": "orders"},
        "messages": [
            {
                "id": "m-1",
                "sent_at": 1_772_442_845.25,
                "author": {"role": "visitor"},
                "body": "no hot water",
            },
            {
                "id": 2,
                "sent_at": "1772442850",
                "author": {"role": "operator", "ref": "a-7"},
                "body": "none?",
            },
            {"id": 3, "sent_at": 1_772_442_851, "author": {"role": "hub"}, "body": "joined"},
        ],
    }
    found = read(MESSAGES, payload, medium="chat")
    assert isinstance(found, Mapped)
    assert short(found) == [
        "09:14:05.250 customer no hot water",
        "09:14:10.000 agent a-7 none?",
        "09:14:11.000 system joined",
    ]
    assert found.events[1] == Event(
        EventType.UTTERANCE,
        "2",
        "81",
        1_772_442_850_000,
        0,
        "chat",
        "orders",
        "",
        "a-7",
        Speaker.AGENT,
        "none?",
    )


def test_key_timestamp_and_a_type_that_the_payload_tells() -> None:
    found = read(MESSAGES, {"kind": "handover", "what": "moved", "n": 4, "to": "tier-2"})
    assert isinstance(found, Mapped)
    (event,) = found.events
    assert (event.session_id, event.event_id) == ("c-1", "handover:4")
    assert short(found) == ["09:15:00.000 transfer tier-2"]


def test_what_a_rule_drops_and_what_no_rule_takes() -> None:
    found = read(MESSAGES, {"kind": "typing"})
    assert isinstance(found, Mapped)
    assert dropped(found) == [("rule 3: typing indicators", "rule")]
    found = read(MESSAGES, {"kind": "survey"})
    assert isinstance(found, Mapped)
    assert dropped(found) == [("payload", "no_rule")]


def test_a_faulty_element_is_named_and_costs_only_itself() -> None:
    good = {"id": "m", "sent_at": 1_772_442_845, "author": {"role": "visitor"}, "body": "hello"}
    payload = {
        "kind": "chat.message",
        "conversation": {"id": "c-1"},
        "messages": [good, good | {"body": ["secret"]}],
    }
    found = read(MESSAGES, payload)
    assert isinstance(found, Mapped)
    assert len(found.events) == 1
    assert found.rejected == (
        RejectReason.WRONG_TYPE,
        "item[1]: rule message: text must be a string",
    )


def test_an_expression_that_fails_on_a_payload_does_not_quote_it() -> None:
    text = MESSAGES.replace("session_id: key", "session_id: abs(payload.to)")
    found = read(text, {"kind": "handover", "what": "moved", "n": 1, "to": "secret"})
    assert isinstance(found, Rejected)
    assert found.reason is RejectReason.INVALID_VALUE
    assert found.detail == "rule 2: session_id cannot be evaluated (JMESPathTypeError)"


RULE = """\
version: 1
rules:
  - event:
      type: utterance
      session_id: payload.id
      event_id: payload.n
      time: payload.at
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bus.yaml: empty; it must say 'version: 1' and list 'rules'"),
        ("version: 1\nrules: [a\n", "bus.yaml:3:1: not YAML: "),
        ("version: 1\n", "bus.yaml:1:1: the file needs rules"),
        ("version: 2\nrules: []\n", "bus.yaml:1:10: version must be 1"),
        ("version: 1\nrules: []\n", "bus.yaml:2:8: rules must hold at least one rule"),
        (
            RULE + "    when: payload.kind ==\n",
            "bus.yaml:8:11: when: 'payload.kind ==' is no JMESPath: ",
        ),
        (
            RULE.replace("payload.at", "sent_at"),
            "bus.yaml:7:13: time: 'sent_at' begins with 'sent_at'; expressions begin with one of ",
        ),
        (
            RULE.replace("payload.at", "item.at"),
            "bus.yaml:7:13: time: 'item.at' uses item, which only 'each' brings",
        ),
        (
            RULE.replace("payload.at", "now(payload.at)"),
            "bus.yaml:7:13: time: 'now(payload.at)': JMESPath has no function now()",
        ),
        (RULE.replace("      time: payload.at\n", ""), "bus.yaml:4:7: rule 1, event needs time"),
        (RULE + "      colour: payload.c\n", "bus.yaml:8:7: colour: no such key; rule 1, event "),
        (RULE + "      time: payload.b\n", "bus.yaml:8:7: time is given twice"),
        (RULE + "    drop: never\n", "bus.yaml:3:5: rule 1 needs either event or drop"),
        (RULE + "    time_unit: days\n", "bus.yaml:8:16: time_unit must be one of "),
        (RULE + "    words: {speaker: visitor}\n", "bus.yaml:8:22: words, speaker must be a"),
        (RULE.replace("payload.n", "[payload.n]"), "bus.yaml:6:17: event_id must be text"),
    ],
)
def test_every_fault_has_file_line_and_expression(text: str, message: str) -> None:
    with pytest.raises(MappingError, match=f"^{re.escape(message)}"):
        parse_mapping(text, "bus.yaml")


@pytest.mark.parametrize(
    "expression",
    [
        "payload.messages[?kind == 'text'] | [0].id",
        "payload.list[*].{a: id, b: body} | [0].a",
        "(payload.id || key)",
        "join('-', payload.parts[].text)",
        "sort_by(payload.list, &at)[-1].at",
        "cloudevent.id",
    ],
)
def test_names_inside_an_expression_are_free(expression: str) -> None:
    parse_mapping(RULE.replace("payload.n", json.dumps(expression)), "bus.yaml")


def test_the_example_of_the_documentation_is_valid() -> None:
    from stream.sources import mapping

    assert mapping.__doc__ is not None
    example = mapping.__doc__.partition("::\n\n")[2].partition("\nExpressions see")[0]
    parse_mapping(example, "example.yaml")

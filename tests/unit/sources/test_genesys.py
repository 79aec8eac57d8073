"""Payloads written after Genesys Cloud's documentation:

https://developer.genesys.cloud/analyticsdatamanagement/speechtextanalytics/transcription-notifications
https://developer.genesys.cloud/notificationsalerts/notifications/available-topics
  (the schemas of v2.conversations.{id}.transcription and v2.users.{id}.conversations, as in
  https://github.com/MyPureCloud/platform-client-sdk-python: TranscriptionTopicTranscriptionMessage,
  ConversationEventTopicConversation)
https://developer.genesys.cloud/notificationsalerts/notifications/event-bridge
"""

from __future__ import annotations

from typing import Any

import pytest

from stream.events import EventType, Rejected, RejectReason
from stream.sources import Mapped
from tests.unit.sources.reading import dropped, mapped, read, short

START_MS = 1_772_442_840_000  # 2026-03-02T09:14:00Z


def heard(n: int, channel: str, text: str, offset_ms: int, **more: Any) -> dict[str, Any]:
    return {
        "utteranceId": f"u-{n}",
        "isFinal": True,
        "channel": channel,
        "alternatives": [
            {
                "confidence": 0.84,
                "offsetMs": offset_ms,
                "durationMs": 1_200,
                "transcript": text,
                "words": [],
            }
        ],
        "engineProvider": "GENESYS",
        "engineId": "r2d2",
        "dialect": "en-US",
    } | more


def transcription(*transcripts: dict[str, Any], status: str = "SESSION_ONGOING") -> dict[str, Any]:
    return {
        "topicName": "v2.conversations.conv-1.transcription",
        "version": "2",
        "eventBody": {
            "eventTime": "2026-03-02T09:14:48.128Z",
            "organizationId": "org",
            "conversationId": "conv-1",
            "communicationId": "leg-1",
            "sessionStartTimeMs": START_MS - 40,
            "transcriptionStartTimeMs": START_MS,
            "transcripts": list(transcripts),
            "status": {"offsetMs": 48_128, "status": status},
        },
        "metadata": {"CorrelationId": "c"},
    }


TURNS = [
    heard(1, "EXTERNAL", "my order number is", 4_000, isFinal=False),
    heard(1, "EXTERNAL", "my order is late", 4_000),
    heard(2, "INTERNAL", "your order is late", 9_500),
]


def test_transcripts_with_their_times_and_sides() -> None:
    TURNS[2]["alternatives"][0]["decoratedTranscript"] = "Your order is late."
    found = mapped("genesys", transcription(*TURNS))
    assert short(found) == [
        "09:14:04.000 customer (partial) my order number is",
        "09:14:04.000 customer my order is late",
        "09:14:09.500 agent Your order is late.",
    ]
    assert [event.event_id for event in found.events] == ["u-1", "u-1", "u-2"]
    assert {(event.session_id, event.channel, event.language) for event in found.events} == {
        ("conv-1", "voice", "en-US")
    }


def test_eventbridge_carries_the_same_a_level_down() -> None:
    notification = transcription(*TURNS)
    event = {
        "version": "0",
        "id": "eb-1",
        "detail-type": "v2.conversations.{id}.transcription",
        "source": "aws.partner/genesys.com/cloud/org/name",
        "time": "2026-03-02T09:14:48Z",
        "detail": {"eventBody": notification["eventBody"], "metadata": {}},
    }
    assert mapped("genesys", event) == mapped("genesys", notification)


def test_the_end_of_a_leg_ends_no_conversation() -> None:
    found = mapped("genesys", transcription(status="SESSION_ENDED"))
    assert not found.events
    assert dropped(found) == [("eventBody.status", "status")]


def test_a_channel_that_does_not_tell_the_speaker_is_refused_alone() -> None:
    found = read("genesys", transcription(heard(1, "BOTH", "hello", 0), TURNS[1]))
    assert isinstance(found, Mapped)
    assert short(found) == ["09:14:04.000 customer my order is late"]
    assert found.rejected is not None
    assert found.rejected.reason is RejectReason.INVALID_VALUE


def person(n: str, purpose: str, connected: str, *, call: dict[str, Any], **more: Any) -> Any:
    return {
        "id": f"p-{n}",
        "purpose": purpose,
        "connectedTime": f"2026-03-02T{connected}Z",
        "calls": [
            {
                "id": f"call-{n}",
                "state": "connected",
                "held": False,
                "direction": "inbound",
                "connectedTime": f"2026-03-02T{connected}Z",
            }
            | call
        ],
    } | more


def conversation(*participants: Any) -> dict[str, Any]:
    return {
        "topicName": "v2.routing.queues.q-1.conversations",
        "version": "2",
        "eventBody": {"id": "conv-1", "participants": list(participants)},
    }


def test_snapshots_of_a_call_with_hold_transfer_and_end() -> None:
    customer = person("c", "customer", "09:13:50", call={}, queueId="q-1")
    held = {"held": True, "startHoldTime": "2026-03-02T09:15:00Z"}
    first = person("a", "agent", "09:14:00", call=held, queueId="q-1", userId="user-a")
    ivr = person("i", "ivr", "09:13:50", call={})
    snapshot = mapped("genesys", conversation(customer, ivr, first))
    assert short(snapshot) == [
        "09:13:50.000 session.started",
        "09:14:00.000 session.started user-a",
        "09:15:00.000 hold.started",
    ]
    assert {event.queue for event in snapshot.events[:2]} == {"q-1"}
    assert snapshot.events[0].channel == "voice"
    assert dropped(snapshot) == [("eventBody.participants[1]", "lifecycle")]
    assert mapped("genesys", conversation(customer, ivr, first)) == snapshot

    gone = {"state": "disconnected", "disconnectedTime": "2026-03-02T09:16:00Z"}
    left = person(
        "a", "agent", "09:14:00", call=gone | {"disconnectType": "transfer"}, userId="user-a"
    )
    second = person("b", "agent", "09:16:05", call={}, userId="user-b", queueId="q-2")
    after = mapped("genesys", conversation(customer, left, second))
    assert short(after)[-1] == "09:16:00.000 transfer user-a"
    assert {event.agent for event in after.events} == {"", "user-a", "user-b"}

    ended = person("c", "customer", "09:13:50", call=gone | {"disconnectType": "peer"})
    assert short(mapped("genesys", conversation(ended, left)))[-1] == ("09:16:00.000 session.ended")


def test_a_call_that_rings_out_is_no_transfer() -> None:
    call = {"disconnectType": "transfer.noanswer", "disconnectedTime": "2026-03-02T09:14:20Z"}
    found = mapped("genesys", conversation(person("a", "agent", "09:14:00", call=call)))
    assert [event.type for event in found.events] == [EventType.SESSION_STARTED]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}},
            "status",
        ),
        ({"topicName": "v2.users.u-1.presence", "eventBody": {}}, "unused"),
    ],
)
def test_other_topics_are_left_out(payload: Any, expected: str) -> None:
    assert dropped(mapped("genesys", payload)) == [("eventBody", expected)]


def test_what_is_no_notification_is_rejected() -> None:
    found = read("genesys", {"conversationId": "c"})
    assert isinstance(found, Rejected)
    assert found.reason is RejectReason.UNKNOWN_PAYLOAD

"""Payloads written after Twilio's documentation:

https://www.twilio.com/docs/conversations/conversations-webhooks
https://www.twilio.com/docs/events/event-types/conversations/message
https://www.twilio.com/docs/events/event-types/conversations/conversation-state
https://www.twilio.com/docs/voice/twiml/transcription
https://www.twilio.com/docs/conversational-intelligence/api/transcript-resource
https://www.twilio.com/docs/conversational-intelligence/api/transcript-sentence-subresource
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from stream.events import Rejected, RejectReason
from stream.sources import Mapped
from tests.unit.sources.reading import dropped, mapped, read, short

ADDED: dict[str, Any] = {
    "EventType": "onMessageAdded",
    "AccountSid": "AC0123",
    "ConversationSid": "CH0123",
    "MessageSid": "IM0001",
    "ParticipantSid": "MB0001",
    "Author": "+15550100",
    "Body": "where is my parcel",
    "DateCreated": "2026-03-02T09:14:05.120Z",
    "Index": "3",
    "Source": "SMS",
    "Attributes": "{}",
    "RetryCount": "0",
}


def test_a_message_as_webhooks_post_it() -> None:
    (event,) = mapped("twilio", urlencode(ADDED).encode()).events
    assert short(Mapped([event], [])) == ["09:14:05.120 customer where is my parcel"]
    assert (event.session_id, event.event_id, event.sequence) == ("CH0123", "IM0001", 3)
    assert event.channel == "sms"
    assert mapped("twilio", ADDED).events == [event]


@pytest.mark.parametrize(
    ("change", "expected", "channel"),
    [
        ({"Author": "whatsapp:+15550100", "Source": "WHATSAPP"}, "customer", "whatsapp"),
        ({"Author": "ana", "Source": "SDK", "ClientIdentity": "ana"}, "agent MB0001", ""),
        ({"Author": "system", "Source": "API"}, "system", ""),
        ({"Author": "Bot", "Source": "API"}, "bot", ""),
        (
            {"Author": "v-1", "Source": "SDK", "Attributes": '{"speaker": "customer"}'},
            "customer",
            "chat",
        ),
        ({"Author": "+15550100", "Attributes": {"speaker": "bot"}}, "bot", ""),
    ],
)
def test_who_speaks(change: dict[str, Any], expected: str, channel: str) -> None:
    (event,) = mapped("twilio", ADDED | change).events
    assert short(Mapped([event], [])) == [f"09:14:05.120 {expected} where is my parcel"]
    assert event.channel == channel


def test_event_streams_in_their_envelopes() -> None:
    message = {
        "specversion": "1.0",
        "type": "com.twilio.conversations.message.added",
        "source": "AB01",
        "id": "NO01",
        "dataschema": "https://events-schemas.twilio.com/Conversations.MessageAdded/2",
        "data": {
            "AccountSid": "AC0123",
            "Author": "whatsapp:+15550100",
            "ParticipantSid": "MB0001",
            "ConversationSid": "CH0123",
            "MessageSid": "IM0001",
            "Index": 10,
            "MessageBody": "where is my parcel",
            "DateCreated": "2026-03-02T09:14:05.120Z",
        },
    }
    (event,) = mapped("twilio", message).events
    assert short(Mapped([event], [])) == ["09:14:05.120 customer where is my parcel"]
    assert (event.event_id, event.sequence, event.channel) == ("IM0001", 10, "whatsapp")
    closed = message | {
        "type": "com.twilio.conversations.conversation-state.updated",
        "data": {
            "ConversationSid": "CH0123",
            "StateUpdated": "2026-03-02T09:20:00.000Z",
            "StateFrom": "active",
            "StateTo": "closed",
        },
    }
    assert short(mapped("twilio", closed)) == ["09:20:00.000 session.ended"]
    closed["data"]["StateTo"] = "inactive"
    assert dropped(mapped("twilio", closed)) == [("onConversationStateUpdated", "lifecycle")]
    other = message | {"type": "com.twilio.taskrouter.task.created"}
    assert dropped(mapped("twilio", other)) == [("data", "unused")]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("onMessageAdd", "pre_action"),
        ("onMessageUpdated", "edit"),
        ("onParticipantAdded", "lifecycle"),
        ("onDeliveryUpdated", "status"),
    ],
)
def test_other_webhooks_are_left_out(kind: str, reason: str) -> None:
    assert dropped(mapped("twilio", ADDED | {"EventType": kind})) == [(kind, reason)]


def test_conversations_start_and_end() -> None:
    started = {**ADDED, "EventType": "onConversationAdded"}
    assert short(mapped("twilio", started)) == ["09:14:05.120 session.started"]
    removed = {**ADDED, "EventType": "onConversationRemoved"}
    assert short(mapped("twilio", removed)) == ["09:15:00.000 session.ended"]


def test_a_picture_has_no_text() -> None:
    found = mapped("twilio", {**ADDED, "Body": "", "Media": '[{"Sid": "ME1"}]'})
    assert dropped(found) == [("Body", "attachment")]


def live(kind: str, **more: str) -> bytes:
    return urlencode(
        {
            "AccountSid": "AC0123",
            "CallSid": "CA0123",
            "TranscriptionSid": "GT0123",
            "Timestamp": "2026-03-02T09:14:05.454203Z",
            "SequenceId": "2",
            "TranscriptionEvent": kind,
            "LanguageCode": "en-US",
        }
        | more
    ).encode()


def test_live_transcription_of_a_call() -> None:
    words = json.dumps({"transcript": "my parcel is gone", "confidence": 0.99})
    assert short(mapped("twilio", live("transcription-started"))) == [
        "09:14:05.454 session.started"
    ]
    found = mapped(
        "twilio",
        live("transcription-content", Track="inbound_track", Final="true", TranscriptionData=words),
    )
    assert short(found) == ["09:14:05.454 customer my parcel is gone"]
    assert (found.events[0].session_id, found.events[0].event_id) == ("CA0123", "GT0123:2")
    found = mapped(
        "twilio",
        live(
            "transcription-content", Track="outbound_track", Final="false", TranscriptionData=words
        ),
    )
    assert short(found) == ["09:14:05.454 agent (partial) my parcel is gone"]
    assert short(mapped("twilio", live("transcription-stopped"))) == ["09:14:05.454 session.ended"]


TRANSCRIPT: dict[str, Any] = {
    "account_sid": "AC0123",
    "service_sid": "GA0123",
    "sid": "GT0123",
    "status": "completed",
    "language_code": "en-US",
    "media_start_time": "2026-03-02T09:14:00Z",
    "channel": {
        "media_properties": {"source_sid": "RE0123"},
        "participants": [
            {"channel_participant": 1, "role": "Customer", "media_participant_id": "+15550100"},
            {"channel_participant": 2, "role": "Agent", "media_participant_id": "+15550111"},
        ],
    },
    "sentences": [
        {
            "media_channel": 2,
            "sentence_index": 0,
            "start_time": 0.5,
            "end_time": 1.9,
            "transcript": "Good morning.",
            "sid": "GX0001",
        },
        {
            "media_channel": 1,
            "sentence_index": 1,
            "start_time": 2.25,
            "end_time": 4.0,
            "transcript": "My parcel is gone.",
            "sid": "GX0002",
        },
    ],
}


def test_a_transcript_with_its_sentences() -> None:
    found = mapped("twilio", TRANSCRIPT)
    assert short(found) == [
        "09:14:00.000 session.started",
        "09:14:00.500 agent Good morning.",
        "09:14:02.250 customer My parcel is gone.",
        "09:14:02.250 session.ended",
    ]
    assert {event.channel for event in found.events} == {"voice"}


def test_who_speaks_in_a_transcript_is_never_guessed() -> None:
    found = read("twilio", TRANSCRIPT | {"channel": {"participants": []}})
    assert isinstance(found, Mapped)
    assert found.rejected is not None
    assert "media_channel" in found.rejected.detail


def test_the_webhook_of_a_transcript_has_no_words_yet() -> None:
    notice = {"transcript_sid": "GT0123", "service_sid": "GA0123", "event_type": "any"}
    assert dropped(mapped("twilio", notice)) == [("transcript_sid", "no_text")]


def test_what_is_none_of_it_is_rejected() -> None:
    found = read("twilio", {"Body": "hello"})
    assert isinstance(found, Rejected)
    assert found.reason is RejectReason.UNKNOWN_PAYLOAD

"""Payloads written after Amazon Connect's documentation:

https://docs.aws.amazon.com/connect/latest/adminguide/real-time-contact-analysis-segment-streams-data-model.html
https://docs.aws.amazon.com/connect/latest/adminguide/sample-real-time-contact-analysis-segment-stream.html
https://docs.aws.amazon.com/connect/latest/adminguide/chat-real-time-contact-analysis-segment-streams-data-model.html
https://docs.aws.amazon.com/connect/latest/adminguide/chat-sample-real-time-contact-analysis-segment-stream.html
https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files.html
https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files-chat.html
https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html
https://docs.aws.amazon.com/connect-participant/latest/APIReference/API_GetTranscript.html
  (the chat events)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stream.events import EventType, Rejected, RejectReason
from stream.session import ClosingRules, SessionProcessor
from stream.sources import Conversation, FileError, Mapped, read_conversations
from tests.scripted import ScriptedRecognizer
from tests.unit.sources.reading import LOG_MS, dropped, mapped, read, short

VOICE: dict[str, Any] = {
    "Version": "1.0.0",
    "Channel": "VOICE",
    "AccountId": "123456789012",
    "InstanceId": "0a1b2c3d-instance",
    "ContactId": "c0ffee00-0000-4000-8000-000000000001",
    "LanguageCode": "en-US",
}
CHAT: dict[str, Any] = {
    "Version": "2.0.0",
    "Channel": "CHAT",
    "AccountId": "123456789012",
    "InstanceId": "0a1b2c3d-instance",
    "ContactId": "c0ffee00-0000-4000-8000-000000000002",
    "StreamingSettings": {"LanguageCode": "en-GB", "Output": "Raw"},
}


def said(n: int, role: str, text: str, begin: int, end: int) -> dict[str, Any]:
    return {
        "Transcript": {
            "Id": f"turn-{n}",
            "ParticipantId": role,
            "ParticipantRole": role,
            "Content": text,
            "BeginOffsetMillis": begin,
            "EndOffsetMillis": end,
            "Sentiment": "NEUTRAL",
            "IssuesDetected": [],
        }
    }


def wrote(n: int, role: str, who: str, text: str, time: str, **more: Any) -> dict[str, Any]:
    return {
        "Transcript": {
            "Id": f"message-{n}",
            "ParticipantId": who,
            "ParticipantRole": role,
            "DisplayName": "[PII]",
            "Content": text,
            "ContentType": "text/markdown",
            "Time": {"AbsoluteTime": time},
        }
        | more
    }


def happened(kind: str, time: str) -> dict[str, Any]:
    return {
        "Event": {
            "Id": f"event-{kind}",
            "ParticipantId": "p-9",
            "ParticipantRole": "AGENT",
            "EventType": f"application/vnd.amazonaws.connect.event.{kind}",
            "Time": {"AbsoluteTime": time},
        }
    }


def test_a_call_from_start_to_end() -> None:
    started = mapped("contact-lens", VOICE | {"EventType": "STARTED"})
    assert short(started) == ["+0.000 session.started"]
    assert started.events[0].session_id == VOICE["ContactId"]
    assert (started.events[0].channel, started.events[0].language) == ("voice", "en-US")

    segments = mapped(
        "contact-lens",
        VOICE
        | {
            "EventType": "SEGMENTS",
            "Segments": [
                {
                    "Utterance": {
                        "Id": "part-1",
                        "TranscriptId": "turn-1",
                        "ParticipantId": "AGENT",
                        "ParticipantRole": "AGENT",
                        "PartialContent": "Example Corp, good",
                        "BeginOffsetMillis": 1_500,
                        "EndOffsetMillis": 2_400,
                    }
                },
                said(1, "AGENT", "Example Corp, good morning.", 1_500, 3_100),
                said(2, "CUSTOMER", "My fridge stopped cooling.", 3_900, 6_200),
                {"Categories": {"MatchedCategories": ["Fault"], "MatchedDetails": {}}},
                {"PostContactSummary": {"Content": "a fridge", "Status": "COMPLETED"}},
            ],
        },
    )
    assert short(segments) == [
        "+1.500 agent (partial) Example Corp, good",
        "+1.500 agent Example Corp, good morning.",
        "+3.900 customer My fridge stopped cooling.",
    ]
    assert [event.event_id for event in segments.events] == ["part-1", "turn-1", "turn-2"]
    assert {event.time_ms for event in segments.events} == {LOG_MS}
    assert dropped(segments) == [
        ("Segments[3].Categories", "analysis"),
        ("Segments[4].PostContactSummary", "analysis"),
    ]
    for kind in ("COMPLETED", "FAILED"):
        assert short(mapped("contact-lens", VOICE | {"EventType": kind})) == [
            "09:15:00.000 session.ended"
        ]


def test_a_chat_with_two_agents_a_supervisor_and_a_bot() -> None:
    found = mapped(
        "contact-lens",
        CHAT
        | {
            "StreamingEventType": "SEGMENTS",
            "Segments": [
                happened("participant.joined", "2026-03-02T09:14:00.000Z"),
                wrote(1, "CUSTOM_BOT", "p-bot", "How can I help?", "2026-03-02T09:14:01.000Z"),
                wrote(2, "CUSTOMER", "p-1", "No hot water.", "2026-03-02T09:14:05.250Z"),
                wrote(3, "SYSTEM", "p-s", "You are in the queue.", "2026-03-02T09:14:06.000Z"),
                wrote(4, "AGENT", "p-a", "I will pass you on.", "2026-03-02T09:14:20.000Z"),
                happened("transfer.succeeded", "2026-03-02T09:14:22.000Z"),
                wrote(5, "AGENT", "p-b", "No hot water at all?", "2026-03-02T09:14:40.000Z"),
                wrote(6, "SUPERVISOR", "p-c", "We see to it.", "2026-03-02T09:14:50.000Z"),
                {"Attachments": {"Id": "a-1", "Attachments": []}},
                {"Issues": {"IssuesDetected": []}},
                happened("chat.ended", "2026-03-02T09:15:00.000Z"),
            ],
        },
    )
    assert short(found) == [
        "09:14:01.000 bot How can I help?",
        "09:14:05.250 customer No hot water.",
        "09:14:06.000 system You are in the queue.",
        "09:14:20.000 agent p-a I will pass you on.",
        "09:14:22.000 transfer",
        "09:14:40.000 agent p-b No hot water at all?",
        "09:14:50.000 agent p-c We see to it.",
    ]
    assert {(event.channel, event.language) for event in found.events} == {("chat", "en-GB")}
    assert dropped(found) == [
        ("Segments[0].Event", "lifecycle"),
        ("Segments[8].Attachments", "attachment"),
        ("Segments[9].Issues", "analysis"),
        ("Segments[10].Event", "lifecycle"),
    ]


def test_an_interactive_message_has_no_text_to_read() -> None:
    message = wrote(1, "AGENT", "p-a", "{}", "2026-03-02T09:14:00Z")
    message["Transcript"]["ContentType"] = "application/vnd.amazonaws.connect.message.interactive"
    found = mapped("contact-lens", CHAT | {"StreamingEventType": "SEGMENTS", "Segments": [message]})
    assert not found.events
    assert dropped(found) == [("Segments[0].Transcript", "no_text")]


def test_contact_events_tell_queue_and_agent() -> None:
    event = {
        "version": "0",
        "id": "ev-1",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "time": "2026-03-02T09:14:03Z",
        "detail": {
            "eventType": "CONNECTED_TO_AGENT",
            "contactId": VOICE["ContactId"],
            "channel": "VOICE",
            "queueInfo": {"queueArn": "arn:aws:connect:eu-west-2:1:instance/i/queue/q-7"},
            "agentInfo": {"agentArn": "arn:aws:connect:eu-west-2:1:instance/i/agent/a-7"},
        },
    }
    (found,) = mapped("contact-lens", event).events
    assert found.type is EventType.SESSION_STARTED
    assert (found.session_id, found.queue, found.agent) == (VOICE["ContactId"], "q-7", "a-7")
    event["detail"]["eventType"] = "DISCONNECTED"
    assert dropped(mapped("contact-lens", event)) == [("detail (DISCONNECTED)", "lifecycle")]


def test_one_bad_segment_does_not_cost_the_others() -> None:
    found = read(
        "contact-lens",
        VOICE
        | {
            "EventType": "SEGMENTS",
            "Segments": [
                said(1, "CUSTOMER", "one", 0, 1),
                said(2, "WAITER", "two", 2, 3),
                said(3, "AGENT", "three", 4, 5),
            ],
        },
    )
    assert isinstance(found, Mapped)
    assert short(found) == ["+0.000 customer one", "+0.004 agent three"]
    assert found.rejected is not None
    assert found.rejected.reason is RejectReason.INVALID_VALUE
    assert found.rejected.detail.startswith("Segments[1].Transcript.ParticipantRole must be one of")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"hello": 1}, RejectReason.UNKNOWN_PAYLOAD),
        (VOICE | {"EventType": "PAUSED"}, RejectReason.UNKNOWN_PAYLOAD),
        ({**VOICE, "ContactId": "", "EventType": "STARTED"}, RejectReason.MISSING_FIELD),
        (VOICE | {"EventType": "SEGMENTS", "Segments": "x"}, RejectReason.WRONG_TYPE),
    ],
)
def test_what_is_none_is_rejected_with_its_reason(payload: Any, reason: RejectReason) -> None:
    found = read("contact-lens", payload)
    assert isinstance(found, Rejected)
    assert found.reason is reason


def test_a_record_needs_a_key() -> None:
    found = read("contact-lens", VOICE | {"EventType": "STARTED"}, key=None)
    assert isinstance(found, Rejected)
    assert found.reason is RejectReason.MISSING_KEY


def test_voice_keeps_its_distances_however_late_each_payload_comes() -> None:
    """The payloads arrive 1 to 14 s after what they tell; the turns begin 10 s apart."""
    payloads = [
        (1_000, VOICE | {"EventType": "STARTED"}),
        (21_000, _segments(said(1, "CUSTOMER", "concern", 10_000, 12_000))),
        # The last turn overtakes the one before it.
        (33_000, _segments(said(3, "AGENT", "resolution", 30_000, 31_000))),
        (34_000, _segments(said(2, "AGENT", "| situation", 20_000, 22_000))),
        (40_000, VOICE | {"EventType": "COMPLETED"}),
    ]
    processor = SessionProcessor(ScriptedRecognizer(), ClosingRules(), {})
    for offset, (after_ms, payload) in enumerate(payloads):
        found = mapped("contact-lens", payload)
        log_ms = LOG_MS + after_ms
        events = [event._replace(time_ms=log_ms) for event in found.events]
        processor.process_all(offset, events, log_ms)
    processor.finish()
    (closed,) = processor.take().records
    assert closed.record.started_at == "2026-03-02T09:15:01.000Z"
    assert [line.labels for line in closed.record.evidence[1:]] == [["situation"], ["resolution"]]
    assert closed.record.recognized_first
    assert closed.record.recognition is not None
    assert closed.record.recognition.turn == 1
    assert closed.record.recognition.seconds == 10.0


def _segments(*segments: dict[str, Any]) -> dict[str, Any]:
    return VOICE | {"EventType": "SEGMENTS", "Segments": list(segments)}


CALL_ANALYSIS: dict[str, Any] = {
    "Version": "1.1.0",
    "AccountId": "123456789012",
    "Channel": "VOICE",
    "ContentMetadata": {"Output": "Raw"},
    "JobStatus": "COMPLETED",
    "LanguageCode": "en-US",
    "Participants": [
        {"ParticipantId": "p-c", "ParticipantRole": "CUSTOMER"},
        {"ParticipantId": "p-a", "ParticipantRole": "AGENT"},
    ],
    "Categories": {"MatchedCategories": [], "MatchedDetails": {}},
    "ConversationCharacteristics": {"TotalConversationDurationMillis": 9_000},
    "CustomModels": [],
    "Transcript": [
        {
            "BeginOffsetMillis": 0,
            "EndOffsetMillis": 900,
            "Content": "Hello.",
            "Id": "t-1",
            "ParticipantId": "p-a",
            "Sentiment": "NEUTRAL",
            "LoudnessScore": [79.2],
        },
        {
            "BeginOffsetMillis": 1_200,
            "EndOffsetMillis": 4_000,
            "Content": "The parcel came empty.",
            "Id": "t-2",
            "ParticipantId": "p-c",
            "Sentiment": "NEGATIVE",
        },
    ],
}


def test_the_analysis_of_a_call_is_a_file_to_score(tmp_path: Path) -> None:
    contact = "c0ffee00-0000-4000-8000-00000000000a"
    file = tmp_path / f"{contact}_analysis_2026-03-02T09:14:00Z.json"
    file.write_text(json.dumps(CALL_ANALYSIS, indent=2))
    (conversation,) = read_conversations([str(file)])
    assert isinstance(conversation, Conversation)
    assert conversation.id == contact
    assert short(Mapped(conversation.events(), [])) == [
        "09:14:00.000 session.started",
        "09:14:00.000 agent p-a Hello.",
        "09:14:01.200 customer The parcel came empty.",
        "09:14:01.200 session.ended",
    ]
    other = tmp_path / "call.json"
    other.write_text(json.dumps(CALL_ANALYSIS))
    (conversation,) = read_conversations([str(other)])
    assert isinstance(conversation, Conversation)
    assert conversation.id.startswith("call.json")


def test_the_analysis_of_a_chat_tells_its_contact_and_times(tmp_path: Path) -> None:
    def item(kind: str, time: str, **more: Any) -> dict[str, Any]:
        return {"Type": kind, "Id": f"i-{time}", "AbsoluteTime": f"2026-03-02T{time}Z"} | more

    joined = "application/vnd.amazonaws.connect.event.participant.joined"
    data = CALL_ANALYSIS | {
        "Channel": "CHAT",
        "CustomerMetadata": {"ContactId": "chat-1", "InstanceId": "i"},
        "Transcript": [
            item("EVENT", "09:14:00", ContentType=joined, ParticipantId="p-c"),
            item(
                "MESSAGE",
                "09:14:02.500",
                Content="Is anyone there?",
                ContentType="text/markdown",
                ParticipantId="p-c",
                ParticipantRole="CUSTOMER",
            ),
            item("ATTACHMENT", "09:14:03", ParticipantId="p-c"),
        ],
    }
    file = tmp_path / "analysis.json"
    file.write_text(json.dumps(data, indent=1))
    (conversation,) = read_conversations([str(file)])
    assert isinstance(conversation, Conversation)
    assert conversation.id == "chat-1"
    assert short(Mapped(conversation.events(), [])) == [
        "09:14:02.500 session.started",
        "09:14:02.500 customer Is anyone there?",
        "09:14:02.500 session.ended",
    ]


def test_a_faulty_analysis_says_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    turns = [{"Content": "hello", "Id": "t", "ParticipantId": "nobody", "BeginOffsetMillis": 0}]
    file.write_text(json.dumps(CALL_ANALYSIS | {"Transcript": turns}))
    with pytest.raises(FileError, match=r"Transcript\[0\]\.ParticipantRole must be one of"):
        list(read_conversations([str(file)]))

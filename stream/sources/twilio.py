"""Twilio: Conversations (webhooks, Event Streams), live call transcription, and transcripts of
Conversational (Voice) Intelligence.

* Webhooks: https://www.twilio.com/docs/conversations/conversations-webhooks
* Event Streams: https://www.twilio.com/docs/events/event-types/conversations/message
* Live transcription: https://www.twilio.com/docs/voice/twiml/transcription
* Transcripts: https://www.twilio.com/docs/conversational-intelligence/api/transcript-resource with
  the items of .../transcript-sentence-subresource as its ``sentences``

Twilio does not say who of a conversation's participants serves whom. An author with an address (a
telephone number, ``whatsapp:``, ...) is the customer; ``system`` is the system; whoever else writes
is an agent. Where customers have identities too, as in a web chat, the message's own ``Attributes``
must say ``"speaker"``: ``customer``, ``agent`` or ``bot``.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from stream.events import EventType, RejectReason, Speaker
from stream.events.decode import Refused
from stream.sources.base import (
    Draft,
    Dropped,
    DropReason,
    Mapped,
    Payload,
    Vendor,
    arrival,
    child,
    items_of,
    moment,
    name,
    object_of,
    offset,
    required,
    words,
)

_STREAM = "com.twilio.conversations."
_KINDS = {
    "message.added": "onMessageAdded",
    "message.updated": "onMessageUpdated",
    "message.removed": "onMessageRemoved",
    "conversation.added": "onConversationAdded",
    "conversation.updated": "onConversationUpdated",
    "conversation.removed": "onConversationRemoved",
    "conversation-state.updated": "onConversationStateUpdated",
    "participant.added": "onParticipantAdded",
    "participant.updated": "onParticipantUpdated",
    "participant.removed": "onParticipantRemoved",
    "user.added": "onUserAdded",
    "user.updated": "onUserUpdated",
    "delivery.updated": "onDeliveryUpdated",
}
"""Event Streams' names of what the webhooks tell."""

_DROPPED = {
    "onMessageUpdated": DropReason.EDIT,
    "onMessageRemoved": DropReason.EDIT,
    "onConversationUpdated": DropReason.LIFECYCLE,
    "onParticipantAdded": DropReason.LIFECYCLE,
    "onParticipantUpdated": DropReason.LIFECYCLE,
    "onParticipantRemoved": DropReason.LIFECYCLE,
    "onUserAdded": DropReason.LIFECYCLE,
    "onUserUpdated": DropReason.LIFECYCLE,
    "onDeliveryUpdated": DropReason.STATUS,
    "onMessageAdd": DropReason.PRE_ACTION,
    "onMessageUpdate": DropReason.PRE_ACTION,
    "onMessageRemove": DropReason.PRE_ACTION,
    "onConversationAdd": DropReason.PRE_ACTION,
    "onConversationUpdate": DropReason.PRE_ACTION,
    "onConversationRemove": DropReason.PRE_ACTION,
    "onParticipantAdd": DropReason.PRE_ACTION,
    "onParticipantUpdate": DropReason.PRE_ACTION,
    "onParticipantRemove": DropReason.PRE_ACTION,
    "onUserUpdate": DropReason.PRE_ACTION,
}
_ADDRESS = re.compile(r"\+?\d{5,}|(?P<scheme>[a-z]+):.+", re.ASCII)
_SPEAKERS = {"customer": Speaker.CUSTOMER, "agent": Speaker.AGENT, "bot": Speaker.BOT}
_NOBODY = {"system": Speaker.SYSTEM, "bot": Speaker.BOT}
_TRACKS = {"inbound_track": Speaker.CUSTOMER, "outbound_track": Speaker.AGENT}


def _kind(payload: Payload) -> str:
    """The webhook's name of what happened, empty where it is no Conversations payload."""
    if payload.envelope.type.startswith(_STREAM):
        streamed = payload.envelope.type[len(_STREAM) :]
        return _KINDS.get(streamed, streamed)
    kind = payload.data.get("EventType")
    if isinstance(kind, str) and kind.startswith("on") and "AccountSid" in payload.data:
        return kind
    return ""


def _claims(payload: Payload) -> bool:
    data = payload.data
    return (
        payload.envelope.type.startswith("com.twilio.")
        or bool(_kind(payload))
        or ("TranscriptionEvent" in data and "CallSid" in data)
        or _is_transcript(data)
    )


def _is_transcript(data: dict[str, Any]) -> bool:
    """A transcript, or the webhook that says that there is one."""
    sid = data.get("sid", data.get("transcript_sid"))
    return isinstance(sid, str) and sid.startswith("GT") and "service_sid" in data


def _translate(payload: Payload) -> Mapped:
    data = payload.data
    if kind := _kind(payload):
        return _conversation(payload, kind)
    if "TranscriptionEvent" in data:
        return _live(payload)
    if _is_transcript(data):
        return _transcript(payload)
    if payload.envelope.type.startswith("com.twilio."):
        return Mapped([], [Dropped("data", DropReason.UNUSED)])
    raise Refused(
        RejectReason.UNKNOWN_PAYLOAD,
        "neither a Conversations webhook (EventType, AccountSid), a live transcription "
        "(TranscriptionEvent, CallSid) nor a transcript (sid, service_sid)",
    )


# -- Conversations ---------------------------------------------------------------------------------


def _conversation(payload: Payload, kind: str) -> Mapped:
    data = payload.data
    if kind in _DROPPED:
        return Mapped([], [Dropped(kind, _DROPPED[kind])])
    draft = Draft(required(data, "ConversationSid"))
    if kind == "onMessageAdded":
        _message(payload, draft)
    elif kind == "onConversationAdded":
        draft.add(EventType.SESSION_STARTED, "started", _when(payload, "DateCreated"))
    elif kind == "onConversationStateUpdated":
        if data.get("StateTo") == "closed":
            draft.add(EventType.SESSION_ENDED, "ended", _when(payload, "StateUpdated"))
        else:
            draft.drop(kind, DropReason.LIFECYCLE)
    elif kind == "onConversationRemoved":
        draft.add(EventType.SESSION_ENDED, "ended", _when(payload, "DateRemoved"))
    else:
        draft.drop("EventType", DropReason.UNUSED)
    return draft.done()


def _when(payload: Payload, field: str) -> int:
    time_ms = moment(payload.data, field)
    return arrival(payload) if time_ms is None else time_ms


def _message(payload: Payload, draft: Draft) -> None:
    data = payload.data
    text = data.get("Body", data.get("MessageBody"))
    if text is None or text == "":
        draft.drop("Body", DropReason.ATTACHMENT if data.get("Media") else DropReason.NO_TEXT)
        return
    author = name(data, "Author")
    address = _ADDRESS.fullmatch(author)
    speaker = _told(data.get("Attributes")) or _NOBODY.get(author.lower())
    if speaker is None:
        speaker = Speaker.CUSTOMER if address else Speaker.AGENT
    channel = ""
    if speaker is Speaker.CUSTOMER:
        channel = _channel(name(data, "Source"), address)
    draft.say(
        required(data, "MessageSid"),
        _when(payload, "DateCreated"),
        speaker,
        words({"Body": text}, "Body"),
        sequence=_index(data.get("Index")),
        channel=channel,
        # A participant's Sid says nothing about the person, as an identity often does.
        agent=name(data, "ParticipantSid") if speaker is Speaker.AGENT else "",
    )


def _told(attributes: object) -> Speaker | None:
    """The speaker that the message's own attributes name; a webhook sends them as JSON text."""
    if isinstance(attributes, str):
        try:
            attributes = orjson.loads(attributes)
        except orjson.JSONDecodeError:
            return None
    speaker = attributes.get("speaker") if isinstance(attributes, dict) else None
    return _SPEAKERS.get(speaker) if isinstance(speaker, str) else None


def _channel(source: str, address: re.Match[str] | None) -> str:
    source = source.lower()
    if source and source not in ("api", "sdk"):
        return source
    if address is None:
        return "chat"
    return address["scheme"] or "sms"


def _index(value: object) -> int:
    """The message's place in its conversation; forms carry it as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:15])
    return value if type(value) is int and 0 <= value < 2**53 else 0


# -- live transcription ----------------------------------------------------------------------------


def _live(payload: Payload) -> Mapped:
    """``<Start><Transcription>`` of the customer's leg: inbound is the customer."""
    data = payload.data
    kind = required(data, "TranscriptionEvent")
    draft = Draft(required(data, "CallSid"), channel="voice", language=name(data, "LanguageCode"))
    when_ms = _when(payload, "Timestamp")
    if kind == "transcription-started":
        draft.add(EventType.SESSION_STARTED, "started", when_ms)
    elif kind == "transcription-stopped":
        draft.add(EventType.SESSION_ENDED, "ended", when_ms)
    elif kind == "transcription-content":
        track = name(data, "Track")
        speaker = _TRACKS.get(track)
        if speaker is None:
            raise Refused(RejectReason.INVALID_VALUE, f"Track must be one of {', '.join(_TRACKS)}")
        sequence = required(data, "SequenceId") if "SequenceId" in data else str(when_ms)
        draft.say(
            f"{name(data, 'TranscriptionSid')}:{sequence}",
            when_ms,
            speaker,
            _spoken(data.get("TranscriptionData")),
            final=str(data.get("Final", "true")).lower() != "false",
            sequence=_index(sequence),
        )
    else:
        draft.drop("TranscriptionEvent", DropReason.STATUS)
    return draft.done()


def _spoken(content: object) -> str:
    if isinstance(content, str):
        try:
            content = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise Refused(RejectReason.MALFORMED_JSON, "TranscriptionData is no JSON") from None
    return words(object_of(content, "TranscriptionData"), "transcript", "TranscriptionData")


# -- transcripts -----------------------------------------------------------------------------------


def _transcript(payload: Payload) -> Mapped:
    data = payload.data
    if "sentences" not in data:
        return Mapped([], [Dropped("transcript_sid", DropReason.NO_TEXT)])
    started_ms = moment(data, "media_start_time") or moment(data, "date_created")
    relative = started_ms is None
    base_ms = arrival(payload) if started_ms is None else started_ms
    draft = Draft(required(data, "sid"), channel="voice", language=name(data, "language_code"))
    people: dict[int, Speaker] = {}
    channel = child(data, "channel")
    for n, item in enumerate(items_of(channel.get("participants"), "channel.participants")):
        where = f"channel.participants[{n}]"
        participant = object_of(item, where)
        speaker = _SPEAKERS.get(name(participant, "role", where).lower())
        number = participant.get("channel_participant")
        if speaker is not None and type(number) is int:
            people[number] = speaker
    ends: list[int] = [0]

    def at(event_type: EventType, event_id: str, after_ms: int, **fields: Any) -> None:
        draft.add(
            event_type,
            event_id,
            base_ms + (0 if relative else after_ms),
            offset_ms=after_ms if relative else None,
            **fields,
        )

    def take(sentence: dict[str, Any], where: str) -> None:
        number = sentence.get("media_channel")
        speaker = people.get(number) if type(number) is int else None
        if speaker is None:
            raise Refused(
                RejectReason.INVALID_VALUE,
                f"{where}.media_channel: no participant of the channel has this number and a "
                "role (Agent, Customer)",
            )
        after_ms = offset(sentence, "start_time", where, per_second=True)
        ends.append(after_ms)
        at(
            EventType.UTTERANCE,
            required(sentence, "sid", where),
            after_ms,
            speaker=speaker,
            text=words(sentence, "transcript", where),
            sequence=_index(sentence.get("sentence_index")),
        )

    at(EventType.SESSION_STARTED, "started", 0)
    draft.each(data.get("sentences"), "sentences", take)
    at(EventType.SESSION_ENDED, "ended", max(ends))
    return draft.done()


TWILIO = Vendor("twilio", _claims, _translate)

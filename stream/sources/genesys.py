"""Genesys Cloud: conversation transcription and conversation notifications.

* Transcription: https://developer.genesys.cloud/analyticsdatamanagement/speechtextanalytics/transcription-notifications
* Topics and their schemas: https://developer.genesys.cloud/notificationsalerts/notifications/available-topics
* EventBridge: https://developer.genesys.cloud/notificationsalerts/notifications/event-bridge

Both the notification (``topicName``, ``eventBody``) and the EventBridge event that carries it in
``detail`` are read. A conversation notification is a snapshot, sent again with every change: each
start, hold, transfer and end in it has an id of its own, so that it counts once. Transcripts come
up to half a minute after they were spoken, and later than the end of their conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

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
    earliest,
    items_of,
    latest,
    moment,
    name,
    object_of,
    offset,
    required,
    words,
)

LAG_SECONDS = 40
"""How long after the end of a conversation its last transcripts may come."""

_TRANSCRIPTION = re.compile(r"v2\.conversations\.[^.]+\.transcription")
_CONVERSATION = re.compile(r"v2\.(?:users\.[^.]+|routing\.queues\.[^.]+)\.conversations")
_SPEAKERS = {"EXTERNAL": Speaker.CUSTOMER, "INTERNAL": Speaker.AGENT}
_CUSTOMER = frozenset({"customer", "external"})
_AGENT = frozenset({"agent", "user"})
_MEDIA = {
    "calls": "voice",
    "callbacks": "voice",
    "chats": "chat",
    "messages": "message",
    "emails": "email",
}
_HANDED_ON = frozenset({"transfer", "transfer.consult", "transfer.forward"})
"""Ways a leg ends by which an agent moves the customer on; the others of the name (noanswer, dnd,
notavailable) are the routing's."""


def _notification(payload: Payload) -> tuple[str, dict[str, Any]]:
    """Topic and body; EventBridge puts the one into ``detail-type`` and the other a level down."""
    data = payload.data
    detail = data.get("detail")
    if isinstance(detail, dict):
        return name(detail, "topicName", "detail") or name(data, "detail-type"), child(
            detail, "eventBody", "detail"
        )
    return name(data, "topicName"), child(data, "eventBody")


def _claims(payload: Payload) -> bool:
    data = payload.data
    topic = data.get("topicName")
    if isinstance(topic, str):
        return topic.startswith(("v2.", "channel.metadata"))
    source = data.get("source")
    return isinstance(source, str) and source.startswith("aws.partner/genesys.com")


def _translate(payload: Payload) -> Mapped:
    if not _claims(payload):
        raise Refused(
            RejectReason.UNKNOWN_PAYLOAD,
            "no Genesys Cloud notification: it has neither a topicName nor EventBridge's source",
        )
    topic, body = _notification(payload)
    if _TRANSCRIPTION.fullmatch(topic):
        return _transcription(payload, body)
    if _CONVERSATION.fullmatch(topic):
        return _conversation(body)
    reason = DropReason.STATUS if topic == "channel.metadata" else DropReason.UNUSED
    return Mapped([], [Dropped("eventBody", reason)])


# -- transcription ---------------------------------------------------------------------------------


def _transcription(payload: Payload, body: dict[str, Any]) -> Mapped:
    draft = Draft(required(body, "conversationId", "eventBody"), channel="voice")
    base_ms = moment(body, "transcriptionStartTimeMs", "eventBody") or moment(
        body, "sessionStartTimeMs", "eventBody"
    )

    def take(result: dict[str, Any], where: str) -> None:
        event_id = required(result, "utteranceId", where)
        channel = required(result, "channel", where)
        speaker = _SPEAKERS.get(channel)
        if speaker is None:
            raise Refused(
                RejectReason.INVALID_VALUE,
                f"{where}.channel does not say who spoke; only INTERNAL and EXTERNAL do",
            )
        final = result.get("isFinal", True)
        if not isinstance(final, bool):
            raise Refused(RejectReason.WRONG_TYPE, f"{where}.isFinal must be true or false")
        alternatives = items_of(result.get("alternatives"), f"{where}.alternatives")
        if not alternatives:
            draft.drop(where, DropReason.NO_TEXT)
            return
        path = f"{where}.alternatives[0]"
        best = object_of(alternatives[0], path)
        decorated = best.get("decoratedTranscript")
        after_ms = offset(best, "offsetMs", path)
        draft.say(
            event_id,
            arrival(payload) if base_ms is None else base_ms + after_ms,
            speaker,
            decorated
            if isinstance(decorated, str) and decorated
            else words(best, "transcript", path),
            final=final,
            offset_ms=after_ms if base_ms is None else None,
            language=name(result, "dialect", where),
        )

    draft.each(body.get("transcripts"), "eventBody.transcripts", take)
    if not body.get("transcripts"):
        # SESSION_ENDED is said per leg of the call, so it ends no conversation.
        draft.drop("eventBody.status", DropReason.STATUS)
    return draft.done()


# -- conversations ---------------------------------------------------------------------------------


class _Leg:
    """A participant's part in one medium."""

    def __init__(self, medium: str, data: dict[str, Any], where: str) -> None:
        self.medium = medium
        self.id = required(data, "id", where)
        self.state = name(data, "state", where).lower()
        self.held = data.get("held") is True
        self.held_ms = moment(data, "startHoldTime", where)
        self.connected_ms = moment(data, "connectedTime", where)
        self.disconnected_ms = moment(data, "disconnectedTime", where)
        self.disconnect_type = name(data, "disconnectType", where).lower()
        self.type = name(data, "type", where).lower()

    @property
    def channel(self) -> str:
        if self.medium == "messages" and self.type not in ("", "unknown"):
            return "chat" if self.type == "webmessaging" else self.type
        return _MEDIA[self.medium]


class _Participant:
    def __init__(self, data: dict[str, Any], where: str) -> None:
        self.id = required(data, "id", where)
        self.purpose = name(data, "purpose", where).lower()
        self.user_id = name(data, "userId", where)
        self.queue_id = name(data, "queueId", where)
        self.legs = list(self._legs(data, where))
        self.connected_ms = earliest(
            [moment(data, "connectedTime", where), *(leg.connected_ms for leg in self.legs)]
        )
        self.ended_ms = latest(
            [moment(data, "endTime", where), *(leg.disconnected_ms for leg in self.legs)]
        )

    @staticmethod
    def _legs(data: dict[str, Any], where: str) -> Iterator[_Leg]:
        for medium in _MEDIA:
            for n, leg in enumerate(items_of(data.get(medium), f"{where}.{medium}")):
                path = f"{where}.{medium}[{n}]"
                yield _Leg(medium, object_of(leg, path), path)

    def gone(self) -> bool:
        if self.legs:
            return all(leg.state in ("disconnected", "terminated") for leg in self.legs)
        return self.ended_ms is not None


def _conversation(body: dict[str, Any]) -> Mapped:
    draft = Draft(required(body, "id", "eventBody"))
    participants: list[_Participant] = []
    where = "eventBody.participants"
    draft.each(
        body.get("participants"),
        where,
        lambda data, path: participants.append(_Participant(data, path)),
    )
    customers = [person for person in participants if person.purpose in _CUSTOMER]
    agents = [person for person in participants if person.purpose in _AGENT]
    for person in (*customers, *agents):
        if person.connected_ms is not None:
            draft.add(
                EventType.SESSION_STARTED,
                # The queue may become known later than the participant.
                f"{person.id}:{person.queue_id}"[:256],
                person.connected_ms,
                channel=next((leg.channel for leg in person.legs), ""),
                queue=person.queue_id,
                agent=person.user_id if person.purpose in _AGENT else "",
            )
    _holds(draft, agents) or _holds(draft, customers)
    for person in agents:
        for leg in person.legs:
            if leg.disconnect_type in _HANDED_ON and leg.disconnected_ms is not None:
                draft.add(
                    EventType.TRANSFER,
                    f"transfer:{leg.id}"[:256],
                    leg.disconnected_ms,
                    agent=person.user_id,
                )
    if customers and all(person.gone() for person in customers):
        ended_ms = latest(person.ended_ms for person in customers)
        if ended_ms is not None:
            draft.add(EventType.SESSION_ENDED, "ended", ended_ms)
    for n, person in enumerate(participants):
        if person.purpose not in _CUSTOMER | _AGENT:
            draft.drop(f"{where}[{n}]", DropReason.LIFECYCLE)
    return draft.done()


def _holds(draft: Draft, people: list[_Participant]) -> bool:
    """Who is on hold is told on either side; the agents' is looked at first, and the other if
    none of them says so, so that a hold counts once."""
    held = [leg for person in people for leg in person.legs if leg.held and leg.held_ms is not None]
    for leg in held:
        assert leg.held_ms is not None
        draft.add(EventType.HOLD_STARTED, f"hold:{leg.id}:{leg.held_ms}"[:256], leg.held_ms)
    return bool(held)


GENESYS = Vendor("genesys", _claims, _translate)

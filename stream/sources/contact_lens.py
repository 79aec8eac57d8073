"""Amazon Connect Contact Lens: segment streams, contact events, and the post-contact analysis file.

* Voice: https://docs.aws.amazon.com/connect/latest/adminguide/real-time-contact-analysis-segment-streams-data-model.html
* Chat: https://docs.aws.amazon.com/connect/latest/adminguide/chat-real-time-contact-analysis-segment-streams-data-model.html
* Analysis files: https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files.html
* Contact events: https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html

Voice segments tell only the milliseconds since the contact began: they keep their distances, and
the first of them to arrive places them all on the clock. A transferred call is a new contact in
Amazon Connect, so a session is what happened under one contact id. Holds are in none of these
payloads; a hold that is announced is read from the agent's words.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

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

_STREAM_EVENTS = frozenset({"STARTED", "SEGMENTS", "COMPLETED", "FAILED"})
_SPEAKERS = {
    "CUSTOMER": Speaker.CUSTOMER,
    "AGENT": Speaker.AGENT,
    # A supervisor who speaks to the customer does what an agent does.
    "SUPERVISOR": Speaker.AGENT,
    "CUSTOM_BOT": Speaker.BOT,
    "SYSTEM": Speaker.SYSTEM,
}
_TRANSFERRED = "application/vnd.amazonaws.connect.event.transfer.succeeded"
_NOT_TURNS = {
    "Categories": DropReason.ANALYSIS,
    "Issues": DropReason.ANALYSIS,
    "PostContactSummary": DropReason.ANALYSIS,
    "Attachments": DropReason.ATTACHMENT,
    "Attachment": DropReason.ATTACHMENT,
}
_CONTACT_EVENT = "Amazon Connect Contact Event"
_CONTACT_BEGINS = frozenset({"INITIATED", "QUEUED", "CONNECTED_TO_AGENT"})
_FILE_NAME = re.compile(
    r"(?P<id>[0-9a-fA-F-]{36})_analysis(?:_redacted)?"
    r"_(?P<time>\d{4}-\d\d-\d\dT\d\d[:_]\d\d(?:[:_]\d\d)?)Z?\.json"
)


def _claims(payload: Payload) -> bool:
    data = payload.data
    if data.get("source") == "aws.connect":
        return True
    if "ContactId" in data:
        kind = data.get("EventType", data.get("StreamingEventType"))
        return isinstance(kind, str) and kind in _STREAM_EVENTS
    return is_analysis(data)


def _translate(payload: Payload) -> Mapped:
    data = payload.data
    if data.get("source") == "aws.connect":
        return _contact_event(payload)
    if is_analysis(data):
        return analysis(data, "", arrival(payload), relative=True)
    kind = data.get("EventType", data.get("StreamingEventType"))
    if not isinstance(kind, str) or kind not in _STREAM_EVENTS:
        raise Refused(
            RejectReason.UNKNOWN_PAYLOAD,
            "no segment stream: EventType or StreamingEventType must be one of "
            + ", ".join(sorted(_STREAM_EVENTS)),
        )
    arrived_ms = arrival(payload)
    draft = Draft(
        required(data, "ContactId"), channel=name(data, "Channel").lower(), language=_language(data)
    )
    if kind == "STARTED":
        draft.add(EventType.SESSION_STARTED, "started", arrived_ms, offset_ms=_start(data))
    elif kind == "SEGMENTS":
        draft.each(
            data.get("Segments"),
            "Segments",
            lambda segment, where: _segment(draft, segment, where, arrived_ms),
        )
    else:
        draft.add(EventType.SESSION_ENDED, "ended", arrived_ms)
    return draft.done()


def _start(data: dict[str, Any]) -> int | None:
    """Only voice counts its time from the start."""
    return 0 if data.get("Channel") == "VOICE" else None


def _language(data: dict[str, Any]) -> str:
    for settings in ("StreamingSettings", "StreamingEventSettings"):
        if language := name(child(data, settings), "LanguageCode", settings):
            return language
    return name(data, "LanguageCode")


def _segment(draft: Draft, segment: dict[str, Any], where: str, arrived_ms: int) -> None:
    for kind, content in segment.items():
        path = f"{where}.{kind}"
        if kind in _NOT_TURNS:
            draft.drop(path, _NOT_TURNS[kind])
        elif kind == "Transcript":
            _turn(draft, object_of(content, path), path, arrived_ms)
        elif kind == "Utterance":
            item = object_of(content, path)
            draft.say(
                required(item, "Id", path),
                arrived_ms,
                _speaker(item, path),
                words(item, "PartialContent", path),
                final=False,
                offset_ms=offset(item, "BeginOffsetMillis", path),
                agent=_agent(item, path),
            )
        elif kind == "Event":
            item = object_of(content, path)
            _chat_event(
                draft, item, path, required(item, "EventType", path), _time(item, path, arrived_ms)
            )
        else:
            draft.drop(path, DropReason.UNUSED)


class _When(NamedTuple):
    time_ms: int
    offset_ms: int | None


def _time(item: dict[str, Any], where: str, arrived_ms: int) -> _When:
    """Chat tells when, voice how long after the beginning."""
    absolute_ms = moment(item, "AbsoluteTime", where)
    if absolute_ms is None:
        absolute_ms = moment(child(item, "Time", where), "AbsoluteTime", f"{where}.Time")
    if absolute_ms is not None:
        return _When(absolute_ms, None)
    return _When(arrived_ms, offset(item, "BeginOffsetMillis", where))


def _turn(draft: Draft, item: dict[str, Any], where: str, arrived_ms: int) -> None:
    when = _time(item, where, arrived_ms)
    content_type = name(item, "ContentType", where)
    if content_type and not content_type.startswith("text/"):
        draft.drop(where, DropReason.NO_TEXT)
        return
    draft.say(
        required(item, "Id", where),
        when.time_ms,
        _speaker(item, where),
        words(item, "Content", where),
        offset_ms=when.offset_ms,
        agent=_agent(item, where),
    )


def _chat_event(draft: Draft, item: dict[str, Any], where: str, kind: str, when: _When) -> None:
    if kind == _TRANSFERRED:
        event_id = required(item, "Id", where)
        draft.add(EventType.TRANSFER, event_id, when.time_ms, offset_ms=when.offset_ms)
    elif kind.endswith(".typing") or ".message." in kind:
        draft.drop(where, DropReason.STATUS)
    else:
        draft.drop(where, DropReason.LIFECYCLE)


def _speaker(item: dict[str, Any], where: str) -> Speaker:
    speaker = _SPEAKERS.get(required(item, "ParticipantRole", where))
    if speaker is None:
        raise Refused(
            RejectReason.INVALID_VALUE,
            f"{where}.ParticipantRole must be one of {', '.join(_SPEAKERS)}",
        )
    return speaker


def _agent(item: dict[str, Any], where: str) -> str:
    """Voice names the role where chat names the participant."""
    reference = name(item, "ParticipantId", where)
    if item.get("ParticipantRole") not in ("AGENT", "SUPERVISOR") or reference in _SPEAKERS:
        return ""
    return reference


# -- contact events --------------------------------------------------------------------------------


def _contact_event(payload: Payload) -> Mapped:
    """Queue and agent of a contact, which segment streams do not tell. Ids end Amazon's names."""
    data = payload.data
    detail = child(data, "detail")
    kind = name(detail, "eventType", "detail")
    if data.get("detail-type") != _CONTACT_EVENT or kind not in _CONTACT_BEGINS:
        reason = DropReason.LIFECYCLE if kind else DropReason.UNUSED
        return Mapped([], [Dropped(f"detail ({kind})" if kind else "detail", reason)])
    time_ms = moment(data, "time")
    queue = child(detail, "queueInfo", "detail") or child(detail, "QueueInfo", "detail")
    agent = child(detail, "agentInfo", "detail") or child(detail, "AgentInfo", "detail")
    draft = Draft(required(detail, "contactId", "detail"))
    draft.add(
        EventType.SESSION_STARTED,
        required(data, "id"),
        arrival(payload) if time_ms is None else time_ms,
        channel=name(detail, "channel", "detail").lower(),
        queue=_last(name(queue, "queueArn", "detail.queueInfo")),
        agent=_last(
            name(agent, "agentArn", "detail.agentInfo")
            or name(agent, "AgentArn", "detail.agentInfo")
        ),
    )
    return draft.done()


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


# -- the analysis file -----------------------------------------------------------------------------


def is_analysis(data: dict[str, Any]) -> bool:
    """Whether a JSON object is the analysis that Contact Lens writes after a contact."""
    return (
        isinstance(data.get("Transcript"), list)
        and isinstance(data.get("Participants"), list)
        and ("JobStatus" in data or "ConversationCharacteristics" in data)
    )


def file_name(file: str) -> tuple[str, str]:
    """Contact id and start from the name that Amazon Connect gives an analysis file, empty where
    it is another name: ``<contact>_analysis_2020-02-04T21:14:16Z.json``."""
    match = _FILE_NAME.fullmatch(file)
    if match is None:
        return "", ""
    time = match["time"].replace("_", ":")
    return match["id"], f"{time}Z" if time.count(":") == 2 else f"{time}:00Z"


def analysis(
    data: dict[str, Any], contact_id: str, start_ms: int, *, relative: bool = False
) -> Mapped:
    """The events of an analysis, the session's start and end included.

    ``contact_id`` and ``start_ms`` hold where the analysis of a call does not say them;
    ``relative`` leaves it to the session to place its times. Raises :class:`Refused`.
    """
    contact_id = name(child(data, "CustomerMetadata"), "ContactId") or contact_id
    if not contact_id:
        raise Refused(RejectReason.MISSING_FIELD, "CustomerMetadata.ContactId is missing or empty")
    roles: dict[str, str] = {}
    for n, participant in enumerate(items_of(data.get("Participants"), "Participants")):
        where = f"Participants[{n}]"
        participant = object_of(participant, where)
        roles[required(participant, "ParticipantId", where)] = required(
            participant, "ParticipantRole", where
        )
    draft = Draft(
        contact_id, channel=name(data, "Channel").lower(), language=name(data, "LanguageCode")
    )

    def take(item: dict[str, Any], where: str) -> None:
        participant = name(item, "ParticipantId", where)
        item = {"ParticipantRole": roles.get(participant, participant)} | item
        kind = item.get("Type", "MESSAGE")
        if kind == "EVENT":
            content_type = required(item, "ContentType", where)
            _chat_event(draft, item, where, content_type, _time(item, where, start_ms))
        elif kind == "ATTACHMENT":
            draft.drop(where, DropReason.ATTACHMENT)
        else:
            _turn(draft, item, where, start_ms)

    draft.each(data.get("Transcript"), "Transcript", take)
    events, dropped, rejected = draft.done()
    if events:
        times = [_When(event.time_ms, event.offset_ms) for event in events]
        begin = _When(start_ms, 0) if times[0].offset_ms is not None else min(times)
        end = max(times, key=lambda when: (when.offset_ms or 0, when.time_ms))
        draft.add(EventType.SESSION_STARTED, "started", begin.time_ms, offset_ms=begin.offset_ms)
        draft.add(EventType.SESSION_ENDED, "ended", end.time_ms, offset_ms=end.offset_ms)
        *turns, started, ended = events
        events = [started, *turns, ended]
    if not relative:
        events = [
            event._replace(time_ms=event.time_ms + (event.offset_ms or 0), offset_ms=None)
            for event in events
        ]
    return Mapped(events, dropped, rejected)


CONTACT_LENS = Vendor("contact-lens", _claims, _translate)

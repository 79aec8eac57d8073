"""What a source is: from a record of a contact center's bus to canonical events.

A source is pure and keeps nothing from one record to the next, so that a record gives the same
events whenever it is read: ids come from the payload, never from the time or the place of reading.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

from stream.events import Event, EventType, Rejected, RejectReason, Speaker, parse_time
from stream.events.decode import MAX_ID_LENGTH, Refused, json_object
from stream.sources.cloudevents import Envelope, is_batch, unwrap

Headers = Sequence[tuple[str, bytes]]
"""A record's headers as Kafka clients hand them over."""

_LONGEST_OFFSET_MS = 30 * 86_400_000
_MOST_FORM_FIELDS = 200


class DropReason(str, enum.Enum):
    """Why a part of a payload becomes no event: the ``reason`` label of the dropped metric."""

    ANALYSIS = "analysis"
    ATTACHMENT = "attachment"
    EDIT = "edit"
    LIFECYCLE = "lifecycle"
    NO_RULE = "no_rule"
    NO_TEXT = "no_text"
    PRE_ACTION = "pre_action"
    RULE = "rule"
    STATUS = "status"
    UNUSED = "unused"


MEANINGS = {
    DropReason.ANALYSIS: "what the vendor concluded (categories, sentiment, summary), not a turn",
    DropReason.ATTACHMENT: "a file, which has no words to read",
    DropReason.EDIT: "a change of something already said: what was read first counts",
    DropReason.LIFECYCLE: "a change that another payload tells better",
    DropReason.NO_RULE: "no rule of the mapping file applies",
    DropReason.NO_TEXT: "carries no text",
    DropReason.PRE_ACTION: "asked before it happens; the webhook after it is the one that counts",
    DropReason.RULE: "the mapping file says so",
    DropReason.STATUS: "typing, delivery, a sign of life",
    DropReason.UNUSED: "a notification that nothing is read from",
}
"""Each reason in words."""


class Dropped(NamedTuple):
    """A part of a payload that becomes no event. ``part`` never quotes what was said."""

    part: str
    reason: DropReason


class Mapped(NamedTuple):
    """What one payload becomes. Where some of it is invalid, ``rejected`` names the first fault
    and ``events`` holds the rest."""

    events: list[Event]
    dropped: list[Dropped]
    rejected: Rejected | None = None


class Source(Protocol):
    """From a record to what it means. Never raises: any bytes have an answer.

    ``log_ms`` is the record's timestamp in the log: the time of what carries none of its own.
    ``max_bytes`` bounds ``value``. A single canonical event comes without a :class:`Mapped`
    around it: that path is the busiest.
    """

    def __call__(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        log_ms: int | None,
        max_bytes: int,
    ) -> Event | Mapped | Rejected: ...


class Payload(NamedTuple):
    """An unwrapped payload. ``envelope`` holds the CloudEvents attributes, empty without them."""

    data: dict[str, Any]
    key: bytes | None
    headers: dict[str, str]
    log_ms: int | None
    envelope: Envelope


class Vendor(NamedTuple):
    """A vendor's payloads. ``claims`` tells its own by marks that no other vendor's has;
    ``translate`` may raise :class:`~stream.events.decode.Refused`."""

    name: str
    claims: Callable[[Payload], bool]
    translate: Callable[[Payload], Mapped]


def open_payload(
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    log_ms: int | None,
    max_bytes: int,
    *,
    need_key: bool = True,
) -> Payload:
    """The payload of a record, out of its CloudEvents envelope. Raises :class:`Refused`.

    A body that is no JSON but a web form, as webhooks post it, counts as an object of strings.
    """
    if need_key and key is None:
        raise Refused(
            RejectReason.MISSING_KEY,
            "the record has no key: its conversation would be spread over the partitions",
        )
    texts = {name.lower(): data.decode("utf-8", "replace") for name, data in headers if data}
    if is_batch(texts):
        raise Refused(RejectReason.WRONG_TYPE, "a CloudEvents batch; send the events one by one")
    data = _form(value, texts, max_bytes)
    if data is None:
        data = json_object(value, max_bytes)
    data, envelope = unwrap(data, texts)
    if log_ms is not None and log_ms < 0:
        log_ms = None
    return Payload(data, key, texts, log_ms, envelope)


def _form(value: bytes | None, headers: dict[str, str], max_bytes: int) -> dict[str, Any] | None:
    if not value or len(value) > max_bytes or value.lstrip()[:1] in (b"{", b"["):
        return None
    declared = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if not declared and b"=" not in value:
        return None
    try:
        fields = parse_qsl(value.decode(), keep_blank_values=True, max_num_fields=_MOST_FORM_FIELDS)
    except ValueError:
        raise Refused(RejectReason.MALFORMED_JSON, "neither JSON nor a web form") from None
    return dict(fields)


class Draft:
    """A :class:`Mapped` in the making. ``common`` are the fields that all its events share."""

    def __init__(self, session_id: str, **common: Any) -> None:
        self._session_id = session_id
        self._common = common
        self._events: list[Event] = []
        self._dropped: list[Dropped] = []
        self._rejected: Rejected | None = None

    def add(self, type: EventType, event_id: str, time_ms: int, **fields: Any) -> None:
        if len(event_id) > MAX_ID_LENGTH:
            raise Refused(
                RejectReason.INVALID_VALUE, f"an id is longer than {MAX_ID_LENGTH} characters"
            )
        self._events.append(
            Event(type, event_id, self._session_id, time_ms, **(self._common | fields))
        )

    def say(self, event_id: str, time_ms: int, speaker: Speaker, text: str, **fields: Any) -> None:
        self.add(EventType.UTTERANCE, event_id, time_ms, speaker=speaker, text=text, **fields)

    def drop(self, part: str, reason: DropReason) -> None:
        self._dropped.append(Dropped(part, reason))

    def each(self, items: object, where: str, take: Callable[[dict[str, Any], str], None]) -> None:
        """Call ``take`` with every object of a list; one that is refused does not stop the rest."""
        for n, item in enumerate(items_of(items, where)):
            try:
                take(object_of(item, f"{where}[{n}]"), f"{where}[{n}]")
            except Refused as refused:
                if self._rejected is None:
                    self._rejected = refused.rejected

    def done(self) -> Mapped:
        if not self._events and not self._dropped and self._rejected is None:
            self.drop("payload", DropReason.NO_TEXT)
        return Mapped(self._events, self._dropped, self._rejected)


# -- reading fields --------------------------------------------------------------------------------
# ``where`` is the path of the object within the payload, for the message; no value is ever quoted.


def _path(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field


def object_of(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(RejectReason.WRONG_TYPE, f"{where} must be an object")
    return value


def items_of(value: object, where: str) -> list[Any]:
    """A list; null counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(RejectReason.WRONG_TYPE, f"{where} must be a list")
    return value


def child(data: dict[str, Any], field: str, where: str = "") -> dict[str, Any]:
    """A nested object; null and absent count as an empty one."""
    value = data.get(field)
    return {} if value is None else object_of(value, _path(where, field))


def name(data: dict[str, Any], field: str, where: str = "") -> str:
    """An optional identifier or word, empty where it is absent."""
    value = data.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(RejectReason.WRONG_TYPE, f"{_path(where, field)} must be a string")
    if len(value) > MAX_ID_LENGTH:
        raise Refused(
            RejectReason.INVALID_VALUE,
            f"{_path(where, field)} is longer than {MAX_ID_LENGTH} characters",
        )
    return value


def required(data: dict[str, Any], field: str, where: str = "") -> str:
    value = name(data, field, where)
    if not value:
        raise Refused(RejectReason.MISSING_FIELD, f"{_path(where, field)} is missing or empty")
    return value


def words(data: dict[str, Any], field: str, where: str = "") -> str:
    """What was said: of any length, possibly empty."""
    value = data.get(field)
    if value is None:
        raise Refused(RejectReason.MISSING_FIELD, f"{_path(where, field)} is missing")
    if not isinstance(value, str):
        raise Refused(RejectReason.WRONG_TYPE, f"{_path(where, field)} must be a string")
    return value


def moment(data: dict[str, Any], field: str, where: str = "") -> int | None:
    """A time in milliseconds since the epoch; None where it is absent."""
    value = data.get(field)
    if value is None or value == "":
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        raise Refused(RejectReason.BAD_TIME, f"{_path(where, field)}: {error}") from None


def offset(data: dict[str, Any], field: str, where: str = "", *, per_second: bool = False) -> int:
    """Milliseconds since the start of the conversation, from a number of them or of seconds."""
    value = data.get(field)
    if value is None:
        raise Refused(RejectReason.MISSING_FIELD, f"{_path(where, field)} is missing")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Refused(RejectReason.WRONG_TYPE, f"{_path(where, field)} must be a number")
    value_ms = value * 1000 if per_second else value
    if not 0 <= value_ms <= _LONGEST_OFFSET_MS:
        raise Refused(RejectReason.BAD_TIME, f"{_path(where, field)} is out of range")
    return round(value_ms)


def arrival(payload: Payload) -> int:
    """When the payload came, for what carries no time of its own."""
    if payload.log_ms is None:
        raise Refused(RejectReason.BAD_TIME, "neither the payload nor the record has a time")
    try:
        return parse_time(payload.log_ms)
    except ValueError as error:
        raise Refused(RejectReason.BAD_TIME, f"the record's timestamp: {error}") from None


def earliest(times: Iterable[int | None]) -> int | None:
    return min((time for time in times if time is not None), default=None)


def latest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)

"""The canonical event of ``conversation.events`` (JSON Schema: ``schemas/``)."""

from __future__ import annotations

import enum
import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

SCHEMA_VERSION = 1
"""Version of the event layout that this release reads and writes."""

_EPOCH = datetime(1970, 1, 1)  # in UTC, like all times here
_EPOCH_DAY = _EPOCH.toordinal()
EARLIEST_MS = 946_684_800_000  # 2000-01-01: a value below is most likely in seconds
LATEST_MS = 4_102_444_800_000  # 2100-01-01

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


class EventType(str, enum.Enum):
    """What an event says happened."""

    SESSION_STARTED = "session.started"
    UTTERANCE = "utterance"
    HOLD_STARTED = "hold.started"
    HOLD_ENDED = "hold.ended"
    TRANSFER = "transfer"
    ACTION = "action"
    SESSION_ENDED = "session.ended"


class Speaker(str, enum.Enum):
    """Who speaks in an utterance."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"


class Event(NamedTuple):
    """One thing that happened in a conversation.

    ``time_ms`` is event time in milliseconds since the Unix epoch. ``sequence`` orders events
    that carry the same time. ``name`` is what the event is about besides the text: the target of
    a transfer, or the kind of an action (``lookup``, ``refund``, ``ticket``, ...).
    Fields that a type does not use are empty.

    ``offset_ms`` is set where the payload says only how long after the start of the conversation
    it happened; ``time_ms`` is then when it came, and the session works out the rest.
    """

    type: EventType
    event_id: str
    session_id: str
    time_ms: int
    sequence: int = 0
    channel: str = ""
    queue: str = ""
    language: str = ""
    agent: str = ""
    speaker: Speaker | None = None
    text: str = ""
    final: bool = True
    name: str = ""
    offset_ms: int | None = None


def parse_time(value: object) -> int:
    """Milliseconds since the Unix epoch from RFC 3339 text or an epoch-millisecond number.

    Raises ``ValueError``, with what is wrong, for anything else and for times outside
    the years 2000 to 2099.
    """
    if type(value) is int:
        time_ms = value
    elif isinstance(value, str) and (moment := _plain_utc(value)) is not None:
        since = moment - _EPOCH
        time_ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    elif isinstance(value, str):
        match = _RFC3339.fullmatch(value)
        if match is None:
            raise ValueError("not an RFC 3339 time with a UTC offset, nor epoch milliseconds")
        year, month, day, hour, minute, second, fraction, _, sign, off_h, off_m = match.groups()
        if second == "60":  # a leap second: most clocks repeat the 59th
            second = "59"
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
        if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
            raise ValueError("hour, minute or second out of range")
        time_ms = (days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)) * 1000
        if fraction:
            time_ms += int(fraction[:3].ljust(3, "0"))
        if sign:
            if int(off_h) > 23 or int(off_m) > 59:
                raise ValueError("UTC offset out of range")
            offset_ms = (int(off_h) * 60 + int(off_m)) * 60_000
            time_ms += -offset_ms if sign == "+" else offset_ms
    else:
        raise ValueError("time must be RFC 3339 text or epoch milliseconds")
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        hint = " (seconds? it must be milliseconds)" if 0 < time_ms < EARLIEST_MS else ""
        raise ValueError(f"time outside the years 2000 to 2099{hint}")
    return time_ms


def _plain_utc(value: str) -> datetime | None:
    """The time in the form that most events have, and that the standard library reads fast."""
    if (
        len(value) in (20, 24)
        and value[-1] == "Z"
        and value[4] == value[7] == "-"
        and value[10] == "T"
        and value[13] == value[16] == ":"
        and (len(value) == 20 or (value[19] == "." and value[20:23].isdigit()))
    ):
        try:
            return datetime.fromisoformat(value[:-1])
        except ValueError:
            pass  # a leap second, or what the thorough way has words for
    return None


def format_time(time_ms: int) -> str:
    """RFC 3339 text in UTC with milliseconds, the inverse of :func:`parse_time`."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=1 << 12)
def _to_the_second(seconds: int) -> str:
    # Formatting by strftime takes several times as long.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def encode(event: Event) -> bytes:
    """The canonical JSON of an event, without its empty fields (and without ``offset_ms``)."""
    out: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "type": event.type.value,
        "event_id": event.event_id,
        "session_id": event.session_id,
        "time": format_time(event.time_ms),
    }
    if event.sequence:
        out["sequence"] = event.sequence
    for field in ("channel", "queue", "language", "agent"):
        if value := getattr(event, field):
            out[field] = value
    if event.type is EventType.UTTERANCE:
        assert event.speaker is not None
        out["speaker"] = event.speaker.value
        out["text"] = event.text
        if not event.final:
            out["final"] = False
    elif event.type is EventType.TRANSFER and event.name:
        out["target"] = event.name
    elif event.type is EventType.ACTION:
        out["action"] = event.name
    return orjson.dumps(out)

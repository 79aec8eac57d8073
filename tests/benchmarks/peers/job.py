"""What the peers in Python have in common: an event into a session's state, a record out of it."""

from __future__ import annotations

import os

from stream.events import Event, EventType, decode
from stream.recognition import fast
from stream.session import SessionState, judge, observe

SERVERS = os.environ["PEER_SERVERS"]
GROUP = os.environ["PEER_GROUP"]
EVENTS = os.environ["PEER_EVENTS"]
RECORDS = os.environ["PEER_RECORDS"]
STATE = os.environ["PEER_STATE"]

_RECOGNIZER = fast()
_MAX_BYTES = 262_144


def event_of(key: bytes, value: bytes) -> Event:
    event = decode(key, value, _MAX_BYTES)
    assert isinstance(event, Event), event
    return event


def add(state: SessionState | None, offset: int, event: Event) -> SessionState:
    """The session's state with the event in it."""
    if state is None:
        state = SessionState(event.session_id, offset, event.time_ms, event.time_ms)
    state.apply(offset, event.time_ms, event, observe(event, _RECOGNIZER), offset)
    return state


def record(state: SessionState, event: Event) -> bytes | None:
    """The session's record where ``event`` ends it."""
    if event.type is not EventType.SESSION_ENDED:
        return None
    return judge(state, _RECOGNIZER, "ended").encode()


def pack(state: SessionState) -> bytes:
    """A state and whose it is: the id, a NUL, the encoded state."""
    return state.session_id.encode() + b"\0" + state.encode()


def unpack(data: bytes) -> SessionState:
    session_id, _, state = data.partition(b"\0")
    return SessionState.decode(session_id.decode(), state, sound=True)

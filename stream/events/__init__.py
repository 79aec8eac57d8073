"""What can happen in a conversation, and the one step from bytes to a typed event."""

from stream.events.decode import Rejected, RejectReason, decode
from stream.events.model import (
    SCHEMA_VERSION,
    Event,
    EventType,
    Speaker,
    encode,
    format_time,
    parse_time,
)

__all__ = [
    "SCHEMA_VERSION",
    "Event",
    "EventType",
    "RejectReason",
    "Rejected",
    "Speaker",
    "decode",
    "encode",
    "format_time",
    "parse_time",
]

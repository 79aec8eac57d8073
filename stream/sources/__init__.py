"""Payloads of other shapes into canonical events."""

from stream.sources.base import Dropped, DropReason, Mapped, Source
from stream.sources.choice import AUTO, EVENTS, MAPPING, SOURCES, make_source, read_event
from stream.sources.files import Conversation, FileError, read_conversations
from stream.sources.pseudonyms import Pseudonyms
from stream.sources.transcript import Transcript, TranscriptError, parse_transcript

__all__ = [
    "AUTO",
    "EVENTS",
    "MAPPING",
    "SOURCES",
    "Conversation",
    "DropReason",
    "Dropped",
    "FileError",
    "Mapped",
    "Pseudonyms",
    "Source",
    "Transcript",
    "TranscriptError",
    "make_source",
    "parse_transcript",
    "read_conversations",
    "read_event",
]

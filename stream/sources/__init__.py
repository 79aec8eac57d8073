"""Payloads of other shapes into canonical events."""

from stream.sources.files import FileError, read_conversations
from stream.sources.transcript import Transcript, TranscriptError, parse_transcript

__all__ = [
    "FileError",
    "Transcript",
    "TranscriptError",
    "parse_transcript",
    "read_conversations",
]

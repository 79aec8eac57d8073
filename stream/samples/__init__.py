"""Sample conversations that ship with the package, for the demo and for trying things."""

from __future__ import annotations

from importlib import resources

from stream.sources.transcript import Transcript, parse_transcript


def sample_conversations() -> list[Transcript]:
    """The bundled conversations: several industries and channels, from exemplary to awful."""
    text = resources.files(__name__).joinpath("conversations.jsonl").read_bytes()
    return [parse_transcript(line) for line in text.splitlines() if line.strip()]

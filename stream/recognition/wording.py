"""How alike the wording of two agent turns is."""

from __future__ import annotations

from itertools import pairwise

from stream.recognition.reading import AgentReading
from stream.recognition.text import NUMBER_CODES


def wording(reading: AgentReading) -> frozenset[int]:
    """A turn's wording: its neighbouring word pairs. Numbers are one word each, so that a macro
    with another reference number in it is the same wording."""
    words = [1 if word < NUMBER_CODES else word for word in reading.words]
    if len(words) == 1:
        return frozenset(words)
    return frozenset(a << 24 | b for a, b in pairwise(words))


def wording_similarity(a: AgentReading, b: AgentReading) -> float:
    """Likeness (0 to 1) of the wording of two turns: shared word pairs by all (Jaccard)."""
    one, other = wording(a), wording(b)
    if not one or not other:
        return 0.0
    both = len(one & other)
    return both / (len(one) + len(other) - both)

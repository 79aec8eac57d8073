"""How alike the wording of two agent turns is."""

from __future__ import annotations

import heapq
import zlib
from base64 import b64encode
from itertools import pairwise

from stream.recognition.reading import AgentReading
from stream.recognition.text import NUMBER_CODES
from stream.recognition.weights import Pair


def wording(reading: AgentReading) -> frozenset[Pair]:
    """A turn's wording: its neighbouring word pairs. Numbers are one word each, so that a macro
    with another reference number in it is the same wording."""
    words = [1 if word < NUMBER_CODES else word for word in reading.words]
    if len(words) == 1:
        return frozenset([(words[0], words[0])])
    return frozenset(pairwise(words))


def wording_similarity(a: frozenset[Pair], b: frozenset[Pair]) -> float:
    """Likeness (0 to 1) of two wordings: shared word pairs by all (Jaccard)."""
    if not a or not b:
        return 0.0
    both = len(a & b)
    return both / (len(a) + len(b) - both)


_SKETCH_SIZE = 16


def wording_sketch(wording: frozenset[Pair]) -> str:
    """What tells a wording again where its pairs cannot be kept: the 16 smallest of their hashes,
    four characters each, in order. No word can be read from it."""
    hashes = {zlib.crc32(b"%d %d" % pair).to_bytes(4, "big")[1:] for pair in wording}
    return "".join(heapq.nsmallest(_SKETCH_SIZE, (b64encode(each).decode() for each in hashes)))

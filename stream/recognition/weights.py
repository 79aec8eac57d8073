"""How much a word says about one case: 0 for function words and words every case shares."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import repeat

from stream.recognition.lexicon import COMMON, FUNCTION, TOPICS
from stream.recognition.text import code

UNKNOWN = 10
"""Weight, in tenths, of a word that no vocabulary holds: a full particular."""


def _table() -> dict[int, int]:
    table = {code(word): 4 for word in COMMON.split()}
    table.update((code(word), 0) for word in TOPICS.split())
    table.update((code(word), 0) for word in FUNCTION.split())
    table.update((number, 6) for number in range(10))
    return table


_LANE = 32
_HALF = 1 << (_LANE - 1)


def packed(values: Sequence[int]) -> int:
    """Whole numbers side by side in one, so that adding two such adds all of them at once, and
    multiplying by a whole number multiplies all. Each must stay below 2^31 either side of 0."""
    return sum([value << (_LANE * place) for place, value in enumerate(values)])


def unpacked(number: int, count: int) -> tuple[int, ...]:
    """The ``count`` numbers that :func:`packed` put side by side."""
    # Half a lane on each makes all positive: what is negative borrows from the next.
    raw = (number + _OFFSETS[count]).to_bytes(_LANE // 8 * count, "little")
    return tuple([value - _HALF for value in struct.unpack(f"<{count}I", raw)])


_OFFSETS = [packed([_HALF] * count) for count in range(9)]

Pair = tuple[int, int]
"""The codes of two neighbouring words."""


def word_weights(table: str) -> dict[int, int]:
    """A fitted table, one word and its weights in hundredths a line: by word code, packed."""
    found: dict[int, int] = {}
    for line in table.split("\n"):
        if line:
            word, *weights = line.split()
            found[code(word)] = packed(list(map(int, weights)))
    return found


def pair_weights(table: str) -> dict[Pair, int]:
    """The same of neighbouring words: two words and their weights a line."""
    found: dict[Pair, int] = {}
    for line in table.split("\n"):
        if line:
            first, second, *weights = line.split()
            found[code(first), code(second)] = packed(list(map(int, weights)))
    return found


WEIGHTS = _table()
"""Word code -> weight in tenths as a particular; what is missing weighs :data:`UNKNOWN`. Whole
numbers, so that a sum does not depend on its order."""

WEIGHTLESS = frozenset(word for word, weight in WEIGHTS.items() if not weight)
"""The codes of the words without weight."""


def weight_of(words: set[int]) -> int:
    """The weights of words together, in tenths."""
    return sum(map(WEIGHTS.get, words, repeat(UNKNOWN)))

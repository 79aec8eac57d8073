"""How much a word says about one case: 0 for function words and words every case shares."""

from __future__ import annotations

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


def word_weights(table: str) -> dict[int, tuple[float, ...]]:
    """A fitted table, one word and its weights in hundredths a line, by the words' codes."""
    found: dict[int, tuple[float, ...]] = {}
    for line in table.split("\n"):
        if line:
            word, *weights = line.split()
            found[code(word)] = tuple([int(weight) / 100 for weight in weights])
    return found


def pair_weights(table: str) -> dict[int, tuple[float, ...]]:
    """The same of neighbouring words: two words and their weights a line."""
    found: dict[int, tuple[float, ...]] = {}
    for line in table.split("\n"):
        if line:
            first, second, *weights = line.split()
            found[code(first) << 24 | code(second)] = tuple([int(w) / 100 for w in weights])
    return found


WEIGHTS = _table()
"""Word code -> weight in tenths as a particular; what is missing weighs :data:`UNKNOWN`. Whole
numbers, so that a sum does not depend on its order."""

WEIGHTLESS = frozenset(word for word, weight in WEIGHTS.items() if not weight)
"""The codes of the words without weight."""

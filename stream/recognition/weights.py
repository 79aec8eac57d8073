"""How much a word says about one case: 0 for function words and words every case shares."""

from __future__ import annotations

from stream.recognition.lexicon import COMMON, FUNCTION, TOPICS
from stream.recognition.text import NUMBER_CODES, code


def _table() -> dict[int, float]:
    table = {code(word): 0.4 for word in COMMON.split()}
    table.update((code(word), 0.0) for word in TOPICS.split())
    table.update((code(word), 0.0) for word in FUNCTION.split())
    table.update((number, 0.6) for number in range(NUMBER_CODES) if number < 10)
    return table


WEIGHTS = _table()
"""Word code -> weight (0 to 1) as a particular; what is missing has weight 1."""


def weight_of(word: int) -> float:
    """Weight (0 to 1) of a word as a particular."""
    return WEIGHTS.get(word, 1.0)

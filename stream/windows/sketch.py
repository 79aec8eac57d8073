"""A mergeable quantile sketch of durations.

Logarithmic bins after DDSketch (Masson, Rim and Lee, VLDB 2019): bin ``i`` holds values in
``(g^(i-1), g^i]`` with ``g = (1 + a) / (1 - a)``, and answers with a value at most the share ``a``
off any value in it. Merging adds the bins up, so a merged sketch equals the sketch of all values.
"""

from __future__ import annotations

import math
from typing import TypeVar

Key = TypeVar("Key", int, str)

RELATIVE_ERROR = 0.02
"""The most a quantile is off, as a share of the true one (``a`` above)."""

SMALLEST, LARGEST = 0.001, 2_592_000.0
"""Seconds. Smaller values count as 0, larger ones as this: so a sketch has at most 544 bins."""

_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_ZERO = math.floor(math.log(SMALLEST) / _LOG_GAMMA) - 1
"""The bin of values that count as 0: below all others."""

Sketch = dict[int, int]
"""Counts by bin."""


def add(sketch: Sketch, seconds: float) -> None:
    """Count one value."""
    bin_ = _ZERO
    if seconds >= SMALLEST:
        bin_ = math.ceil(math.log(min(seconds, LARGEST)) / _LOG_GAMMA)
    sketch[bin_] = sketch.get(bin_, 0) + 1


def merge(counts: dict[Key, int], other: dict[Key, int]) -> None:
    """Add the counts of ``other``, a sketch or counts by anything else, to ``counts``."""
    for key, count in other.items():
        counts[key] = counts.get(key, 0) + count


def quantile(sketch: Sketch, q: float) -> float | None:
    """The value of rank ``floor(q * (n - 1))`` from 0 among ``n``, within :data:`RELATIVE_ERROR`;
    None of an empty sketch."""
    rank = math.floor(q * (sum(sketch.values()) - 1))
    for bin_ in sorted(sketch):
        rank -= sketch[bin_]
        if rank < 0:
            return 0.0 if bin_ == _ZERO else 2 * _GAMMA**bin_ / (_GAMMA + 1)
    return None

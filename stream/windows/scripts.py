"""Wording that recurs over the sessions of a queue: scripts.

"We understand how frustrating late parcels are" recognises the first customer who reads it. Said to
everybody it is a stock phrase, which no session can tell by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

SIMILAR = 0.6
"""Likeness (0 to 1) from which two wordings count as the same: names and particulars may differ."""

SCRIPT_FROM = 3.5
"""Weight of earlier uses from which a wording is a script: with the fifth in close succession."""

KEPT = 64
"""Wordings remembered of a queue; of more, what weighs least is forgotten."""

_FADE = 0.998
"""What is left of a weight after one more recognition in the queue: half after some 350."""


_RESCALE_FROM = 1e6


class ScriptMemory:
    """The wordings of a queue's recognising turns, as sketches
    (:func:`stream.recognition.wording_sketch`), each with the fading count of its uses.

    Not the weights fade, but the unit grows that the next use weighs: so most wordings are left
    alone."""

    __slots__ = ("_known", "_unit")

    def __init__(self, unit: float = 1.0, known: Sequence[tuple[float, str]] = ()) -> None:
        """The parts are what :meth:`to_wire` gave."""
        self._unit = float(unit)
        self._known = [(float(weight), sketch, _hashes(sketch)) for weight, sketch in known]

    def to_wire(self) -> list[Any]:
        return [self._unit, [(weight, sketch) for weight, sketch, _ in self._known]]

    def meet(self, sketch: str) -> bool:
        """Take one more use of a wording in; whether it is a script by those before."""
        known = self._known
        self._unit /= _FADE
        if self._unit > _RESCALE_FROM:
            known[:] = [(weight / self._unit, text, its) for weight, text, its in known]
            self._unit = 1.0
        hashes = _hashes(sketch)
        best, at = 0.0, -1
        for n, (_, _, other) in enumerate(known):
            likeness = _similarity(hashes, other)
            if likeness > best:
                best, at = likeness, n
        before = 0.0
        if best >= SIMILAR:
            before, sketch, hashes = known.pop(at)
        elif len(known) >= KEPT:
            known.remove(min(known, key=itemgetter(0)))
        known.append((before + self._unit, sketch, hashes))
        return before >= SCRIPT_FROM * self._unit


def _hashes(sketch: str) -> frozenset[str]:
    return frozenset(sketch[at : at + 4] for at in range(0, len(sketch), 4))


def _similarity(a: frozenset[str], b: frozenset[str]) -> float:
    """Likeness (0 to 1) of the wordings behind the hashes of two sketches, 0 where it is below
    :data:`SIMILAR`: the share of the smallest of all hashes that both have, which estimates
    Jaccard's index (bottom-k sketch; Cohen and Kaplan, PODC 2007)."""
    size = max(len(a), len(b))
    # It is at most the share of what they have in common, which is quicker to see.
    if a.isdisjoint(b) or len(a & b) < SIMILAR * size:
        return 0.0
    both = (a & b).intersection(heapq.nsmallest(size, a | b))
    return len(both) / size

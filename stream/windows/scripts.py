"""Wording that recurs over the sessions of a queue: scripts.

"We understand how frustrating late parcels are" recognises the first customer who reads it. Said to
everybody it is a stock phrase, which no session can tell by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from operator import itemgetter

SIMILAR = 0.6
"""Likeness (0 to 1) from which two wordings count as the same: names and particulars may differ."""

SCRIPT_FROM = 3.5
"""Weight of earlier uses from which a wording is a script: with the fifth in close succession."""

KEPT = 64
"""Wordings remembered of a queue; of more, what weighs least is forgotten."""

_FADE = 0.998
"""What is left of a weight after one more recognition in the queue: half after some 350."""


class ScriptMemory:
    """The wordings of a queue's recognising turns, as sketches
    (:func:`stream.recognition.wording_sketch`), each with the fading count of its uses."""

    __slots__ = ("_known",)

    def __init__(self, wire: Sequence[tuple[float, str]] = ()) -> None:
        """``wire`` is what :meth:`to_wire` gave."""
        self._known = [(float(weight), sketch, _hashes(sketch)) for weight, sketch in wire]

    def to_wire(self) -> list[tuple[float, str]]:
        return [(weight, sketch) for weight, sketch, _ in self._known]

    def meet(self, sketch: str) -> bool:
        """Take one more use of a wording in; whether it is a script by those before."""
        hashes = _hashes(sketch)
        known = [(round(weight * _FADE, 4), text, its) for weight, text, its in self._known]
        likeness = [_similarity(hashes, other) for _, _, other in self._known]
        best = max(likeness, default=0.0)
        before = 0.0
        if best >= SIMILAR:
            before, sketch, hashes = known.pop(likeness.index(best))
        elif len(known) >= KEPT:
            known.remove(min(known, key=itemgetter(0)))
        known.append((before + 1, sketch, hashes))
        self._known = known
        return before >= SCRIPT_FROM


def _hashes(sketch: str) -> frozenset[str]:
    return frozenset(sketch[at : at + 4] for at in range(0, len(sketch), 4))


def _similarity(a: frozenset[str], b: frozenset[str]) -> float:
    """Likeness (0 to 1) of the wordings behind the hashes of two sketches: the share of the
    smallest of all hashes that both have, which estimates Jaccard's index (bottom-k sketch; Cohen
    and Kaplan, PODC 2007)."""
    both = a & b
    if not both:
        return 0.0
    smallest = heapq.nsmallest(max(len(a), len(b)), a | b)
    return len(both.intersection(smallest)) / len(smallest)

"""The empathy score: 0 to 100 from five components, each 0 to 1.

``score = 100 * (0.25 order + 0.25 context + 0.10 wording + 0.15 conduct + 0.25 heard)``

The weights follow the codebook: when the recognition came, what of this customer's case it took
in, and in whose words, decide 60 of the 100 points; how the process was led, and how the customer
leaves, the rest. The score never falls when a component rises.

* **order**: 1 where recognition came before any process; otherwise 0.6 at the first process step
  and a third less for each further step before it; 0 without recognition.
* **context**: what was recognised: 0.6 for the situation, 0.25 for the goal, 0.35 for the impact,
  and 0.05 for each particular shown back beyond the first, at most 1. A stock formula alone
  gives 0.1: polite, and about nobody.
* **wording**: the share of the recognising words that are the agent's own; halved where the agent
  repeats the same wording within the session; 0 without recognition.
* **conduct**: half for kept opportunities of next steps explained, concern before data, and
  reasoning explained, over all of them (full where there were none); half where the concern was
  answered at all (a resolution).
* **heard**: 1, less a quarter for each time the customer had to repeat and a quarter for each
  level of the emotion in which the customer leaves; at least 0.
"""

from __future__ import annotations

from stream.recognition import Label
from stream.session.record import ScoreComponents

_ORDER, _CONTEXT, _WORDING, _CONDUCT, _HEARD = 0.25, 0.25, 0.10, 0.15, 0.25


def components(
    *,
    recognized: bool,
    steps_before: int,
    labels: Label,
    particulars: int,
    generic: bool,
    copied_ratio: float | None,
    repeated_turns: int,
    opportunities: int,
    kept: int,
    resolved: bool,
    repeats: int,
    emotion_last: int,
) -> ScoreComponents:
    """The five components. ``steps_before`` counts agent process turns before recognition,
    ``opportunities`` and ``kept`` those of the behaviours that make up the conduct, and
    ``emotion_last`` is the level (0 to 2) of the customer's last turn."""
    order = context = wording = 0.0
    if recognized:
        order = 1.0 if steps_before == 0 else 0.6 * (2 / 3) ** (steps_before - 1)
        context = min(
            1.0,
            0.6 * bool(labels & Label.SITUATION)
            + 0.25 * bool(labels & Label.GOAL)
            + 0.35 * bool(labels & Label.IMPACT)
            + 0.05 * max(0, particulars - 1),
        )
        wording = (1 - (copied_ratio or 0.0)) * (0.5 if repeated_turns else 1.0)
    elif generic:
        context = 0.1
    return ScoreComponents(
        order=round(order, 4),
        context=round(context, 4),
        wording=round(wording, 4),
        conduct=round(0.5 * (kept / opportunities if opportunities else 1.0) + 0.5 * resolved, 4),
        heard=round(max(0.0, 1 - repeats / 4 - emotion_last / 4), 4),
    )


def empathy_score(parts: ScoreComponents) -> int:
    """The weighted sum of the components, rounded to a whole number from 0 to 100."""
    total = (
        _ORDER * parts.order
        + _CONTEXT * parts.context
        + _WORDING * parts.wording
        + _CONDUCT * parts.conduct
        + _HEARD * parts.heard
    )
    return round(100 * total)

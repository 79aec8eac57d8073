"""The empathy score: 0 to 100 from five components, each 0 to 1.

``score = 100 * (0.25 order + 0.25 context + 0.10 wording + 0.10 conduct + 0.30 heard)``

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
* **heard**: what the customer showed since the agent first spoke: 1, less half the share of turns
  that had to repeat, half the mean emotion (2 is 1), an eighth for each level of the emotion in
  which the customer leaves, and a quarter where no calm turn thanks or says that it is well; at
  least 0.
"""

from __future__ import annotations

from stream.recognition import Label
from stream.session.record import ScoreComponents

_SITUATION, _GOAL, _IMPACT = int(Label.SITUATION), int(Label.GOAL), int(Label.IMPACT)
_ORDER, _CONTEXT, _WORDING, _CONDUCT, _HEARD = 0.25, 0.25, 0.10, 0.10, 0.30


def components(
    *,
    recognized: bool,
    steps_before: int,
    labels: int,
    particulars: int,
    generic: bool,
    copied_ratio: float | None,
    repeated_turns: int,
    opportunities: int,
    kept: int,
    resolved: bool,
    answers: int,
    repeats: int,
    emotion: int,
    emotion_last: int,
    content: bool,
) -> ScoreComponents:
    """The five components. ``steps_before`` counts agent process turns before recognition, and
    ``opportunities`` and ``kept`` those of the behaviours that make up the conduct. Of the
    customer's turns since the agent first spoke there are ``answers``, of which ``repeats``
    repeat; ``emotion`` is the sum of their levels (0 to 2 each), and ``content`` is true where one
    of them thanks or says that it is well. ``emotion_last`` is the level of the customer's last
    turn."""
    order = context = wording = 0.0
    if recognized:
        order = 1.0 if steps_before == 0 else 0.6 * (2 / 3) ** (steps_before - 1)
        context = min(
            1.0,
            0.6 * bool(labels & _SITUATION)
            + 0.25 * bool(labels & _GOAL)
            + 0.35 * bool(labels & _IMPACT)
            + 0.05 * max(0, particulars - 1),
        )
        wording = (1 - (copied_ratio or 0.0)) * (0.5 if repeated_turns else 1.0)
    elif generic:
        context = 0.1
    turns = max(1, answers)
    heard = 1 - repeats / turns / 2 - emotion / turns / 4 - emotion_last / 8 - (not content) / 4
    return ScoreComponents(
        order=round(order, 4),
        context=round(context, 4),
        wording=round(wording, 4),
        conduct=round(0.5 * (kept / opportunities if opportunities else 1.0) + 0.5 * resolved, 4),
        heard=round(max(0.0, heard), 4),
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

"""A customer turn, read against the conversation so far.

Named features first (:func:`features`), then a weighted sum of them per value. To it every word
of the turn adds its own weight. The weights are in :mod:`stream.recognition.customer_weights`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from operator import or_

from stream.recognition.agent import ADVICE as AGENT_ADVICE
from stream.recognition.agent import (
    ASK,
    CONTACT,
    FACT,
    GLAD,
    IMPERATIVE,
    INABILITY,
    INVERTED,
    PRIVATE,
    RULE,
    SORRY,
    SUGGEST,
    WH,
)
from stream.recognition.context import Context
from stream.recognition.customer_lexicon import Cue
from stream.recognition.customer_weights import BIAS, FROM, WEIGHTS, WORDS
from stream.recognition.labels import CustomerTurn
from stream.recognition.reading import CustomerReading
from stream.recognition.weights import WEIGHTLESS, packed, unpacked, weight_of, word_weights

_NEGATIVE = int(Cue.ANNOYED | Cue.FEELS | Cue.ANGRY)
_ANGRY = int(Cue.ANGRY)
_PROBLEM = int(Cue.PROBLEM)
_CONTENT = int(Cue.THANKS | Cue.CONTENT)

_NAMES = {int(cue): str(cue.name) for cue in Cue}
"""Bit -> name of a feature; the cues of the turn are features as they are."""


def _feature(name: str) -> int:
    bit = max(_NAMES) << 1
    _NAMES[bit] = name
    return bit


_BRIEF = _feature("words<=3")
_SHORT = _feature("words<=8")
_FIRST = _feature("first")
_OPENING = tuple(
    (int(cue), _feature(f"first&{cue.name}"))
    for cue in (Cue.PROBLEM, Cue.QUESTION, Cue.WISH, Cue.ASKS)
)
_NEGATIVE_BEFORE = _feature("negative_before")
_PROBLEM_BEFORE = _feature("problem_before")
_EVER_NEGATIVE = _feature("ever_negative")
_EVER_ANGRY = _feature("ever_angry")
_SITUATED = _BRIEF
"""From this bit on a feature is not of the turn alone."""
_BEFORE = (
    (ASK | WH | INVERTED | FACT, _feature("asked")),
    (PRIVATE | CONTACT, _feature("moved")),
    (IMPERATIVE | AGENT_ADVICE | SUGGEST, _feature("told")),
    (INABILITY | RULE, _feature("refused")),
    (SORRY, _feature("sorry")),
    (GLAD, _feature("glad")),
)
"""What the agent's turn before did: cues of any of its clauses, and the feature."""
_BEFORE_CUES = reduce(or_, (cues for cues, _ in _BEFORE))

OWN_SHARE = "own_share"
"""Name of the one feature that is no bit."""


def features(reading: CustomerReading, context: Context) -> tuple[int, float]:
    """The features of a turn as bits, which :func:`named` names; and, of the weight of its words,
    the share (0 to 1) that the customer had used before."""
    cues = reading.cues
    bits = cues | _before(context.last_agent_cues & _BEFORE_CUES)
    length = len(reading.words)
    if length <= 8:
        bits |= _BRIEF if length <= 3 else _SHORT
    if context.customer_turns == 0:
        bits |= _FIRST
        for cue, feature in _OPENING:
            if cues & cue:
                bits |= feature
        return bits, 0.0
    last = context.last_customer
    if last is not None:
        if last.cues & _NEGATIVE:
            bits |= _NEGATIVE_BEFORE
        if last.cues & _PROBLEM:
            bits |= _PROBLEM_BEFORE
    ever = context.customer_cues
    if ever & _NEGATIVE:
        bits |= _EVER_NEGATIVE
        if ever & _ANGRY:
            bits |= _EVER_ANGRY
    content = set(reading.words)
    content -= WEIGHTLESS
    own = content & context.account.keys()
    if not own:
        return bits, 0.0
    return bits, weight_of(own) / weight_of(content)


@lru_cache(maxsize=1 << 12)
def _before(agent: int) -> int:
    found = 0
    for cues, feature in _BEFORE:
        if agent & cues:
            found |= feature
    return found


def named(bits: int) -> list[str]:
    """The names of features."""
    return [name for bit, name in _NAMES.items() if bits & bit]


def _row(weights: Sequence[float]) -> int:
    return packed([round(100 * weight) for weight in weights])


_WEIGHTS = {name: _row(weights) for name, weights in WEIGHTS.items()}
_WORDS = word_weights(WORDS)
_START = _row(BIAS)
_OWN = WEIGHTS.get(OWN_SHARE, (0.0,) * len(BIAS))
_FROM = tuple(round(100 * start) for start in FROM)


@lru_cache(maxsize=1 << 14)
def _summed(bits: int) -> int:
    return sum([_WEIGHTS.get(name, 0) for name in named(bits)])


def relate_customer(reading: CustomerReading, context: Context) -> CustomerTurn:
    """What a customer turn carries; ``context`` is everything before it."""
    if not reading.words:
        return CustomerTurn(False, 0, False, False)
    return customer_turn(reading, log_odds(reading, context))


def log_odds(reading: CustomerReading, context: Context) -> tuple[float, float, float, float]:
    """How much speaks for each value of a turn, less what is needed to give it: concern, negative,
    strongly negative, repeat."""
    bits, share = features(reading, context)
    # The turn's own cues and its place are summed apart: each comes again far more often.
    total = _START + _summed(bits & (_SITUATED - 1)) + _summed(bits & -_SITUATED)
    total += sum(filter(None, map(_WORDS.get, set(reading.words))))
    concern, negative, strong, repeated = unpacked(total, len(BIAS))
    own = 100 * share
    return (
        (concern + own * _OWN[0] - _FROM[0]) / 100,
        (negative + own * _OWN[1] - _FROM[1]) / 100,
        (strong + own * _OWN[2] - _FROM[2]) / 100,
        (repeated + own * _OWN[3] - _FROM[3]) / 100,
    )


def customer_turn(
    reading: CustomerReading, odds: tuple[float, float, float, float]
) -> CustomerTurn:
    """The values of a turn, each given where its log-odds are not below 0."""
    concern, negative, strong, repeated = odds
    emotion = 0
    if negative >= 0:
        emotion = 2 if strong >= 0 else 1
    repeats = repeated >= 0
    content = bool(reading.cues & _CONTENT) and not (emotion or repeats)
    return CustomerTurn(concern >= 0, emotion, repeats, content)

"""A customer turn, read against the conversation so far.

Named features first (:func:`features`), then a weighted sum of them per value. To it every word
of the turn adds its own weight. The weights are in :mod:`stream.recognition.customer_weights`.
"""

from __future__ import annotations

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
from stream.recognition.weights import UNKNOWN, word_weights
from stream.recognition.weights import WEIGHTS as WORD_WEIGHTS

_CUES = tuple((int(cue), str(cue.name)) for cue in Cue)
_NEGATIVE = int(Cue.ANNOYED | Cue.FEELS | Cue.ANGRY)
_ANGRY = int(Cue.ANGRY)
_PROBLEM = int(Cue.PROBLEM)
_CONTENT = int(Cue.THANKS | Cue.CONTENT)
_OPENING = tuple(
    (int(cue), f"first&{cue.name}") for cue in (Cue.PROBLEM, Cue.QUESTION, Cue.WISH, Cue.ASKS)
)
_BEFORE = (
    (ASK | WH | INVERTED | FACT, "asked"),
    (PRIVATE | CONTACT, "moved"),
    (IMPERATIVE | AGENT_ADVICE | SUGGEST, "told"),
    (INABILITY | RULE, "refused"),
    (SORRY, "sorry"),
    (GLAD, "glad"),
)
"""What the agent's turn before did: cues of any of its clauses, and the feature's name."""


_WORDS = word_weights(WORDS)


def features(reading: CustomerReading, context: Context) -> list[tuple[str, float]]:
    """The features of a turn that are not 0, by name."""
    cues, words = reading.cues, reading.words
    found = [(name, 1.0) for bit, name in _CUES if cues & bit]
    add = found.append
    length = len(words)
    if length <= 3:
        add(("words<=3", 1.0))
    elif length <= 8:
        add(("words<=8", 1.0))
    if context.customer_turns == 0:
        add(("first", 1.0))
        found += [(name, 1.0) for bit, name in _OPENING if cues & bit]
    if context.last_customer is not None:
        before = context.last_customer.cues
        if before & _NEGATIVE:
            add(("negative_before", 1.0))
        if before & _PROBLEM:
            add(("problem_before", 1.0))
    if context.customer_cues & _NEGATIVE:
        add(("ever_negative", 1.0))
    if context.customer_cues & _ANGRY:
        add(("ever_angry", 1.0))
    agent = context.last_agent_cues
    found += [(name, 1.0) for bits, name in _BEFORE if agent & bits]
    account = context.account
    own = content = 0
    for word in set(words):
        weight = WORD_WEIGHTS.get(word, UNKNOWN)
        if weight:
            content += weight
            if word in account:
                own += weight
    if own:
        add(("own_share", own / content))
    return found


def log_odds(reading: CustomerReading, context: Context) -> tuple[float, float, float, float]:
    """How much speaks for each value of a turn, less what is needed to give it: concern, negative,
    strongly negative, repeat."""
    concern, negative, strong, repeat = BIAS
    for name, value in features(reading, context):
        weights = WEIGHTS.get(name)
        if weights is not None:
            concern += weights[0] * value
            negative += weights[1] * value
            strong += weights[2] * value
            repeat += weights[3] * value
    weighed = _WORDS.get
    for word in set(reading.words):
        added = weighed(word)
        if added is not None:
            concern += added[0]
            negative += added[1]
            strong += added[2]
            repeat += added[3]
    return concern - FROM[0], negative - FROM[1], strong - FROM[2], repeat - FROM[3]


def relate_customer(reading: CustomerReading, context: Context) -> CustomerTurn:
    """What a customer turn carries; ``context`` is everything before it."""
    if not reading.words:
        return CustomerTurn(False, 0, False, False)
    return customer_turn(reading, *log_odds(reading, context))


def customer_turn(
    reading: CustomerReading, concern: float, negative: float, strong: float, repeat: float
) -> CustomerTurn:
    """The values of a turn, each given where its log-odds are not below 0."""
    emotion = (2 if strong >= 0 else 1) if negative >= 0 else 0
    repeats = repeat >= 0
    content = bool(reading.cues & _CONTENT) and not (emotion or repeats)
    return CustomerTurn(concern >= 0, emotion, repeats, content)

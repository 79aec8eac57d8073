"""From the encoder's logits and what the fast recogniser finds to the codebook's labels. Pure.

One weighted sum per label (``decision.json``, fitted by ``python -m tests.training.deep``). What
the fast recogniser says weighs most in it: the encoder corrects it where it is sure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from stream.recognition.agent import ClauseView, playback_score
from stream.recognition.context import Context
from stream.recognition.labels import PROCESS, RECOGNITION, SCENARIOS, AgentTurn, Label
from stream.recognition.reading import AgentReading

AGENT_LABELS = len(Label)
AGENT_LOGITS = AGENT_LABELS + 2
"""Per agent turn: the labels, whether any of them recognises, and whether recognition stands
before process."""
CUSTOMER_LOGITS = 4
"""Per customer turn: concern, negative, strongly negative, repeat."""

AGENT = slice(0, AGENT_LOGITS)
CUSTOMER = slice(AGENT_LOGITS, AGENT_LOGITS + CUSTOMER_LOGITS)
SCENARIO = slice(CUSTOMER.stop, CUSTOMER.stop + len(SCENARIOS))
"""Where the encoder's logits are."""

_RECOGNITION, _PROCESS = int(RECOGNITION), int(PROCESS)

_DATA_REQUEST, _TRANSFER = int(Label.DATA_REQUEST), int(Label.TRANSFER)
_SETTLED = int(Label.GENERIC_EMPATHY | Label.DATA_REQUEST | Label.HOLD)
DECIDED = range(4, AGENT_LABELS)
"""Bits of the labels that are decided here. Recognition and stock sympathy are left to the fast
recogniser: on our corpus the encoder tells them far better, on real turns it does not
(MODEL_CARD.md)."""
_LEFT = int(RECOGNITION | Label.GENERIC_EMPATHY)

_OWN = 4.0
"""Shared weight above which more says nothing more."""


class Sum(NamedTuple):
    """A weighted sum: given where it is not below 0."""

    bias: float
    weights: tuple[tuple[int, float], ...]
    """Place in the row, and weight."""

    def of(self, row: Sequence[float]) -> float:
        return self.bias + sum([weight * row[place] for place, weight in self.weights])


class Decision(NamedTuple):
    """What was fitted: a sum per agent label of :data:`DECIDED` and per customer logit, and the
    encoder's say in the scenario."""

    agent: tuple[Sum, ...]
    customer: tuple[Sum, ...]
    scenario: float

    @classmethod
    def read(cls, path: Path) -> Decision:
        """From JSON: ``agent`` and ``customer`` lists of ``[bias, [[place, weight], ...]]``."""
        read = orjson.loads(path.read_bytes())
        agent, customer = (
            tuple(Sum(bias, tuple((place, weight) for place, weight in row)) for bias, row in part)
            for part in (read["agent"], read["customer"])
        )
        return cls(agent, customer, read["scenario"])


CLEAR_WORDS = 20
"""Words of the longest agent turn that can be clear: what is longer often solves as well."""


def is_clear(reading: AgentReading, told: AgentTurn) -> bool:
    """Whether an agent turn is left as the fast recogniser tells it: it is short, asks, sympathises
    or makes wait, and does nothing else that the encoder could correct."""
    if len(reading.words) > CLEAR_WORDS:
        return False
    labels = int(told.labels) & ~_RECOGNITION
    allowed = _SETTLED | _TRANSFER if labels & _DATA_REQUEST else _SETTLED
    return bool(labels) and not labels & ~allowed


SURE = 1.0
"""Least log-odds, for or against, of each value of a customer turn that is left as the fast
recogniser tells it: nearly half of the turns of the corpus. Of eleven of them the encoder would
change one, and no figure with it."""


def agent_row(
    reading: AgentReading, context: Context, told: AgentTurn, seen: Sequence[ClauseView]
) -> list[float]:
    """What the fast recogniser finds in an agent turn, as numbers."""
    labels = int(told.labels)
    row = [float(labels >> bit & 1) for bit in range(AGENT_LABELS)]
    row.append(float(bool(labels & _RECOGNITION)))
    row.append(float(told.recognition_first))
    row.append(max([min(view.shared_weight, _OWN) for view in seen], default=0.0))
    row.append(max([view.coverage for view in seen if view.content > 1], default=0.0))
    scores = [playback_score(view, n == 0) for n, view in enumerate(seen)]
    row.append(max(scores, default=0.0) / _OWN)
    row.append(math.log1p(len(reading.words)))
    row.append(float(context.agent_turns == 0))
    return row


def decide_agent(sums: Sequence[Sum], row: Sequence[float], told: AgentTurn) -> AgentTurn:
    """An agent turn by its ``row``: logits, then :func:`agent_row`. Empathy is as ``told``."""
    labels = int(told.labels) & _LEFT
    for bit, one in zip(DECIDED, sums, strict=True):
        if one.of(row) >= 0:
            labels |= 1 << bit
    alone = bool(labels & _RECOGNITION) and not labels & _PROCESS
    return told._replace(labels=Label(labels), recognition_first=told.recognition_first or alone)

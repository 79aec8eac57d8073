"""The labels of the codebook, and what reading a turn in its conversation yields."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Label(enum.IntFlag):
    """What an agent turn does. One turn can carry several labels, or none."""

    SITUATION = 1
    GOAL = 2
    IMPACT = 4
    GENERIC_EMPATHY = 8
    DATA_REQUEST = 16
    RESOLUTION = 32
    POLICY = 64
    TRANSFER = 128
    HOLD = 256
    NEXT_STEP = 512
    REASON = 1024


RECOGNITION = Label.SITUATION | Label.GOAL | Label.IMPACT
"""Evidence that this customer's case was taken in."""

PROCESS = Label.DATA_REQUEST | Label.RESOLUTION | Label.POLICY | Label.TRANSFER
"""Steps before which recognition should stand."""

SCENARIOS = (
    "billing",
    "delivery",
    "account_access",
    "service_interruption",
    "product_fault",
    "service_experience",
    "information",
    "other",
)
"""What a conversation can be about: the customer's main concern decides."""

_NAMES = tuple(
    (1 << bit, name)
    for bit, name in enumerate(
        (
            "situation",
            "goal",
            "impact",
            "generic_empathy",
            "data_request",
            "resolution",
            "policy",
            "transfer",
            "hold",
            "next_step",
            "reason",
        )
    )
)


def label_names(labels: int) -> list[str]:
    """The codebook's names of ``labels``, in the codebook's order."""
    bits = int(labels)
    return [name for bit, name in _NAMES if bits & bit]


class AgentTurn(NamedTuple):
    """What an agent turn does in its conversation."""

    labels: Label
    recognition_first: bool
    """Recognition stands before the first process clause of the turn, or no process is in it.
    False without recognition."""
    copied: float
    """Share (0 to 1) of the recognising clauses' words that repeat the customer word for word;
    see :func:`stream.recognition.agent.copied_share`. 0.0 without recognition."""
    particulars: int
    """How many concrete particulars of the customer's account the recognising clauses show back."""


class CustomerTurn(NamedTuple):
    """What a customer turn carries in its conversation."""

    concern: bool
    emotion: int
    """0 neutral or positive, 1 mildly negative, 2 strongly negative."""
    repeat: bool
    """The customer shows not having been heard."""
    content: bool
    """The customer thanks or says that it is well, calmly. Not a label of the codebook."""

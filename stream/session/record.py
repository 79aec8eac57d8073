"""What sessions emit (JSON Schemas: ``schemas/``): the interaction-level empathy record of
``empathy.interactions`` and the gap events of ``empathy.gaps``.

Neither frozen, which makes building them three times as dear, nor with slots: orjson writes a
dataclass five times faster from its ``__dict__``.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

RECORD_VERSION = 1
GAP_VERSION = 1


@dataclass
class Kept:
    """How often a behaviour was called for, and how often it was shown."""

    opportunities: int = 0
    kept: int = 0


@dataclass
class Turns:
    """Final utterances by speaker."""

    total: int
    customer: int
    agent: int
    bot: int


@dataclass
class Recognition:
    """The first agent turn that recognised the customer.

    ``agent_turns`` counts agent turns from the first concern up to and including this one and
    ``seconds`` the time between them. ``copied_ratio`` (0 to 1) is the share of the recognising
    words that are the customer's own, and ``particulars`` how many particulars are shown back.
    """

    turn: int
    agent_turns: int
    seconds: float
    labels: list[str]
    copied_ratio: float
    particulars: int


@dataclass
class Break:
    """Where empathy first broke: the first step taken without recognition.

    ``step`` is ``opening`` (the first answer to the concern neither recognised it nor did
    anything about it), ``data_request``, ``policy``, ``hold``, ``transfer`` or ``resolution``.
    ``turn`` is absent where no agent turn but a tool took the step.
    """

    step: str
    turn: int | None


@dataclass
class Signals:
    """The four recognition behaviours; each defined in :mod:`stream.session.judgement`."""

    situation_confirmed: Kept
    goal_acknowledged: Kept
    next_steps_explained: Kept
    concern_before_data: Kept


@dataclass
class Habits:
    """The three coaching habits; each defined in :mod:`stream.session.judgement`."""

    recognition_before_resolution: Kept
    impact_before_policy: Kept
    reasoning_explained: Kept


@dataclass
class Wording:
    """``copied_ratio``: mean over the recognising agent turns, 0 to 1; null without one.
    ``repeated_turns``: agent turns that repeat the wording of an earlier one in the session.
    """

    copied_ratio: float | None
    repeated_turns: int


@dataclass
class ScoreComponents:
    """The parts of the empathy score, each from 0 to 1; the weights are in
    :mod:`stream.session.score`."""

    order: float
    context: float
    wording: float
    conduct: float
    heard: float


@dataclass
class Bot:
    """What automated agents did, apart from people; null ratios mean no such turns."""

    turns: int
    recognized: bool


@dataclass
class Evidence:
    """One turn by number and labels, never by text."""

    turn: int
    speaker: str
    labels: list[str] | None = None
    concern: bool | None = None
    emotion: int | None = None
    repeat: bool | None = None


@dataclass
class Quality:
    """What delivery did to the session's events.

    ``duplicates``: events received again under a known id; ``late``: events after the session's
    end, within the linger time; ``out_of_order``: events older than one received before them.
    """

    events: int
    duplicates: int
    late: int
    out_of_order: int


@dataclass
class InteractionRecord:
    """One closed session. A pure function of the session's distinct events, but for ``quality``.

    ``judged`` is false, with ``unjudged_reason``, where there is nothing to judge: no agent turn
    (``no_agent_turns``), no customer turn (``no_customer_turns``), a language the recogniser
    does not read (``language``), or a fault of ours (``failed``). Such records count in no
    recognition rate.
    """

    schema_version: int
    session_id: str
    queue: str
    channel: str
    language: str
    agents: list[str]
    started_at: str
    ended_at: str
    closed_by: str
    recognizer: str
    judged: bool
    unjudged_reason: str | None
    scenario: str
    turns: Turns
    recognized: bool
    recognized_first: bool
    recognition: Recognition | None
    broke_at: Break | None
    signals: Signals
    habits: Habits
    repeats: int
    emotion_peak: int
    wording: Wording
    empathy_score: int
    score_components: ScoreComponents
    bot: Bot
    evidence: list[Evidence]
    quality: Quality

    def encode(self) -> bytes:
        """The record's JSON; the same record always encodes to the same bytes."""
        return orjson.dumps(self)


@dataclass
class GapEvent:
    """A gap that opens or closes. Times are event time; those of a session's kind share all but
    ``status``, ``closed_at``, ``closed_by`` and ``seconds_since_concern``, which is that of the
    opening or the closing, None where there was no concern.

    ``turn`` is the turn with the concern, the request, the hold or the transfer; None where the
    agent's tools reported it. ``agent_turns`` counts those since the concern.
    """

    schema_version: int
    session_id: str
    queue: str
    channel: str
    agent: str
    kind: str
    status: str
    opened_at: str
    closed_at: str | None
    closed_by: str | None
    turn: int | None
    agent_turns: int
    seconds_since_concern: float | None
    high_emotion: bool
    recognizer: str

    def encode(self) -> bytes:
        """The event's JSON; the same event always encodes to the same bytes."""
        return orjson.dumps(self)

"""``judge``: a closed session's facts, in event-time order, into its interaction record.

No clock, no I/O. What the signals and habits count:

* **situation_confirmed**, **goal_acknowledged**: one opportunity in a session with a concern that
  an agent answered; kept when an agent turn carries the codebook's ``situation`` or ``goal``.
* **next_steps_explained**: each hold or transfer, spoken or by the agent's tools; kept when the
  agent says the next step in the same turn or since the customer last spoke.
* **concern_before_data**: each agent turn that requests data once there is a concern; kept when
  recognition came before it, in an earlier turn or earlier in the same one.
* **recognition_before_resolution**: one in a session with a concern where a resolution began; kept
  when recognition came before it.
* **impact_before_policy**: each agent turn that cites a policy; kept when ``impact`` came in an
  earlier turn or the same one.
* **reasoning_explained**: each agent turn with a policy, and the first with a resolution; kept when
  a ``reason`` stands in the same turn or elsewhere between the same two customer turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from stream.events import EventType, Speaker, format_time
from stream.recognition import (
    PROCESS,
    RECOGNITION,
    AgentTurn,
    Context,
    CustomerReading,
    Label,
    Recognizer,
    label_names,
    wording_sketch,
)
from stream.session.record import (
    RECORD_VERSION,
    Bot,
    Break,
    Evidence,
    Habits,
    InteractionRecord,
    Kept,
    Quality,
    Recognition,
    Signals,
    Turns,
    Wording,
)
from stream.session.score import components, empathy_score
from stream.session.state import Fact, SessionState

REPEATED_WORDING = 0.8
"""Similarity (0 to 1) from which two agent turns count as the same wording."""

# Bits as plain numbers: an enumeration's operators cost several times as much, for every turn.
_RECOGNITION, _PROCESS = int(RECOGNITION), int(PROCESS)
(
    _SITUATION,
    _GOAL,
    _IMPACT,
    _GENERIC_EMPATHY,
    _DATA_REQUEST,
    _RESOLUTION,
    _POLICY,
    _TRANSFER,
    _HOLD,
    _NEXT_STEP,
    _REASON,
) = (
    int(label)
    for label in (
        Label.SITUATION,
        Label.GOAL,
        Label.IMPACT,
        Label.GENERIC_EMPATHY,
        Label.DATA_REQUEST,
        Label.RESOLUTION,
        Label.POLICY,
        Label.TRANSFER,
        Label.HOLD,
        Label.NEXT_STEP,
        Label.REASON,
    )
)

_STEPS = (
    (_DATA_REQUEST, "data_request"),
    (_POLICY, "policy"),
    (_HOLD, "hold"),
    (_TRANSFER, "transfer"),
    (_RESOLUTION, "resolution"),
)
"""In a turn that takes several steps, the first of these is named as the break."""

BREAK_STEPS = ("opening", *(name for _, name in _STEPS))
"""Where recognition can break: what ``broke_at.step`` of a record may be."""

_LOOKING = frozenset({"lookup", "search", "note"})
"""Actions of the agent's tools that look and do not solve."""


@dataclass(slots=True)
class _Counter:
    """One behaviour's opportunities and how many of them were kept."""

    opportunities: int = 0
    kept: int = 0

    def add(self, kept: bool) -> None:
        self.opportunities += 1
        self.kept += kept

    def result(self) -> Kept:
        return Kept(self.opportunities, self.kept)


@dataclass(slots=True)
class _Block:
    """The agent's side between two customer turns."""

    next_step: bool = False
    reason: bool = False
    outcomes: int = 0
    """Turns in the block whose reasoning was called for."""


class Shown(NamedTuple):
    """What one turn shows: of an agent the label bits, of a customer the rest."""

    turn: int
    speaker: str
    labels: int | None = None
    concern: bool | None = None
    emotion: int | None = None
    repeat: bool | None = None

    def evidence(self) -> Evidence:
        turn, speaker, labels, concern, emotion, repeat = self
        names = None if labels is None else label_names(labels)
        return Evidence(turn, speaker, names, concern, emotion, repeat)


@dataclass(slots=True)
class _Timeline:
    """What has been seen so far, walking the facts in event-time order."""

    concern_ms: int | None = None
    concern_turns: int = 0
    """Agent turns since the first concern."""
    recognition: Recognition | None = None
    recognized_first: bool = False
    processed: bool = False
    steps_before: int = 0
    broke_at: Break | None = None
    labels: int = 0
    particulars: int = 0
    copied: list[float] = field(default_factory=list)
    resolved: bool = False
    recognized_before_resolution: bool = False
    repeats: int = 0
    answers: int = 0
    """Customer turns since the agent first spoke; the next three are theirs."""
    answers_repeating: int = 0
    answers_emotion: int = 0
    content: bool = False
    emotion_last: int = 0
    emotion_peak: int = 0
    repeated_turns: int = 0
    next_steps: _Counter = field(default_factory=_Counter)
    data: _Counter = field(default_factory=_Counter)
    policy: _Counter = field(default_factory=_Counter)
    reasoning: _Counter = field(default_factory=_Counter)
    block: _Block = field(default_factory=_Block)
    shown: list[Shown] = field(default_factory=list)
    customer_turns: int = 0
    agent_turns: int = 0
    bot_turns: int = 0
    bot_recognized: bool = False


class Walk:
    """What a session's facts show, taken one by one in event-time order."""

    __slots__ = (
        "_recognizer",
        "_recognizing",
        "context",
        "facts",
        "labels",
        "seen",
        "turns",
        "wordings",
    )

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._recognizing: Any = None
        """The reading of the first agent turn with recognition."""
        self.context = recognizer.new_context()
        self.seen = _Timeline()
        self.wordings: list[tuple[int, Any]] = []
        """The agent's readings, each with the size of its wording. A wording itself is made again
        when it is needed: kept, those of all conversations under way would be a third of what
        they hold."""
        self.facts = 0
        """How many facts were taken."""
        self.turns = 0
        """How many of them were turns: the number of the next one."""
        self.labels = 0
        """Label bits: what the fact taken last does, where it is an agent's turn."""

    def take(self, fact: Fact, reading: Any = None) -> None:
        """The next fact in event-time order. ``reading`` is that of a turn, where it is at hand."""
        seen, recognizer, context = self.seen, self._recognizer, self.context
        self.facts += 1
        self.labels = 0
        kind = fact.kind
        if kind == Speaker.CUSTOMER:
            if reading is None:
                reading = recognizer.customer_from_wire(fact.value)
            _customer(seen, fact, self.turns, recognizer, context, reading)
        elif kind == Speaker.AGENT:
            if reading is None:
                reading = recognizer.agent_from_wire(fact.value)
            related = recognizer.relate_agent(reading, context)
            self.labels = int(related.labels)
            _agent(seen, fact, self.turns, related)
            if self._recognizing is None and seen.recognition is not None:
                self._recognizing = reading
            seen.repeated_turns += self._repeats(reading)
            context.add_agent(reading)
        elif kind == Speaker.BOT:
            if reading is None:
                reading = recognizer.agent_from_wire(fact.value)
            labels = recognizer.relate_agent(reading, context).labels
            seen.bot_turns += 1
            seen.bot_recognized |= bool(int(labels) & _RECOGNITION)
            seen.shown.append(Shown(self.turns, kind, int(labels)))
            context.add_agent(reading)
        elif kind != Speaker.SYSTEM:
            _tool(seen, fact)
            return
        else:
            seen.shown.append(Shown(self.turns, kind))
        self.turns += 1

    def recognizing_wording(self) -> str:
        """The sketch of the wording of the first agent turn with recognition; empty without one."""
        if self._recognizing is None:
            return ""
        return wording_sketch(self._recognizer.wording(self._recognizing))

    def _repeats(self, reading: Any) -> bool:
        """Whether an agent's turn has the wording of an earlier one; it joins them."""
        recognizer = self._recognizer
        wording = recognizer.wording(reading)
        size = len(wording)
        repeats = any(
            # The likeness of two sets is at most the ratio of their sizes.
            min(size, other) >= REPEATED_WORDING * max(size, other)
            and recognizer.wording_similarity(wording, recognizer.wording(earlier))
            >= REPEATED_WORDING
            for other, earlier in self.wordings
        )
        self.wordings.append((size, reading))
        return repeats


def judge(
    state: SessionState,
    recognizer: Recognizer,
    closed_by: str,
    languages: frozenset[str] = frozenset(),
    walk: Walk | None = None,
) -> InteractionRecord:
    """The record of a session. ``languages`` are the primary language subtags that the recogniser
    reads (``en``); a session that names another one is not judged. Empty means all.

    ``walk`` spares taking the facts again where it has taken all of them; it is used up."""
    if walk is None:
        walk = walked(state, recognizer)
    _end_block(walk.seen)
    return _record(state, walk, recognizer, closed_by, languages)


def walked(state: SessionState, recognizer: Recognizer) -> Walk:
    """A walk that has taken all facts of a session."""
    walk = Walk(recognizer)
    for fact in state.in_order():
        walk.take(fact)
    return walk


def is_read(language: str, languages: frozenset[str]) -> bool:
    """Whether the recogniser reads a session's language, which may be unknown."""
    return not (languages and language) or language.lower().partition("-")[0] in languages


def unjudgeable(state: SessionState, recognizer: Recognizer, closed_by: str) -> InteractionRecord:
    """The record of a session that :func:`judge` failed on: it says so, and judges nothing."""
    return replace(
        _record(state, Walk(recognizer), recognizer, closed_by, frozenset()),
        unjudged_reason="failed",
    )


def _customer(
    seen: _Timeline,
    fact: Fact,
    turn: int,
    recognizer: Recognizer,
    context: Context,
    reading: CustomerReading,
) -> None:
    concern, emotion, repeat, content = recognizer.relate_customer(reading, context)
    context.add_customer(reading)
    _end_block(seen)
    seen.customer_turns += 1
    if concern and seen.concern_ms is None:
        seen.concern_ms = fact.time_ms
    seen.repeats += repeat
    if seen.agent_turns:
        seen.answers += 1
        seen.answers_repeating += repeat
        seen.answers_emotion += emotion
        seen.content |= content
    seen.emotion_last = emotion
    seen.emotion_peak = max(seen.emotion_peak, emotion)
    seen.shown.append(Shown(turn, fact.kind, None, concern, emotion, repeat))


def _agent(seen: _Timeline, fact: Fact, turn: int, related: AgentTurn) -> None:
    labels = int(related.labels)
    recognizing = bool(labels & _RECOGNITION)
    before = seen.recognition is not None
    """Whether recognition came in an earlier turn."""
    in_time = before or (recognizing and related.recognition_first)
    """Whether recognition came before the process in this turn."""
    seen.agent_turns += 1
    if seen.concern_ms is not None:
        seen.concern_turns += 1

    if not in_time and seen.broke_at is None:
        step = next((name for label, name in _STEPS if labels & label), None)
        if step is not None:
            seen.broke_at = Break(step, turn)
        elif not recognizing and seen.concern_turns == 1:
            seen.broke_at = Break("opening", turn)
    if recognizing:
        if seen.recognition is None:
            concern_ms = fact.time_ms if seen.concern_ms is None else seen.concern_ms
            seen.recognition = Recognition(
                turn=turn,
                agent_turns=max(1, seen.concern_turns),
                seconds=max(0, fact.time_ms - concern_ms) / 1000,
                labels=label_names(labels & _RECOGNITION),
                copied_ratio=round(related.copied, 4),
                particulars=related.particulars,
            )
            seen.recognized_first = not seen.processed and related.recognition_first
            if labels & _PROCESS and not related.recognition_first:
                seen.steps_before += 1
        seen.copied.append(related.copied)
        seen.particulars = max(seen.particulars, related.particulars)
    elif not before and labels & _PROCESS:
        seen.steps_before += 1
    seen.labels |= labels

    if labels & _DATA_REQUEST and seen.concern_ms is not None:
        seen.data.add(in_time)
    if labels & _POLICY:
        seen.policy.add(bool(seen.labels & _IMPACT))
        seen.block.outcomes += 1
    if labels & _RESOLUTION and not seen.resolved:
        seen.resolved = True
        seen.recognized_before_resolution = in_time
        seen.block.outcomes += not labels & _POLICY
    seen.block.next_step |= bool(labels & _NEXT_STEP)
    seen.block.reason |= bool(labels & _REASON)
    if labels & (_HOLD | _TRANSFER):
        seen.next_steps.add(seen.block.next_step)
    seen.processed |= bool(labels & _PROCESS)
    seen.shown.append(Shown(turn, fact.kind, labels))


def _tool(seen: _Timeline, fact: Fact) -> None:
    """A hold, a transfer or an action that the agent's tools report."""
    hold = fact.kind == EventType.HOLD_STARTED
    transfer = fact.kind == EventType.TRANSFER
    action = fact.kind == EventType.ACTION and fact.value not in _LOOKING
    if not (hold or transfer or action):
        return
    recognized = seen.recognition is not None
    if not recognized and seen.broke_at is None:
        step = "hold" if hold else "transfer" if transfer else "resolution"
        seen.broke_at = Break(step, None)
    if hold or transfer:
        seen.next_steps.add(seen.block.next_step)
    if action and not seen.resolved:
        seen.resolved = True
        seen.recognized_before_resolution = recognized
    if transfer or action:
        seen.processed = True
        seen.steps_before += not recognized


def _end_block(seen: _Timeline) -> None:
    for _ in range(seen.block.outcomes):
        seen.reasoning.add(seen.block.reason)
    seen.block = _Block()


def _record(
    state: SessionState,
    walk: Walk,
    recognizer: Recognizer,
    closed_by: str,
    languages: frozenset[str],
) -> InteractionRecord:
    seen = walk.seen
    language = state.attribute("language")
    unjudged: str | None = None
    if not is_read(language, languages):
        unjudged = "language"
    elif not seen.customer_turns:
        unjudged = "no_customer_turns"
    elif not seen.agent_turns:
        unjudged = "no_agent_turns"

    recognized = seen.recognition is not None
    answered = int(seen.concern_turns > 0)
    copied = round(sum(seen.copied) / len(seen.copied), 4) if seen.copied else None
    conduct = (seen.next_steps, seen.data, seen.reasoning)
    parts = components(
        recognized=recognized,
        steps_before=seen.steps_before,
        labels=seen.labels,
        particulars=seen.particulars,
        generic=bool(seen.labels & _GENERIC_EMPATHY),
        copied_ratio=copied,
        repeated_turns=seen.repeated_turns,
        opportunities=sum(counter.opportunities for counter in conduct),
        kept=sum(counter.kept for counter in conduct),
        resolved=seen.resolved,
        answers=seen.answers,
        repeats=seen.answers_repeating,
        emotion=seen.answers_emotion,
        emotion_last=seen.emotion_last,
        content=seen.content,
    )
    solving = int(seen.resolved and seen.concern_ms is not None)
    return InteractionRecord(
        schema_version=RECORD_VERSION,
        session_id=state.session_id,
        queue=state.attribute("queue"),
        channel=state.attribute("channel"),
        language=language,
        agents=sorted(state.agents, key=state.agents.__getitem__),
        started_at=format_time(state.started_ms),
        ended_at=format_time(state.updated_ms),
        closed_by=closed_by,
        recognizer=recognizer.version,
        judged=unjudged is None,
        unjudged_reason=unjudged,
        scenario=recognizer.scenario(walk.context),
        turns=Turns(walk.turns, seen.customer_turns, seen.agent_turns, seen.bot_turns),
        recognized=recognized,
        recognized_first=seen.recognized_first,
        recognition=seen.recognition,
        broke_at=None if seen.recognized_first else seen.broke_at,
        signals=Signals(
            situation_confirmed=Kept(answered, answered * bool(seen.labels & _SITUATION)),
            goal_acknowledged=Kept(answered, answered * bool(seen.labels & _GOAL)),
            next_steps_explained=seen.next_steps.result(),
            concern_before_data=seen.data.result(),
        ),
        habits=Habits(
            recognition_before_resolution=Kept(
                solving, solving * seen.recognized_before_resolution
            ),
            impact_before_policy=seen.policy.result(),
            reasoning_explained=seen.reasoning.result(),
        ),
        repeats=seen.repeats,
        emotion_peak=seen.emotion_peak,
        wording=Wording(copied, seen.repeated_turns),
        empathy_score=empathy_score(parts),
        score_components=parts,
        bot=Bot(seen.bot_turns, seen.bot_recognized),
        evidence=[shown.evidence() for shown in seen.shown],
        quality=Quality(
            state.fact_count + state.duplicates, state.duplicates, state.late, state.out_of_order
        ),
    )

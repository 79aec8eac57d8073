"""An agent turn, read against what this customer has said so far.

First :func:`views` computes named features per clause; then :func:`decide_turn` draws labels from
them. A trained decision can take the second place without touching the first.

A clause shows the situation back when it shares particulars with the account and reads as a
playback: an apology, a confirming question, thanks or good news that name them, or a statement
whose cues are those of an account and not of an answer.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from stream.recognition.context import Context
from stream.recognition.customer_lexicon import Cue as CustomerCue
from stream.recognition.labels import PROCESS, RECOGNITION, AgentTurn, Label
from stream.recognition.lexicon import Cue
from stream.recognition.reading import AgentReading, Clause
from stream.recognition.weights import UNKNOWN, WEIGHTLESS, WEIGHTS, weight_of


class ClauseView(NamedTuple):
    """The features of one clause in its conversation."""

    cues: int
    words: int
    """Its length in words."""
    content: int
    """Distinct words with weight."""
    shared: int
    """Those that the customer has used before."""
    shared_weight: float
    coverage: float
    """Share (0 to 1) of the content's weight that is the customer's."""


def views(reading: AgentReading, context: Context) -> list[ClauseView]:
    """The features of each clause of a turn, in order."""
    account = context.account.keys()
    words = reading.words
    last = context.last_customer
    asked = ASKED if last is not None and last.cues & _ASKED_OR_UPSET == _ASKED else 0
    out = []
    for cues, start, end in reading.clauses:
        content = set(words[start:end])
        content -= WEIGHTLESS
        shared = content & account
        if shared:
            cues |= asked
            own = weight_of(shared)
            view = ClauseView(
                cues, end - start, len(content), len(shared), own / 10, own / weight_of(content)
            )
        else:
            view = ClauseView(cues, end - start, len(content), 0, 0.0, 0.0)
        out.append(view)
    return out


S, G, I, E = (  # noqa: E741
    int(Label.SITUATION), int(Label.GOAL), int(Label.IMPACT), int(Label.GENERIC_EMPATHY),
)  # fmt: skip
DR, RES, POL, TR, HOLD, NS, RSN = (
    int(Label.DATA_REQUEST), int(Label.RESOLUTION), int(Label.POLICY), int(Label.TRANSFER),
    int(Label.HOLD), int(Label.NEXT_STEP), int(Label.REASON),
)  # fmt: skip

(
    CHECKS, QUESTION, WH, INVERTED, ASK, FACT, PRIVATE, CONTACT, PASS_ON, LINK, IMPERATIVE, ADVICE,
    ACTION, OUTCOME, INABILITY, RULE, HOLDS, FUTURE, STEP, VAGUE, TIME, PURPOSE, BECAUSE, SORRY,
    FORMULA, UNDERSTAND, FEELING, IMAGINE, GLAD, THANKS, CONFIRM, SAID, YOU, GOAL, OFFER,
    CHECK_BACK, GREETING, PROBLEM, NEGATION, COMPANY, TOPIC, NUMBER, DEGREE, REMARK, CONDITION,
    ASSENT, SUGGEST, WANT, FINITE, PLAIN, PLAINS, PLAYBACK, SENTENCE,
) = (1 << bit for bit in range(53))  # fmt: skip
FEEDBACK, RECIPIENT = int(Cue.FEEDBACK), int(Cue.RECIPIENT)
OWNS, REACHED, EITHER, NOTED, UNKNOWN_YET = (
    int(Cue.OWNS), int(Cue.REACHED), int(Cue.EITHER), int(Cue.NOTED), int(Cue.UNKNOWN),
)  # fmt: skip

ASKED = 1 << 56
"""Not of the clause but of its place: the customer has just put a question, and no complaint."""

_ASKED = int(CustomerCue.QUESTION)
_ASKED_OR_UPSET = _ASKED | int(
    CustomerCue.PROBLEM
    | CustomerCue.ANNOYED
    | CustomerCue.ANGRY
    | CustomerCue.FEELS
    | CustomerCue.SHOUTS
    | CustomerCue.UNHEARD
    | CustomerCue.GIVEN
    | CustomerCue.AGAIN
)

ASKING = WH | INVERTED | ASK


PLAYBACK_WEIGHTS: dict[int, float] = {
    YOU: 0.6,
    DEGREE: 0.4,
    NUMBER: 0.3,
    REMARK: 1.0,
    CONFIRM: 0.8,
    SAID: 1.2,
    NOTED: 1.0,
    HOLDS: -2.0,
    FEEDBACK: -1.0,
    UNDERSTAND: 0.6,
    PROBLEM: 0.4,
    NEGATION: 0.2,
    FEELING: 0.8,
    FORMULA: -1.0,
    FINITE: -0.6,
    COMPANY: -0.4,
    ADVICE: -1.0,
    FUTURE: -0.8,
    TIME: -0.3,
    BECAUSE: -1.2,
    CONDITION: -0.6,
    TOPIC: -0.2,
    ASSENT: -1.0,
    OFFER: -1.0,
    RULE: -1.5,
    ACTION: -1.5,
    OUTCOME: -0.5,
    IMPERATIVE: -2.0,
    CONTACT: -2.0,
    PRIVATE: -2.0,
    PASS_ON: -2.0,
    INABILITY: -0.8,
    FACT: -0.3,
    STEP: -0.2,
    ASKED: -0.6,
}
"""What each cue adds to a statement's score as a playback of the customer's account."""

_PLAYBACK = tuple(PLAYBACK_WEIGHTS.items())
_WEIGHED = sum(PLAYBACK_WEIGHTS)


@lru_cache(maxsize=1 << 14)
def _cue_score(cues: int) -> float:
    return sum(weight for cue, weight in _PLAYBACK if cues & cue)


PLAYBACK_FROM = 3.4
"""Score from which a statement counts as playing back."""


def playback_score(view: ClauseView, first: bool) -> float:
    """How much a statement reads as the customer's account played back rather than as an answer.

    Shared particulars carry it; what instructs, explains or acts takes away.
    """
    own = min(view.shared_weight, 4.0) + 1.5 * view.coverage + (0.7 if first else 0.0)
    return own + _cue_score(view.cues & _WEIGHED)


_TELLING = ~(
    SENTENCE | PLAIN | PLAINS | GREETING | FINITE | YOU | TOPIC | NUMBER | DEGREE | COMPANY | LINK
)
"""Cues without which a clause of less than two words with weight does nothing."""


def decide(view: ClauseView, first: bool, after_situation: bool) -> int:
    """Label bits of one clause.

    ``first``: no clause with content stands before it in the turn. ``after_situation``: the clause
    before it shows the situation back.
    """
    if view.shared:
        return _decide(view, first, after_situation)
    # Nothing is asked of a clause that shares nothing but its cues and whether it is short.
    words, content = min(view.words, _LONG), min(view.content, 2)
    return _decide_alone(view.cues, words, content, first, after_situation)


_LONG = 6
"""Words from which a clause's length makes no difference."""


@lru_cache(maxsize=1 << 14)
def _decide_alone(cues: int, words: int, content: int, first: bool, after: bool) -> int:
    return _decide(ClauseView(cues, words, content, 0, 0.0, 0.0), first, after)


def _decide(view: ClauseView, first: bool, after_situation: bool) -> int:
    if view.content < 2 and not view.cues & _TELLING:
        return 0
    labels = _recognition(view, first, after_situation)
    if view.cues & (SORRY | FORMULA) and not labels & (S | I):
        labels |= E
    asked, moved = _asking(view, labels), _moving(view)
    return labels | asked | moved | _explaining(view, labels, asked, moved)


SOLVING = IMPERATIVE | CONTACT | PRIVATE | ACTION | RULE | PASS_ON
"""Cues of process that a playback of the customer's account does not carry."""


def _asks(view: ClauseView) -> bool:
    """Whether the clause asks for something, by its mark or by its words."""
    return bool(view.cues & ASKING and view.cues & (QUESTION | WH | ASK))


def _recognition(view: ClauseView, first: bool, after_situation: bool) -> int:
    c = view.cues
    shared = view.shared_weight
    labels = 0
    asks = _asks(view)
    plain = not (asks or c & (QUESTION | (SOLVING & ~RULE)))
    if _shows_situation(view, first, asks):
        labels |= S
    formula = c & FORMULA and not (c & IMAGINE and shared >= 1)
    judged = c & (BECAUSE | RULE) and not (c & IMAGINE and (c & FEELING or not c & BECAUSE))
    if plain and not (formula or judged or c & GREETING):
        felt = c & FEELING and (c & IMAGINE or shared >= 1 or after_situation)
        if felt or (c & IMAGINE and (shared >= 1 or (after_situation and c & YOU))):
            labels |= I
    if c & QUESTION:
        wished = c & WANT and not c & (OFFER | WH | CHECK_BACK | ASK)
        if wished and (view.content if c & INVERTED else c & YOU and shared >= 0.6):
            labels |= G
    elif plain and not c & (CHECK_BACK | CONDITION | OFFER | VAGUE | RULE):
        aimed = c & GOAL and ((c & YOU and (view.content or c & TIME)) or shared >= 1)
        if (aimed and not c & (INABILITY | GREETING | PURPOSE | RECIPIENT)) or (
            c & WANT and c & YOU and shared >= 0.4
        ):
            labels |= G
    elif not c & CONDITION and c & (PASS_ON | UNDERSTAND):
        noted = c & WANT and c & YOU and shared >= 1 and not asks
        if noted or (c & PASS_ON and c & GOAL and not c & CONTACT):
            labels |= G
    return labels


def _shows_situation(view: ClauseView, first: bool, asks: bool) -> bool:
    c = view.cues
    shared = view.shared_weight
    if c & GREETING and view.words <= 5:
        return False
    if c & SORRY:
        unable = c & INABILITY and (c & COMPANY or not c & YOU)
        if asks or unable or c & CONDITION:
            return False
        if shared >= 1:
            return True
        if not c & PROBLEM or c & RULE:
            return False
        if c & YOU and shared >= 0.4 and (c & (NUMBER | DEGREE) or not c & TOPIC):
            return True
        return bool(not c & FORMULA and (c & PLAINS or (c & YOU and c & (NUMBER | PLAIN))))
    if c & QUESTION:
        confirms = not c & INVERTED or c & PLAYBACK or view.coverage == 1.0
        played_back = shared >= 1.4 and view.coverage >= 0.5
        if c & PLAYBACK and not c & INVERTED:
            played_back = shared >= 0.6 and view.coverage >= 0.3
        informs = c & EITHER or (c & ADVICE and not c & (CONFIRM | PLAYBACK))
        return bool(
            played_back
            and confirms
            and not (informs or c & (WH | ASK | OFFER) or (c & FACT and not c & PLAYBACK))
        )
    if c & SAID and c & UNDERSTAND and c & YOU and c & DEGREE and c & PLAIN and not asks:
        return True
    if c & OWNS and not asks and not c & (RULE | GREETING) and (shared >= 0.6 or c & YOU):
        return True
    if c & GLAD and c & REACHED and not asks:
        return True
    if asks or not shared:
        return False
    if c & FORMULA and c & UNDERSTAND and shared <= 1:
        return False
    if c & GLAD and not c & OFFER and shared >= 0.6:
        return True
    if shared >= 1 and (c & GLAD or (c & THANKS and c & SAID and not c & FACT)):
        return True
    return playback_score(view, first) >= PLAYBACK_FROM


def _asking(view: ClauseView, labels: int) -> int:
    c = view.cues
    follow_up = c & OFFER or (c & CHECK_BACK and not c & WH)
    if labels & S or (follow_up and not c & FACT):
        return 0
    suggests = c & SUGGEST and not c & CHECK_BACK
    if c & HOLDS and not c & (FACT | WH):
        return 0
    if c & QUESTION and view.words >= 3:
        if suggests:
            asked = bool(c & (WH | FACT | INVERTED))
        else:
            asked = bool(c & (WH | FACT) or not c & (PRIVATE | CONTACT | GREETING))
        return (DR if asked else 0) | (RES if suggests else 0)
    named = c & (FACT | WH) or (view.content and not c & (PRIVATE | CONTACT | IMPERATIVE | LINK))
    return DR if (c & ASK and named) or (c & FACT and c & QUESTION) else 0


def _moving(view: ClauseView) -> int:
    c = view.cues
    found = 0
    if c & ASK and c & LINK:
        found |= TR
    elif c & (PRIVATE | CONTACT | PASS_ON):
        courtesy = c & CONTACT and c & (THANKS | GREETING | SORRY)
        courtesy = courtesy or (c & PASS_ON and c & THANKS and not c & (FUTURE | ACTION))
        welcome = c & OFFER and c & (CHECK_BACK | CONDITION) and not c & (LINK | ASK | NUMBER)
        denied = c & PASS_ON and (c & NEGATION or (c & CONDITION and not c & ACTION))
        promised = c & FEEDBACK and c & (FUTURE | PURPOSE) and not c & RECIPIENT
        asked_about = c & QUESTION and c & INVERTED and not c & ASK
        ours = c & FUTURE and not c & (PRIVATE | PASS_ON | IMPERATIVE | ADVICE | ASK)
        if not (courtesy or welcome or denied or promised or asked_about or ours):
            found |= TR
            if c & PASS_ON and c & ACTION:
                found |= RES
    if c & HOLDS and not c & (PASS_ON | CONDITION | CHECK_BACK | REACHED):
        found |= HOLD
    steps = c & PURPOSE and c & (STEP | CHECKS)
    comes = (
        c & FUTURE and not c & QUESTION and (c & STEP or (c & TIME and not c & (VAGUE | ADVICE)))
    )
    if (steps or comes) and not c & (INABILITY | SORRY):
        found |= NS
    return found


def _explaining(view: ClauseView, labels: int, asking: int, moving: int) -> int:
    c = view.cues
    question = c & QUESTION
    asked = asking & DR
    moved = c & (PRIVATE | CONTACT | PASS_ON)
    found = 0
    if c & UNKNOWN_YET and not (question or asked):
        found |= RES
    elif c & INABILITY and not c & (CONDITION | QUESTION):
        found |= POL
    elif c & RULE and not (question or asked or c & (IMAGINE | FORMULA | INVERTED)):
        promised = c & FUTURE and c & STEP and c & TIME
        found |= 0 if promised else POL | RES
    if c & BECAUSE and not (question or c & FORMULA or labels & I):
        found |= RSN
        if view.content >= 2 and not (moved or found & POL or labels & (S | G | E)):
            found |= RES
    if c & IMPERATIVE:
        follow_up = c & CHECK_BACK and view.content < 2
        excluded = moved or follow_up or c & (ASK | HOLDS)
        if (not question or not asked or c & INVERTED) and not excluded:
            found |= RES
    elif question or labels & (S | G | E) or asked or moved:
        pass
    elif c & (ADVICE | ACTION | OUTCOME):
        if not c & (HOLDS | OFFER | CHECK_BACK | GREETING | ASK | PURPOSE | INABILITY):
            found |= RES
    elif _states(view) and not (labels or found or moving & ~NS or _will_look(c)):
        found |= ANSWERS
    return found


ANSWERS = 1 << 11
"""A statement that does nothing else: an answer, unless the turn's point is to ask or to move."""


def _will_look(cues: int) -> bool:
    """Whether the agent's side will look at the case: what comes next, and no answer."""
    return bool(cues & FUTURE and cues & CHECKS)


def _states(view: ClauseView) -> bool:
    courtesy = OFFER | CHECK_BACK | GREETING | VAGUE | THANKS | GLAD | UNDERSTAND
    told = (view.content >= 2 and view.words >= 5) or (view.content and view.cues & ASSENT)
    return bool(told and not view.cues & (courtesy | ASKING))


def decide_turn(seen: list[ClauseView]) -> list[int]:
    """Label bits per clause of a turn."""
    opening = next((n for n, view in enumerate(seen) if view.content and view.words > 2), 0)
    out: list[int] = []
    for n, view in enumerate(seen):
        out.append(decide(view, n <= opening, bool(out and out[-1] & S)))
    if len(seen) > 1 and _is_signature(seen[-1]):
        out[-1] = 0
    together = 0
    for bits in out:
        together |= bits
    asks_or_moves = together & (HOLD | DR | TR)
    for n, bits in enumerate(out):
        if bits & ANSWERS:
            out[n] = bits ^ ANSWERS | (0 if asks_or_moves else RES)
    if not asks_or_moves:
        for n, view in enumerate(seen):
            if view.cues & VAGUE and view.cues & FUTURE and view.cues & COMPANY:
                out[n] |= HOLD
    return out


def relate_agent(reading: AgentReading, context: Context) -> AgentTurn:
    """The labels of an agent turn; ``context`` is everything before it."""
    return agent_turn(reading, context, framed_views(reading, context))


def framed_views(reading: AgentReading, context: Context) -> list[ClauseView]:
    """The features of each clause of a turn, as its labels are drawn from them."""
    return _framed(views(reading, context))


def agent_turn(reading: AgentReading, context: Context, seen: list[ClauseView]) -> AgentTurn:
    """The labels of an agent turn whose clauses have the features ``seen``."""
    per_clause = decide_turn(seen)
    labels = 0
    for bits in per_clause:
        labels |= bits
    if not labels & _RECOGNITION:
        return AgentTurn(_label(labels), False, 0.0, 0)
    recognising = [
        (clause, view)
        for clause, view, bits in zip(reading.clauses, seen, per_clause, strict=True)
        if bits & _RECOGNITION
    ]
    return AgentTurn(
        _label(labels),
        _recognition_first(per_clause),
        copied_share(reading.words, [clause for clause, _ in recognising], context),
        sum(view.shared for _, view in recognising),
    )


@lru_cache(maxsize=1 << 11)
def _label(bits: int) -> Label:
    return Label(bits)


_RECOGNITION = int(RECOGNITION)
_PROCESS = int(PROCESS)

FRAMES = SORRY | UNDERSTAND | GLAD | SAID | CONFIRM | PLAYBACK | REMARK
"""Cues that say how to take what follows in the sentence."""


def _framed(seen: list[ClauseView]) -> list[ClauseView]:
    """Hands the frame of an empty clause on to the next of its sentence: "I see", "sorry that"."""
    out: list[ClauseView] = []
    for view in seen:
        if out and not view.cues & SENTENCE:
            before = out[-1]
            if before.cues & FRAMES and before.content <= before.shared and before.words <= 6:
                view = view._replace(cues=view.cues | before.cues & FRAMES)
            if view.cues & NOTED and view.words <= 3 and not before.cues & (QUESTION | SOLVING):
                out[-1] = before._replace(cues=before.cues | NOTED)
        out.append(view)
    return out


def _is_signature(view: ClauseView) -> bool:
    """Whether a turn's last clause is a name: a few words that do nothing."""
    return view.words <= 4 and not view.cues & ~(PLAIN | PLAINS | GREETING | NUMBER | SENTENCE)


def _recognition_first(per_clause: list[int]) -> bool:
    for bits in per_clause:
        if bits & _RECOGNITION:
            return True
        if bits & _PROCESS:
            return False
    return True


def copied_share(words: tuple[int, ...], clauses: list[Clause], context: Context) -> float:
    """Share (0 to 1) of the clauses' words that stand in runs taken over from the customer.

    A run counts when its neighbouring words stand side by side in the customer's turns too and
    two of them have weight: a single shared word, or shared grammar ("it is not"), is what any
    two people have in common; two particulars in the same order are the customer's wording.
    """
    total = copied = 0
    pairs = context.pairs()
    for _, start, end in clauses:
        total += end - start
        run = [words[start]] if end > start else []
        for pair in pairwise(words[start:end]):
            b = pair[1]
            if pair in pairs:
                run.append(b)
            else:
                copied += _counted(run)
                run = [b]
        copied += _counted(run)
    return copied / total if total else 0.0


def _counted(run: list[int]) -> int:
    return len(run) if sum(1 for word in run if WEIGHTS.get(word, UNKNOWN)) >= 2 else 0

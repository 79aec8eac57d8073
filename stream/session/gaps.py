"""Gaps: where a conversation that is still going on lacks what the record will miss at its end.

No clock, no I/O. :class:`Watch` takes a session's facts in event-time order, as
:func:`stream.session.judgement.judge` does. A gap of each kind opens at most once in a session:

* ``unrecognized_concern``: there is a concern and no recognition after ``GapRules.turns`` agent
  turns, or ``GapRules.after_ms`` after the agent could answer: an agent takes part (who waits in a
  queue has nobody to be recognised by) and the customer has said what the concern is, up to the
  first answer. Where the customer has been strongly negative (emotion 2), half of either is enough.
* ``data_before_recognition``: where the record counts a lost opportunity of concern before data.
* ``unexplained_hold``, ``unexplained_transfer``: where it counts a lost one of next steps
  explained, in a session in which customer and agent have both spoken. What the agent's tools
  report opens a gap only ``GapRules.settle_ms`` later: what the agent said before it may arrive
  after it.

The first two close when recognition comes, the others with the agent turn that says the next step;
a hold also when it is over: its end is reported, or the agent comes back with a resolution. What is
open when the session closes is closed with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from stream.events import EventType, Speaker, format_time
from stream.recognition import Label, Recognizer
from stream.session.judgement import Walk
from stream.session.record import GAP_VERSION, GapEvent
from stream.session.state import Fact, Gap, SessionState

UNRECOGNIZED_CONCERN = "unrecognized_concern"
DATA_BEFORE_RECOGNITION = "data_before_recognition"
UNEXPLAINED_HOLD = "unexplained_hold"
UNEXPLAINED_TRANSFER = "unexplained_transfer"
GAP_KINDS = (
    UNRECOGNIZED_CONCERN,
    DATA_BEFORE_RECOGNITION,
    UNEXPLAINED_HOLD,
    UNEXPLAINED_TRANSFER,
)

RECOGNIZED = "recognized"
EXPLAINED = "explained"
HOLD_ENDED = "hold_ended"
SESSION_CLOSED = "session_closed"
REVISED = "revised"
"""An event that arrived out of order shows that there was no gap."""

_HOLD, _TRANSFER, _NEXT_STEP, _RESOLUTION = (
    int(label) for label in (Label.HOLD, Label.TRANSFER, Label.NEXT_STEP, Label.RESOLUTION)
)
_STRONGLY_NEGATIVE = 2
_NEVER = 2**62


class GapRules(NamedTuple):
    """How long a concern may go unrecognised, in agent turns and in milliseconds, and how long
    after a hold or transfer that the agent's tools report its explanation may still arrive."""

    turns: int = 2
    after_ms: int = 60_000
    settle_ms: int = 2_000


def gap_event(
    session_id: str,
    kind: str,
    gap: Gap,
    recognizer: str,
    closed_ms: int | None = None,
    closed_by: str | None = None,
) -> GapEvent:
    """The event of a gap that opens, or closes at ``closed_ms``."""
    at_ms = gap.opened_ms if closed_ms is None else max(gap.opened_ms, closed_ms)
    return GapEvent(
        schema_version=GAP_VERSION,
        session_id=session_id,
        queue=gap.queue,
        channel=gap.channel,
        agent=gap.agent,
        kind=kind,
        status="opened" if closed_ms is None else "closed",
        opened_at=format_time(gap.opened_ms),
        closed_at=None if closed_ms is None else format_time(at_ms),
        closed_by=closed_by,
        turn=gap.turn,
        agent_turns=gap.agent_turns,
        seconds_since_concern=(
            None if gap.concern_ms is None else max(0, at_ms - gap.concern_ms) / 1000
        ),
        high_emotion=gap.high_emotion,
        recognizer=recognizer,
    )


class Watch:
    """The gaps of one session, by the facts so far. Taking a fact that is in order costs what
    judging it costs and little more; the walk is that of the record."""

    __slots__ = (
        "_agent",
        "_concern_turn",
        "_due",
        "_ended",
        "_lost_steps",
        "_next_due",
        "_opened",
        "_recognized",
        "_rules",
        "_settled",
        "_since_ms",
        "changed",
        "walk",
    )

    def __init__(self, recognizer: Recognizer, rules: GapRules) -> None:
        self.walk = Walk(recognizer)
        self.changed = True
        """Whether :meth:`newly_opened` or :meth:`newly_closed` may have something to say."""
        self._rules = rules
        self._opened: dict[str, Gap] = {}
        self._settled: dict[str, tuple[int, str]] = {}
        """When and by what a gap was closed, or kept from opening."""
        self._due: dict[str, int] = {}
        """When a gap opens if nothing happens before, in event time."""
        self._next_due = _NEVER
        self._agent = ""
        self._concern_turn: int | None = None
        self._since_ms: int | None = None
        """From when on the agent could answer the concern."""
        self._recognized = False
        self._lost_steps = 0
        self._ended = False

    def take(self, fact: Fact, reading: Any = None) -> None:
        """The next fact in event-time order. ``reading`` is that of a turn, where it is at hand."""
        time_ms = fact.time_ms
        if self._next_due <= time_ms:
            self.pass_time(time_ms)
        walk = self.walk
        walk.take(fact, reading)
        kind = fact.kind
        if kind == Speaker.AGENT:
            if fact.agent:
                self._agent = fact.agent
            labels = walk.labels
            if labels & _NEXT_STEP:
                self._settle(UNEXPLAINED_HOLD, time_ms, EXPLAINED)
                self._settle(UNEXPLAINED_TRANSFER, time_ms, EXPLAINED)
            if labels & _RESOLUTION and not labels & _HOLD:
                self._settle(UNEXPLAINED_HOLD, time_ms, HOLD_ENDED)
            if labels & (_HOLD | _TRANSFER) and self._loses_step():
                if labels & _HOLD:
                    self._open(UNEXPLAINED_HOLD, time_ms, walk.turns - 1)
                if labels & _TRANSFER:
                    self._open(UNEXPLAINED_TRANSFER, time_ms, walk.turns - 1)
            if not self._recognized:
                self._follow_concern(fact)
        elif kind == Speaker.CUSTOMER:
            if not self._recognized:
                self._follow_concern(fact)
        elif kind == EventType.HOLD_STARTED:
            self._tool(UNEXPLAINED_HOLD, fact)
        elif kind == EventType.TRANSFER:
            self._tool(UNEXPLAINED_TRANSFER, fact)
        elif kind == EventType.HOLD_ENDED:
            self._settle(UNEXPLAINED_HOLD, time_ms, HOLD_ENDED)
        elif kind == EventType.SESSION_ENDED:
            self._ended = True
            self._next_due = _NEVER

    def pass_time(self, time_ms: int) -> None:
        """Nothing more of the session until ``time_ms``: what is due by then opens."""
        if self._ended:
            return
        for kind, due in list(self._due.items()):
            if due <= time_ms:
                self._open(kind, due, self._concern_turn if kind == UNRECOGNIZED_CONCERN else None)

    def next_due(self, gaps: dict[str, Gap | None]) -> int | None:
        """When the next gap opens if nothing happens before; ``gaps`` were opened already."""
        if self._ended or not self._due:
            return None
        return min((due for kind, due in self._due.items() if kind not in gaps), default=None)

    def newly_opened(self, state: SessionState) -> list[tuple[str, Gap]]:
        """Gaps that ``state`` does not know to have been opened, with its queue and channel."""
        queue, channel = state.attribute("queue"), state.attribute("channel")
        return [
            (kind, gap._replace(queue=queue, channel=channel))
            for kind, gap in self._opened.items()
            if kind not in state.gaps
        ]

    def newly_closed(self, state: SessionState) -> Iterator[tuple[str, Gap, int, str]]:
        """Gaps that ``state`` holds for open and that are not: kind, gap, time and reason."""
        for kind, gap in state.gaps.items():
            if gap is None:
                continue
            closed = self._settled.get(kind)
            if closed is not None:
                yield kind, gap, *closed
            elif kind not in self._opened and kind not in self._due:
                yield kind, gap, gap.opened_ms, REVISED

    def _follow_concern(self, fact: Fact) -> None:
        """``fact`` is a turn of customer or agent, and nothing was recognised before it."""
        seen = self.walk.seen
        if seen.concern_ms is None and seen.recognition is None:
            return
        time_ms, turn = fact.time_ms, self.walk.turns - 1
        if seen.data.opportunities > seen.data.kept:
            self._open(DATA_BEFORE_RECOGNITION, time_ms, turn)
        if seen.recognition is not None:
            self._recognized = True
            self._settled[UNRECOGNIZED_CONCERN] = (time_ms, RECOGNIZED)
            self._settled[DATA_BEFORE_RECOGNITION] = (time_ms, RECOGNIZED)
            self._cancel(UNRECOGNIZED_CONCERN)
            self.changed = True
            return
        if self._concern_turn is None:
            self._concern_turn = turn
        if UNRECOGNIZED_CONCERN in self._opened:
            return
        turns, after_ms, _ = self._rules
        if seen.emotion_peak >= _STRONGLY_NEGATIVE:
            turns, after_ms = max(1, turns // 2), after_ms // 2
        if seen.concern_turns >= turns:
            self._open(UNRECOGNIZED_CONCERN, time_ms, self._concern_turn)
            return
        stating = not seen.concern_turns and seen.shown[-1].concern
        if seen.agent_turns and (self._since_ms is None or stating):
            self._since_ms = time_ms
        if self._since_ms is not None:
            self._schedule(UNRECOGNIZED_CONCERN, max(self._since_ms + after_ms, time_ms))
            if self._next_due <= time_ms:
                self.pass_time(time_ms)

    def _tool(self, kind: str, fact: Fact) -> None:
        if fact.agent:
            self._agent = fact.agent
        if self._loses_step() and kind not in self._opened and kind not in self._due:
            self._settled.pop(kind, None)
            self._schedule(kind, fact.time_ms + self._rules.settle_ms)

    def _loses_step(self) -> bool:
        """Whether the fact just taken began a hold or transfer that nobody explained."""
        seen = self.walk.seen
        lost = seen.next_steps.opportunities - seen.next_steps.kept
        grown = lost > self._lost_steps
        self._lost_steps = lost
        return grown and seen.customer_turns > 0 and seen.agent_turns > 0

    def _open(self, kind: str, time_ms: int, turn: int | None) -> None:
        self._cancel(kind)
        if kind in self._opened:
            return
        seen = self.walk.seen
        self._settled.pop(kind, None)
        self._opened[kind] = Gap(
            time_ms,
            turn,
            seen.concern_turns,
            self._agent,
            "",
            "",
            seen.concern_ms,
            seen.emotion_peak >= _STRONGLY_NEGATIVE,
        )
        self.changed = True

    def _settle(self, kind: str, time_ms: int, reason: str) -> None:
        if (kind in self._opened or kind in self._due) and kind not in self._settled:
            self._settled[kind] = (time_ms, reason)
            self._cancel(kind)
            self.changed = True

    def _schedule(self, kind: str, due_ms: int) -> None:
        self._due[kind] = due_ms
        self._next_due = _NEVER if self._ended else min(self._due.values())

    def _cancel(self, kind: str) -> None:
        if self._due.pop(kind, None) is not None:
            self._next_due = min(self._due.values(), default=_NEVER)

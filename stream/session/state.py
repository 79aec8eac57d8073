"""The state of one conversation: facts gathered so far and where in the log they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from stream.events import Event, EventType, Speaker
from stream.events.model import EARLIEST_MS, LATEST_MS

STATE_VERSION = 3
"""Version of the encoded layout; a newer release reads the older ones (``_MIGRATIONS``)."""

_Layout = tuple[list[Any], bytes]
"""An encoded state's head, and the JSON array of its facts."""


def _without_gaps(head: list[Any], facts: bytes) -> _Layout:
    """From version 1, which knew of no gaps and no offsets; a closed session has neither."""
    return [2, *head[1:]] if len(head) == 3 else [2, *head[1:], {}, [], None, None], facts


def _facts_inside(head: list[Any], facts: bytes) -> _Layout:
    """From version 2, whose facts were the head's twelfth field."""
    if len(head) == 3:
        return [3, *head[1:]], facts
    return [3, *head[1:12], len(head[12]), *head[13:]], orjson.dumps(head[12])


_MIGRATIONS: dict[int, Callable[[list[Any], bytes], _Layout]] = {
    1: _without_gaps,
    2: _facts_inside,
}
"""From a version to the step that turns its layout into the next version's."""

_NO_FACTS = b"[]"


_WIRE_LEVELS = 8
"""Most levels that the wire form of a reading may nest."""


class Fact(NamedTuple):
    """What one event shows, independent of every other event.

    ``kind`` is the event's type, or the speaker of an utterance. ``value`` is the reading of a
    turn in its wire form (no text), or the name of a transfer's target or an action's kind.
    ``agent`` is whose turn or step it is; empty for all others, and where the event names nobody.
    """

    kind: str
    time_ms: int
    sequence: int
    value: Any
    agent: str = ""


class Attribute(NamedTuple):
    """A property that several events may carry: the earliest event's value holds."""

    time_ms: int
    sequence: int
    value: str


class Gap(NamedTuple):
    """A gap as it was opened (:mod:`stream.session.gaps`): what its two events share."""

    opened_ms: int
    turn: int | None
    agent_turns: int
    agent: str
    queue: str
    channel: str
    concern_ms: int | None
    high_emotion: bool


class StateError(ValueError):
    """Bytes that are not a session state of a known version."""


def event_hash(event_id: str) -> int:
    """56 bits of BLAKE2b, to tell a duplicate without keeping identifiers."""
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=7).digest(), "big")


def trimmed(data: bytes) -> bytes:
    """The same bytes in no more memory than they need, for what is kept: those that orjson returns
    hold on to the buffer they were written to, of 1 to 4 KB for a dozen bytes."""
    return bytes(memoryview(data))


class SessionState:
    """Facts of one session and what closing needs to know.

    The facts are kept as they are encoded, and read when somebody asks for them: most events only
    add one.

    The ``*_clock`` fields are values of the partition's watermark (event time, milliseconds) at
    the moment something was seen, so that a session that lags behind its partition gets as much
    time as one that does not.
    """

    __slots__ = (
        "_facts",
        "_newest_fact",
        "_parsed",
        "agents",
        "anchor_ms",
        "attributes",
        "closed_log_ms",
        "closing",
        "closing_log_ms",
        "duplicates",
        "ended_clock",
        "fact_count",
        "gap_due",
        "gaps",
        "gaps_decided",
        "heard_clock",
        "late",
        "newest",
        "offset",
        "opened_clock",
        "out_of_order",
        "seen",
        "session_id",
        "started_ms",
        "text_chars",
        "updated_ms",
    )

    def __init__(self, session_id: str, offset: int, clock: int, time_ms: int) -> None:
        self.session_id = session_id
        self.offset = offset
        """Offset of the newest event that is part of this state: an older one is a redelivery."""
        self.opened_clock = clock
        self.heard_clock = clock
        self.anchor_ms: int | None = None
        """When the conversation started, for events that tell only the time since then: by the
        first of them in the log, so that they keep their distances however late each one came."""
        self.ended_clock: int | None = None
        self.closing = ""
        """Why the session is about to close, once that is decided and must not change."""
        self.closing_log_ms = 0
        """The log's time when that was decided."""
        self.closed_log_ms: int | None = None
        """The log's time when the record was emitted; None before that."""
        self.started_ms = time_ms
        self.updated_ms = time_ms
        self.newest = (time_ms, 0)
        self.attributes: dict[str, Attribute] = {}
        self.agents: dict[str, tuple[int, int]] = {}
        self.fact_count = 0
        self._facts = _NO_FACTS
        self._parsed: list[Fact] | None = None
        self._newest_fact: Fact | None = None
        self.seen: list[int] = []
        self.text_chars = 0
        """Characters of all turns: what the readings' size grows with."""
        self.duplicates = 0
        self.late = 0
        self.out_of_order = 0
        self.gaps: dict[str, Gap | None] = {}
        """By kind the gaps that were opened; None once they are closed. None opens twice."""
        self.gaps_decided: list[str] = []
        """Kinds whose opening is decided, and whose event is to be emitted when that is held."""
        self.gap_due: tuple[int, int] | None = None
        """When the next gap opens if nothing happens: in event time, and on the watermark."""

    def is_open(self) -> bool:
        """Whether events still count for this session's record."""
        return self.closed_log_ms is None and not self.closing

    def apply(self, offset: int, clock: int, event: Event, fact: Fact, seen: int) -> None:
        """Take one new event in. ``clock`` is the partition's watermark including it."""
        time_ms = event.time_ms
        place = (time_ms, event.sequence)
        in_order = place >= self.newest
        if in_order:
            self.newest = place
        elif self.seen:
            self.out_of_order += 1
        if self.ended_clock is not None:
            self.late += 1
        elif event.type is EventType.SESSION_ENDED:
            self.ended_clock = clock
        self.offset = offset
        self.heard_clock = clock
        self.seen.append(seen)
        if time_ms < self.started_ms:
            self.started_ms = time_ms
        if time_ms > self.updated_ms:
            self.updated_ms = time_ms
        attributes = self.attributes
        for name, value in (
            ("queue", event.queue),
            ("channel", event.channel),
            ("language", event.language),
        ):
            if value:
                known = attributes.get(name)
                if known is None or not (in_order or place >= known[:2]):
                    attributes[name] = Attribute(time_ms, event.sequence, value)
        agent = event.agent
        if agent and (event.speaker is Speaker.AGENT or event.speaker is None):
            since = self.agents.get(agent)
            if since is None or place < since:
                self.agents[agent] = place
        self.fact_count += 1
        piece = orjson.dumps(tuple(fact))
        comma = b"," if self.fact_count > 1 else b""
        self._facts = b"%b%b%b]" % (self._facts[:-1], comma, piece)
        self._newest_fact = fact
        if self._parsed is not None:
            self._parsed.append(fact)
        self.text_chars += len(event.text)

    @property
    def facts(self) -> list[Fact]:
        """The facts as they arrived."""
        if self._parsed is None:
            self._parsed = [Fact(*fact) for fact in orjson.loads(self._facts)]
        return self._parsed

    @property
    def newest_fact(self) -> Fact:
        """The fact that arrived last; there must be one."""
        return self._newest_fact or self.facts[-1]

    def in_order(self) -> list[Fact]:
        """The facts in event-time order; those of the same time and sequence as they arrived."""
        return sorted(self.facts, key=lambda fact: (fact.time_ms, fact.sequence))

    def attribute(self, name: str) -> str:
        known = self.attributes.get(name)
        return known.value if known else ""

    def close(self, log_ms: int) -> None:
        """Drop all but what recognises a late event, which the grace time needs."""
        self.closed_log_ms = log_ms
        self.closing = ""
        self.fact_count = 0
        self._facts = _NO_FACTS
        self._parsed = self._newest_fact = None
        self.seen = []
        self.attributes = {}
        self.agents = {}
        self.gaps = {}
        self.gaps_decided = []
        self.gap_due = None

    def encode(self) -> bytes:
        """The changelog's value for this session: a head and, on a line of its own, the facts. Of a
        closed session little is left."""
        if self.closed_log_ms is not None:
            return trimmed(orjson.dumps([STATE_VERSION, self.offset, self.closed_log_ms]))
        head = orjson.dumps(
            [
                STATE_VERSION,
                self.offset,
                self.opened_clock,
                self.heard_clock,
                self.ended_clock,
                self.closing,
                self.closing_log_ms,
                self.started_ms,
                self.updated_ms,
                self.newest,
                {name: tuple(value) for name, value in self.attributes.items()},
                self.agents,
                self.fact_count,
                self.seen,
                self.text_chars,
                self.duplicates,
                self.late,
                self.out_of_order,
                {kind: gap and tuple(gap) for kind, gap in self.gaps.items()},
                self.gaps_decided,
                self.gap_due,
                self.anchor_ms,
            ]
        )
        return b"%b\n%b" % (head, self._facts)

    @classmethod
    def decode(cls, session_id: str, data: bytes, *, sound: bool = False) -> SessionState:
        """The inverse of :meth:`encode`. Raises :class:`StateError`.

        ``sound`` says that ``data`` was decoded before: it is not checked again, which takes most
        of the time.
        """
        head, _, facts = data.partition(b"\n")
        try:
            layout, facts = _migrated(orjson.loads(head), facts)
            if len(layout) == 3:
                closed = cls(session_id, layout[1], 0, 0)
                closed.closed_log_ms = layout[2]
                _require_counts(closed.offset, closed.closed_log_ms)
                return closed
            (
                _,
                offset,
                opened_clock,
                heard_clock,
                ended_clock,
                closing,
                closing_log_ms,
                started_ms,
                updated_ms,
                newest,
                attributes,
                agents,
                fact_count,
                seen,
                text_chars,
                duplicates,
                late,
                out_of_order,
                gaps,
                gaps_decided,
                gap_due,
                anchor_ms,
            ) = layout
            state = cls(session_id, offset, opened_clock, started_ms)
            state.heard_clock = heard_clock
            state.ended_clock = ended_clock
            state.closing = closing
            state.closing_log_ms = closing_log_ms
            state.updated_ms = updated_ms
            state.newest = (newest[0], newest[1])
            state.attributes = {name: Attribute(*value) for name, value in attributes.items()}
            state.agents = {agent: (place[0], place[1]) for agent, place in agents.items()}
            state.fact_count = fact_count
            state._facts = facts
            state.seen = seen
            state.text_chars = text_chars
            state.duplicates = duplicates
            state.late = late
            state.out_of_order = out_of_order
            state.gaps = {kind: None if gap is None else Gap(*gap) for kind, gap in gaps.items()}
            state.gaps_decided = gaps_decided
            state.gap_due = None if gap_due is None else (gap_due[0], gap_due[1])
            state.anchor_ms = anchor_ms
            if not sound:
                state._require_sound()
        except StateError as error:
            raise StateError(f"the state of session {session_id!r} has {error}") from None
        except (
            orjson.JSONDecodeError,
            AttributeError,
            KeyError,
            IndexError,
            TypeError,
            ValueError,
        ) as error:
            raise StateError(f"the state of session {session_id!r} cannot be read") from error
        return state

    def _require_sound(self) -> None:
        """Raise ``ValueError`` for a state that no events can have led to: the session would fail
        later, where nobody can tell why."""
        times = [self.started_ms, self.updated_ms, self.newest[0]]
        counts = [
            *(self.offset, self.opened_clock, self.heard_clock, self.closing_log_ms),
            *(self.text_chars, self.duplicates, self.late, self.out_of_order, self.newest[1]),
            *self.seen,
        ]
        texts = [self.closing]
        if self.ended_clock is not None:
            counts.append(self.ended_clock)
        for time_ms, sequence, text in self.attributes.values():
            times.append(time_ms)
            counts.append(sequence)
            texts.append(text)
        for time_ms, sequence in self.agents.values():
            times.append(time_ms)
            counts.append(sequence)
        if len(self.facts) != self.fact_count:
            raise ValueError("facts are missing or too many")
        if self.facts:
            kinds, fact_times, sequences, *_ = zip(*self.facts, strict=True)
            times += fact_times
            counts += sequences
            texts += kinds
        if self.anchor_ms is not None:
            counts.append(self.anchor_ms)
        for kind, gap in self.gaps.items():
            texts.append(kind)
            if gap is not None:
                times.append(gap.opened_ms)
                counts.append(gap.agent_turns)
                counts += [count for count in (gap.turn, gap.concern_ms) if count is not None]
                texts += [gap.agent, gap.queue, gap.channel]
                if type(gap.high_emotion) is not bool:
                    raise ValueError("a flag is something else")
        if type(self.gaps_decided) is not list or not self.gaps.keys() >= set(self.gaps_decided):
            raise ValueError("a gap was decided that is not there")
        if self.gap_due is not None:
            counts += self.gap_due
        _require_counts(*counts, *times)
        if not EARLIEST_MS <= min(times) <= max(times) < LATEST_MS:
            raise ValueError("a time that no event can have")
        if set(map(type, texts)) != {str}:
            raise ValueError("a text is something else")
        if any(_nests(fact.value, _WIRE_LEVELS) for fact in self.facts):
            raise ValueError("no reading nests like that")


def _nests(value: Any, levels: int) -> bool:
    """Whether lists and objects nest deeper than ``levels``: JSON is read far deeper than it can be
    written again."""
    if type(value) not in (list, dict):
        return False
    parts = value if type(value) is list else value.values()
    return levels == 0 or any(_nests(part, levels - 1) for part in parts)


def _require_counts(*values: Any) -> None:
    """Raise ``ValueError`` unless all are whole numbers from 0 to 2^63 - 1."""
    if set(map(type, values)) != {int} or min(values) < 0 or max(values) >= 2**63:
        raise ValueError("a number is something else")


def _migrated(head: Any, facts: bytes) -> _Layout:
    """The layout as this release writes it."""
    version = head[0]
    if type(version) is int and version > STATE_VERSION:
        raise StateError(f"layout version {version}, and this release reads up to {STATE_VERSION}")
    while head[0] != STATE_VERSION:
        head, facts = _MIGRATIONS[head[0]](head, facts)
    return head, facts


def encoded_offset(data: bytes) -> int:
    """The applied offset of an encoded state, without decoding the rest of it.

    Raises :class:`StateError`.
    """
    try:
        return int(data[data.index(b",") + 1 : data.index(b",", data.index(b",") + 1)])
    except ValueError as error:
        raise StateError("not a session state") from error

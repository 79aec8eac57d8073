"""A recogniser that is told the answer by the text, so that tests say exactly what they mean.

An agent turn's text is its labels, space-separated, process words before or after a ``|`` that
marks where recognition stands (``"| situation data_request"``: recognition first). A customer
turn's text holds ``concern``, ``emotion1``, ``emotion2``, ``repeat``.
"""

from __future__ import annotations

import zlib
from typing import Any

from stream.events import Event, EventType, Speaker
from stream.recognition import AgentTurn, CustomerTurn, Label
from stream.recognition.weights import Pair


class Reading:
    def __init__(self, text: str) -> None:
        self.text = text

    def to_wire(self) -> Any:
        return self.text


class Context:
    def add_agent(self, reading: Any) -> None: ...

    def add_customer(self, reading: Any) -> None: ...


class ScriptedRecognizer:
    version = "scripted-1"

    def read_agent(self, text: str) -> Reading:
        if "explode on reading" in text:
            raise RuntimeError("told to")
        return Reading(text)

    read_customer = read_agent

    def agent_from_wire(self, wire: Any) -> Reading:
        return Reading(wire)

    customer_from_wire = agent_from_wire

    def new_context(self) -> Context:
        return Context()

    def wording(self, reading: Any) -> frozenset[Pair]:
        return frozenset({(zlib.crc32(reading.text.encode()), 0)})

    def wording_similarity(self, a: frozenset[Pair], b: frozenset[Pair]) -> float:
        return float(a == b)

    def relate_agent(self, reading: Any, context: Any) -> AgentTurn:
        words = set(reading.text.split())
        labels = Label(0)
        for label in Label:
            if label.name is not None and label.name.lower() in words:
                labels |= label
        return AgentTurn(labels, "|" in words, 0.25, 2)

    def relate_customer(self, reading: Any, context: Any) -> CustomerTurn:
        words = set(reading.text.split())
        if "explode" in words:
            raise RuntimeError("told to")
        emotion = 2 if "emotion2" in words else int("emotion1" in words)
        return CustomerTurn("concern" in words, emotion, "repeat" in words, "content" in words)

    def scenario(self, context: Any) -> str:
        return "other"


START_MS = 1_772_442_845_000


def conversation(
    *turns: str | Event, session: str = "s1", gap_ms: int = 10_000, end: bool = True
) -> list[Event]:
    """Events of a session. A turn is ``"c: text"``, ``"a: text"``, ``"b: text"`` or ``"s: text"``,
    or a tool's event (see :func:`tool`)."""
    speakers = {
        "c": Speaker.CUSTOMER,
        "a": Speaker.AGENT,
        "b": Speaker.BOT,
        "s": Speaker.SYSTEM,
    }
    out = [Event(EventType.SESSION_STARTED, f"{session}:0", session, START_MS, queue="q")]
    for n, turn in enumerate(turns, start=1):
        time_ms = START_MS + n * gap_ms
        if isinstance(turn, Event):
            out.append(
                turn._replace(event_id=f"{session}:{n}", session_id=session, time_ms=time_ms)
            )
            continue
        who, _, text = turn.partition(":")
        out.append(
            Event(
                EventType.UTTERANCE,
                f"{session}:{n}",
                session,
                time_ms,
                queue="q",
                agent="a-1" if who == "a" else "",
                speaker=speakers[who],
                text=text.strip(),
            )
        )
    if end:
        ended_ms = START_MS + (len(turns) + 1) * gap_ms
        out.append(Event(EventType.SESSION_ENDED, f"{session}:end", session, ended_ms, queue="q"))
    return out


def tool(kind: EventType, name: str = "") -> Event:
    """A hold, transfer or action; its place in the conversation gives it time and session."""
    return Event(kind, "", "", 0, name=name)

"""``observe``: what one event shows. No clock, no I/O, no other event."""

from __future__ import annotations

from stream.events import Event, EventType, Speaker
from stream.recognition import AgentReading, CustomerReading, Recognizer
from stream.session.state import Fact

MAX_TURN_CHARS = 10_000
"""What of a turn is read: the readings of a session are state, and a pasted log is no turn."""


def observe(event: Event, recognizer: Recognizer) -> Fact:
    """The fact that ``event`` adds to its session.

    A turn is read without its conversation, and what it means within it is left to
    :func:`stream.session.judgement.judge`. So facts do not depend on the order of arrival.
    """
    return fact_of(event, read(event, recognizer))


def read(event: Event, recognizer: Recognizer) -> AgentReading | CustomerReading | None:
    """The reading of an utterance, None for everything else."""
    if event.type is not EventType.UTTERANCE or event.speaker is Speaker.SYSTEM:
        return None
    text = event.text[:MAX_TURN_CHARS]
    if event.speaker is Speaker.CUSTOMER:
        return recognizer.read_customer(text)
    return recognizer.read_agent(text)


def fact_of(event: Event, reading: AgentReading | CustomerReading | None) -> Fact:
    """The fact that ``event``, read as ``reading``, adds to its session."""
    if event.type is EventType.UTTERANCE:
        assert event.speaker is not None
        agent = event.agent if event.speaker is Speaker.AGENT else ""
        value = None if reading is None else reading.to_wire()
        return Fact(event.speaker.value, event.time_ms, event.sequence, value, agent)
    return Fact(event.type.value, event.time_ms, event.sequence, event.name or None, event.agent)

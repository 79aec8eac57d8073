"""``observe``: what one event shows. No clock, no I/O, no other event."""

from __future__ import annotations

from stream.events import Event, EventType, Speaker
from stream.recognition import Recognizer
from stream.session.state import Fact

MAX_TURN_CHARS = 10_000
"""What of a turn is read: the readings of a session are state, and a pasted log is no turn."""


def observe(event: Event, recognizer: Recognizer) -> Fact:
    """The fact that ``event`` adds to its session.

    A turn is read without its conversation, and what it means within it is left to
    :func:`stream.session.judgement.judge`. So facts do not depend on the order of arrival.
    """
    if event.type is EventType.UTTERANCE:
        assert event.speaker is not None
        text = event.text[:MAX_TURN_CHARS]
        agent = ""
        if event.speaker is Speaker.CUSTOMER:
            value = recognizer.read_customer(text).to_wire()
        elif event.speaker is Speaker.SYSTEM:
            value = None
        else:
            value = recognizer.read_agent(text).to_wire()
            if event.speaker is Speaker.AGENT:
                agent = event.agent
        return Fact(event.speaker.value, event.time_ms, event.sequence, value, agent)
    return Fact(event.type.value, event.time_ms, event.sequence, event.name or None, event.agent)

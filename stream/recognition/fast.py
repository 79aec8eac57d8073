"""The recogniser that keeps up with the stream: cues, overlap with the account, and rules."""

from __future__ import annotations

from typing import Any, Protocol

from stream.recognition import agent, customer, reading
from stream.recognition.context import Context
from stream.recognition.labels import AgentTurn, CustomerTurn
from stream.recognition.reading import AgentReading, CustomerReading
from stream.recognition.scenario import scenario
from stream.recognition.weights import Pair
from stream.recognition.wording import wording, wording_similarity


class Recognizer(Protocol):
    """Text in, labels out, in two steps: ``read`` takes a turn alone, ``relate`` reads it against
    the conversation."""

    @property
    def version(self) -> str:
        """Names the way of judging; stamped in records."""

    def read_agent(self, text: str) -> AgentReading:
        """Reads an agent turn alone."""

    def read_customer(self, text: str) -> CustomerReading:
        """Reads a customer turn alone."""

    def relate_agent(self, reading: AgentReading, context: Context) -> AgentTurn:
        """The agent turn in its conversation; ``context`` is everything before it."""

    def relate_customer(self, reading: CustomerReading, context: Context) -> CustomerTurn:
        """The customer turn in its conversation; ``context`` is everything before it."""

    def agent_from_wire(self, wire: Any) -> AgentReading:
        """The reading whose ``to_wire`` gave ``wire``."""

    def customer_from_wire(self, wire: Any) -> CustomerReading:
        """The reading whose ``to_wire`` gave ``wire``."""

    def new_context(self) -> Context:
        """The context of a conversation's first turn."""

    def wording(self, reading: AgentReading) -> frozenset[Pair]:
        """The wording of an agent turn, to compare with others'."""

    def wording_similarity(self, a: frozenset[Pair], b: frozenset[Pair]) -> float:
        """Likeness (0 to 1) of the wordings of two agent turns."""

    def scenario(self, context: Context) -> str:
        """One of :data:`stream.recognition.SCENARIOS`."""


class FastRecognizer:
    """The shared, stateless recogniser."""

    version = "fast-6"

    read_agent = staticmethod(reading.read_agent)
    read_customer = staticmethod(reading.read_customer)
    relate_agent = staticmethod(agent.relate_agent)
    relate_customer = staticmethod(customer.relate_customer)
    agent_from_wire = staticmethod(AgentReading.from_wire)
    customer_from_wire = staticmethod(CustomerReading.from_wire)
    new_context = staticmethod(Context)
    wording = staticmethod(wording)
    wording_similarity = staticmethod(wording_similarity)
    scenario = staticmethod(scenario)


_FAST = FastRecognizer()


def fast() -> Recognizer:
    """The shared recogniser."""
    return _FAST

"""What a conversation has shown so far: the account to read the next turn against."""

from __future__ import annotations

from itertools import pairwise

from stream.recognition.reading import AgentReading, CustomerReading
from stream.recognition.weights import Pair


class Context:
    """Grows with the conversation, in event-time order. Adding a turn costs its words."""

    __slots__ = (
        "account",
        "agent_turns",
        "agents",
        "customer_cues",
        "customer_turns",
        "customers",
        "last_agent_cues",
        "last_customer",
    )

    def __init__(self) -> None:
        self.account: dict[int, int] = {}
        """Codes of the customer's words -> the customer turn (from 0) that first had it."""
        self.customers: list[CustomerReading] = []
        """The customer's turns."""
        self.agents: list[tuple[int, ...]] = []
        """The words of the agent's turns."""
        self.customer_cues = 0
        """Cues of all customer turns together."""
        self.customer_turns = 0
        self.last_customer: CustomerReading | None = None
        self.agent_turns = 0
        self.last_agent_cues = 0
        """Cues of the agent's latest turn, all clauses together; 0 before the first."""

    def pairs(self) -> set[Pair]:
        """Neighbouring words of the customer."""
        found: set[Pair] = set()
        for reading in self.customers:
            found.update(pairwise(reading.words))
        return found

    def add_agent(self, reading: AgentReading) -> None:
        """The agent's next turn."""
        cues = 0
        for clause in reading.clauses:
            cues |= clause.cues
        self.last_agent_cues = cues
        self.agents.append(reading.words)
        self.agent_turns += 1

    def add_customer(self, reading: CustomerReading) -> None:
        """The customer's next turn."""
        account, turn, words = self.account, self.customer_turns, reading.words
        for word in words:
            if word not in account:
                account[word] = turn
        self.customers.append(reading)
        self.customer_cues |= reading.cues
        self.customer_turns += 1
        self.last_customer = reading

"""Reading an invented conversation, for the tests of recognition."""

from __future__ import annotations

from stream.recognition import AgentTurn, Context, CustomerTurn, fast, label_names


def context(*turns: str) -> Context:
    """The context after ``turns``: customer's, or agent's where they begin with ``A:``."""
    recognizer = fast()
    found = Context()
    for turn in turns:
        if turn.startswith("A:"):
            found.add_agent(recognizer.read_agent(turn[2:]))
        else:
            found.add_customer(recognizer.read_customer(turn))
    return found


def agent(text: str, *before: str) -> AgentTurn:
    """The agent turn ``text`` after the turns ``before``."""
    recognizer = fast()
    return recognizer.relate_agent(recognizer.read_agent(text), context(*before))


def labels(text: str, *before: str) -> set[str]:
    """The codebook labels of the agent turn ``text`` after the turns ``before``."""
    return set(label_names(agent(text, *before).labels))


def customer(text: str, *before: str) -> CustomerTurn:
    """The customer turn ``text`` after the turns ``before``."""
    recognizer = fast()
    return recognizer.relate_customer(recognizer.read_customer(text), context(*before))

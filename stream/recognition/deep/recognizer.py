"""The deep recogniser: the fast one, corrected by a small transformer that reads the turn together
with what it answers.

Every label is a weighted sum of the encoder's logits and of what the fast recogniser finds
(:mod:`stream.recognition.deep.decision`); turns on which the fast one is sure are left to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from stream.recognition import agent, customer, reading, scenario
from stream.recognition.context import Context
from stream.recognition.deep.decision import (
    AGENT,
    CUSTOMER,
    SCENARIO,
    SURE,
    Decision,
    agent_row,
    decide_agent,
    is_clear,
)
from stream.recognition.deep.pieces import (
    ACCOUNT_PIECES,
    AGENT_BEFORE_PIECES,
    FIRST_ANSWER_PIECES,
    OPENING_PIECES,
    TURN_PIECES,
    Input,
    agent_input,
    customer_input,
    opening_input,
    pack,
    plain,
    unpack,
)
from stream.recognition.labels import SCENARIOS, AgentTurn, CustomerTurn
from stream.recognition.reading import AgentReading, CustomerReading
from stream.recognition.wording import wording, wording_similarity

FOLDER = Path(__file__).parent
_AGENT_FORM, _CUSTOMER_FORM = 4, 3
"""Parts of the fast readings' forms, behind which the wordpieces stand."""
_REMEMBERED = 4096
"""Turns whose logits are kept: a session's turns are related while it is open and again when it
is closed elsewhere or replayed."""


class DeepAgentReading(AgentReading):
    """The fast reading of an agent turn, and its first wordpieces."""

    pieces: tuple[int, ...] = ()

    @classmethod
    def of(cls, fast: AgentReading, pieces: tuple[int, ...]) -> DeepAgentReading:
        made = cls(*fast)
        made.pieces = pieces
        return made

    def to_wire(self) -> list[Any]:
        """The fast reading's form, and the packed wordpieces."""
        return [*super().to_wire(), pack(self.pieces)]

    @classmethod
    def from_wire(cls, wire: Sequence[Any]) -> DeepAgentReading:
        """Also reads the fast form, that of a session which was open when the setting changed:
        such a turn has no wordpieces, and is judged as the fast recogniser does."""
        fast = AgentReading.from_wire(wire)
        return cls.of(fast, unpack(wire[_AGENT_FORM]) if len(wire) > _AGENT_FORM else ())


class DeepCustomerReading(CustomerReading):
    """The fast reading of a customer turn, and its first wordpieces."""

    pieces: tuple[int, ...] = ()

    @classmethod
    def of(cls, fast: CustomerReading, pieces: tuple[int, ...]) -> DeepCustomerReading:
        made = cls(*fast)
        made.pieces = pieces
        return made

    def to_wire(self) -> list[Any]:
        """The fast reading's form, and the packed wordpieces."""
        return [*super().to_wire(), pack(self.pieces)]

    @classmethod
    def from_wire(cls, wire: Sequence[Any]) -> DeepCustomerReading:
        """See :meth:`DeepAgentReading.from_wire`."""
        fast = CustomerReading.from_wire(wire)
        return cls.of(fast, unpack(wire[_CUSTOMER_FORM]) if len(wire) > _CUSTOMER_FORM else ())


class DeepContext(Context):
    """A context that also keeps the wordpieces said so far."""

    __slots__ = ("answered", "first_answers", "heard", "opening", "said")

    def __init__(self) -> None:
        super().__init__()
        self.heard: tuple[int, ...] = ()
        """The customer's latest wordpieces."""
        self.opening: tuple[int, ...] = ()
        """The customer's first wordpieces."""
        self.said: set[int] = set()
        """All of the customer's."""
        self.answered: tuple[int, ...] = ()
        """The agent's, since the customer last spoke."""
        self.first_answers: tuple[int, ...] = ()
        """The agent's first."""

    def add_agent(self, reading: AgentReading) -> None:
        """The agent's next turn."""
        super().add_agent(reading)
        if isinstance(reading, DeepAgentReading):
            self.answered = (self.answered + reading.pieces)[-AGENT_BEFORE_PIECES:]
            self.first_answers = (self.first_answers + reading.pieces)[:FIRST_ANSWER_PIECES]

    def add_customer(self, reading: CustomerReading) -> None:
        """The customer's next turn."""
        super().add_customer(reading)
        self.answered = ()
        if isinstance(reading, DeepCustomerReading):
            self.heard = (self.heard + reading.pieces)[-ACCOUNT_PIECES:]
            self.opening = (self.opening + reading.pieces)[:OPENING_PIECES]
            self.said.update(reading.pieces)


class DeepRecognizer:
    """Shared; it remembers logits, and nothing else."""

    version = "deep-4"

    customer_from_wire = staticmethod(DeepCustomerReading.from_wire)
    agent_from_wire = staticmethod(DeepAgentReading.from_wire)
    new_context = staticmethod(DeepContext)
    wording = staticmethod(wording)
    wording_similarity = staticmethod(wording_similarity)

    def __init__(self, encoder: Encoder, decision: Decision) -> None:
        self._encoder = encoder
        self._decision = decision

    @property
    def encoded(self) -> int:
        """How many inputs went through the encoder."""
        return self._encoder.runs

    def read_agent(self, text: str) -> DeepAgentReading:
        """Reads an agent turn alone."""
        return DeepAgentReading.of(reading.read_agent(text), self._encoder.pieces(text))

    def read_customer(self, text: str) -> DeepCustomerReading:
        """Reads a customer turn alone."""
        return DeepCustomerReading.of(reading.read_customer(text), self._encoder.pieces(text))

    def relate_agent(self, reading: AgentReading, context: Context) -> AgentTurn:
        """The agent turn in its conversation; ``context`` is everything before it."""
        seen = agent.framed_views(reading, context)
        told = agent.agent_turn(reading, context, seen)
        turn = getattr(reading, "pieces", ())
        if not turn or not isinstance(context, DeepContext) or is_clear(reading, told):
            return told
        logits = self._encoder.logits(agent_input(turn, context.heard, context.said))
        row = [*logits[AGENT], *agent_row(reading, context, told, seen)]
        return decide_agent(self._decision.agent, row, told)

    def relate_customer(self, reading: CustomerReading, context: Context) -> CustomerTurn:
        """The customer turn in its conversation; ``context`` is everything before it."""
        turn = getattr(reading, "pieces", ())
        if not reading.words or not turn or not isinstance(context, DeepContext):
            return customer.relate_customer(reading, context)
        odds = customer.log_odds(reading, context)
        if min(map(abs, odds)) >= SURE:
            return customer.customer_turn(reading, odds)
        logits = self._encoder.logits(
            customer_input(turn, context.heard, context.answered, context.said)
        )
        row = [*logits[CUSTOMER], *odds, *[float(value >= 0) for value in odds]]
        concern, negative, strong, repeat = (one.of(row) for one in self._decision.customer)
        return customer.customer_turn(reading, (concern, negative, strong, repeat))

    def scenario(self, context: Context) -> str:
        """One of :data:`stream.recognition.SCENARIOS`."""
        if not isinstance(context, DeepContext) or not context.opening:
            return scenario.scenario(context)
        logits = self._encoder.logits(opening_input(context.opening, context.first_answers))[
            SCENARIO
        ]
        fast = scenario.scenario_scores(context)
        say = self._decision.scenario
        scores = [a + say * b for a, b in zip(fast, logits, strict=True)]
        return SCENARIOS[scores.index(max(scores))]


class Encoder:
    """The transformer, on one core: the same input has the same logits on the same machine."""

    def __init__(self, folder: Path) -> None:
        # Slow to import, and there only with the extra.
        import numpy
        import onnxruntime
        import tokenizers

        self._array = numpy.array
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "encoder.onnx"),
            options,
            providers=["CPUExecutionProvider"],
            # On the processor the fused operator is slower than its two parts: 7.7 ms for 6.7.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.runs = 0
        self._known: OrderedDict[tuple[int, ...], list[float]] = OrderedDict()

    def pieces(self, text: str) -> tuple[int, ...]:
        """The first wordpieces of a turn."""
        encoded = self._tokenizer.encode(plain(text), add_special_tokens=False)
        return tuple(encoded.ids[:TURN_PIECES])

    def logits(self, given: Input) -> list[float]:
        """Those of all heads."""
        pieces, roles = given
        key = (*pieces, *roles)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        feed = {"pieces": self._array([pieces]), "roles": self._array([roles])}
        self.runs += 1
        found: list[float] = self._session.run(None, feed)[0][0].tolist()
        self._known[key] = found
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found


def fresh() -> DeepRecognizer:
    """A recogniser of one's own, which remembers nothing yet."""
    return DeepRecognizer(Encoder(FOLDER), Decision.read(FOLDER / "decision.json"))


@lru_cache(maxsize=1)
def deep() -> DeepRecognizer:
    """The shared recogniser."""
    return fresh()

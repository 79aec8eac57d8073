"""Recognition: text in, labels out. Pure: no clock, no I/O.

A turn is *read* alone into a small reading without text, and later *related* to the readings
before it, so that labels do not depend on the order in which events arrive.
"""

from stream.recognition.context import Context
from stream.recognition.fast import Recognizer, fast
from stream.recognition.labels import (
    PROCESS,
    RECOGNITION,
    SCENARIOS,
    AgentTurn,
    CustomerTurn,
    Label,
    label_names,
)
from stream.recognition.reading import AgentReading, CustomerReading
from stream.recognition.wording import (
    wording,
    wording_similarity,
    wording_sketch,
)


def recognizer_named(name: str) -> Recognizer:
    """The shared recogniser of the setting: ``fast``, or ``deep``, which needs its extra."""
    if name == "deep":
        from stream.recognition.deep import deep

        return deep()
    return fast()


__all__ = [
    "PROCESS",
    "RECOGNITION",
    "SCENARIOS",
    "AgentReading",
    "AgentTurn",
    "Context",
    "CustomerReading",
    "CustomerTurn",
    "Label",
    "Recognizer",
    "fast",
    "label_names",
    "recognizer_named",
    "wording",
    "wording_similarity",
    "wording_sketch",
]

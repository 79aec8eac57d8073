"""Cost of the recogniser per turn, on the corpus's test split.

    python -m tests.benchmarks.recognizer [--json] [--runs N]

One core, whole conversations as the worker reads them: each turn read, and related to what came
before. Printed: the median over runs of the per-turn medians and 99th percentiles, in µs of
CPU time, so that other work on the machine does not count. Of the deep recogniser, which is left
out where its extra is missing, also the share of agent turns that it leaves to the fast one, and
the median and mean in ms of the turns that reach the encoder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

from stream.recognition import Context, Recognizer, fast
from tests.training.corpus import Conversation, Turn, read_corpus, split


def take(recognizer: Recognizer, turn: Turn, context: Context) -> None:
    """Reads a turn, relates it to what came before, and adds it to that."""
    if turn.speaker == "agent":
        reading = recognizer.read_agent(turn.text)
        recognizer.relate_agent(reading, context)
        context.add_agent(reading)
    else:
        heard = recognizer.read_customer(turn.text)
        recognizer.relate_customer(heard, context)
        context.add_customer(heard)


def measure(recognizer: Recognizer, conversations: list[Conversation]) -> dict[str, list[float]]:
    """CPU seconds per turn, by speaker, for one pass."""
    clock = time.thread_time
    spent: dict[str, list[float]] = {"agent": [], "customer": []}
    for conversation in conversations:
        context = recognizer.new_context()
        for turn in conversation.turns:
            started = clock()
            take(recognizer, turn, context)
            spent[turn.speaker].append(clock() - started)
    return spent


def _fresh_deep() -> Recognizer:
    """One that remembers no turn."""
    from stream.recognition.deep.recognizer import fresh

    return fresh()


TIERS: dict[str, Callable[[], Recognizer]] = {"fast": fast}
if all(find_spec(name) for name in ("numpy", "onnxruntime", "tokenizers")):
    TIERS["deep"] = _fresh_deep


def reaching(conversations: list[Conversation]) -> dict[str, float]:
    """Of the turns that reach the encoder: how many do not, and ms of CPU time of those that do."""
    from stream.recognition.deep.recognizer import fresh

    recognizer = fresh()
    clock = time.thread_time
    spent: dict[str, list[float]] = {"agent": [], "customer": []}
    for conversation in conversations:
        context = recognizer.new_context()
        for turn in conversation.turns:
            before = recognizer.encoded
            started = clock()
            take(recognizer, turn, context)
            if recognizer.encoded > before:
                spent[turn.speaker].append(1e3 * (clock() - started))
    agent_turns = sum(turn.speaker == "agent" for c in conversations for turn in c.turns)
    return {
        "agent_left_to_fast": round(1 - len(spent["agent"]) / agent_turns, 3),
        "agent_reaching_median_ms": round(statistics.median(spent["agent"]), 2),
        "agent_reaching_mean_ms": round(statistics.mean(spent["agent"]), 2),
        "customer_reaching_median_ms": round(statistics.median(spent["customer"]), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=5, help="counted passes after one warm-up")
    arguments = parser.parse_args()
    conversations = split(read_corpus())["test"]
    result: dict[str, dict[str, float]] = {}
    for tier, recognizer in TIERS.items():
        measure(recognizer(), conversations)
        passes = [measure(recognizer(), conversations) for _ in range(arguments.runs)]
        result[tier] = {
            f"{speaker}_{name}_us": round(
                1e6 * statistics.median(of(p[speaker]) for p in passes), 1
            )
            for speaker in ("agent", "customer")
            for name, of in (
                ("median", statistics.median),
                ("p99", lambda values: statistics.quantiles(values, n=100)[98]),
            )
        }
    if "deep" in TIERS:
        result["deep"] |= reaching(conversations)
    if arguments.json:
        print(json.dumps(result))
        return
    for tier, row in result.items():
        print(tier, *(f"{name}={value}" for name, value in row.items()), sep="  ")


if __name__ == "__main__":
    main()

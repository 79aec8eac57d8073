"""Cost of the recogniser per turn, on the corpus's test split.

    python -m tests.benchmarks.recognizer [--json] [--runs N]

One core, whole conversations as the worker reads them: each turn read, and related to what came
before. Printed: the median over runs of the per-turn medians and 99th percentiles, in µs of
CPU time, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from stream.recognition import Recognizer, fast
from tests.training.corpus import Conversation, read_corpus, split


def measure(recognizer: Recognizer, conversations: list[Conversation]) -> dict[str, list[float]]:
    """CPU seconds per turn, by speaker, for one pass."""
    clock = time.thread_time
    spent: dict[str, list[float]] = {"agent": [], "customer": []}
    for conversation in conversations:
        context = recognizer.new_context()
        for turn in conversation.turns:
            started = clock()
            if turn.speaker == "agent":
                reading = recognizer.read_agent(turn.text)
                recognizer.relate_agent(reading, context)
                context.add_agent(reading)
            else:
                heard = recognizer.read_customer(turn.text)
                recognizer.relate_customer(heard, context)
                context.add_customer(heard)
            spent[turn.speaker].append(clock() - started)
    return spent


TIERS: dict[str, Callable[[], Recognizer]] = {"fast": fast}


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
    if arguments.json:
        print(json.dumps(result))
        return
    for tier, row in result.items():
        print(tier, *(f"{name}={value}" for name, value in row.items()), sep="  ")


if __name__ == "__main__":
    main()

"""Cost of looking for gaps, per event.

    python -m tests.benchmarks.gaps [--json] [--runs N] [--sessions N]

One core, conversations put together from the samples' turns and interleaved as a partition holds
them, through the session processor with and without gaps, persisted after batches of several
sizes. Printed: µs of CPU time per event, the least over the runs, so that other work on the machine
does not count; ``core`` is what ``observe`` and ``judge`` alone cost.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable

from stream.events import Event
from stream.recognition import fast
from stream.session import ClosingRules, GapRules, SessionProcessor, SessionState, judge, observe
from tests.pipeline import synthetic

BATCHES = (4000, 200, 20, 1)
_START_MS = 1_767_225_600_000


def interleave(sessions: list[list[Event]], rng: random.Random) -> list[Event]:
    """All events, each session's in its own order."""
    order = [n for n, session in enumerate(sessions) for _ in session]
    rng.shuffle(order)
    left = [iter(session) for session in sessions]
    return [next(left[n]) for n in order]


def process(log: list[Event], gaps: GapRules | None, batch: int) -> int:
    """Returns how many gap events came out."""
    processor = SessionProcessor(fast(), ClosingRules(), {}, gaps)
    found = 0
    for offset, event in enumerate(log):
        processor.process(offset, event, _START_MS + offset)
        if offset % batch == batch - 1:
            changes = processor.take()
            found += len(changes.gaps)
            processor.confirm(changes)
    processor.finish()
    return found + len(processor.take().gaps)


def core(sessions: list[list[Event]]) -> None:
    for events in sessions:
        state = SessionState(events[0].session_id, 0, 0, events[0].time_ms)
        for offset, event in enumerate(events):
            state.apply(offset, 0, event, observe(event, fast()), offset)
        judge(state, fast(), "ended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sessions", type=int, default=300)
    arguments = parser.parse_args()
    sessions = [transcript.events() for transcript in synthetic(arguments.sessions)]
    log = interleave(sessions, random.Random(1))

    def cost(run: Callable[[], object]) -> float:
        best = float("inf")
        for _ in range(arguments.runs):
            started = time.thread_time()
            run()
            best = min(best, time.thread_time() - started)
        return round(1e6 * best / len(log), 1)

    result: dict[str, object] = {
        "events": len(log),
        "gap_events": process(log, GapRules(), 1),
        "core_us": cost(lambda: core(sessions)),
    }
    for batch in BATCHES:
        without = cost(lambda batch=batch: process(log, None, batch))
        with_gaps = cost(lambda batch=batch: process(log, GapRules(), batch))
        result[f"batch_{batch}"] = {
            "without_us": without,
            "with_us": with_gaps,
            "gaps_us": round(with_gaps - without, 1),
        }
    print(
        json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result.items())
    )


if __name__ == "__main__":
    main()

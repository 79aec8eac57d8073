"""``python -m tests.benchmarks.limit SESSIONS CONCURRENT``: what the judgement itself costs.

One process without Kafka takes the events of :mod:`tests.benchmarks.workload`, decoded and in
memory, in the order of the log: for each event ``observe`` and the fact's place in its session's
state (``SessionState.apply``, which encodes it), for each ended session ``judge``. Not in it:
decoding, finding duplicates, gaps, encoding records and the rest of the state, closing by time.
Printed as JSON: CPU seconds per event after the warm-up.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterable

from stream.events import Event, EventType
from stream.recognition import fast
from stream.session import SessionState, judge, observe
from tests.benchmarks.workload import interleaved

WARM_UP = 0.2
"""The share of a log that is processed before anything is measured."""


def judge_all(events: Iterable[Event], sessions: dict[str, SessionState]) -> int:
    """Returns how many records came of it; ``sessions`` are those still open."""
    recognizer = fast()
    records = 0
    for offset, event in enumerate(events):
        state = sessions.get(event.session_id)
        if state is None:
            state = SessionState(event.session_id, offset, 0, event.time_ms)
            sessions[event.session_id] = state
        state.apply(offset, 0, event, observe(event, recognizer), offset)
        if event.type is EventType.SESSION_ENDED:
            judge(sessions.pop(event.session_id), recognizer, "ended")
            records += 1
    return records


def main() -> None:
    sessions, concurrent = map(int, sys.argv[1:])
    events = interleaved(sessions, concurrent)
    warm_up = round(len(events) * WARM_UP)
    opened: dict[str, SessionState] = {}
    gc.collect()
    gc.freeze()  # as the worker does: what was there before the first event is not looked at again
    records = judge_all(events[:warm_up], opened)
    started = time.process_time()
    records += judge_all(events[warm_up:], opened)
    spent = time.process_time() - started
    assert records == sessions, f"{records} records of {sessions} sessions"
    print(json.dumps({"cpu_seconds_per_event": spent / (len(events) - warm_up)}))


if __name__ == "__main__":
    main()

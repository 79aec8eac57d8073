"""``python -m tests.benchmarks.instructions [--record | --compare]``: instructions of the core.

Valgrind's callgrind counts the instructions that each step takes on a fixed input, per event: a
count that other work on the machine does not touch. ``--compare`` (the default) shows them beside
the recorded ones and exits with 1 where one has grown by more than the tolerance; ``--record``
writes them to ``instructions.json``.

What determines them: the code, the corpus's first conversations as the seeded workload draws
them, the Python (figures are kept by minor version), its build and orjson's, which are recorded
beside. Hashes are seeded, and the garbage collector is off. One process imports and warms up once;
each step then runs in a fork of its own, from which a fork that does nothing is subtracted.

* ``decode``: bytes into events. ``observe``: events into facts. ``judge``: states into records.
* ``encode``: states and records into bytes. ``restore``: bytes into states, as before each event of
  a new batch.
* ``processor``: decoded events through :class:`~stream.session.SessionProcessor` with gaps, state
  taken and confirmed every 50 events, which includes all of these but decoding.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from stream.events import Event, decode
from stream.recognition import fast
from stream.session import ClosingRules, GapRules, SessionProcessor, SessionState, judge, observe
from tests.benchmarks.workload import interleaved, log_of

_FILE = Path(__file__).with_suffix(".json")
_SESSIONS = 40
_BATCH = 50
_TOLERANCE = 0.02
_SECONDS = 900.0


class Unavailable(RuntimeError):  # noqa: N818  (a state of the machine, not an error)
    """The instructions cannot be counted here; the message says why."""


# --- what is counted (inside valgrind) ----------------------------------------------------------


def _steps() -> tuple[dict[str, Callable[[], object]], int]:
    recognizer = fast()
    messages = log_of(interleaved(_SESSIONS, _SESSIONS // 2)).messages
    events: list[Event] = []
    for message in messages:
        event = decode(message.key, message.value, 262_144)
        assert isinstance(event, Event)
        events.append(event)
    states: dict[str, SessionState] = {}
    for offset, event in enumerate(events):
        state = states.setdefault(
            event.session_id, SessionState(event.session_id, offset, 0, event.time_ms)
        )
        state.apply(offset, 0, event, observe(event, recognizer), offset)
    records = [judge(state, recognizer, "ended") for state in states.values()]
    held = {session_id: state.encode() for session_id, state in states.items()}

    def process() -> None:
        processor = SessionProcessor(recognizer, ClosingRules(), {}, GapRules())
        for offset, event in enumerate(events):
            processor.process(offset, event, event.time_ms)
            if offset % _BATCH == _BATCH - 1:
                processor.confirm(processor.take())

    def encode() -> None:
        for state in states.values():
            state.encode()
        for record in records:
            record.encode()

    steps: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "decode": lambda: [decode(m.key, m.value, 262_144) for m in messages],
        "observe": lambda: [observe(event, recognizer) for event in events],
        "judge": lambda: [judge(state, recognizer, "ended") for state in states.values()],
        "encode": encode,
        "restore": lambda: [SessionState.decode(s, data, sound=True) for s, data in held.items()],
        "processor": process,
    }
    return steps, len(events)


def _count_here() -> None:
    """Run each step in a fork and print which process ran which."""
    steps, events = _steps()
    for _ in range(3):  # past the interpreter's adapting to what it runs
        for step in steps.values():
            step()
    gc.collect()
    gc.disable()
    pids = {}
    for name, step in steps.items():
        pid = os.fork()
        if pid == 0:
            step()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"{name} failed"
        pids[name] = pid
    print(json.dumps({"events": events, "pids": pids}))


# --- counting -----------------------------------------------------------------------------------


def count() -> dict[str, int]:
    """Instructions per event by step. Raises :class:`Unavailable`."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Unavailable("valgrind is not installed")
    with tempfile.TemporaryDirectory(prefix="empathy-instructions-") as folder:
        done = subprocess.run(
            [
                *(valgrind, "--tool=callgrind", f"--callgrind-out-file={folder}/%p"),
                *(sys.executable, "-m", "tests.benchmarks.instructions", "--inside"),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(f"valgrind ended with {done.returncode}: {done.stderr[-2_000:]}")
        said = json.loads(done.stdout)
        totals = {name: _total(Path(folder, str(pid))) for name, pid in said["pids"].items()}
    nothing = totals.pop("nothing")
    return {name: round((total - nothing) / said["events"]) for name, total in totals.items()}


def _total(file: Path) -> int:
    for line in file.read_text().splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    raise Unavailable(f"callgrind wrote no totals to {file}")


def _recorded() -> dict[str, Any]:
    return dict(json.loads(_FILE.read_text())) if _FILE.exists() else {"python": {}}


def _minor() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def record(counts: dict[str, int]) -> None:
    recorded = _recorded()
    recorded["tolerance"] = _TOLERANCE
    recorded["python"][_minor()] = {
        "made_with": {
            "python": platform.python_version(),
            "compiler": platform.python_compiler(),
            "orjson": orjson.__version__,
        },
        "instructions_per_event": counts,
    }
    _FILE.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")


def compare(counts: dict[str, int]) -> int:
    """Show the counts beside the recorded ones; 1 where one has grown too much, 2 where none are
    recorded for this Python."""
    recorded = _recorded()
    known = recorded["python"].get(_minor())
    before = known["instructions_per_event"] if known else {}
    table = Table(title=f"Instructions per event, Python {_minor()}", title_justify="left")
    for heading in ("step", "recorded", "now", "change"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    grown = []
    for name, now in counts.items():
        change = now / before[name] - 1 if name in before else None
        if change is not None and change > recorded["tolerance"]:
            grown.append(name)
        shown = "" if change is None else f"{change:+.1%}"
        table.add_row(name, f"{before.get(name, 0):,}", f"{now:,}", shown)
    console = Console()
    console.print(table)
    if known is None:
        console.print(f"Nothing is recorded for Python {_minor()}: --record does.")
        return 2
    if grown:
        console.print(f"Grown by more than {recorded['tolerance']:.0%}: {', '.join(grown)}.")
        console.print(f"Recorded with {known['made_with']}; where it is meant, --record.")
    return int(bool(grown))


def main() -> int:
    parser = argparse.ArgumentParser(description="Instructions of the core, per event.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--record", action="store_true", help="keep the counts")
    what.add_argument("--compare", action="store_true", help="with the kept ones (default)")
    what.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        _count_here()
        return 0
    try:
        counts = count()
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.record:
        record(counts)
    return compare(counts)


if __name__ == "__main__":
    sys.exit(main())

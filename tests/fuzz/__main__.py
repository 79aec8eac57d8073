"""``python -m tests.fuzz --inputs N --seed S [--json]``: inputs made of valid ones and of nothing.

Every input must end in what its target documents, within a second of processor time, and memory
must not grow with their number. The seed reproduces the inputs, except that those of a partition
that lives through all of them (``stream``) depend on what came before.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.targets import targets

HANG_SECONDS = 1.0
GROWTH_BYTES = 64 * 1024 * 1024
WARM_UP = 20_000
"""Inputs after which caches are as full as they get."""


class Hang(BaseException):
    """Not an Exception, so that nothing under test takes it for one of its own."""


@dataclass
class Result:
    inputs: int = 0
    crashes: int = 0
    hangs: int = 0
    growth_bytes: int = 0
    slowest_ms: float = 0.0
    seconds: float = 0.0
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.crashes or self.hangs or self.growth_bytes > GROWTH_BYTES)


def fuzz(inputs: int, seed: int, directory: Path) -> Result:
    result = Result(inputs)
    chosen = list(targets(directory))
    weights = [target.weight for target in chosen]
    for target in chosen:
        result.outcomes[target.name] = Counter()
    before = signal.signal(signal.SIGPROF, _hang)
    started = time.monotonic()
    warm = 0
    try:
        for n in range(inputs):
            rng = random.Random(seed * 1_000_000_007 + n)
            (target,) = rng.choices(chosen, weights)
            data = target.make(rng)
            begun = time.process_time()
            try:
                signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
                try:
                    outcome = target.run(data)
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
            except (Hang, Exception) as error:
                outcome = "hang" if isinstance(error, Hang) else "crash"
                result.hangs += outcome == "hang"
                result.crashes += outcome == "crash"
                if len(result.findings) < 20:
                    result.findings.append(
                        {"n": n, "target": target.name, "error": repr(error), "input": repr(data)}
                    )
            result.outcomes[target.name][outcome] += 1
            result.slowest_ms = max(result.slowest_ms, (time.process_time() - begun) * 1000)
            if n == min(WARM_UP, inputs // 2):
                warm = _peak_bytes()
    finally:
        signal.signal(signal.SIGPROF, before)
    result.growth_bytes = _peak_bytes() - warm
    result.seconds = time.monotonic() - started
    return result


def _hang(*_: Any) -> None:
    raise Hang


def _peak_bytes() -> int:
    """The most memory this process has had resident."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="empathy-fuzz-") as directory:
        result = fuzz(arguments.inputs, arguments.seed, Path(directory))
    if arguments.json:
        print(json.dumps(vars(result)))
    else:
        for name, value in vars(result).items():
            print(f"{name}: {value}")
    return int(result.failed)


if __name__ == "__main__":
    sys.exit(main())

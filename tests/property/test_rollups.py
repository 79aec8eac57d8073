"""The promise: the last message of each window is that of a plain count over the interactions,
however contributions are batched, duplicated, redelivered, reordered or interrupted."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.events import format_time
from stream.session import WATERMARK_KEY
from stream.windows import (
    Contribution,
    Mark,
    Outcome,
    QueueRollups,
    RollupRules,
    Window,
)
from stream.windows.scripts import ScriptMemory

MINUTE, HOUR = 60_000, 3_600_000
START_MS = 1_772_442_000_000
WINDOWS = (
    Window("1m", MINUTE, MINUTE, MINUTE),
    Window("5m", 5 * MINUTE, 2 * MINUTE, MINUTE),
    Window("3h", 3 * HOUR, HOUR, HOUR),
)
RULES = RollupRules(windows=WINDOWS, grace_ms=10 * MINUTE, min_judged=3)

WORDINGS = ["AAAABBBBCCCCDDDD", "AAAABBBBCCCCDDDD", "AAAABBBBCCCCEEEE", "FFFFGGGG", ""]
"""All but the last two are one script."""

Log = list[tuple[Contribution, int]]


def contribution(rng: random.Random, session: int, ended_ms: int) -> Contribution:
    judged = rng.random() < 0.9
    recognized = rng.random() < 0.5
    return Contribution(
        queue=rng.choice(["a", "a", "a", "b", "\0", "a\x000"]),
        session=session,
        ended_ms=ended_ms,
        judged=judged,
        recognized=recognized,
        recognized_first=recognized and rng.random() < 0.7,
        scenario=rng.choice(["billing", "delivery"]),
        channel=rng.choice(["chat", "voice", ""]),
        seconds=rng.choice([0.0, 3.2, 40.0, 7200.0]) if recognized else None,
        broke_at=None if recognized else rng.choice(["opening", "policy"]),
        repeats=rng.randrange(3),
        wording=rng.choice(WORDINGS) if recognized else "",
        behaviours=[rng.randrange(3) for _ in range(14)],
    )


def make_log(seed: int, size: int) -> Log:
    """Contributions out of order, some duplicated, some late, some of a clock that is ahead."""
    rng = random.Random(seed)
    step = rng.choice([1_000, 30_000, 5 * MINUTE, HOUR])
    log: Log = []
    now = START_MS
    for session in range(size):
        now += rng.randrange(step)
        behind = rng.choice([0, 0, MINUTE, 8 * MINUTE, 20 * MINUTE])
        ahead = 10 * MINUTE if rng.random() < 0.05 else 0
        log.append((contribution(rng, session, now - rng.randrange(behind + 1) + ahead), now))
        if rng.random() < 0.2:
            log.append((rng.choice(log)[0], now))
    return log


def plain(log: Log, rules: RollupRules = RULES) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The windows that have ended by the end of the log, by a plain count of it."""
    processor = QueueRollups(rules, {})
    counted: dict[tuple[str, int], Contribution] = {}
    memories: dict[str, ScriptMemory] = defaultdict(ScriptMemory)
    scripts: set[tuple[str, int]] = set()
    for offset, (each, log_ms) in enumerate(log):
        if processor.process(offset, each, log_ms) is Outcome.COUNTED:
            assert (each.queue, each.session) not in counted
            counted[each.queue, each.session] = each
            if each.judged and each.wording and memories[each.queue].meet(each.wording):
                scripts.add((each.queue, each.session))
    watermark = processor.watermark_ms
    assert watermark is not None
    windows: dict[tuple[str, str, str], list[Contribution]] = {}
    for each in counted.values():
        for window in rules.windows:
            start = each.ended_ms // window.hop_ms * window.hop_ms
            while start + window.size_ms > each.ended_ms:
                if start + window.size_ms <= watermark:
                    key = (each.queue, window.name, format_time(start))
                    windows.setdefault(key, []).append(each)
                start -= window.hop_ms
    return {key: count(inside, scripts) for key, inside in windows.items()}


def count(inside: list[Contribution], scripts: set[tuple[str, int]]) -> dict[str, Any]:
    judged = [each for each in inside if each.judged]
    totals = [sum(column) for column in zip(*(e.behaviours for e in judged), strict=True)]
    totals = totals or [0] * 14
    broke = [e.broke_at for e in judged if e.broke_at]
    return {
        "interactions": len(inside),
        "judged": len(judged),
        "recognized": sum(e.recognized for e in judged),
        "recognized_first": sum(e.recognized_first for e in judged),
        "repeats": sum(e.repeats for e in judged),
        "scripts": sum((e.queue, e.session) in scripts for e in judged),
        "behaviours": totals,
        "broke_at": {step: broke.count(step) for step in broke},
        "timed": sum(e.seconds is not None for e in judged),
        **{
            name + "s": {
                value: [
                    sum(getattr(e, name) == value for e in inside),
                    sum(getattr(e, name) == value for e in judged),
                    sum(getattr(e, name) == value and e.recognized for e in judged),
                    sum(getattr(e, name) == value and e.recognized_first for e in judged),
                ]
                for value in {getattr(e, name) for e in inside}
            }
            for name in ("scenario", "channel")
        },
    }


def compared(message: dict[str, Any]) -> dict[str, Any]:
    """The part of a message that :func:`count` gives."""
    kept = [*message["signals"].values(), *message["habits"].values()]
    names = ("interactions", "judged", "recognized", "recognized_first", "repeats", "scripts")
    return {
        **{name: message[name] for name in names},
        "behaviours": [each[part] for each in kept for part in ("opportunities", "kept")],
        "broke_at": message["broke_at"],
        "timed": message["recognition_seconds"]["count"],
        "scenarios": {name: list(cell.values()) for name, cell in message["scenarios"].items()},
        "channels": {name: list(cell.values()) for name, cell in message["channels"].items()},
    }


class Machine:
    """A worker and its broker: what was produced, persisted and committed survives a crash."""

    def __init__(self, log: Log, rng: random.Random, rules: RollupRules = RULES) -> None:
        self.log, self.rng, self.rules = log, rng, rules
        self.emitted: dict[tuple[str, str, str], bytes] = {}
        self.changelog: dict[bytes, bytes] = {}
        self.committed = 0
        self.outcomes: list[Outcome] = []
        self.start()

    def start(self) -> None:
        self.processor = QueueRollups(self.rules, dict(self.changelog))
        self.processor.resume(self.committed)
        self.at = self.committed
        self.done: Mark | None = None

    def write(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.changelog.pop(key, None)
        else:
            self.changelog[key] = value

    def flush(self, *, crash: bool = False) -> bool:
        """Messages out, then state; with ``crash`` it stops somewhere in between."""
        changes = self.processor.take()
        out = len(changes.records)
        keys = list(changes.state)
        if crash:
            out = self.rng.randrange(out + 1)
            self.rng.shuffle(keys)
            keys = keys[: self.rng.randrange(len(keys) + 1)] if out == len(changes.records) else []
        for emission in changes.records[:out]:
            message = orjson.loads(emission.value)
            assert message["queue"] == emission.queue
            if message["type"] == "window":
                place = (message["queue"], message["window"], message["start_at"])
                self.emitted[place] = emission.value
        for key in keys:
            self.write(key, changes.state[key])
        if crash:
            self.start()
            return False
        self.processor.confirm(changes)
        return True

    def batch(self, size: int, *, crash: bool) -> None:
        end = min(len(self.log), self.at + size)
        for offset in range(self.at, end):
            each, log_ms = self.log[offset]
            self.outcomes.append(
                self.processor.process(offset, Contribution.decode(each.encode()), log_ms)
            )
        if self.flush(crash=crash):
            self.at = end
            self.done = self.processor.now()

    def commit(self, *, crash: bool) -> None:
        if self.done is None:
            return
        self.write(WATERMARK_KEY, self.processor.mark(self.done, self.committed))
        if crash:
            self.start()
        else:
            self.committed = self.done.offset

    def idle(self, *, crash: bool) -> None:
        """Time passes on a partition that has run dry, for the processor to emit what ends."""
        if self.processor.advance(self.rng.choice([1_000, 3 * MINUTE, 5 * HOUR])):
            self.flush(crash=crash)

    def finish(self) -> None:
        while self.at < len(self.log):
            self.batch(len(self.log), crash=False)


def disturbed(log: Log, rng: random.Random, rules: RollupRules = RULES) -> Machine:
    machine = Machine(log, rng, rules)
    for _ in range(rng.randrange(40)):
        step = rng.random()
        if step < 0.6:
            machine.batch(rng.randrange(1, 12), crash=rng.random() < 0.3)
        elif step < 0.8:
            machine.commit(crash=rng.random() < 0.2)
        elif step < 0.9:
            machine.idle(crash=rng.random() < 0.3)
        else:
            machine.start()
    machine.finish()
    return machine


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_the_last_message_of_each_window_is_the_plain_count(seed: int, size: int) -> None:
    log = make_log(seed, size)
    machine = disturbed(log, random.Random(seed))
    expected = plain(log)
    now_ms = machine.processor.watermark_ms
    assert now_ms is not None
    got = {key: json.loads(value) for key, value in machine.emitted.items()}
    # Idle time may have emitted windows that the log's time has not ended yet.
    ended = {key: m for key, m in got.items() if m["end_at"] <= format_time(now_ms)}
    assert {key: compared(message) for key, message in ended.items()} == expected
    for message in got.values():
        ratio = message["recognized_ratio"]
        assert (ratio is None) == (message["judged"] < RULES.min_judged)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_batches_and_crashes_leave_the_same_state_and_bytes(seed: int, size: int) -> None:
    log = make_log(seed, size)
    straight = Machine(log, random.Random(0))
    straight.finish()
    machine = disturbed(log, random.Random(seed))
    for key, value in straight.emitted.items():
        assert machine.emitted[key] == value
    for key, value in straight.changelog.items():
        if key.endswith(b"\0"):
            # But for which of the last batch were scripts.
            assert orjson.loads(machine.changelog[key])[:-1] == orjson.loads(value)[:-1]

"""What a queue's windows hold, when they are emitted, and what bounds their state."""

from __future__ import annotations

import json
import random
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from stream.recognition import fast, wording_sketch
from stream.session import ClosingRules, StateError, score_events
from stream.session.record import Habits, Signals
from stream.windows import (
    OTHER_QUEUE,
    WINDOWS,
    Contribution,
    ContributionError,
    DropRules,
    Outcome,
    QueueRollups,
    Rollup,
    RollupRules,
)
from stream.windows.drop import Drop
from stream.windows.rollup import Cell, Quantiles
from stream.windows.scripts import ScriptMemory
from stream.windows.state import Head
from tests.scripted import START_MS, ScriptedRecognizer, conversation

MINUTE, HOUR = 60_000, 3_600_000
SCHEMA = json.loads(
    (Path(__file__).parents[2] / "schemas" / "empathy.rollups.schema.json").read_bytes()
)
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
T0 = START_MS // HOUR * HOUR
ADDED = {"recognized_own_ratio"}
"""Since the first release: messages of earlier ones lack it."""


def contribution(session: int, ended_ms: int, kept: bool = True, **changes: Any) -> Contribution:
    made = Contribution(
        queue="orders",
        session=session,
        ended_ms=ended_ms,
        judged=True,
        recognized=kept,
        recognized_first=kept,
        scenario="delivery",
        channel="chat",
        seconds=12.5 if kept else None,
        broke_at=None if kept else "opening",
        repeats=0,
        wording="",
        behaviours=[1, int(kept)] * 7,
    )
    return made._replace(**changes)


def messages(processor: QueueRollups) -> list[dict[str, Any]]:
    changes = processor.take()
    processor.confirm(changes)
    return [json.loads(emission.value) for emission in changes.records]


def of_window(all_: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [message for message in all_ if message.get("window") == name]


def test_a_record_contributes_what_it_says() -> None:
    (closed,) = score_events(
        conversation("c: concern emotion1", "a: data_request", "c: repeat", "a: | situation"),
        ScriptedRecognizer(),
        ClosingRules(),
    )
    made = Contribution.decode(Contribution.of(closed.record).encode())
    assert made == Contribution.of(closed.record)
    record = closed.record
    assert (made.queue, made.channel, made.scenario) == (
        record.queue or OTHER_QUEUE,
        record.channel,
        record.scenario,
    )
    assert (made.judged, made.recognized, made.recognized_first) == (True, True, False)
    assert (made.seconds, made.broke_at, made.repeats) == (30, "data_request", 1)
    assert made.behaviours[:2] == [1, 1]
    assert made.behaviours[6:8] == [1, 0]
    assert b"s1" not in made.encode()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"[2,1]", b'[1,"q"]', b"null"])
def test_what_is_no_contribution_is_named(data: bytes) -> None:
    with pytest.raises(ContributionError):
        Contribution.decode(data)


def test_code_and_schema_agree() -> None:
    def keys(definition: dict[str, Any]) -> list[str]:
        names = list(definition["properties"])
        assert definition["required"] == [name for name in names if name not in ADDED]
        return names

    definitions = SCHEMA["$defs"]
    window = definitions["window"]["properties"]
    for kind, definition in (
        (Rollup, definitions["window"]),
        (Drop, definitions["drop"]),
        (Cell, definitions["cell"]),
        (Signals, window["signals"]),
        (Habits, window["habits"]),
        (Quantiles, window["recognition_seconds"]),
    ):
        assert keys(definition) == [each.name for each in fields(kind)]


def test_every_message_is_of_the_schema() -> None:
    rules = RollupRules(drop=DropRules(min_history=100))
    processor = QueueRollups(rules, {})
    rng = random.Random(1)
    for number in range(300):
        kept = rng.random() < (0.6 if number < 200 else 0.1)
        processor.process(number, contribution(number, T0 + number * MINUTE, kept))
    seen = messages(processor)
    for message in seen:
        VALIDATOR.validate(message)
    assert {message.get("window", message["type"]) for message in seen} == {
        *(window.name for window in WINDOWS),
        "drop",
    }
    drop = next(message for message in seen if message["type"] == "drop")
    assert (drop["queue"], drop["measure"], drop["state"]) == (
        "orders",
        "recognized_first",
        "dropping",
    )
    assert drop["ratio"] < drop["baseline_ratio"]


def test_a_window_is_emitted_at_its_end_and_again_when_corrected() -> None:
    processor = QueueRollups(RollupRules(min_judged=1), {})
    processor.process(0, contribution(1, T0))
    processor.process(1, contribution(2, T0 + 59_999))
    assert messages(processor) == []
    processor.process(2, contribution(3, T0 + MINUTE))
    (first,) = of_window(messages(processor), "1m")
    assert (first["interactions"], first["recognized_ratio"]) == (2, 1.0)
    assert (first["start_at"][11:19], first["end_at"][11:19]) == ("09:00:00", "09:01:00")
    assert processor.process(3, contribution(4, T0 + 30_000, False)) is Outcome.COUNTED
    (again,) = of_window(messages(processor), "1m")
    assert (again["start_at"], again["interactions"]) == (first["start_at"], 3)
    assert again["recognized_ratio"] == round(2 / 3, 4)
    assert again["broke_at"] == {"opening": 1}


def test_the_grace_time_ends_corrections() -> None:
    processor = QueueRollups(RollupRules(), {})
    processor.process(0, contribution(1, T0))
    processor.process(1, contribution(2, T0 + MINUTE + HOUR - 1))
    assert processor.process(2, contribution(3, T0)) is Outcome.COUNTED
    processor.process(3, contribution(4, T0 + MINUTE + HOUR))
    messages(processor)
    assert processor.process(4, contribution(5, T0)) is Outcome.LATE
    assert processor.take().state.keys() <= {b"\xfffloor"}
    assert messages(processor) == []


def test_a_clock_ahead_of_the_log_counts_nothing() -> None:
    processor = QueueRollups(RollupRules(), {})
    assert processor.process(0, contribution(1, T0 + HOUR), T0) is Outcome.EARLY
    assert processor.watermark_ms == T0 + RollupRules().max_skew_ms
    assert processor.queues == []


def test_a_session_counts_once() -> None:
    processor = QueueRollups(RollupRules(), {})
    again = contribution(1, T0)
    assert processor.process(0, again) is Outcome.COUNTED
    assert processor.process(1, again) is Outcome.DUPLICATE
    assert processor.process(0, again) is Outcome.REDELIVERED
    now = processor.current("orders", WINDOWS[0])
    assert now is not None
    assert now.interactions == 1


def test_what_was_not_judged_counts_in_no_rate() -> None:
    processor = QueueRollups(RollupRules(min_judged=1), {})
    processor.process(0, contribution(1, T0))
    processor.process(1, contribution(2, T0, judged=False, repeats=3))
    now = processor.current("orders", WINDOWS[0])
    assert now is not None
    assert (now.interactions, now.judged, now.recognized, now.repeats) == (2, 1, 1, 0)
    assert now.recognized_ratio == 1
    assert now.channels == {"chat": Cell(2, 1, 1, 1)}
    assert now.signals.goal_acknowledged.opportunities == 1
    assert processor.detectors("orders")["recognized_first"]._hour_judged == 1


def test_too_few_interactions_have_no_ratio() -> None:
    processor = QueueRollups(RollupRules(), {})
    for number in range(20):
        now = processor.current("orders", WINDOWS[2])
        assert now is None or now.recognized_ratio is None
        processor.process(number, contribution(number, T0 + number * MINUTE, number < 5))
    now = processor.current("orders", WINDOWS[2])
    assert now is not None
    assert now.recognized_ratio == 0.25


def test_the_current_window_trails_the_present() -> None:
    processor = QueueRollups(RollupRules(), {})
    for number in range(120):
        processor.process(number, contribution(number, T0 + number * MINUTE))

    def interactions(window: int, later_ms: int = 0) -> int:
        now_ms = processor.now_ms
        assert now_ms is not None
        now = processor.current("orders", WINDOWS[window], now_ms + later_ms)
        assert now is not None
        return now.interactions

    assert [interactions(window) for window in range(4)] == [1, 15, 60, 120]
    assert interactions(1, 5 * MINUTE) == 10
    assert interactions(1, HOUR) == 0
    assert processor.current("returns", WINDOWS[0]) is None


def test_wall_clock_time_ends_windows_of_a_dry_partition() -> None:
    processor = QueueRollups(RollupRules(), {})
    assert not processor.advance(HOUR)
    processor.process(0, contribution(1, T0))
    assert processor.next_due_ms == T0 + MINUTE
    assert not processor.advance(MINUTE - 1)
    assert processor.advance(MINUTE)
    assert len(of_window(messages(processor), "1m")) == 1
    # It decides nothing: what comes late by the clock alone still counts.
    processor.advance(10 * HOUR)
    assert processor.process(1, contribution(2, T0)) is Outcome.COUNTED
    (again,) = of_window(messages(processor), "1m")
    assert again["interactions"] == 2


def test_queues_past_the_limit_count_as_other() -> None:
    processor = QueueRollups(RollupRules(max_queues=2), {})
    outcomes = [
        processor.process(number, contribution(number, T0, queue=queue))
        for number, queue in enumerate(["a", "b", "c", "a", OTHER_QUEUE, "d"])
    ]
    counted, folded = Outcome.COUNTED, Outcome.FOLDED
    assert outcomes == [counted, counted, folded, counted, counted, folded]
    assert processor.queues == ["a", "b", OTHER_QUEUE]
    now = processor.current(OTHER_QUEUE, WINDOWS[0])
    assert now is not None
    assert now.interactions == 3


def test_channels_past_the_limit_count_as_other() -> None:
    processor = QueueRollups(RollupRules(max_channels=2), {})
    for number, channel in enumerate(["chat", "voice", "fax", "telex", "chat"]):
        processor.process(number, contribution(number, T0 + number, channel=channel))
    now = processor.current("orders", WINDOWS[0])
    assert now is not None
    assert {name: cell.interactions for name, cell in now.channels.items()} == {
        "chat": 2,
        "voice": 1,
        OTHER_QUEUE: 2,
    }


def test_only_what_changed_is_persisted() -> None:
    processor = QueueRollups(RollupRules(), {})
    for number in range(50):
        processor.process(number, contribution(number, T0 + number * MINUTE))
    messages(processor)
    processor.process(50, contribution(50, T0 + 50 * MINUTE))
    changes = processor.take()
    assert len(changes.state) == 4  # the minute, the hour, the queue's head, what is settled
    assert sum(len(value or b"") for value in changes.state.values()) < 4_500


def test_state_is_bounded_and_an_idle_queue_is_forgotten() -> None:
    store: dict[bytes, bytes] = {}
    processor = QueueRollups(RollupRules(forget_ms=4 * 24 * HOUR), store)
    processor.process(0, contribution(0, T0, queue="closed"))
    sizes = []
    for number in range(1, 6 * 24 * 2):
        processor.process(number, contribution(number, T0 + number * HOUR // 2))
        messages(processor)
        sizes.append(len(store))
    # Half-hour steps: 2 hours of minutes and 26 of hours, each until two batches later, a head, and
    # the settled time.
    assert max(sizes[2 * 24 * 3 :]) <= (5 + 2) + (26 + 2) + 2
    assert processor.queues == ["orders"]
    assert not any(key.startswith(b"closed") for key in store)


def test_a_new_queue_starts_from_the_fleet() -> None:
    processor = QueueRollups(RollupRules(), {})
    for number in range(2_000):
        processor.process(number, contribution(number, T0 + number * 1_000, number % 10 == 0))
    processor.process(2_000, contribution(2_000, T0 + 2_000_000, queue="new"))
    assert processor.detectors("new")["recognized_first"].baseline_ratio == pytest.approx(
        0.1, abs=0.01
    )


@pytest.mark.parametrize("key", [b"orders\0", b"orders\x0060000.1772442000000", b"\xfffloor"])
@pytest.mark.parametrize("value", [b"", b"[]", b"[99,1]", b'{"a":1}', b"[1,2]"])
def test_state_that_cannot_be_read_is_named(key: bytes, value: bytes) -> None:
    with pytest.raises(StateError):
        QueueRollups(RollupRules(), {key: value})


SCRIPT = "We understand how frustrating late parcels are, {name}, thank you for telling us about it"


def test_the_fifth_use_of_a_wording_is_a_script() -> None:
    recognizer = fast()

    def sketch(text: str) -> str:
        return wording_sketch(recognizer.wording(recognizer.read_agent(text)))

    memory = ScriptMemory()
    names = ("Ann", "Bob", "Cleo", "Dan", "Eve")
    met = [memory.meet(sketch(SCRIPT.format(name=name))) for name in names]
    assert met == [False] * 4 + [True]
    assert not memory.meet(sketch("Two of the four chairs came without legs, I see"))
    for n in range(1_000):
        assert not memory.meet(sketch(f"own{n} words{n} of{n} this{n} one{n}"))
    assert not memory.meet(sketch(SCRIPT.format(name="Fay"))), "long ago"


def test_scripts_are_counted_by_queue_and_give_no_credit() -> None:
    processor = QueueRollups(RollupRules(windows=WINDOWS[2:3], min_judged=1), {})
    for n in range(8):
        queue = "orders" if n % 4 else "bills"
        processor.process(n, contribution(n, T0, wording="AAAABBBB", queue=queue))
    found = {queue: processor.current(queue, WINDOWS[2]) for queue in ("orders", "bills")}
    assert found["orders"] is not None
    assert found["bills"] is not None
    assert (found["orders"].recognized, found["orders"].scripts) == (6, 2)
    assert (found["orders"].recognized_ratio, found["orders"].recognized_own_ratio) == (1, 0.6667)
    assert (found["bills"].recognized, found["bills"].scripts) == (2, 0)


def test_a_contribution_of_the_release_before_is_read() -> None:
    made = contribution(7, T0)
    before = [1, *made]
    before[before.index("")] = 0
    assert Contribution.decode(orjson.dumps(before)) == made


def test_a_queue_of_the_release_before_is_read() -> None:
    head = Head({}, 41, T0, ["chat"])
    before = [1, *orjson.loads(head.encode())[1:-2]]
    assert Head.decode(orjson.dumps(before), DropRules()).encode() == head.encode()

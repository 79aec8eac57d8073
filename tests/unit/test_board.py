"""What the board shows, what corrects it, and what bounds it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
from typing import Any

import pytest

from stream.events import format_time
from stream.ops.board import Board
from stream.ops.metrics import DetectorView, Metrics, QueueStanding
from stream.session import Outcome
from stream.session.gaps import DATA_BEFORE_RECOGNITION, EXPLAINED, RECOGNIZED
from stream.settings import Settings
from stream.windows import WINDOWS, DropState
from stream.windows.drop import Drop
from stream.windows.rollup import Rollup, Tally
from stream.worker.feed import Feed
from tests.boards import HOUR, MINUTE, contribution, filled_board, gap
from tests.scripted import START_MS

T0 = START_MS // HOUR * HOUR
WINDOW = {window.name: window for window in WINDOWS}


def board(**options: Any) -> Board:
    return Board(Metrics("test-1", 10), lambda: "", **options)


def rollup(
    end_ms: int, judged: int, kept: int, queue: str = "orders", window: str = "15m"
) -> Rollup:
    tally, rng = Tally(), random.Random(1)
    for number in range(judged):
        tally.add(contribution(number, queue, end_ms - 1, number < kept, rng), "chat", script=False)
    size_ms = WINDOW[window].size_ms
    return tally.rollup(queue, WINDOW[window], end_ms - size_ms, 20)


def drop(state: DropState, at_ms: int, queue: str = "orders") -> Drop:
    return Drop(1, "drop", queue, "recognized_first", state, format_time(at_ms), 0.4, 0.2, 30, 1.2)


def row(board: Board, queue: str = "orders") -> dict[str, Any]:
    (found,) = (row for row in board.snapshot(T0)["queues"] if row["queue"] == queue)
    return dict(found)


def test_nothing_yet() -> None:
    snapshot = board().snapshot(T0)
    assert snapshot["queues"] == []
    assert snapshot["gaps"] == {"open": 0, "newest": []}
    assert (snapshot["fleet"], snapshot["newest_ms"]) == (None, None)
    assert snapshot["health"]["events_per_second"] is None


def test_a_queue_and_its_course() -> None:
    shown = board()
    for minute in range(3):
        if minute != 1:
            shown.take("rollups", rollup(T0 + minute * MINUTE, 20, 8 + minute).encode())
    orders = row(shown)
    assert (orders["window"], orders["judged"], orders["current"]) == ("15m", 20, True)
    assert orders["recognized_first_ratio"] == 0.5
    course = orders["course"]
    assert (course["end_ms"], course["step_ms"]) == (T0 + 2 * MINUTE, MINUTE)
    assert course["ratios"] == [None] * 57 + [0.4, None, 0.5]


def test_a_window_emitted_again_corrects_itself() -> None:
    shown = board()
    for judged, kept in ((20, 10), (25, 5)):
        shown.take("rollups", rollup(T0, judged, kept).encode())
    assert (row(shown)["judged"], row(shown)["recognized_first_ratio"]) == (25, 0.2)
    shown.take("rollups", rollup(T0 + MINUTE, 20, 10).encode())
    shown.take("rollups", rollup(T0, 40, 30).encode())
    assert row(shown)["recognized_first_ratio"] == 0.5
    assert row(shown)["course"]["ratios"][-2:] == [0.75, 0.5]


def test_the_shortest_window_with_enough_speaks_for_a_queue() -> None:
    shown = board()
    shown.take("rollups", rollup(T0, 5, 4).encode())
    assert (row(shown)["window"], row(shown)["recognized_first_ratio"]) == ("15m", None)
    shown.take("rollups", rollup(T0, 24, 6, window="1h").encode())
    shown.take("rollups", rollup(T0, 100, 40, window="24h").encode())
    assert (row(shown)["window"], row(shown)["recognized_first_ratio"]) == ("1h", 0.25)
    assert row(shown)["reference"] == {"kind": "day", "ratio": 0.4}
    shown.take("rollups", rollup(T0 + MINUTE, 20, 6).encode())
    assert row(shown)["window"] == "15m"
    # Half an hour without an interaction in it: what the fifteen minutes said is history.
    shown.take("rollups", rollup(T0 + 30 * MINUTE, 20, 6, queue="busy").encode())
    assert row(shown)["window"] == "1h"


def test_the_baseline_is_the_detectors_where_this_worker_keeps_it() -> None:
    metrics = Metrics("test-1", 10)
    shown = Board(metrics, lambda: "")
    shown.take("rollups", rollup(T0, 20, 8).encode())
    assert row(shown)["reference"] is None
    detectors = {"recognized_first": DetectorView(0.61, 1.4, DropState.DROPPING)}
    metrics.show_standings([QueueStanding("orders", [], detectors, 20)])
    assert row(shown)["reference"] == {"kind": "baseline", "ratio": 0.61}
    # Its message may still be on its way.
    assert (row(shown)["state"], row(shown)["drop"]) == (
        "dropping",
        {"measure": "recognized_first"},
    )


def test_drops_begin_end_and_come_first() -> None:
    shown = board()
    shown.take("rollups", rollup(T0, 20, 8).encode())
    shown.take("rollups", rollup(T0, 20, 8, queue="a-fine-queue").encode())
    shown.take("rollups", drop(DropState.DROPPING, T0).encode())
    assert [row["queue"] for row in shown.snapshot(T0)["queues"]] == ["orders", "a-fine-queue"]
    assert row(shown)["state"] == "dropping"
    assert row(shown)["drop"] == {
        "measure": "recognized_first",
        "since_ms": T0,
        "baseline_ratio": 0.4,
        "ratio": 0.2,
        "judged": 30,
    }
    assert row(shown)["reference"] == {"kind": "baseline", "ratio": 0.4}
    shown.take("rollups", drop(DropState.RECOVERED, T0).encode())
    assert (row(shown)["state"], row(shown)["drop"]) == ("recovered", None)
    # No message says that the day after a recovery is over.
    shown.take("rollups", rollup(T0 + 25 * HOUR, 20, 8).encode())
    assert row(shown)["state"] == "ok"
    for state in (DropState.DROPPING, DropState.OK):
        shown.take("rollups", drop(state, T0).encode())
    assert row(shown)["state"] == "ok"


def test_gaps_open_and_close() -> None:
    shown = board()
    for number, session in enumerate("abc"):
        shown.take("gaps", gap(session, T0 + number, high_emotion=number == 1).encode())
    assert shown.snapshot(T0)["gaps"]["open"] == 3
    assert row(shown, "billing")["open_gaps"] == 3
    closing = gap("b", T0 + 1, closed_ms=T0 + 5_000, closed_by=RECOGNIZED, high_emotion=True)
    shown.take("gaps", closing.encode())
    gaps = shown.snapshot(T0)["gaps"]
    assert gaps["open"] == 2
    assert [(gap["number"], gap["closed_by"]) for gap in gaps["newest"]] == [
        (2, None),
        (1, RECOGNIZED),
        (0, None),
    ]
    assert gaps["newest"][1]["high_emotion"]
    # After a crash both may come again.
    shown.take("gaps", gap("b", T0 + 1).encode())
    shown.take("gaps", closing.encode())
    assert shown.snapshot(T0)["gaps"] == gaps
    other = gap("b", T0 + 9, DATA_BEFORE_RECOGNITION, closed_ms=T0 + 10, closed_by=EXPLAINED)
    shown.take("gaps", other.encode())
    assert shown.snapshot(T0)["gaps"]["newest"][0]["kind"] == DATA_BEFORE_RECOGNITION


def test_where_it_breaks_is_of_all_queues_in_the_last_hour() -> None:
    shown = board()
    one, other = rollup(T0, 30, 10, window="1h"), rollup(T0, 20, 5, queue="b", window="1h")
    silent = rollup(T0 - 2 * HOUR, 20, 5, queue="c", window="1h")
    for each in (one, other, silent, rollup(T0, 20, 5)):
        shown.take("rollups", each.encode())
    fleet = shown.snapshot(T0)["fleet"]
    assert (fleet["window"], fleet["judged"], fleet["recognized_first"]) == ("1h", 50, 15)
    steps = one.broke_at.keys() | other.broke_at.keys()
    assert dict(fleet["broke_at"]) == {
        step: one.broke_at.get(step, 0) + other.broke_at.get(step, 0) for step in steps
    }
    assert fleet["behaviours"]["goal_acknowledged"] == (
        50,
        one.signals.goal_acknowledged.kept + other.signals.goal_acknowledged.kept,
    )


def test_everything_kept_is_bounded() -> None:
    shown = board(max_queues=3)
    for number in range(6):
        shown.take("rollups", rollup(T0, 1, 1, queue=f"q{number}").encode())
        shown.take("gaps", gap(f"q-{number}", T0, queue=f"g{number}").encode())
    for minute in range(200):
        shown.take("rollups", rollup(T0 + minute * MINUTE, 1, 1, queue="q0").encode())
    for number in range(12_000):
        shown.take("gaps", gap(f"s{number}", T0 + number).encode())
        if number % 2:
            closed = gap(f"s{number}", T0 + number, closed_ms=T0 + number, closed_by=RECOGNIZED)
            shown.take("gaps", closed.encode())
    for number in range(12_000):
        shown.take("gaps", gap(f"t{number}", T0).encode())
    snapshot = shown.snapshot(T0)
    assert [row["queue"] for row in snapshot["queues"]] == ["g0", "q0", "q1"]
    assert snapshot["queues_full"]
    assert max(len(queue.courses.get("15m", ())) for queue in shown._queues.values()) == 60
    assert len(snapshot["gaps"]["newest"]) == 50
    assert snapshot["gaps"]["open"] == 10_000
    assert len(shown._closed) == 1_000


def test_a_queue_that_is_silent_makes_room() -> None:
    shown = board(max_queues=2)
    for queue in ("old", "drops"):
        shown.take("rollups", rollup(T0, 20, 8, queue=queue).encode())
    shown.take("rollups", drop(DropState.DROPPING, T0, queue="drops").encode())
    shown.take("rollups", rollup(T0 + 25 * HOUR, 20, 8, queue="new").encode())
    snapshot = shown.snapshot(T0)
    assert [row["queue"] for row in snapshot["queues"]] == ["new"]
    assert not snapshot["queues_full"]

    roomy = board()
    for queue in ("old", "drops"):
        roomy.take("rollups", rollup(T0, 20, 8, queue=queue).encode())
    roomy.take("rollups", drop(DropState.DROPPING, T0, queue="drops").encode())
    roomy.take("rollups", rollup(T0 + 25 * HOUR, 20, 8, queue="new").encode())
    snapshot = roomy.snapshot(T0)
    assert [row["queue"] for row in snapshot["queues"]] == ["drops", "new"]
    assert snapshot["queues_silent"] == 1


GOOD = {
    "rollups": json.loads(rollup(T0, 20, 8).encode()),
    "gaps": json.loads(gap("s", T0).encode()),
}


@pytest.mark.parametrize("topic", ["rollups", "gaps"])
@pytest.mark.parametrize("value", [None, b"", b"\xff", b"null", b"[]", b"7", b'"x"', b"{}"])
def test_what_cannot_be_read_is_counted(topic: Any, value: bytes | None) -> None:
    shown = board()
    shown.take(topic, value)
    snapshot = shown.snapshot(T0)
    assert snapshot["ignored"] == {"unreadable": 1, "unknown": 0}
    assert snapshot["queues"] == []


@pytest.mark.parametrize(
    ("topic", "field"), [(topic, field) for topic, good in GOOD.items() for field in good]
)
def test_a_message_with_another_fields_type_harms_nothing(topic: Any, field: str) -> None:
    for wrong in ([], {}, {"a": "b"}, "\0", -1, True, 1.5, None):
        shown = board()
        shown.take(topic, json.dumps({**GOOD[topic], field: wrong}).encode())
        json.dumps(shown.snapshot(T0))
        shown.take(topic, json.dumps(GOOD[topic]).encode())
        assert shown.snapshot(T0)["ignored"]["unreadable"] <= 1


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("rollups", {"schema_version": 2}),
        ("rollups", {"type": "forecast"}),
        ("rollups", {"type": "drop", "measure": "patience"}),
        ("gaps", {"schema_version": 2}),
        ("gaps", {"kind": "silence"}),
    ],
)
def test_what_a_newer_release_says_is_counted(topic: Any, change: dict[str, Any]) -> None:
    shown = board()
    shown.take(topic, json.dumps(GOOD[topic] | change).encode())
    snapshot = shown.snapshot(T0)
    assert snapshot["ignored"] == {"unreadable": 0, "unknown": 1}
    assert (snapshot["queues"], snapshot["gaps"]["newest"]) == ([], [])


def test_windows_that_are_not_shown_are_no_fault() -> None:
    shown = board()
    shown.take("rollups", rollup(T0, 20, 8, window="1m").encode())
    snapshot = shown.snapshot(T0)
    assert (snapshot["queues"], sum(snapshot["ignored"].values())) == ([], 0)


def test_no_agent_and_no_session_is_shown() -> None:
    shown = filled_board(T0 + 3 * HOUR)
    text = json.dumps(shown.snapshot(T0 + 3 * HOUR))
    assert "deliveries" in text
    event = dataclasses.asdict(gap("session-29", T0))
    for secret in (event["agent"], event["session_id"], "session-"):
        assert secret
        assert secret not in text


def test_health_is_this_workers() -> None:
    metrics, fault = Metrics("test-1", 10), ""
    shown = Board(metrics, lambda: fault)
    metrics.count_events("utterance", Outcome.ACCEPTED, 70)
    metrics.rejected.labels("empty").inc(30)
    metrics.lag.labels("0").set(5)
    metrics.lag.labels("1").set(6)
    for seconds in [0.15] * 95 + [4] * 5:
        metrics.record_latency.observe(seconds)
    first = shown.snapshot(T0)["health"]
    assert (first["events"], first["rejected"], first["lag"]) == (100, 30, 11)
    assert (first["events_per_second"], first["latency_p95_seconds"]) == (None, 0.2)
    for second in range(1, 91):
        metrics.count_events("hold.started", Outcome.ACCEPTED, 10 if second > 30 else 0)
        health = shown.snapshot(T0 + second * 1000)["health"]
    assert health["events_per_second"] == 10
    # Nobody looked for an hour: that hour's mean would be no rate of now.
    assert shown.snapshot(T0 + HOUR)["health"]["events_per_second"] is None
    fault = "recovering"
    assert shown.snapshot(T0)["health"]["fault"] == "recovering"


def test_a_board_that_nobody_looks_at_is_not_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = asyncio.Event()

    async def follow(self: Feed) -> None:
        followed.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Feed, "_follow", follow)
    monkeypatch.setattr("stream.worker.feed._LOOK_MS", 1)

    async def scenario() -> None:
        feed = Feed(board(), Settings())
        running = asyncio.create_task(feed.run())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(followed.wait(), 0.05)
        feed.look()
        await asyncio.wait_for(followed.wait(), 5)
        running.cancel()

    asyncio.run(scenario())

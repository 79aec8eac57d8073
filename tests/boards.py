"""Boards filled with what the project's own classes emit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

from stream.ops.board import Board
from stream.ops.metrics import DetectorView, Metrics, QueueStanding
from stream.session import Outcome
from stream.session.gaps import (
    EXPLAINED,
    GAP_KINDS,
    RECOGNIZED,
    SESSION_CLOSED,
    UNRECOGNIZED_CONCERN,
    GapEvent,
    gap_event,
)
from stream.session.state import Gap
from stream.windows import Contribution, DropRules, DropState, QueueRollups, RollupRules

MINUTE, HOUR = 60_000, 3_600_000
STEPS = ("opening", "data_request", "policy", "hold", "transfer", "resolution")

QUEUES = {"billing": (0.52, 130), "deliveries": (0.44, 100), "returns": (0.38, 24), "vip": (0.6, 4)}
"""Share recognised first, and conversations an hour."""


def gap(
    session: str,
    opened_ms: int,
    kind: str = UNRECOGNIZED_CONCERN,
    queue: str = "billing",
    closed_ms: int | None = None,
    closed_by: str | None = None,
    high_emotion: bool = False,
) -> GapEvent:
    opened = Gap(opened_ms, 3, 2, "agent-007", queue, "chat", opened_ms - 60_000, high_emotion)
    return gap_event(session, kind, opened, "fast-1", closed_ms, closed_by)


def contribution(
    number: int, queue: str, ended_ms: int, kept: bool, rng: random.Random
) -> Contribution:
    return Contribution(
        queue=queue,
        session=number,
        ended_ms=ended_ms,
        judged=True,
        recognized=kept or rng.random() < 0.3,
        recognized_first=kept,
        scenario="delivery",
        channel="chat",
        seconds=rng.uniform(8, 90) if kept else None,
        broke_at=None if kept else rng.choices(STEPS, (30, 22, 6, 9, 5, 14))[0],
        repeats=0,
        wording="",
        behaviours=[
            count for _ in range(7) for count in (1, int(rng.random() < rng.uniform(0.2, 0.8)))
        ],
    )


@cache
def _rollups(start_ms: int, hours: int, falls: str) -> list[bytes]:
    """What the rollups topic holds of :data:`QUEUES`, of which one falls in the last hour."""
    rng, values = random.Random(1), []
    rules = RollupRules(drop=DropRules(min_history=100))
    processor = QueueRollups(rules, {})
    ended = sorted(
        (start_ms + rng.randrange(hours * HOUR), queue)
        for queue, (_, per_hour) in QUEUES.items()
        for _ in range(per_hour * hours)
    )
    for number, (ended_ms, queue) in enumerate(ended):
        ratio = QUEUES[queue][0]
        if queue == falls and ended_ms >= start_ms + (hours - 1) * HOUR:
            ratio *= 0.35
        kept = rng.random() < ratio
        processor.process(number, contribution(number, queue, ended_ms, kept, rng))
        if number % 50 == 0 or number == len(ended) - 1:
            changes = processor.take()
            processor.confirm(changes)
            values += [emission.value for emission in changes.records]
    return values


def gaps(now_ms: int) -> Iterator[bytes]:
    """What the gaps topic holds: thirty gaps, the last four of them open."""
    rng = random.Random(2)
    endings = (RECOGNIZED, SESSION_CLOSED, EXPLAINED)
    for number in range(30):
        session, opened_ms = f"session-{number}", now_ms - (30 - number) * 41_000
        what = (GAP_KINDS[number % len(GAP_KINDS)], rng.choice(list(QUEUES)))
        high_emotion = number % 5 == 0
        yield gap(session, opened_ms, *what, high_emotion=high_emotion).encode()
        if number < 26:
            closing = opened_ms + rng.randrange(4_000, 200_000), endings[number % 3]
            yield gap(session, opened_ms, *what, *closing, high_emotion=high_emotion).encode()


def busy_metrics() -> Metrics:
    metrics = Metrics("fast-1", 200)
    metrics.lag.labels("0").set(12)
    metrics.lag.labels("1").set(3)
    metrics.assigned.set(2)
    metrics.open_sessions.set(48)
    metrics.count_events("utterance", Outcome.ACCEPTED, 20_000)
    metrics.rejected.labels("malformed_json").inc(3)
    metrics.recovery.set(3.3)
    metrics.rebalances.inc()
    for _ in range(100):
        metrics.record_latency.observe(0.18)
    metrics.show_standings(
        [
            QueueStanding(
                "billing",
                [],
                {"recognized_first": DetectorView(0.51, 0.1, DropState.OK)},
                min_judged=20,
            )
        ]
    )
    return metrics


def filled_board(now_ms: int, falls: str = "deliveries") -> Board:
    """Three hours of four queues up to ``now_ms``, and thirty gaps."""
    board = Board(busy_metrics(), lambda: "")
    for value in _rollups((now_ms // HOUR - 3) * HOUR, 3, falls):
        board.take("rollups", value)
    for value in gaps(now_ms):
        board.take("gaps", value)
    return board

"""Windows, the tallies that they are merged from, and the message that a window becomes.

The message's dataclasses are plain, as those of :mod:`stream.session.record`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import orjson

from stream.events import format_time
from stream.session.record import Habits, Kept, Signals
from stream.windows.contribution import BEHAVIOURS, Contribution
from stream.windows.sketch import Sketch, add, merge, quantile

ROLLUP_VERSION = 1

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Window(NamedTuple):
    """Spans of ``size_ms`` that begin every ``hop_ms``, merged from buckets of ``bucket_ms``, which
    divides both. All are aligned to the Unix epoch."""

    name: str
    size_ms: int
    hop_ms: int
    bucket_ms: int

    def starts(self, bucket_ms: int) -> range:
        """The starts of the spans that hold the bucket that starts at ``bucket_ms``."""
        first = bucket_ms + self.bucket_ms - self.size_ms
        return range(-(-first // self.hop_ms) * self.hop_ms, bucket_ms + 1, self.hop_ms)

    def buckets(self, start_ms: int) -> range:
        """The starts of the buckets of the span that starts at ``start_ms``."""
        return range(start_ms, start_ms + self.size_ms, self.bucket_ms)


WINDOWS = (
    Window("1m", MINUTE_MS, MINUTE_MS, MINUTE_MS),
    Window("15m", 15 * MINUTE_MS, MINUTE_MS, MINUTE_MS),
    Window("1h", HOUR_MS, 5 * MINUTE_MS, MINUTE_MS),
    Window("24h", DAY_MS, HOUR_MS, HOUR_MS),
)


@dataclass
class Quantiles:
    """Seconds from the first concern to the first recognition over ``count`` recognised
    interactions, each within 2 %; null without any."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None


@dataclass
class Cell:
    """One scenario's or channel's part of a window."""

    interactions: int
    judged: int
    recognized: int
    recognized_first: int


@dataclass
class Rollup:
    """One queue in one window. All but ``interactions`` counts judged interactions alone.

    The ratios are of the judged interactions, and null where there are too few of them.
    ``scripts`` counts recognitions in wording that recurs over the queue's sessions
    (:mod:`stream.windows.scripts`); without them, ``recognized_own_ratio`` is the share of those
    recognised in the agent's own words. ``repeats`` adds up what the records say; ``broke_at``
    counts interactions by the step where empathy broke.
    """

    schema_version: int
    type: str
    queue: str
    window: str
    start_at: str
    end_at: str
    interactions: int
    judged: int
    recognized: int
    recognized_first: int
    recognized_ratio: float | None
    recognized_first_ratio: float | None
    recognized_own_ratio: float | None
    signals: Signals
    habits: Habits
    repeats: int
    scripts: int
    recognition_seconds: Quantiles
    broke_at: dict[str, int]
    scenarios: dict[str, Cell]
    channels: dict[str, Cell]

    def behaviours(self) -> Iterator[tuple[str, Kept]]:
        """The signals and habits by name."""
        for group in (self.signals, self.habits):
            for each in fields(group):
                yield each.name, getattr(group, each.name)

    def encode(self) -> bytes:
        """The message's JSON; the same window always encodes to the same bytes."""
        return orjson.dumps(self)


Cells = dict[str, list[int]]

_SIGNALS = len(Signals.__dataclass_fields__)


@dataclass(slots=True)
class Tally:
    """Counts over some interactions. Their order does not matter, nor how they are merged.

    ``counts``: interactions, judged, recognised, recognised first, repeats, scripts, then
    opportunities and kept of each behaviour.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (6 + 2 * len(BEHAVIOURS)))
    broke_at: dict[str, int] = field(default_factory=dict)
    scenarios: Cells = field(default_factory=dict)
    channels: Cells = field(default_factory=dict)
    seconds: Sketch = field(default_factory=dict)

    def add(self, contribution: Contribution, channel: str, script: bool) -> None:
        """Count one interaction, its channel under the name given. ``script``: it was recognised in
        wording that recurs."""
        judged = contribution.judged
        cell = [
            1,
            int(judged),
            int(judged and contribution.recognized),
            int(judged and contribution.recognized_first),
        ]
        _merge_cells(self.scenarios, {contribution.scenario: cell})
        _merge_cells(self.channels, {channel: cell})
        if not judged:
            self.counts[0] += 1
            return
        added = [*cell, contribution.repeats, int(script), *contribution.behaviours]
        self.counts = [a + b for a, b in zip(self.counts, added, strict=True)]
        if contribution.broke_at is not None:
            merge(self.broke_at, {contribution.broke_at: 1})
        if contribution.seconds is not None:
            add(self.seconds, contribution.seconds)

    @classmethod
    def merged(cls, tallies: list[Tally]) -> Tally:
        """A tally of what all of ``tallies`` count, to be read: of one, it is that one."""
        if len(tallies) == 1:
            return tallies[0]
        total = cls()
        if tallies:
            total.counts = list(map(sum, zip(*(tally.counts for tally in tallies), strict=True)))
        for tally in tallies:
            merge(total.broke_at, tally.broke_at)
            _merge_cells(total.scenarios, tally.scenarios)
            _merge_cells(total.channels, tally.channels)
            merge(total.seconds, tally.seconds)
        return total

    def rollup(self, queue: str, window: Window, start_ms: int, min_judged: int) -> Rollup:
        """The message of a window with these counts."""
        interactions, judged, recognized, recognized_first, repeats, scripts, *rest = self.counts
        kept = [Kept(*pair) for pair in zip(rest[::2], rest[1::2], strict=True)]
        enough = judged >= max(1, min_judged)
        return Rollup(
            schema_version=ROLLUP_VERSION,
            type="window",
            queue=queue,
            window=window.name,
            start_at=format_time(start_ms),
            end_at=format_time(start_ms + window.size_ms),
            interactions=interactions,
            judged=judged,
            recognized=recognized,
            recognized_first=recognized_first,
            recognized_ratio=round(recognized / judged, 4) if enough else None,
            recognized_first_ratio=round(recognized_first / judged, 4) if enough else None,
            recognized_own_ratio=round((recognized - scripts) / judged, 4) if enough else None,
            signals=Signals(*kept[:_SIGNALS]),
            habits=Habits(*kept[_SIGNALS:]),
            repeats=repeats,
            scripts=scripts,
            recognition_seconds=Quantiles(
                sum(self.seconds.values()), *self._quantiles(0.5, 0.9, 0.99)
            ),
            broke_at=dict(sorted(self.broke_at.items())),
            scenarios={name: Cell(*cell) for name, cell in sorted(self.scenarios.items())},
            channels={name: Cell(*cell) for name, cell in sorted(self.channels.items())},
        )

    def _quantiles(self, *qs: float) -> Iterator[float | None]:
        for q in qs:
            value = quantile(self.seconds, q)
            yield None if value is None else round(value, 6)


def _merge_cells(cells: Cells, other: Cells) -> None:
    for name, (interactions, judged, recognized, recognized_first) in other.items():
        cell = cells.get(name)
        if cell is None:
            cell = cells[name] = [0, 0, 0, 0]
        cell[0] += interactions
        cell[1] += judged
        cell[2] += recognized
        cell[3] += recognized_first

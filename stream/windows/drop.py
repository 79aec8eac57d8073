"""Whether a queue's proportion has fallen below the queue's own baseline.

Each judged interaction is evidence: the log-likelihood ratio of its outcome, had the odds fallen to
``odds_ratio`` times the baseline's, against the baseline. Page's CUSUM (Biometrika 1954) adds it up
and begins anew wherever nothing is left: no procedure with as few false alarms is faster to see a
fall of that size (Moustakides, Ann. Statist. 1986). Few interactions are little evidence, by day
and by night, and none are none.

**False alarms.** With increments of mean ``-m`` and standard deviation ``s`` while nothing has
changed, the mean number of interactions between alarms at threshold ``h`` is about
``(exp(g) - g - 1) / m`` with ``g = h + 1.166 s`` (Siegmund, *Sequential Analysis*, 1985). Solved
for ``h`` with the interactions that the queue has in four weeks, that gives the stated number of
false alarms whatever the volume.

**Overdispersion.** Rates wobble by more than chance, and a baseline is an estimate. Both show as
the mean squared error of its predictions over what chance allows (Pearson's chi-squared over its
degrees of freedom); evidence is divided by it (quasi-likelihood; McCullagh and Nelder, *Generalized
Linear Models*, 1989).

**What the baseline learns.** Every hour at its end, but one odd hour moves it by at most 1.5
standard deviations, and while the alarm lasts it learns nothing. A fall that lasts
``accept_hours`` is no alarm any more but the new level: the baseline is scaled to it. Rises, and
falls too small for an alarm, are learnt as they come.

Interactions are taken in the order of the log, not when a window closes: nothing waits. One that
ended in an earlier hour counts in the current one, and what corrects a window later has been
counted here when it came.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from stream.events import format_time

DROP_VERSION = 1

HOUR_MS = 3_600_000
_WEEK = 168
_FOUR_WEEKS = 4 * _WEEK


class DropState(str, enum.Enum):
    """``recovered``: the drop is over, for a day. A drop that became the new level is ``ok``."""

    OK = "ok"
    DROPPING = "dropping"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Drop:
    """The message that says a queue's ``measure`` began to drop, or ceased to.

    ``at`` is when the interaction ended that decided it. ``judged`` counts the interactions since
    the evidence began, and ``ratio`` is their proportion.
    """

    schema_version: int
    type: str
    queue: str
    measure: str
    state: DropState
    at: str
    baseline_ratio: float
    ratio: float | None
    judged: int
    statistic: float

    def encode(self) -> bytes:
        """The message's JSON; the same change always encodes to the same bytes."""
        return orjson.dumps(self)


class DropRules(NamedTuple):
    """What is a drop, and how sure an alarm is.

    ``odds_ratio``: the fall that is found fastest; 0.5 takes 0.40 to 0.25. Falls of less than about
    half that size (to above 0.32) are not found. ``false_alarms``: expected of one queue in four
    weeks. ``min_judged``: the least interactions that an alarm rests on. ``min_history``: judged
    interactions that the baseline must have learnt before. ``accept_hours``: see above.
    ``prior_ratio`` holds for the first queue of a fleet that nothing is known of.
    """

    odds_ratio: float = 0.5
    false_alarms: float = 0.9
    min_judged: int = 20
    min_history: int = 1_000
    accept_hours: int = 168
    prior_ratio: float = 0.4

    def prior(self, kept: float, judged: float) -> float:
        """The fleet's proportion, from its counts."""
        return (kept + _FLEET_WEIGHT * self.prior_ratio) / (judged + _FLEET_WEIGHT)


# Weights are in judged interactions: how many it takes to move half the way from what is known of
# more (the fleet, the queue, the hour of day and day of week) to what is seen of less.
_FLEET_WEIGHT = 20
_QUEUE_WEIGHT = 100
_GROUP_WEIGHT = 200
_HOUR_WEIGHT = 500
_CELL_WEIGHT = 3_000
_LEVEL_WEIGHT = 1_000

_CELL_KEPT = 0.5 ** (1 / 13)
"""What is left of an hour of the week after a week: half after a quarter of a year."""

_LEVEL_KEPT = 1 - 1 / 10_000
"""What is left of the level's correction at each further interaction."""

_VOLUME_KEPT = 1 - 1 / 336
"""What is left of the volume's past after an hour."""

_SPREAD_KEPT = 1 - 1 / 2_000
"""What is left of the overdispersion's past at each further hour."""

_SPREAD_WEIGHT, _SPREAD_PRIOR = 50.0, 1.3
"""Hours that the prior of the overdispersion weighs, and the prior: little is known at first."""

_UNIT = 16
"""Counts are kept in sixteenths, whole: small and exact in the encoded state."""

_LEAST_RATIO = 0.01
"""Below this nothing is left to fall, and outcomes are no evidence."""

_RECOVERED_HOURS = 24
"""How long a queue is called recovered."""

_MOST_ERROR = 1.5
"""Standard deviations that an hour moves the baseline by at most."""


class Baseline:
    """A queue's expected proportion at each hour of the week.

    The effects of the hour of day and the day of week add up, and each hour of the week moves away
    from that as far as it has been seen. Everything is shrunk to what is known of more: an hour of
    day to its neighbours, these to the queue, and that to ``prior``, the fleet's proportion. A
    correction of the level follows what the slower seasonal counts lag behind.
    """

    __slots__ = (
        "judged",
        "kept",
        "level_judged",
        "level_missed",
        "prior",
        "spread",
        "spread_hours",
    )

    def __init__(self, prior: float) -> None:
        self.prior = prior
        self.judged = [0] * _WEEK
        self.kept = [0] * _WEEK
        self.level_judged = 0.0
        self.level_missed = 0.0
        self.spread = _SPREAD_PRIOR * _SPREAD_WEIGHT
        self.spread_hours = _SPREAD_WEIGHT

    def ratio(self, cell: int) -> float:
        """The expected proportion at an hour of the week."""
        level = self.level_missed / (self.level_judged + _LEVEL_WEIGHT)
        return min(1 - _LEAST_RATIO, max(_LEAST_RATIO, self._season(cell) + level))

    @property
    def overdispersion(self) -> float:
        """Squared error of the predictions over what chance allows, at least 1."""
        return max(1.0, self.spread / self.spread_hours)

    def _season(self, cell: int) -> float:
        judged, kept = self.judged, self.kept
        queue = _shrunk(sum(kept), sum(judged), self.prior, _QUEUE_WEIGHT)

        def group(cells: slice, parent: float, weight: float) -> float:
            return _shrunk(sum(kept[cells]), sum(judged[cells]), parent, weight)

        hours = [slice((cell + step) % 24, None, 24) for step in (-1, 0, 1)]
        neighbours = (
            group(hours[0], queue, _GROUP_WEIGHT) + group(hours[2], queue, _GROUP_WEIGHT)
        ) / 2
        hour_of_day = group(hours[1], neighbours, _HOUR_WEIGHT)
        day = cell - cell % 24
        day_of_week = group(slice(day, day + 24), queue, _GROUP_WEIGHT)
        parent = hour_of_day + day_of_week - queue
        return _shrunk(kept[cell], judged[cell], parent, _CELL_WEIGHT)

    def learn(self, cell: int, judged: int, kept: int) -> None:
        """Take in the judged interactions of one hour."""
        ratio = self.ratio(cell)
        deviation = math.sqrt(judged * ratio * (1 - ratio))
        error = (kept - judged * ratio) / deviation
        self.spread = self.spread * _SPREAD_KEPT + min(error * error, 9.0)
        error = min(_MOST_ERROR, max(-_MOST_ERROR, error))
        believed = judged * ratio + error * deviation
        self.spread_hours = self.spread_hours * _SPREAD_KEPT + 1
        left = _LEVEL_KEPT**judged
        self.level_judged = self.level_judged * left + judged
        self.level_missed = self.level_missed * left + believed - judged * self._season(cell)
        self.judged[cell] = round(self.judged[cell] * _CELL_KEPT) + judged * _UNIT
        self.kept[cell] = round(self.kept[cell] * _CELL_KEPT) + round(believed * _UNIT)

    def rescale(self, ratio: float) -> None:
        """Take ``ratio`` for the queue's mean, the season staying as it is."""
        factor = ratio / max(_LEAST_RATIO, _shrunk(sum(self.kept), sum(self.judged), self.prior, 1))
        self.prior = min(1 - _LEAST_RATIO, self.prior * factor)
        self.kept = [
            min(judged, round(kept * factor))
            for judged, kept in zip(self.judged, self.kept, strict=True)
        ]
        self.level_judged = self.level_missed = 0.0


def _shrunk(kept: float, judged: float, parent: float, weight: float) -> float:
    """A proportion of counts in sixteenths, drawn to ``parent`` by ``weight`` interactions."""
    return (kept + weight * _UNIT * parent) / (judged + weight * _UNIT)


class DropDetector:
    """Watches one proportion of one queue."""

    __slots__ = (
        "_baseline",
        "_gain",
        "_hour",
        "_hour_end_ms",
        "_hour_judged",
        "_hour_kept",
        "_learnt",
        "_loss",
        "_rules",
        "_score",
        "_since_hour",
        "_threshold",
        "_volume",
        "_volume_weight",
        "baseline_ratio",
        "judged",
        "kept",
        "state",
    )

    def __init__(self, rules: DropRules, prior: float) -> None:
        self._rules = rules
        self._baseline = Baseline(prior)
        self._hour = -1
        self._hour_end_ms = 0
        self._hour_judged = 0
        self._hour_kept = 0
        self._learnt = 0
        self._volume = 0.0
        self._volume_weight = 0.0
        self._score = 0.0
        self._since_hour = 0
        self._threshold = math.inf
        self._gain = 0.0
        self._loss = 0.0
        self.state = DropState.OK
        self.baseline_ratio = prior
        """The expected proportion at the current hour."""
        self.judged = 0
        """Judged interactions since the evidence of a drop began."""
        self.kept = 0
        """How many of them kept the proportion up."""

    @property
    def statistic(self) -> float:
        """Evidence of a drop over the threshold: 1 raises the alarm. While it lasts, from 1, where
        the drop is over, to 2."""
        return self._score / self._threshold

    @property
    def warm(self) -> bool:
        """Whether the baseline has learnt enough for an alarm."""
        return self._learnt >= self._rules.min_history

    @property
    def overdispersion(self) -> float:
        """How far the queue wobbles beyond chance, as a factor of the variance, at least 1."""
        return self._baseline.overdispersion

    def observe(self, time_ms: int, kept: bool) -> bool:
        """Take in a judged interaction that ended at ``time_ms``; whether :attr:`state` changed."""
        if time_ms >= self._hour_end_ms:
            self._enter(time_ms // HOUR_MS)
        self._hour_judged += 1
        self._hour_kept += kept
        self.judged += 1
        self.kept += kept
        score = self._score + (self._gain if kept else self._loss)
        threshold = self._threshold
        if self.state is DropState.DROPPING:
            self._score = min(score, 2 * threshold)
            if score < threshold:
                self._end(DropState.RECOVERED)
                return True
        elif score <= 0:
            self._score = 0.0
            self.judged = self.kept = 0
        elif score < threshold:
            self._score = score
        elif self.judged < self._rules.min_judged:
            # Too few interactions bear no alarm, whatever they show.
            self._score = threshold
        else:
            self.state = DropState.DROPPING
            self._since_hour = self._hour
            self._score = 2 * threshold
            return True
        return False

    def _end(self, state: DropState) -> None:
        """The drop is over, in this hour, of which nothing is learnt so far."""
        self.state = state
        self._since_hour = self._hour
        self._score = 0.0
        self.judged = self.kept = 0
        self._hour_judged = self._hour_kept = 0

    def _enter(self, hour: int) -> None:
        """Begin another hour: learn what is due, and weigh the evidence for the hour's baseline."""
        rules, baseline = self._rules, self._baseline
        if self._hour >= 0:
            left = _VOLUME_KEPT ** (hour - self._hour)
            self._volume = self._volume * left + self._hour_judged * (1 - _VOLUME_KEPT)
            self._volume_weight = self._volume_weight * left + 1 - left
            if self.state is DropState.DROPPING:
                if hour - self._since_hour >= rules.accept_hours:
                    self._accept()
            elif self._hour_judged:
                baseline.learn(self._hour % _WEEK, self._hour_judged, self._hour_kept)
                self._learnt += self._hour_judged
        if self.state is DropState.RECOVERED and hour - self._since_hour >= _RECOVERED_HOURS:
            self.state = DropState.OK
        self._hour, self._hour_end_ms = hour, (hour + 1) * HOUR_MS
        self._hour_judged = self._hour_kept = 0
        self._weigh()

    def _weigh(self) -> None:
        """Set the weights of the evidence, and the threshold, for the current hour."""
        rules = self._rules
        ratio = self.baseline_ratio = self._baseline.ratio(self._hour % _WEEK)
        if not self.warm or ratio <= _LEAST_RATIO:
            self._gain = self._loss = 0.0
            return
        spread = self._baseline.overdispersion
        fallen = ratio * rules.odds_ratio / (1 - ratio + ratio * rules.odds_ratio)
        self._gain = math.log(fallen / ratio) / spread
        self._loss = math.log((1 - fallen) / (1 - ratio)) / spread
        mean = -(ratio * self._gain + (1 - ratio) * self._loss)
        deviation = math.sqrt(ratio * (1 - ratio) * spread) * (self._loss - self._gain)
        volume = self._volume / self._volume_weight * _FOUR_WEEKS
        odds = volume * mean / rules.false_alarms
        g = 1.0
        for _ in range(5):
            g = math.log(odds + g + 1)
        self._threshold = max(1.0, g - 1.166 * deviation)

    def _accept(self) -> None:
        """What has fallen is the new level."""
        self._baseline.rescale(self.kept / self.judged)
        self._end(DropState.OK)

    def message(self, queue: str, measure: str, at_ms: int) -> Drop:
        """What to say of a change of :attr:`state` at ``at_ms``."""
        return Drop(
            schema_version=DROP_VERSION,
            type="drop",
            queue=queue,
            measure=measure,
            state=self.state,
            at=format_time(at_ms),
            baseline_ratio=round(self.baseline_ratio, 4),
            ratio=round(self.kept / self.judged, 4) if self.judged else None,
            judged=self.judged,
            statistic=round(self.statistic, 4),
        )

    def to_wire(self) -> list[Any]:
        """The state's compact form for the changelog."""
        baseline = self._baseline
        return [
            *(getattr(self, name) for name in _KEPT_BY_DETECTOR),
            *(getattr(baseline, name) for name in Baseline.__slots__),
        ]

    @classmethod
    def from_wire(cls, rules: DropRules, wire: list[Any]) -> DropDetector:
        """The inverse of :meth:`to_wire`. Raises ``ValueError``."""
        detector = cls(rules, 0.0)
        names = len(_KEPT_BY_DETECTOR)
        for name, value in zip(_KEPT_BY_DETECTOR, wire[:names], strict=True):
            setattr(detector, name, value)
        for name, value in zip(Baseline.__slots__, wire[names:], strict=True):
            setattr(detector._baseline, name, value)
        detector.state = DropState(detector.state)
        if detector._hour >= 0:
            detector._hour_end_ms = (detector._hour + 1) * HOUR_MS
            detector._weigh()
        return detector


_KEPT_BY_DETECTOR = (
    "state",
    "judged",
    "kept",
    "_hour",
    "_hour_judged",
    "_hour_kept",
    "_learnt",
    "_score",
    "_since_hour",
    "_volume",
    "_volume_weight",
)
"""Everything else follows from these and the baseline."""

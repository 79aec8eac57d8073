"""Whether a queue's proportion has fallen below its own baseline."""

from __future__ import annotations

import enum
import math
from typing import Any, NamedTuple

HOUR_MS = 3_600_000
WEEK = 168


class DropState(str, enum.Enum):
    OK = "ok"
    DROPPING = "dropping"
    RECOVERED = "recovered"


class DropRules(NamedTuple):
    odds_ratio: float = 0.5
    false_alarms: float = 0.75
    prior_ratio: float = 0.4
    prior_weight: float = 20.0
    history: int = 500
    min_judged: int = 20
    accept_hours: int = 168
    recovered_hours: int = 24
    cell_weight: float = 300.0
    group_weight: float = 300.0
    queue_weight: float = 100.0
    weeks: float = 4.0
    level_weight: float = 2000.0
    level_prior: float = 500.0
    caution: float = 0.0
    disp_memory: float = 500.0
    disp_prior: float = 1.0
    use_disp: float = 1.0
    overshoot: float = 1.0

    def prior(self, kept: float, judged: float) -> float:
        return (kept + self.prior_weight * self.prior_ratio) / (judged + self.prior_weight)


class Baseline:
    def __init__(self, rules: DropRules, prior: float) -> None:
        self.rules = rules
        self.prior = prior
        self.n = [0.0] * WEEK
        self.k = [0.0] * WEEK
        self.level_n = 0.0
        self.level_r = 0.0
        self.forget = 0.5 ** (1 / rules.weeks)

    def season(self, cell: int) -> float:
        r = self.rules
        n, k = self.n, self.k
        N = sum(n)
        K = sum(k)
        m = (K + r.queue_weight * self.prior) / (N + r.queue_weight)
        hod = cell % 24
        gn = sum(n[hod::24])
        gk = sum(k[hod::24])
        mh = (gk + r.group_weight * m) / (gn + r.group_weight)
        day = cell - hod
        dn = sum(n[day : day + 24])
        dk = sum(k[day : day + 24])
        # expected of the day under the hour-of-day profile is approximated by the overall mean
        md = (dk + r.group_weight * m) / (dn + r.group_weight)
        parent = mh + md - m
        return (k[cell] + r.cell_weight * parent) / (n[cell] + r.cell_weight)

    def ratio(self, cell: int) -> float:
        p = self.season(cell) + self.level_r / (self.level_n + self.rules.level_prior)
        return min(0.98, max(0.02, p))

    def learn(self, cell: int, judged: int, kept: int) -> None:
        season = self.season(cell)
        f = (1 - 1 / self.rules.level_weight) ** judged
        self.level_n = self.level_n * f + judged
        self.level_r = self.level_r * f + kept - judged * season
        self.n[cell] = self.n[cell] * self.forget + judged
        self.k[cell] = self.k[cell] * self.forget + kept


class DropDetector:
    def __init__(self, rules: DropRules, prior: float) -> None:
        self.rules = rules
        self.baseline = Baseline(rules, prior)
        self.state = DropState.OK
        self.score = 0.0
        self.run = 0
        self.hour = -1
        self.hour_end = -1
        self.judged = 0
        self.kept = 0
        self.pending: list[tuple[int, int, int]] = []
        self.seen = 0
        self.rate = 0.0
        self.rate_w = 0.0
        self.chi = rules.disp_prior * rules.disp_memory * 0.2
        self.chi_n = rules.disp_memory * 0.2
        self.since = 0
        self.threshold = 1e9
        self.ratio = prior
        self.gain = self.loss = 0.0

    @property
    def statistic(self) -> float:
        return self.score / self.threshold

    def observe(self, time_ms: int, kept: bool) -> bool:
        if time_ms >= self.hour_end:
            self._enter(time_ms)
        self.judged += 1
        if kept:
            self.kept += 1
            score = self.score + self.gain
        else:
            score = self.score + self.loss
        if self.state is DropState.DROPPING:
            if score >= self.threshold:
                self.score = min(score, 2 * self.threshold)
                return False
            self.state = DropState.RECOVERED
            self.since = self.hour
            self._clear()
            return True
        if score <= 0:
            if self.run:
                self._clear()
            return False
        self.score = score
        self.run += 1
        if score >= self.threshold and self.run >= self.rules.min_judged:
            self.state = DropState.DROPPING
            self.since = self.hour
            self.score = 2 * self.threshold
            return True
        return False

    def _clear(self) -> None:
        self.score = 0.0
        self.run = 0

    def _enter(self, time_ms: int) -> None:
        hour = time_ms // HOUR_MS
        rules = self.rules
        base = self.baseline
        if self.hour >= 0:
            gap = hour - self.hour
            c = 1 / 336
            self.rate += (self.judged - self.rate) * c
            self.rate_w += (1 - self.rate_w) * c
            f = (1 - c) ** (gap - 1)
            self.rate *= f
            self.rate_w = 1 - (1 - self.rate_w) * f
            if self.judged and self.state is not DropState.DROPPING:
                p = self.ratio
                x = (self.kept - self.judged * p) ** 2 / (self.judged * p * (1 - p))
                self.chi = self.chi * (1 - 1 / rules.disp_memory) + min(x, 9.0)
                self.chi_n = self.chi_n * (1 - 1 / rules.disp_memory) + 1
            if self.judged:
                self.seen += self.judged
                self.pending.append((self.hour % WEEK, self.judged, self.kept))
            if self.state is DropState.DROPPING:
                self.pending = []
                if hour - self.since >= rules.accept_hours:
                    self.state = DropState.OK
                    self._clear()
            elif self.score < 0.5 * self.threshold or len(self.pending) > 24:
                for entry in self.pending:
                    base.learn(*entry)
                self.pending = []
            if self.state is DropState.RECOVERED and hour - self.since >= rules.recovered_hours:
                self.state = DropState.OK
        self.hour = hour
        self.hour_end = (hour + 1) * HOUR_MS
        self.judged = self.kept = 0
        p = base.ratio(hour % WEEK)
        self.ratio = p
        se = math.sqrt(p * (1 - p) / (base.n[hour % WEEK] + rules.cell_weight))
        p0 = max(0.02, p - rules.caution * se)
        p1 = p0 * rules.odds_ratio / (1 - p0 + p0 * rules.odds_ratio)
        phi = max(1.0, self.chi / self.chi_n) if rules.use_disp else 1.0
        self.gain = math.log(p1 / p0) / phi
        self.loss = math.log((1 - p1) / (1 - p0)) / phi
        drift = -(p0 * self.gain + (1 - p0) * self.loss) * phi
        sigma = math.sqrt(p0 * (1 - p0)) * (self.loss - self.gain)
        if self.seen < rules.history or self.rate_w == 0:
            self.threshold = 1e9
        else:
            n4 = self.rate / self.rate_w * 24 * 28
            self.threshold = max(
                1.0,
                math.log(max(n4 * drift / rules.false_alarms, 1.0))
                - rules.overshoot * 1.166 * sigma,
            )

    def to_wire(self) -> Any:
        base = self.baseline
        wire = {k: v for k, v in vars(self).items() if k not in ("rules", "baseline")}
        return [wire, {k: v for k, v in vars(base).items() if k != "rules"}]

    @classmethod
    def from_wire(cls, rules: DropRules, wire: Any) -> DropDetector:
        self = cls(rules, 0.0)
        vars(self).update(wire[0])
        self.state = DropState(self.state)
        vars(self.baseline).update(wire[1])
        return self


def drop_message(queue: str, measure: str, detector: DropDetector) -> bytes:
    return b"{}"

"""How soon a fall of the recognition rate is noticed, and how often an alarm is false.

    python -m tests.benchmarks.drop_detection [--json] [--queues N] [--seed N] [--wobble SD]

Simulated queues of 60 judged interactions an hour and a proportion of 0.40, over the mean of the
week. Both have the seasons of a contact centre: nights with a tenth of the day's volume, quiet
weekends, a daily course of the proportion, other days and another shift with other proportions,
of a size and place of each queue's own. On top the proportion wobbles from hour to hour (standard
deviation 0.03 in log-odds, which is 0.7 points; ``--wobble`` changes it), its level drifts over
weeks (0.02), and the volume is overdispersed (14 %).

Each queue begins without history. After 12 weeks the counting begins: alarms in 8 weeks without a
fall are false. At random hours in these weeks a copy of the detector goes on into 48 hours in which
the odds are halved (0.40 becomes 0.25) from one moment to the next; where it is alarmed already,
that hour is left out. *At 60 an hour* means hours from which the expected volume of the next
two hours is 50 to 70 an hour; *any hour* means any hour of the week, most of the nights included.

Compared on the same interactions, once a minute, each as it is usually set and as set best for a
fall like this, by hindsight, at no more false alarms than one per queue in 4 weeks:

* **fixed threshold**, the way it is written in Prometheus: the proportion of the last hour, if of
  20 interactions or more, below 0.30 (three quarters of normal) for 15 minutes;
* **z-test**: the last hour, if of 20 or more, against the seven days before it, below -3.

Alarms of these that are less than 4 hours apart count as one; the detector's count one by one.
"""

from __future__ import annotations

import argparse
import json
import math
from bisect import bisect_left
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.windows import DropDetector, DropRules, DropState

HOUR_MS = 3_600_000
WEEK = 168
HISTORY_WEEKS, MEASURED_WEEKS = 12, 8
FALL_HOURS = 48
FALLS_AT_60, FALLS_AT_ANY_HOUR = 12, 8
MIN_JUDGED = 20
MOST_FALSE_ALARMS = 1.0

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def log_odds(ratio: float) -> float:
    return math.log(ratio / (1 - ratio))


FALL = log_odds(0.25) - log_odds(0.40)


class Queue:
    """Expected volume and proportion of one queue by hour, and interactions drawn from them."""

    def __init__(self, rng: np.random.Generator, weeks: int, wobble: float) -> None:
        self.rng = rng
        hours = np.arange(weeks * WEEK)
        of_day, day = hours % 24, hours // 24
        of_week = day % 7
        weekend = of_week >= 5

        angle = (of_day - 14 - rng.normal(0, 1)) / 24 * 2 * np.pi
        volume = np.exp(1.35 * np.cos(angle) + 0.25 * np.cos(2 * angle))
        volume *= np.where(weekend, rng.uniform(0.35, 0.8), 1)
        volume *= np.exp(rng.normal(0, 0.1, 7))[of_week]
        self.expected = volume / volume[:WEEK].mean() * 60
        self.volume = self.expected * rng.gamma(1 / 0.02, 0.02, len(hours))

        size = rng.uniform(0.08, 0.2)
        angle = of_day / 24 * 2 * np.pi
        season = size * np.cos(angle + rng.uniform(0, 2 * np.pi))
        season += size / 2 * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
        season += np.where((of_day >= 6) & (of_day < 14), rng.normal(0, 0.08), 0)
        season += rng.normal(0, 0.05, 7)[of_week] + weekend * rng.normal(0, 0.12)
        season -= np.average(season[:WEEK], weights=self.expected[:WEEK])
        level = np.zeros(weeks * 7)
        for at, shock in enumerate(rng.normal(0, 1, len(level) - 1), start=1):
            level[at] = 0.95 * level[at - 1] + math.sqrt(1 - 0.95**2) * shock
        season += 0.02 * level[day] + rng.normal(0, wobble, len(hours))
        self.log_odds = log_odds(0.40) + season

    def draw(self, start: int, end: int, fall: float = 0.0) -> tuple[list[int], list[bool]]:
        """Interactions in the hours from ``start`` to before ``end``: times in ms, and outcomes."""
        hours = np.repeat(np.arange(start, end), self.rng.poisson(self.volume[start:end]))
        times = np.sort(hours * HOUR_MS + self.rng.integers(0, HOUR_MS, len(hours)))
        chance = 1 / (1 + np.exp(-(self.log_odds[times // HOUR_MS] + fall)))
        return times.tolist(), (self.rng.random(len(times)) < chance).tolist()


def by_minute(times: list[int], kept: list[bool], start: int, end: int) -> tuple[Counts, Counts]:
    """Interactions, and kept ones, per minute of the hours from ``start`` to ``end``."""
    minutes = np.asarray(times, dtype=np.int64) // 60_000 - start * 60
    length = (end - start) * 60
    all_ = np.bincount(minutes, minlength=length)
    return all_, np.bincount(minutes[np.asarray(kept, dtype=bool)], minlength=length)


def trailing(counts: Counts, minutes: int) -> Counts:
    """Sums over the ``minutes`` up to and including each."""
    total = np.concatenate([np.zeros(minutes, dtype=np.int64), np.cumsum(counts)])
    return total[minutes:] - total[:-minutes]


def fixed_threshold(judged: Counts, kept: Counts, hours: int) -> Floats:
    """The highest proportion in the 15 minutes up to each: below the threshold, the alarm fires."""
    n, k = trailing(judged, hours * 60), trailing(kept, hours * 60)
    ratio = np.where(n >= MIN_JUDGED, k / np.maximum(n, 1), np.inf)
    padded = np.concatenate([np.full(14, np.inf), ratio])
    return np.lib.stride_tricks.sliding_window_view(padded, 15).max(axis=1)


def z_test(judged: Counts, kept: Counts, hours: int) -> Floats:
    """The z of the last ``hours`` against the seven days before."""
    n, k = trailing(judged, hours * 60), trailing(kept, hours * 60)
    long = (WEEK + hours) * 60
    base_n = np.maximum(trailing(judged, long) - n, 1)
    base_k = trailing(kept, long) - k
    pooled = np.clip((k + base_k) / (n + base_n), 0.01, 0.99)
    error = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(n, 1) + 1 / base_n))
    return np.where(n >= MIN_JUDGED, (k / np.maximum(n, 1) - base_k / base_n) / error, np.inf)


PEERS = {
    "fixed_threshold": (fixed_threshold, 0.30, np.arange(0.14, 0.34, 0.01)),
    "z_test": (z_test, -3.0, np.arange(-5.0, -2.0, 0.125)),
}
"""Statistic, usual threshold, and the thresholds to choose from."""

PEER_HOURS = (1, 2, 3, 4)
USUAL_HOURS = 1


class Tally:
    """What one method did over all queues. Delays in hours, infinite where it noticed nothing."""

    def __init__(self, **setting: Any) -> None:
        self.setting = setting
        self.false_alarms = 0
        self.delays: dict[str, list[float]] = defaultdict(list)
        self.interactions: list[int] = []

    def per_4_weeks(self, queues: int) -> float:
        return self.false_alarms / queues / MEASURED_WEEKS * 4

    def result(self, queues: int) -> dict[str, Any]:
        at_60 = np.array(self.delays["at_60"])
        return {
            "median_detection_hours": finite(np.median(at_60)),
            "false_alarms_per_queue_4_weeks": round(self.per_4_weeks(queues), 3),
            "p90_detection_hours": finite(np.quantile(at_60, 0.9, method="higher")),
            "detected_within_24_hours": round(float(np.mean(at_60 <= 24)), 4),
            "median_detection_hours_any_hour": finite(np.median(self.delays["any_hour"])),
            "falls": len(at_60),
            "setting": self.setting,
        }


def finite(value: Any) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None


class Simulation:
    """All queues, one after another."""

    def __init__(self, queues: int, seed: int, wobble: float, rules: DropRules) -> None:
        self.queues, self.seed, self.wobble, self.rules = queues, seed, wobble, rules
        self.detector = Tally(**rules._asdict())
        self.cold_alarms = [0] * HISTORY_WEEKS
        self.peers = {
            (name, hours, at): Tally(hours=hours, threshold=round(float(threshold), 3))
            for name, (_, usual, thresholds) in PEERS.items()
            for hours in PEER_HOURS
            for at, threshold in enumerate([usual, *thresholds])
        }

    def run(self) -> None:
        for number in range(self.queues):
            self._queue(np.random.default_rng([self.seed, number]))

    def _queue(self, rng: np.random.Generator) -> None:
        end = (HISTORY_WEEKS + MEASURED_WEEKS) * WEEK
        queue = Queue(rng, HISTORY_WEEKS + MEASURED_WEEKS + 1, self.wobble)
        detector = DropDetector(self.rules, self.rules.prior_ratio)
        volume = (queue.expected[:-1] + queue.expected[1:]) / 2
        measured = np.arange(HISTORY_WEEKS * WEEK, end)
        at_60 = measured[(volume[measured] >= 50) & (volume[measured] <= 70)]
        falls = [(int(hour), "at_60") for hour in rng.choice(at_60, FALLS_AT_60)]
        falls += [(int(hour), "any_hour") for hour in rng.choice(measured, FALLS_AT_ANY_HOUR)]
        past: tuple[list[int], list[bool]] = ([], [])
        at = 0
        for hour, kind in [*sorted(falls), (end, "")]:
            times, kept = queue.draw(at, hour)
            for time_ms, outcome in zip(times, kept, strict=True):
                if detector.observe(time_ms, outcome) and detector.state is DropState.DROPPING:
                    week = time_ms // HOUR_MS // WEEK
                    if week < HISTORY_WEEKS:
                        self.cold_alarms[week] += 1
                    else:
                        self.detector.false_alarms += 1
            past[0].extend(times)
            past[1].extend(kept)
            at = hour
            if kind:
                fallen = queue.draw(hour, hour + FALL_HOURS, FALL)
                self._detector_in_a_fall(detector, hour, kind, *fallen)
                self._peers_in_a_fall(past, hour, kind, fallen)
        # The trailing week of the z-test reaches back before the measured weeks.
        start = (HISTORY_WEEKS - 2) * WEEK
        first = bisect_left(past[0], start * HOUR_MS)
        judged, kept_ = by_minute(past[0][first:], past[1][first:], start, end)
        for name, hours, statistic in self._statistics(judged, kept_):
            measured_statistic = statistic[2 * WEEK * 60 :]
            for peer, threshold in self._settings(name, hours):
                fired = np.flatnonzero(measured_statistic < threshold)
                peer.false_alarms += len(fired) and 1 + int((np.diff(fired) > 240).sum())

    def _detector_in_a_fall(
        self, detector: DropDetector, hour: int, kind: str, times: list[int], kept: list[bool]
    ) -> None:
        if detector.state is DropState.DROPPING:
            return
        copy = DropDetector.from_wire(self.rules, json.loads(json.dumps(detector.to_wire())))
        for number, (time_ms, outcome) in enumerate(zip(times, kept, strict=True), start=1):
            if copy.observe(time_ms, outcome) and copy.state is DropState.DROPPING:
                self.detector.delays[kind].append(time_ms / HOUR_MS - hour)
                if kind == "at_60":
                    self.detector.interactions.append(number)
                return
        self.detector.delays[kind].append(math.inf)

    def _peers_in_a_fall(
        self,
        past: tuple[list[int], list[bool]],
        hour: int,
        kind: str,
        fallen: tuple[list[int], list[bool]],
    ) -> None:
        start = hour - WEEK - 12
        first = bisect_left(past[0], start * HOUR_MS)
        judged, kept = by_minute(
            past[0][first:] + fallen[0], past[1][first:] + fallen[1], start, hour + FALL_HOURS
        )
        for name, hours, statistic in self._statistics(judged, kept):
            after = statistic[(hour - start) * 60 :]
            lowest = np.minimum.accumulate(after)
            before = statistic[(hour - start) * 60 - 1]
            for peer, threshold in self._settings(name, hours):
                if before < threshold:
                    continue
                # The lowest so far falls: the first minute below the threshold.
                minutes = int(np.searchsorted(-lowest, -threshold, side="right"))
                delay = (minutes + 1) / 60 if minutes < len(lowest) else math.inf
                peer.delays[kind].append(delay)

    def _statistics(self, judged: Counts, kept: Counts) -> Any:
        for name, (statistic, _, _) in PEERS.items():
            for hours in PEER_HOURS:
                yield name, hours, statistic(judged, kept, hours)

    def _settings(self, name: str, hours: int) -> Any:
        _, usual, thresholds = PEERS[name]
        for at, threshold in enumerate([usual, *thresholds]):
            yield self.peers[name, hours, at], threshold

    def results(self) -> dict[str, dict[str, Any]]:
        detector = self.detector.result(self.queues)
        detector["median_detection_interactions"] = int(np.median(self.detector.interactions))
        detector["false_alarms_per_queue_by_week_from_the_first"] = [
            round(alarms / self.queues, 3) for alarms in self.cold_alarms
        ]
        results = {"sequential": detector}
        for name in PEERS:
            results[name] = self.peers[name, USUAL_HOURS, 0].result(self.queues)
            allowed = [
                peer
                for (of, _, _), peer in self.peers.items()
                if of == name and peer.per_4_weeks(self.queues) <= MOST_FALSE_ALARMS
            ]
            best = min(allowed, key=lambda peer: float(np.median(peer.delays["at_60"])))
            results[f"{name}_tuned"] = best.result(self.queues)
        return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--queues", type=int, default=260)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wobble", type=float, default=0.03, help="in log-odds, hour to hour")
    parser.add_argument("--false-alarms", type=float, default=DropRules().false_alarms)
    arguments = parser.parse_args()
    rules = DropRules(false_alarms=arguments.false_alarms)
    simulation = Simulation(arguments.queues, arguments.seed, arguments.wobble, rules)
    simulation.run()
    results = simulation.results()
    if arguments.json:
        print(
            json.dumps(
                {
                    "seed": arguments.seed,
                    "queues": arguments.queues,
                    "queue_weeks": arguments.queues * MEASURED_WEEKS,
                    "history_weeks": HISTORY_WEEKS,
                    "wobble": arguments.wobble,
                    "methods": results,
                },
                indent=2,
            )
        )
        return
    print(
        f"{arguments.queues * MEASURED_WEEKS} queue-weeks after {HISTORY_WEEKS} weeks of history, "
        f"seed {arguments.seed}"
    )
    columns = {
        "median_detection_hours": "median h",
        "p90_detection_hours": "p90 h",
        "median_detection_hours_any_hour": "any hour h",
        "detected_within_24_hours": "in 24 h",
        "false_alarms_per_queue_4_weeks": "false/4 wk",
    }
    print(f"{'method':24}" + "".join(f"{title:>12}" for title in columns.values()))
    for name, result in results.items():
        cells = (("-" if result[key] is None else f"{result[key]:.2f}") for key in columns)
        print(f"{name:24}" + "".join(f"{cell:>12}" for cell in cells))
    cold = results["sequential"]["false_alarms_per_queue_by_week_from_the_first"]
    print(f"sequential, false alarms by week from the first: {cold}")


if __name__ == "__main__":
    main()

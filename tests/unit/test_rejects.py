"""Past a set share of rejected events the worker stops."""

from __future__ import annotations

from collections import Counter

import pytest

from stream.worker.rejects import WINDOW_EVENTS, RejectedShare, TooManyRejectedError


def malformed(count: int) -> Counter[str]:
    return Counter({"malformed": count})


def test_a_few_rejects_stop_nothing() -> None:
    share = RejectedShare(0.5)
    for _ in range(100):
        share.check(100, malformed(50))


def test_most_rejected_stops_with_the_reason() -> None:
    share = RejectedShare(0.5)
    share.check(WINDOW_EVENTS, Counter())
    for _ in range(5):
        share.check(100, malformed(97) + Counter({"bad_time": 3}))
    share.check(400, Counter())
    share.check(50, malformed(50))
    with pytest.raises(TooManyRejectedError, match=r"of them as malformed: .*MAX_REJECTED_RATIO"):
        share.check(50, malformed(50))


def test_before_a_window_is_full_nothing_stops() -> None:
    share = RejectedShare(0.5)
    share.check(WINDOW_EVENTS - 1, malformed(WINDOW_EVENTS - 1))
    with pytest.raises(TooManyRejectedError):
        share.check(1, malformed(1))


def test_what_is_long_past_no_longer_counts() -> None:
    share = RejectedShare(0.5)
    share.check(900, malformed(900))
    share.check(5_000, Counter())
    share.check(900, malformed(400))


def test_a_ratio_of_one_allows_everything() -> None:
    share = RejectedShare(1.0)
    for _ in range(50):
        share.check(100, malformed(100))

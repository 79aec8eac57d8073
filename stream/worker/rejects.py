"""Bounds how much may be rejected: a service that rejects most of what it reads is misconfigured,
and stopping before the offsets pass is what keeps those events for the repaired one."""

from __future__ import annotations

from collections import Counter, deque

from stream.settings import variable

WINDOW_EVENTS = 1_000
"""Events over which the share is taken. Until so many were read, nothing stops the worker."""


class TooManyRejectedError(RuntimeError):
    """More than the allowed share of the newest events was rejected; the text says why."""


class RejectedShare:
    """The share of rejected events among the newest :data:`WINDOW_EVENTS` or more.

    ``max_ratio`` of 1 allows everything.
    """

    def __init__(self, max_ratio: float) -> None:
        self._max_ratio = max_ratio
        self._batches: deque[tuple[int, Counter[str]]] = deque()
        self._events = 0
        self._rejected: Counter[str] = Counter()

    def check(self, events: int, rejected: Counter[str]) -> None:
        """Count a batch of ``events``, of which ``rejected`` were, by reason.

        Raises :class:`TooManyRejectedError`.
        """
        self._batches.append((events, rejected))
        self._events += events
        self._rejected += rejected
        while self._events - self._batches[0][0] >= WINDOW_EVENTS:
            oldest, reasons = self._batches.popleft()
            self._events -= oldest
            self._rejected -= reasons
        total = sum(self._rejected.values())
        if self._events >= WINDOW_EVENTS and total > self._max_ratio * self._events:
            reason, count = self._rejected.most_common(1)[0]
            raise TooManyRejectedError(
                f"{total} of the last {self._events} events were rejected, {count} of them as "
                f"{reason}: more than {variable('max_rejected_ratio')}={self._max_ratio:g} allows. "
                "Their offsets are not committed. Look into the rejected topic; then correct the "
                "producer or the settings, or raise the limit to let them pass"
            )

"""What the demo tells: a queue with a past, whose agents stop recognising and take it up again.

The drop detector trusts no queue that it has not seen for long (:mod:`stream.windows.drop`), so the
queue gets two weeks of past conversations first.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from itertools import cycle, pairwise, repeat

from stream.events import Event
from stream.recognition import Recognizer
from stream.session import ClosingRules, score_events
from stream.sources import Transcript

STORY_QUEUE = "orders"
"""The samples' queue with the most variety among those that are not recognised."""

USUAL_SHARE = 0.4
"""Recognised first, in the past and until the fall."""

PHASES = ((12, USUAL_SHARE), (150, 0.0), (150, 0.7))
"""Conversations and the share of them recognised first, over and over. The fall is twice as long
as is needed for the alarm and for looking at it, and so is what ends it."""

_DAYS = 14
_A_DAY = 90
"""Past conversations in :data:`_DAYS` days: in all a quarter more than a baseline needs
(``DropRules.min_history``), and in an hour so many that the board's shortest window states the
ratio of before the fall."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_PAST_ENDS_MS = 120_000
"""How long before now the past ends: what is going on happens since then."""

_PAST_TURNS = 6
"""Past conversations are cut short, and nobody waits long for them: who is recognised first has
been by then."""

_LONGEST_SILENCE_MS = 15_000
"""An e-mail's answer takes hours, a demo must not; nor must a session close for inactivity. And
what is replayed faster than it happened lies back by what its conversation still has to go: a gap
must be among the board's newest when it opens."""


class Story:
    """Conversations of :data:`STORY_QUEUE`, made of the samples; the same in every demo."""

    def __init__(self, samples: list[Transcript], recognizer: Recognizer) -> None:
        own = [sample for sample in samples if sample.queue == STORY_QUEUE]
        records = {
            closed.record.session_id: closed.record
            for sample in own
            for closed in score_events(sample.events(), recognizer, ClosingRules())
        }
        self._first = [sample for sample in own if records[sample.id].recognized_first]
        self._not_first = [sample for sample in own if not records[sample.id].recognized_first]
        self._never = [sample for sample in own if not records[sample.id].recognized]
        self._random = random.Random(1)  # noqa: S311  (which conversation, no secret)
        self._due = 0.0
        self._number = 0

    def past(self, now_ms: int) -> list[list[Event]]:
        """Two weeks of conversations up to shortly before ``now_ms``, by their starts: one hour of
        each day, this one, that the live ones are compared with."""
        conversations = []
        step_ms = _HOUR_MS // _A_DAY
        for days in range(_DAYS - 1, -1, -1):
            start_ms = now_ms - days * _DAY_MS - _PAST_ENDS_MS - _HOUR_MS
            for n in range(_A_DAY):
                talk = self._draw(USUAL_SHARE)
                events = shortened(talk._replace(turns=talk.turns[:_PAST_TURNS]).events())
                ends_ms = start_ms + n * step_ms + self._random.randrange(step_ms)
                offset_ms = ends_ms - events[-1].time_ms
                conversations.append(
                    [event._replace(time_ms=event.time_ms + offset_ms) for event in events]
                )
        return conversations

    def live(self) -> Iterator[Transcript]:
        """The conversations that go on, phase by phase, for ever."""
        for count, share in cycle(PHASES):
            for each in repeat(share, count):
                yield self._draw(each)

    def _draw(self, share: float) -> Transcript:
        # Not by chance, but evenly: a demo must not begin with a false alarm.
        self._due += share
        if self._due >= 1:
            self._due -= 1
            pool = self._first
        else:
            pool = self._not_first if share else self._never
        self._number += 1
        sample = self._random.choice(pool)
        return sample._replace(id=f"{sample.id}-{self._number}")


def by_time(conversations: list[list[Event]]) -> list[Event]:
    """The events of all conversations as they happened."""
    return list(heapq.merge(*conversations, key=lambda event: event.time_ms))


def shortened(events: list[Event]) -> list[Event]:
    """The events with no silence longer than :data:`_LONGEST_SILENCE_MS`."""
    out = events[:1]
    for before, event in pairwise(events):
        gap_ms = min(event.time_ms - before.time_ms, _LONGEST_SILENCE_MS)
        out.append(event._replace(time_ms=out[-1].time_ms + gap_ms))
    return out

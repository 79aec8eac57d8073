"""What the demo tells comes out at whatever time of the week it is started."""

from __future__ import annotations

from functools import cache
from itertools import islice, pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.cli.story import PHASES, STORY_QUEUE, Story, by_time
from stream.events import Event
from stream.recognition import fast
from stream.samples import sample_conversations
from stream.session import ClosingRules, score_events
from stream.windows import DropRules, DropState
from stream.windows.drop import DropDetector

MONDAY_MS = 1_767_571_200_000
WEEK_MS = 7 * 24 * 3_600_000
RULES = ClosingRules()
_EVENTS: dict[tuple[str, ...], list[Event]] = {}


@cache
def _first(texts: tuple[str, ...]) -> bool:
    (closed,) = score_events(_EVENTS[texts], fast(), RULES)
    assert closed.record.judged
    return closed.record.recognized_first


def recognized_first(events: list[Event]) -> bool:
    """What the service says of a conversation; one of the same words has been judged before."""
    texts = tuple(event.text for event in events)
    _EVENTS.setdefault(texts, events)
    return _first(texts)


@given(now_ms=st.integers(MONDAY_MS, MONDAY_MS + WEEK_MS))
@example(now_ms=MONDAY_MS + 3_590_000)  # another hour begins in the fall
@settings(max_examples=25, deadline=None)
def test_the_past_raises_no_alarm_and_the_fall_does(now_ms: int) -> None:
    story = Story(sample_conversations(), fast())
    detector = DropDetector(DropRules(), 0.4)
    for events in story.past(now_ms):
        assert not detector.observe(events[-1].time_ms, recognized_first(events))
    usual, fall, recovery = (count for count, _ in PHASES)
    changes = []
    # From here on two conversations a second end.
    for n, talk in enumerate(islice(story.live(), usual + fall + recovery)):
        if detector.observe(now_ms + n * 500, recognized_first(talk.events())):
            changes.append((n, detector.state))
    (dropped, first), (recovered, then) = changes
    assert (first, then) == (DropState.DROPPING, DropState.RECOVERED)
    assert usual <= dropped < usual + 40
    assert usual + fall <= recovered


def test_the_past_is_that_of_one_queue_in_the_order_in_which_it_happened() -> None:
    past = Story(sample_conversations(), fast()).past(MONDAY_MS)
    events = by_time(past)
    assert {event.queue for event in events} == {STORY_QUEUE}
    assert len({event.session_id for event in events}) == len(past)
    assert all(before.time_ms <= after.time_ms for before, after in pairwise(events))
    assert events[0].time_ms >= MONDAY_MS - 2 * WEEK_MS
    # Shortly before now: the live conversations' window follows, and nothing lies ahead of it.
    assert MONDAY_MS - 300_000 < events[-1].time_ms < MONDAY_MS
    # No session may close for inactivity.
    for conversation in past:
        steps = [b.time_ms - a.time_ms for a, b in pairwise(conversation)]
        assert max(steps) < RULES.inactivity_ms

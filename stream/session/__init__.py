"""Facts, state, closing and judgement of one conversation, and the sessions of a partition."""

from stream.session.facts import observe
from stream.session.gaps import GAP_KINDS, GapRules
from stream.session.judgement import BREAK_STEPS, judge
from stream.session.processor import (
    WATERMARK_KEY,
    Changes,
    ClosedSession,
    ClosingRules,
    GapChange,
    Mark,
    Outcome,
    SessionProcessor,
    newest_mark,
    score_events,
)
from stream.session.record import GapEvent, InteractionRecord
from stream.session.state import Fact, SessionState, StateError, encoded_offset

__all__ = [
    "BREAK_STEPS",
    "GAP_KINDS",
    "WATERMARK_KEY",
    "Changes",
    "ClosedSession",
    "ClosingRules",
    "Fact",
    "GapChange",
    "GapEvent",
    "GapRules",
    "InteractionRecord",
    "Mark",
    "Outcome",
    "SessionProcessor",
    "SessionState",
    "StateError",
    "encoded_offset",
    "judge",
    "newest_mark",
    "observe",
    "score_events",
]

"""Rollups of interactions per queue over event-time windows, baselines and drop detection."""

from stream.windows.contribution import OTHER_QUEUE, Contribution, ContributionError
from stream.windows.drop import DropDetector, DropRules, DropState
from stream.windows.processor import (
    FLOOR_KEY,
    Changes,
    Emission,
    Mark,
    Outcome,
    QueueRollups,
    RollupRules,
)
from stream.windows.rollup import WINDOWS, Rollup, Window

__all__ = [
    "FLOOR_KEY",
    "OTHER_QUEUE",
    "WINDOWS",
    "Changes",
    "Contribution",
    "ContributionError",
    "DropDetector",
    "DropRules",
    "DropState",
    "Emission",
    "Mark",
    "Outcome",
    "QueueRollups",
    "Rollup",
    "RollupRules",
    "Window",
]

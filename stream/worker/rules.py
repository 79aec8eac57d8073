"""The settings' part in the pure core."""

from __future__ import annotations

from stream.session import ClosingRules, GapRules
from stream.settings import Settings


def closing_rules(settings: Settings) -> ClosingRules:
    """When sessions close, by the settings."""
    return ClosingRules(
        linger_ms=round(settings.linger_seconds * 1000),
        inactivity_ms=round(settings.inactivity_seconds * 1000),
        max_age_ms=round(settings.max_age_seconds * 1000),
        grace_ms=round(settings.grace_seconds * 1000),
        max_events=settings.max_session_events,
        languages=frozenset(language.lower() for language in settings.languages),
    )


def gap_rules(settings: Settings) -> GapRules:
    """When a conversation lacks something, by the settings."""
    return GapRules(
        turns=settings.gap_turns,
        after_ms=round(settings.gap_seconds * 1000),
        settle_ms=round(settings.gap_settle_seconds * 1000),
    )

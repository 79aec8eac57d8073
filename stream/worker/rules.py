"""The settings' part in the pure core and the sources."""

from __future__ import annotations

from stream.session import ClosingRules, GapRules
from stream.settings import SettingError, Settings, variable
from stream.sources import MAPPING, Pseudonyms, Source, make_source
from stream.windows import DropRules, RollupRules


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


def rollup_rules(settings: Settings, partitions: int) -> RollupRules:
    """How the queues of one of ``partitions`` are rolled up, by the settings."""
    return RollupRules(
        grace_ms=round(settings.grace_seconds * 1000),
        min_judged=settings.min_judged,
        # Each partition folds for itself; together they keep to the limit, or nearly.
        max_queues=-(-settings.max_queues // partitions),
        drop=DropRules(false_alarms=settings.drop_false_alarms),
    )


def pseudonyms(settings: Settings) -> Pseudonyms | None:
    """What replaces references, by the settings; None where nothing does."""
    if settings.pseudonyms == "none":
        return None
    sessions = settings.pseudonyms == "agents_and_sessions"
    return Pseudonyms(settings.pseudonym_key.encode(), sessions=sessions)


def record_source(settings: Settings) -> Source:
    """How records of the events topic are read. Raises :class:`SettingError` for a mapping file
    that cannot be used."""
    source = _source(settings)
    replaced = pseudonyms(settings)
    return source if replaced is None else replaced.source(source)


def _source(settings: Settings) -> Source:
    if settings.source != MAPPING:
        return make_source(settings.source)
    # Only who maps pays for loading YAML and JMESPath.
    from stream.sources.mapping import MappingError, load_mapping

    try:
        return make_source(MAPPING, load_mapping(settings.mapping_file))
    except MappingError as error:
        raise SettingError(f"{variable('mapping_file')}: {error}") from None

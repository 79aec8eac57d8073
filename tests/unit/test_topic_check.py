"""What is said of topics, and what to do about them."""

from __future__ import annotations

from typing import Any

import pytest

from stream.settings import Settings
from stream.worker.topic_check import Found, Report, check
from stream.worker.topics import planned

SETTINGS = Settings()
EVENTS, GAPS = SETTINGS.events_topic, SETTINGS.gaps_topic
RECORDS, STATE = SETTINGS.interactions_topic, SETTINGS.changelog_topic


def fit(**changes: Found) -> dict[str, Found]:
    return {
        topic.name: Found(
            4, 3, 3, 0, {"cleanup.policy": "delete", "min.insync.replicas": "2"} | topic.config
        )
        for topic in planned(SETTINGS)
    }


def reports(changed: str = "", **changes: Any) -> dict[str, Report]:
    found = fit()
    if changed:
        config = changes.pop("config", {})
        topic = found[changed]._replace(**changes)
        found[changed] = topic._replace(config=dict(topic.config) | config)
    return {report.topic.name: report for report in check(SETTINGS, found, 3)}


def test_topics_as_they_should_be() -> None:
    for report in reports().values():
        assert report.ok
        assert report.findings == []


@pytest.mark.parametrize(
    ("topic", "changes", "serious", "says"),
    [
        (RECORDS, {"config": {"cleanup.policy": "delete"}}, True, "cleanup.policy=compact"),
        (STATE, {"config": {"cleanup.policy": "compact,delete"}}, True, "cleanup.policy=compact"),
        (EVENTS, {"config": {"cleanup.policy": "compact"}}, True, "cleanup.policy=delete"),
        (GAPS, {"config": {"cleanup.policy": "compact,delete"}}, True, "cleanup.policy=delete"),
        (GAPS, {"config": {"retention.ms": "-1"}}, False, "creates it with 86400000"),
        (STATE, {"partitions": 5}, True, "has 5 partitions and conversation.events has 4"),
        (EVENTS, {"leaderless": 2}, True, "2 partitions have no leader"),
        (EVENTS, {"in_sync": 2}, False, "2 of 3 replicas in sync"),
        (EVENTS, {"replicas": 1, "in_sync": 1}, True, "min.insync.replicas=2 and 1 replicas"),
        (STATE, {"replicas": 2, "in_sync": 2}, False, "min.insync.replicas=2 of 2"),
        (STATE, {"config": {"min.insync.replicas": "1"}}, False, "Set it to 2"),
        (
            STATE,
            {"replicas": 1, "in_sync": 1, "config": {"min.insync.replicas": "1"}},
            False,
            "EMPATHY_REPLICATION_FACTOR=3",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    topic: str, changes: dict[str, Any], serious: bool, says: str
) -> None:
    found = reports(topic, **changes)
    (finding,) = found[topic].findings
    assert finding.serious is serious
    assert says in finding.text
    assert [name for name, report in found.items() if report.findings] == [topic]


def test_partitions_of_what_others_read_are_yours_to_choose() -> None:
    assert reports(RECORDS, partitions=40)[RECORDS].findings == []
    assert not reports(EVENTS, partitions=40)[STATE].ok


def test_what_is_missing() -> None:
    found = fit()
    del found[GAPS]
    (missing,) = [report for report in check(SETTINGS, found, 3) if not report.ok]
    assert missing.topic.name == GAPS
    assert "empathy-stream topics create" in missing.findings[0].text


def test_what_brokers_do_not_tell_is_no_fault() -> None:
    assert reports(STATE, config={}, replicas=1, in_sync=1)
    found = {name: Found(4, 1, 1, 0, {}) for name in fit()}
    assert all(report.findings == [] for report in check(SETTINGS, found, 1))

"""``topics`` on real brokers."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from click.testing import CliRunner

import stream.cli.topics as command
from stream.cli import EXIT_FAILED, EXIT_UNAVAILABLE, main
from stream.embedded import free_port
from stream.settings import Settings
from stream.worker.topics import planned
from tests.contract.brokers import Broker, transactional_only
from tests.pipeline import own_topics, run, wait_for

pytestmark = pytest.mark.slow


def settings_for(broker: Broker) -> Settings:
    return Settings(
        bootstrap_servers=(broker.bootstrap_servers,),
        **own_topics(),
        partitions=3,
        create_topics=False,
    )


def told(done: Any) -> dict[str, dict[str, Any]]:
    return {line["topic"]: line for line in map(json.loads, done.stdout.splitlines())}


def create(settings: Settings, *topics: NewTopic) -> None:
    async def work() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers[0])
        await admin.start()
        try:
            await admin.create_topics(list(topics))
        finally:
            await admin.close()

    asyncio.run(work())


def test_missing_topics_are_told_created_and_then_fit(broker: Broker) -> None:
    settings = settings_for(broker)
    names = {topic.name for topic in planned(settings)}
    missing = run("topics", "check", settings=settings)
    assert missing.returncode == EXIT_FAILED
    assert {line["state"] for line in told(missing).values()} == {"missing"}
    created = run("topics", "create", settings=settings)
    assert created.returncode == 0, created.stderr
    assert told(created).keys() == names
    assert {line["state"] for line in told(created).values()} == {"created"}
    checked = run("topics", "check", settings=settings)
    assert checked.returncode == 0, checked.stdout
    for line in told(checked).values():
        assert (line["state"], line["partitions"]) == ("ok", 3)
    again = run("topics", "create", settings=settings)
    assert {line["state"] for line in told(again).values()} == {"ok"}
    table = run("topics", "check", "--table", settings=settings, environ={"COLUMNS": "200"})
    assert settings.gaps_topic in table.stdout.decode()


@transactional_only
def test_topics_that_do_not_fit_are_told(broker: Broker) -> None:
    settings = settings_for(broker)
    topics = [
        NewTopic(settings.events_topic, 3, 1),
        NewTopic(settings.interactions_topic, 3, 1, topic_configs={"cleanup.policy": "delete"}),
        NewTopic(settings.changelog_topic, 2, 1, topic_configs={"cleanup.policy": "compact"}),
    ]
    create(settings, *topics)

    def known() -> bool:
        states = [
            line["state"] for line in told(run("topics", "check", settings=settings)).values()
        ]
        return states.count("missing") == len(states) - len(topics)

    wait_for(known, "the topics known")
    checked = run("topics", "check", settings=settings)
    assert checked.returncode == EXIT_FAILED
    lines = told(checked)
    assert lines[settings.events_topic]["state"] == "ok"
    for topic, says in (
        (settings.interactions_topic, "kafka-configs.sh --alter"),
        (settings.changelog_topic, "2 partitions"),
    ):
        assert lines[topic]["state"] == "unfit"
        assert says in lines[topic]["findings"][0]["text"]


@transactional_only
def test_the_printed_commands_are_those_of_the_plan(broker: Broker) -> None:
    settings = settings_for(broker)
    printed = run("topics", "create", "--dry-run", settings=settings)
    assert printed.returncode == 0
    commands = [shlex.split(line, comments=True) for line in printed.stdout.decode().splitlines()]
    commands = [words for words in commands if words]
    assert [words[words.index("--topic") + 1] for words in commands] == [
        topic.name for topic in planned(settings)
    ]
    for words, topic in zip(commands, planned(settings), strict=True):
        assert words[0] == "kafka-topics.sh"
        assert words[words.index("--partitions") + 1] == "3"
        given = [words[n + 1] for n, word in enumerate(words) if word == "--config"]
        assert given == [f"{name}={value}" for name, value in topic.config.items()]
    assert {line["state"] for line in told(run("topics", "check", settings=settings)).values()} == {
        "missing"
    }


def test_without_a_broker_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_ANSWER_SECONDS", 1.5)
    servers = f"127.0.0.1:{free_port()}"
    shown = CliRunner().invoke(
        main, ["topics", "check"], env={"EMPATHY_BOOTSTRAP_SERVERS": servers}
    )
    assert shown.exit_code == EXIT_UNAVAILABLE
    assert f"no broker answers at {servers}" in shown.output

"""The topics: created with the settings the service relies on, or checked."""

from __future__ import annotations

import asyncio
import logging
import shlex
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAlreadyExistsError,
    for_code,
)

from stream.settings import Settings, variable
from stream.worker.kafka import client_options, reach

log = logging.getLogger(__name__)

_DAY_MS = 86_400_000


class TopicError(RuntimeError):
    """A topic that is missing or cannot serve; the message says what to do."""


class TopicPlan(NamedTuple):
    name: str
    partitions: int
    config: dict[str, str]


def plan(settings: Settings, partitions: int) -> list[TopicPlan]:
    """The topics that the worker writes to, where the events topic has ``partitions``."""
    return [
        TopicPlan(settings.rejected_topic, partitions, {"retention.ms": str(7 * _DAY_MS)}),
        TopicPlan(settings.interactions_topic, partitions, {"cleanup.policy": "compact"}),
        TopicPlan(
            settings.gaps_topic,
            partitions,
            # What is open matters while the conversation does, and that is a day at most.
            {"cleanup.policy": "delete", "retention.ms": str(_DAY_MS)},
        ),
        TopicPlan(settings.rollups_topic, partitions, {"retention.ms": str(7 * _DAY_MS)}),
        TopicPlan(settings.repartition_topic, partitions, {"retention.ms": str(7 * _DAY_MS)}),
        TopicPlan(settings.changelog_topic, partitions, {"cleanup.policy": "compact"}),
        TopicPlan(settings.rollups_changelog_topic, partitions, {"cleanup.policy": "compact"}),
    ]


def planned(settings: Settings, partitions: int | None = None) -> list[TopicPlan]:
    """All topics, the events topic first, where it has ``partitions``; by default, as they are
    created where none is there."""
    partitions = settings.partitions if partitions is None else partitions
    return [TopicPlan(settings.events_topic, partitions, {}), *plan(settings, partitions)]


def create_command(topic: TopicPlan, settings: Settings) -> str:
    """The command of Apache Kafka's that creates a topic."""
    words = ["kafka-topics.sh", "--create", "--topic", topic.name]
    words += ["--partitions", str(topic.partitions)]
    if settings.replication_factor != -1:
        words += ["--replication-factor", str(settings.replication_factor)]
    for name, value in topic.config.items():
        words += ["--config", f"{name}={value}"]
    return shlex.join(words)


def partitions_fault(settings: Settings, topic: str, held: int, partitions: int) -> str:
    """What is wrong with an internal topic of ``held`` partitions; empty where nothing is."""
    if held == partitions:
        return ""
    return (
        f"topic {topic} has {held} partitions and {settings.events_topic} has {partitions}: they "
        f"must match. Stop the workers, let open sessions end, and delete {topic}; "
        f"or set {variable('group_id')} to a new name"
    )


async def connect(settings: Settings) -> AIOKafkaAdminClient:
    """An admin client, once a broker answers: a broker that is not up yet is waited for.

    Raises :class:`~stream.settings.SettingError` where the brokers refuse us.
    """
    waited = 0.0
    while True:
        client = AIOKafkaAdminClient(**client_options(settings))
        try:
            await reach(settings)
            await client.start()
        except (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError, OSError) as error:
            await client.close()
            if waited % 10 == 0:
                log.warning(
                    "waiting for a Kafka broker",
                    extra={"brokers": list(settings.bootstrap_servers), "cause": str(error)},
                )
            await asyncio.sleep(1)
            waited += 1
        else:
            return client


async def ensure_topics(settings: Settings) -> int:
    """Create what is missing, check what is there; returns the events topic's partitions.

    Brokers that go away meanwhile are waited for. Raises :class:`TopicError`.
    """
    while True:
        try:
            return await _ensure_topics(settings)
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("the brokers went away; waiting", extra={"cause": str(error)})
            await asyncio.sleep(1)


async def _ensure_topics(settings: Settings) -> int:
    client = await connect(settings)
    try:
        found = await _partitions(client)
        events = settings.events_topic
        if events not in found:
            await _create(client, settings, TopicPlan(events, settings.partitions, {}))
            found[events] = settings.partitions
        partitions = found[events]
        for topic in plan(settings, partitions):
            if topic.name not in found:
                await _create(client, settings, topic)
        for internal in settings.internal_topics:
            held = found.get(internal, partitions)
            if fault := partitions_fault(settings, internal, held, partitions):
                raise TopicError(fault)
        return partitions
    finally:
        await client.close()


async def _partitions(client: AIOKafkaAdminClient) -> dict[str, int]:
    described = await client.describe_topics()
    return {
        topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0
    }


async def _create(client: AIOKafkaAdminClient, settings: Settings, topic: TopicPlan) -> None:
    if not settings.create_topics:
        raise TopicError(
            f"topic {topic.name} does not exist and {variable('create_topics')} is false. Create "
            f"it: {create_command(topic, settings)}"
        )
    broker_default = settings.replication_factor == -1
    wanted = NewTopic(
        topic.name,
        topic.partitions,
        settings.replication_factor,
        replica_assignments={} if broker_default else None,
        topic_configs=topic.config,
    )
    try:
        response: Any = await client.create_topics([wanted])
        for _, code, *message in response.topic_errors:
            if code:
                raise for_code(code)(*message)
    except TopicAlreadyExistsError:
        return  # another worker was quicker
    except KafkaError as error:
        if error.retriable:  # a controller that is busy or on its way
            raise
        raise TopicError(
            f"topic {topic.name} cannot be created ({error}): create it by hand, or let "
            f"{variable('replication_factor')} fit the number of brokers"
        ) from None
    log.info("topic created", extra={"topic": topic.name, "partitions": topic.partitions})

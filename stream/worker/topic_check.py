"""Whether the topics that there are suit the service, and what to do where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.settings import Settings, variable
from stream.worker.topics import TopicPlan, connect, partitions_fault, planned

_COMPACT, _DELETE = "compact", "delete"


class Found(NamedTuple):
    """A topic as the brokers tell it. ``config`` lacks what they do not tell; ``in_sync`` and
    ``replicas`` are those of the partition that has the fewest."""

    partitions: int
    replicas: int
    in_sync: int
    leaderless: int
    config: Mapping[str, str]


class Finding(NamedTuple):
    """``serious``: the service will not work, or loses what it should keep. ``text`` says what is
    wrong and what to do."""

    serious: bool
    text: str


class Report(NamedTuple):
    """A topic, what is there of it, and what is wrong with that."""

    topic: TopicPlan
    found: Found | None
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        return not any(finding.serious for finding in self.findings)


def check(settings: Settings, found: Mapping[str, Found], brokers: int) -> list[Report]:
    """Every topic of the service, the events topic first."""
    events = found.get(settings.events_topic)
    topics = planned(settings, None if events is None else events.partitions)
    return [
        Report(
            topic,
            found.get(topic.name),
            list(_findings(settings, topic, found.get(topic.name), brokers)),
        )
        for topic in topics
    ]


def _findings(
    settings: Settings, topic: TopicPlan, found: Found | None, brokers: int
) -> Iterator[Finding]:
    if found is None:
        yield Finding(True, "does not exist. Run: empathy-stream topics create")
        return
    if topic.name in settings.internal_topics:
        fault = partitions_fault(settings, topic.name, found.partitions, topic.partitions)
        if fault:
            yield Finding(True, fault)
    if found.leaderless:
        yield Finding(
            True,
            f"{found.leaderless} partitions have no leader: brokers are down. Start them, or move "
            "the partitions with kafka-reassign-partitions.sh",
        )
    yield from _policy(topic, found)
    yield from _replication(found, brokers)


def _policy(topic: TopicPlan, found: Found) -> Iterator[Finding]:
    policy = found.config.get("cleanup.policy")
    if policy is not None:
        held = set(policy.split(","))
        if topic.config.get("cleanup.policy") == _COMPACT:
            if held != {_COMPACT}:
                lost = "after a while what it holds is deleted"
                yield Finding(True, f"cleanup.policy={policy}: {lost}. {_alter(topic, _COMPACT)}")
        elif _COMPACT in held:
            lost = "all but the last message of each key is deleted"
            yield Finding(True, f"cleanup.policy={policy}: {lost}. {_alter(topic, _DELETE)}")
    wanted, kept = (config.get("retention.ms") for config in (topic.config, found.config))
    if wanted is not None and kept is not None and kept != wanted:
        yield Finding(
            False,
            f"retention.ms={kept}: the service creates it with {wanted}. Yours holds; see "
            "deploy/privacy.md",
        )


def _alter(topic: TopicPlan, policy: str) -> str:
    return (
        f"Run: kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} "
        f"--add-config cleanup.policy={policy}"
    )


def _replication(found: Found, brokers: int) -> Iterator[Finding]:
    if found.in_sync < found.replicas:
        yield Finding(
            False,
            f"a partition has {found.in_sync} of {found.replicas} replicas in sync: a broker is "
            "down or behind",
        )
    least = found.config.get("min.insync.replicas", "")
    if least.isdecimal() and int(least) > found.replicas:
        yield Finding(
            True,
            f"min.insync.replicas={least} and {found.replicas} replicas: nothing can be written. "
            "Lower the one or raise the other",
        )
    elif found.replicas == 1:
        if brokers > 1:
            yield Finding(
                False,
                "one replica: a broker that is lost takes it along. Create it with "
                f"{variable('replication_factor')}=3, or add replicas with "
                "kafka-reassign-partitions.sh",
            )
    elif least == str(found.replicas):
        yield Finding(
            False,
            f"min.insync.replicas={least} of {found.replicas}: one broker down, and nothing can be "
            f"written. Set it to {found.replicas - 1}",
        )
    elif least == "1":
        yield Finding(
            False,
            "min.insync.replicas=1: what one broker alone has acknowledged is lost with it. Set it "
            "to 2",
        )


async def look(settings: Settings) -> tuple[dict[str, Found], int]:
    """The topics that there are, and how many brokers. Raises what
    :func:`~stream.worker.topics.connect` does, and ``KafkaError``."""
    client = await connect(settings)
    try:
        # All topics: a broker may create one that it is asked for by name.
        described = {
            topic["topic"]: topic["partitions"]
            for topic in await client.describe_topics()
            if topic["error_code"] == 0
        }
        wanted = {topic.name for topic in planned(settings)}
        names = sorted(wanted & described.keys())
        configs = await _configs(client, names) if names else {}
        brokers = len((await client.describe_cluster())["brokers"])
        return {name: _found(described[name], configs.get(name, {})) for name in names}, brokers
    finally:
        await client.close()


def _found(partitions: list[dict[str, Any]], config: dict[str, str]) -> Found:
    return Found(
        len(partitions),
        min(len(each["replicas"]) for each in partitions),
        min(len(each["isr"]) for each in partitions),
        sum(each["leader"] < 0 for each in partitions),
        config,
    )


async def _configs(client: Any, names: list[str]) -> dict[str, dict[str, str]]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in await client.describe_configs(wanted)
        for resource in answer.resources
        if resource[0] == 0  # else not ours to see
    }

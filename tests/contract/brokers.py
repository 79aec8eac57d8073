"""The brokers that the contract tests run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.embedded import EmbeddedBroker

EXTERNAL = os.environ.get("STREAM_TEST_BOOTSTRAP_SERVERS", "")
"""``host:port`` of a broker of any other make, to run the same tests on it as well."""

TRANSACTIONAL = ["kafka", *(["external"] if EXTERNAL else [])]
ALL = ["embedded", *TRANSACTIONAL]

embedded_only = pytest.mark.parametrize("broker", ["embedded"], indirect=True)
transactional_only = pytest.mark.parametrize("broker", TRANSACTIONAL, indirect=True)


class Broker(NamedTuple):
    """A broker under test. ``session_seconds`` is the shortest session timeout that suits it."""

    kind: str
    bootstrap_servers: str
    session_seconds: float


@pytest.fixture(scope="module", params=ALL)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Each test that takes it runs once on each broker."""
    if request.param == "embedded":
        with EmbeddedBroker() as embedded:
            yield Broker("embedded", embedded.bootstrap_servers, 2.0)
    elif request.param == "kafka":
        yield Broker("kafka", request.getfixturevalue("kafka").bootstrap_servers, 2.0)
    else:
        # Apache Kafka's default of group.min.session.timeout.ms.
        yield Broker("external", EXTERNAL, 6.0)


async def create_topic(servers: str, name: str, partitions: int, **config: str) -> int:
    """Create a topic; the broker's error code."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        return int(answer.topic_errors[0][1])
    finally:
        await admin.close()

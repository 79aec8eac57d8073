"""Shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.kafka.broker import KafkaCluster
from tests.kafka.fixtures import running_kafka

# Machines are slow and shared: a slow example is no failure.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One plain Apache Kafka broker for all tests: they take topics and groups of their own, and
    let it live. Whoever stops or kills brokers starts some with ``running_kafka``."""
    with running_kafka(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """The same with TLS: it demands a client certificate, and then a user."""
    directory = tmp_path_factory.mktemp("secure-kafka")
    with running_kafka(directory, security="SASL_SSL", mutual_tls=True) as cluster:
        yield cluster

"""Apache Kafka for tests that cannot do without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.broker import KafkaCluster, KafkaUnavailable

__all__ = ["running_kafka"]


@contextmanager
def running_kafka(directory: Path, **options: Any) -> Iterator[KafkaCluster]:
    """A :class:`KafkaCluster` with ``options``.

    Where the machine cannot run one, the test is skipped with the reason; in CI (``CI`` is set)
    it fails.
    """
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(KafkaCluster(directory, **options))
        except KafkaUnavailable as reason:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Apache Kafka: {reason}")
        yield cluster

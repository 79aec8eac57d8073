"""Bytewax: a stateful operator between Kafka's source and sink, recovery on.

Snapshots are of the sessions touched since the last one and go to SQLite, here every 5 seconds as
Quix Streams commits: https://docs.bytewax.io/stable/guide/concepts/recovery.html. An operator of
one's own (``StatefulBatchLogic`` in
https://docs.bytewax.io/stable/api/bytewax/bytewax.operators.html) makes them of encoded bytes, and
not by deep copies of the state. The Kafka connector reads batches of 1,000 by default.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow

from tests.benchmarks.peers import job


class Session(op.StatefulBatchLogic[KafkaSourceMessage, bytes, bytes]):
    def __init__(self, held: bytes | None) -> None:
        self._state = None if held is None else job.unpack(held)

    def on_batch(self, messages: list[KafkaSourceMessage]) -> tuple[Iterable[bytes], bool]:
        for message in messages:
            event = job.event_of(message.key, message.value)
            self._state = job.add(self._state, message.offset, event)
            record = job.record(self._state, event)
            if record is not None:
                return (record,), self.DISCARD
        return (), self.RETAIN

    def snapshot(self) -> bytes:
        assert self._state is not None
        return job.pack(self._state)


def build() -> Dataflow:
    flow = Dataflow("empathy")
    messages: Any = op.input("events", flow, KafkaSource([job.SERVERS], [job.EVENTS]))
    keyed = op.key_on("by_session", messages, lambda message: message.key.decode())
    records = op.stateful_batch("judge", keyed, Session)
    sent = op.map("to_kafka", records, lambda pair: KafkaSinkMessage(pair[0].encode(), pair[1]))
    # librdkafka places keys otherwise than Kafka's own clients by default.
    config = {"compression.type": "lz4", "partitioner": "murmur2_random"}
    op.output("records", sent, KafkaSink([job.SERVERS], job.RECORDS, add_config=config))
    return flow


flow = build()

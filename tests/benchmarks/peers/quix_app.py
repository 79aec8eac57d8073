"""Quix Streams: a stateful function over a dataframe, state in RocksDB with its changelog.

As https://quix.io/docs/quix-streams/advanced/stateful-processing.html shows; state is kept as
bytes, which spares its own JSON encoding. A checkpoint flushes, writes one changelog message per
key and commits every 5 seconds, the default
(https://quix.io/docs/quix-streams/advanced/checkpointing.html); the producer batches and compresses
(https://quix.io/docs/quix-streams/configuration.html, ``producer_extra_config``).
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State, message_context

from tests.benchmarks.peers import job

app = Application(
    broker_address=job.SERVERS,
    consumer_group=job.GROUP,
    auto_offset_reset="earliest",
    state_dir=job.STATE,
    producer_extra_config={"linger.ms": 20, "compression.type": "lz4"},
    loglevel="WARNING",
)


def judge_session(value: bytes, key: bytes, timestamp: int, headers: Any, state: State) -> Any:
    event = job.event_of(key, value)
    held = state.get_bytes("session")
    session = None if held is None else job.unpack(held)
    session = job.add(session, message_context().offset, event)
    record = job.record(session, event)
    if record is None:
        state.set_bytes("session", job.pack(session))
    else:
        state.delete("session")
    return record


def main() -> None:
    raw = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
    events = app.topic(job.EVENTS, **raw)
    records = app.topic(job.RECORDS, key_serializer="bytes", value_serializer="bytes")
    frame = app.dataframe(events)
    frame = frame.apply(judge_session, stateful=True, metadata=True)
    frame = frame.filter(lambda record: record is not None)
    frame.to_topic(records)
    app.run()


if __name__ == "__main__":
    main()

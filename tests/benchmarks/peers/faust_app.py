"""The idiomatic Faust app: an agent, a table with its changelog, one event at a time.

State is a table's value, put back after each event, as the guide on tables shows
(https://faust-streaming.github.io/faust/userguide/tables.html), with a codec of its own (
https://faust-streaming.github.io/faust/userguide/models.html#codec-registry), so that only the
changelog is encoded. The store is ``memory://``, which is faster than RocksDB where the state fits:
durability is the changelog's in both. Settings:
https://faust-streaming.github.io/faust/userguide/settings.html.
"""

from __future__ import annotations

from typing import Any

import faust
from faust.serializers import codecs

from stream.session import SessionState
from tests.benchmarks.peers import job


class SessionCodec(codecs.Codec):  # type: ignore[misc]
    def _dumps(self, state: SessionState) -> bytes:
        return job.pack(state)

    def _loads(self, data: bytes) -> SessionState:
        return job.unpack(data)


codecs.register("session", SessionCodec())

app = faust.App(
    job.GROUP,
    broker=f"kafka://{job.SERVERS}",
    store="memory://",
    datadir=job.STATE,
    topic_partitions=4,
    consumer_auto_offset_reset="earliest",
    # Batches for the broker: by default each message is sent as soon as it can be.
    producer_linger=0.02,
    stream_buffer_maxsize=16_384,
    # No pause after each event for others to run.
    stream_wait_empty=False,
    web_enabled=False,
)
events = app.topic(job.EVENTS, key_type=bytes, value_type=bytes, value_serializer="raw")
records = app.topic(job.RECORDS, key_type=bytes, value_type=bytes, value_serializer="raw")
schema = faust.Schema(key_type=bytes, value_serializer="session")
sessions = app.Table("sessions", schema=schema, partitions=4)


@app.agent(events)
async def judge_sessions(stream: Any) -> None:
    async for received in stream.events():
        key = received.key
        event = job.event_of(key, received.value)
        state = job.add(sessions.get(key), received.message.offset, event)
        record = job.record(state, event)
        if record is None:
            sessions[key] = state
        else:
            await records.send(key=key, value=record)
            sessions.pop(key, None)


if __name__ == "__main__":
    app.main()

"""The idiomatic Faust app: an agent, a table with its changelog, one event at a time.

State is a table's value, put back after each event, as the guide on tables shows
(https://faust-streaming.github.io/faust/userguide/tables.html), as bytes, which spares a model's
JSON. The store is ``memory://``, which is faster than RocksDB where the state fits: durability is
the changelog's in both. Settings: https://faust-streaming.github.io/faust/userguide/settings.html.
"""

from __future__ import annotations

from typing import Any

import faust

from tests.benchmarks.peers import job

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
sessions = app.Table("sessions", key_type=bytes, value_type=bytes, partitions=4)


@app.agent(events)
async def judge_sessions(stream: Any) -> None:
    async for received in stream.events():
        key = received.key
        event = job.event_of(key, received.value)
        held = sessions.get(key)
        state = None if held is None else job.unpack(held)
        state = job.add(state, received.message.offset, event)
        record = job.record(state, event)
        if record is None:
            sessions[key] = job.pack(state)
        else:
            await records.send(key=key, value=record)
            sessions.pop(key, None)


if __name__ == "__main__":
    app.main()

"""The log that benchmarks of the whole service read: conversations of the corpus, as they happen.

Each conversation takes the corpus's texts as they are. Turns follow each other by gaps that are
log-normal around a median of their channel, conversations begin at random times, and what happens
is interleaved by time, so that a batch holds few events of many conversations. Seeded.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import murmur2

from stream.events import Event, EventType, Speaker, encode
from stream.sources import Transcript
from stream.sources.transcript import Turn
from tests.training.corpus import read_corpus

PARTITIONS = 4
START_MS = 1_767_225_600_000

_MEDIAN_GAP_SECONDS = {"voice": 7.0, "chat": 30.0, "social": 90.0, "email": 180.0}
"""Between turns. Those of social media and of mail are shorter than real ones, which the
inactivity time would cut into several sessions."""
_GAP_SPREAD = 0.6
_MOST_GAP_SECONDS = 600.0
_AGENTS = 400


class Message(NamedTuple):
    """An event of the log, encoded, and where it belongs."""

    partition: int
    time_ms: int
    key: bytes
    value: bytes
    ends: bool


class Log:
    """Messages in the order of their time, and how far in them a number of records is."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.sessions = sum(message.ends for message in messages)
        seen = [0] * PARTITIONS
        self._ends: list[list[int]] = [[0] for _ in range(PARTITIONS)]
        for message in messages:
            seen[message.partition] += 1
            if message.ends:
                self._ends[message.partition].append(seen[message.partition])

    def __len__(self) -> int:
        return len(self.messages)

    def processed(self, records: Sequence[int]) -> int:
        """Events that must have been read where each partition has yielded that many records.

        Records leave a partition in the order in which its conversations ended.
        """
        return sum(
            ends[min(count, len(ends) - 1)] for ends, count in zip(self._ends, records, strict=True)
        )


def partition_of(key: bytes) -> int:
    """As Kafka's clients place it."""
    return int(murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def conversations(count: int, seed: int = 1, start_ms: int = START_MS) -> Iterator[Transcript]:
    """Conversations of the corpus, drawn with replacement, each begun at ``start_ms``."""
    rng = random.Random(seed)
    corpus = read_corpus()
    for n in range(count):
        drawn = rng.choice(corpus)
        median = _MEDIAN_GAP_SECONDS[drawn.channel]
        now = start_ms
        turns = []
        for turn in drawn.turns:
            gap = min(_MOST_GAP_SECONDS, median * rng.lognormvariate(0, _GAP_SPREAD))
            now += round(gap * 1000)
            turns.append(Turn(Speaker(turn.speaker), turn.text, now))
        yield Transcript(
            f"{rng.getrandbits(64):016x}-{n}",
            tuple(turns),
            start_ms,
            f"{drawn.scenario}-{drawn.channel}",
            drawn.channel,
            "en",
            f"agent-{rng.randrange(_AGENTS)}",
        )


def interleaved(sessions: int, concurrent: int, seed: int = 1) -> list[Event]:
    """All events of ``sessions`` conversations by time, about ``concurrent`` of them at once."""
    drawn = [transcript.events() for transcript in conversations(sessions, seed)]
    lasting = sum(events[-1].time_ms - events[0].time_ms for events in drawn) / len(drawn)
    rng = random.Random(seed)
    events = []
    for session in drawn:
        begun = rng.randrange(max(1, round(lasting * sessions / concurrent)))
        events += [event._replace(time_ms=event.time_ms + begun) for event in session]
    events.sort(key=lambda event: event.time_ms)  # stable: each session keeps its order
    return events


def log_of(events: Sequence[Event]) -> Log:
    messages = []
    for event in events:
        key = event.session_id.encode()
        ends = event.type is EventType.SESSION_ENDED
        messages.append(Message(partition_of(key), event.time_ms, key, encode(event), ends))
    return Log(messages)


def open_sessions(count: int, seed: int = 3) -> tuple[list[Message], float]:
    """The beginnings of ``count`` conversations that go on, each cut at a random place, all begun
    in one second; and how many events each has, in the mean."""
    rng = random.Random(seed)
    messages = []
    for transcript in conversations(count, seed):
        events = transcript.events()
        key = transcript.id.encode()
        for n, event in enumerate(events[: rng.randrange(1, len(events))]):
            event = event._replace(time_ms=START_MS + n)
            messages.append(
                Message(partition_of(key), event.time_ms, key, encode(event), ends=False)
            )
    messages.sort(key=lambda message: message.time_ms)
    return messages, len(messages) / count


async def create_topics(servers: str, *topics: str) -> None:
    """Topics that keep what they hold, however old its timestamps are."""
    client = AIOKafkaAdminClient(bootstrap_servers=servers)
    await client.start()
    try:
        config = {"retention.ms": "-1"}
        await client.create_topics(
            [NewTopic(name, PARTITIONS, 1, topic_configs=config) for name in topics]
        )
    finally:
        await client.close()


def write(servers: str, topic: str, messages: Sequence[Message]) -> None:
    """Write the messages in order, each with its event's time as the record's timestamp."""

    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=20)
        await producer.start()
        try:
            for chunk in _chunks(messages, 20_000):
                pending = [
                    await producer.send(
                        topic,
                        message.value,
                        message.key,
                        partition=message.partition,
                        timestamp_ms=message.time_ms,
                    )
                    for message in chunk
                ]
                await asyncio.gather(*pending)
        finally:
            await producer.stop()

    asyncio.run(produce())


def _chunks(messages: Sequence[Message], size: int) -> Iterator[Sequence[Message]]:
    for start in itertools.count(0, size):
        if start >= len(messages):
            return
        yield messages[start : start + size]

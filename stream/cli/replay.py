"""The samples as a stream that does not end: what ``demo`` shows, for any brokers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from rich.console import Console

from stream.cli import EXIT_UNAVAILABLE, EXIT_USAGE, stop
from stream.cli.produce import send_events, shifted
from stream.cli.story import STORY_QUEUE, Story, by_time, shortened
from stream.events import encode
from stream.recognition import recognizer_named
from stream.samples import sample_conversations
from stream.settings import SettingError, Settings
from stream.sources import Transcript
from stream.worker.kafka import assignment_ends, client_options
from stream.worker.topics import TopicError, ensure_topics

PAST_PARTITION = 0
"""Of the events topic. Partitions are not read in step, and the past goes by so fast that what one
lags behind another would come too late to count."""

_ARRIVAL_SECONDS = 15
"""From one conversation's start to the next in the story's queue, in the conversations' time."""


async def feed(
    producer: AIOKafkaProducer, topic: str, story: Story, speed: float, run: str = ""
) -> None:
    """The story's queue, and half as many in all others: the samples for ever, each time as new
    conversations. ``run`` ends their ids, which are the same in every run without it."""
    talking: set[asyncio.Task[None]] = set()
    try:
        others = _others()
        for number, told in enumerate(story.live()):
            for transcript in (told, next(others)) if number % 2 else (told,):
                named = transcript._replace(id=transcript.id + run)
                task = asyncio.create_task(_talk(producer, topic, named, speed))
                talking.add(task)
                task.add_done_callback(talking.discard)
            await asyncio.sleep(_ARRIVAL_SECONDS / speed)
    finally:
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


def _others() -> Iterator[Transcript]:
    transcripts = [sample for sample in sample_conversations() if sample.queue != STORY_QUEUE]
    order = random.Random(1)  # noqa: S311  (a shuffle, the same in every demo)
    for number in count(1):
        order.shuffle(transcripts)
        for transcript in transcripts:
            yield transcript._replace(id=f"{transcript.id}-{number}")


async def _talk(
    producer: AIOKafkaProducer, topic: str, transcript: Transcript, speed: float
) -> None:
    """One conversation, whose last event happens about when it is sent."""
    events = shortened(transcript.events())
    took_ms = events[-1].time_ms - events[0].time_ms
    previous_ms: int | None = None
    for event in shifted(events, int(time.time() * 1000 - took_ms * (1 - 1 / speed))):
        if previous_ms is not None:
            await asyncio.sleep((event.time_ms - previous_ms) / 1000 / speed)
        previous_ms = event.time_ms
        await producer.send_and_wait(topic, encode(event), event.session_id.encode())


def run_replay(settings: Settings, speed: float) -> int:
    """``produce --samples``: until SIGTERM or Ctrl-C; returns the exit code."""
    try:
        asyncio.run(_replay(settings, speed, Console(stderr=True)))
    except SettingError as error:
        stop(str(error), EXIT_USAGE)
    except (TopicError, KafkaError) as error:
        stop(f"the brokers went away: {error}", EXIT_UNAVAILABLE)
    return 0


async def _replay(settings: Settings, speed: float, console: Console) -> None:
    replaying = asyncio.current_task()
    assert replaying is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        # It may be the first process of a container, which no signal ends that it does not handle.
        asyncio.get_running_loop().add_signal_handler(number, replaying.cancel)
    try:
        await ensure_topics(settings)
        story = Story(sample_conversations(), recognizer_named(settings.recognizer))
        async with AIOKafkaProducer(**client_options(settings), acks="all") as producer:
            if await _is_empty(settings, producer):
                await _tell_past(settings, producer, story, console)
            console.print(f"conversations go to {settings.events_topic}, until Ctrl-C")
            run = f"-{int(time.time()):x}"
            await feed(producer, settings.events_topic, story, speed, run)
    except asyncio.CancelledError:
        console.print("stopped")


async def _is_empty(settings: Settings, producer: AIOKafkaProducer) -> bool:
    """Whether nothing has been sent to the events topic yet: where something has, the queue has a
    past already, and would get a second one."""
    async with _reading(settings, settings.events_topic, producer) as consumer:
        ends = await assignment_ends(consumer, ",".join(settings.bootstrap_servers))
        return not any(ends.values())


async def _tell_past(
    settings: Settings, producer: AIOKafkaProducer, story: Story, console: Console
) -> None:
    """Send the past, and wait until a worker has judged it: the queue's live conversations must
    not count before it."""
    past = story.past(int(time.time() * 1000))
    waiting = {events[0].session_id for events in past}
    async with _reading(settings, settings.interactions_topic, producer) as consumer:
        events = by_time(past)
        await send_events(producer, settings.events_topic, events, None, partition=PAST_PARTITION)
        console.print(f"two weeks of queue {STORY_QUEUE} sent; waiting for a worker to judge them")
        while waiting:
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                waiting -= {orjson.loads(message.value)["session_id"] for message in batch}


@contextlib.asynccontextmanager
async def _reading(
    settings: Settings, topic: str, producer: AIOKafkaProducer
) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads ``topic`` from its beginning, in no group."""
    consumer = AIOKafkaConsumer(**client_options(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        # A consumer without a subscription knows only what a broker tells unasked.
        partitions = await producer.partitions_for(topic)
        consumer.assign([TopicPartition(topic, partition) for partition in partitions])
        yield consumer
    finally:
        # aiokafka cancels tasks of its own here, and at times lets that out.
        with contextlib.suppress(asyncio.CancelledError):
            await consumer.stop()

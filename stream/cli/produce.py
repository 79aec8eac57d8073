"""``produce``: transcripts and events from files to the events topic."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stream.cli import EXIT_UNAVAILABLE, EXIT_USAGE, stop
from stream.events import Event, encode
from stream.settings import SettingError, Settings
from stream.sources import FileError, read_conversations
from stream.worker.kafka import client_options
from stream.worker.topics import TopicError, ensure_topics

_IN_FLIGHT = 5_000
"""Messages handed to the client before their acknowledgements are awaited."""


def timeline(files: Sequence[str], *, by_time: bool) -> list[Event]:
    """The events of ``files``: in the order of the files, or, ``by_time``, as they happened, the
    conversations interleaved. Raises :class:`FileError`."""
    conversations: list[list[Event]] = []
    for conversation in read_conversations(files):
        conversations.append(
            [conversation] if isinstance(conversation, Event) else conversation.events()
        )
    if by_time:
        return list(heapq.merge(*conversations, key=lambda event: event.time_ms))
    return [event for events in conversations for event in events]


def shifted(events: Sequence[Event], start_ms: int) -> list[Event]:
    """The events with all times moved so that the earliest is at ``start_ms``."""
    if not events:
        return []
    offset = start_ms - min(event.time_ms for event in events)
    return [event._replace(time_ms=event.time_ms + offset) for event in events]


def paced(events: Sequence[Event], speed: float | None) -> Iterator[tuple[float, Event]]:
    """Each event with the seconds after the start at which it is due; None: at once."""
    first = events[0].time_ms if events else 0
    for event in events:
        due = 0.0 if speed is None else max(0.0, (event.time_ms - first) / 1000 / speed)
        yield due, event


async def send_events(
    producer: AIOKafkaProducer,
    topic: str,
    events: Sequence[Event],
    speed: float | None,
    progress: Progress | None = None,
    partition: int | None = None,
) -> None:
    """Send every event, keyed by its session, and wait for the acknowledgements. ``partition``
    instead of that of the key: no other event of these sessions may be sent elsewhere."""
    task = progress.add_task("events", total=len(events)) if progress else None
    started = time.monotonic()
    pending: list[asyncio.Future[object]] = []
    for due, event in paced(events, speed):
        wait = started + due - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        key = event.session_id.encode()
        pending.append(await producer.send(topic, encode(event), key, partition))
        if len(pending) >= _IN_FLIGHT:
            await asyncio.gather(*pending)
            pending.clear()
        if progress and task is not None:
            progress.advance(task)
    await asyncio.gather(*pending)


def run_produce(settings: Settings, files: Sequence[str], speed: float | None, shift: bool) -> int:
    try:
        events = timeline(files, by_time=speed is not None)
    except FileError as error:
        stop(str(error), EXIT_USAGE)
    if shift:
        events = shifted(events, int(time.time() * 1000))
    console = Console(stderr=True)
    try:
        asyncio.run(_produce(settings, events, speed, console))
    except SettingError as error:
        stop(str(error), EXIT_USAGE)
    except (TopicError, KafkaError) as error:
        stop(f"not all events were sent: {error}", EXIT_UNAVAILABLE)
    except KeyboardInterrupt:
        stop("interrupted: not all events were sent; sending the file again is safe", 130)
    sessions = len({event.session_id for event in events})
    console.print(
        f"{len(events)} events of {sessions} conversations sent to {settings.events_topic}"
    )
    return 0


async def _produce(
    settings: Settings, events: list[Event], speed: float | None, console: Console
) -> None:
    await ensure_topics(settings)
    producer = AIOKafkaProducer(**client_options(settings), acks="all", linger_ms=5)
    await producer.start()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            await send_events(producer, settings.events_topic, events, speed, progress)
    finally:
        await producer.stop()

"""``demo``: broker, worker, metrics and sample conversations on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from stream.cli import EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE, stop
from stream.cli.produce import send_events
from stream.cli.replay import PAST_PARTITION, feed
from stream.cli.story import STORY_QUEUE, Story, by_time
from stream.cli.tables import records_table
from stream.embedded import EmbeddedBroker, EmbeddedBrokerError, free_port
from stream.events import Event
from stream.recognition import recognizer_named
from stream.samples import sample_conversations
from stream.settings import PREFIX, SettingError, Settings, variable
from stream.worker.topics import ensure_topics

_START_SECONDS = 30
_ONCE_SECONDS = 50
_PAST_SECONDS = 120


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why."""


class WorkerProcess:
    """A worker as operators run it: its own process, configured by environment variables."""

    def __init__(self, settings: Settings, log: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        environ |= {name: str(value) for name, value in settings.shown().items() if value != ""}
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stream", "worker"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C reaches the demo, which drains the worker in its own time.
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises :class:`DemoError` when the worker is gone."""
        code = self._process.poll()
        if code is not None:
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
            raise DemoError(f"the worker ended with exit code {code}:\n{tail}")

    def stop(self, seconds: float = 20) -> None:
        """SIGTERM, and SIGKILL where that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def _running(
    ops_port: int, recognizer: str, console: Console
) -> Iterator[tuple[Settings, WorkerProcess]]:
    """Broker and worker, taken down at the end whatever happens."""
    with tempfile.TemporaryDirectory(prefix="empathy-demo-") as directory:
        try:
            broker = EmbeddedBroker()
            broker.start()
        except EmbeddedBrokerError as error:
            stop(str(error), EXIT_UNAVAILABLE)
        try:
            settings = Settings(
                bootstrap_servers=(broker.bootstrap_servers,),
                ops_port=ops_port or free_port(),
                log_format="text",
                # The embedded broker lets a new member wait for half of it (stream.embedded).
                session_timeout_seconds=2.0,
                recognizer=recognizer,
            )
            log = Path(directory) / "worker.log"
            asyncio.run(ensure_topics(settings))
            worker = WorkerProcess(settings, log)
            try:
                _wait_ready(settings, worker, console)
                yield settings, worker
            finally:
                worker.stop()
        finally:
            broker.stop()


def _wait_ready(settings: Settings, worker: WorkerProcess, console: Console) -> None:
    url = f"http://127.0.0.1:{settings.ops_port}/readyz"
    deadline = time.monotonic() + _START_SECONDS
    with console.status("starting the worker"):
        while time.monotonic() < deadline:
            worker.check()
            try:
                with urllib.request.urlopen(url, timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
    raise DemoError(f"the worker was not ready within {_START_SECONDS} s")


def _recognizer() -> str:
    """The one setting that the demo takes from the environment, or the command ends."""
    name = variable("recognizer")
    try:
        return Settings.from_environment({name: os.environ.get(name, "")}).recognizer
    except SettingError as error:
        stop(str(error), EXIT_USAGE)


def run_demo(*, once: bool, speed: float, ops_port: int) -> int:
    """Run the demo; returns the exit code."""
    console = Console()
    try:
        with _running(ops_port, _recognizer(), console) as (settings, worker):
            if once:
                return asyncio.run(_once(settings, worker, console))
            asyncio.run(_live(settings, worker, speed, console))
    except DemoError as error:
        stop(str(error), EXIT_FAILED)
    except KeyboardInterrupt:
        pass
    console.print("stopped: worker drained, broker gone")
    return 0


# -- once ------------------------------------------------------------------------------------------


async def _once(settings: Settings, worker: WorkerProcess, console: Console) -> int:
    transcripts = sample_conversations()
    wanted = {transcript.id for transcript in transcripts}
    records: dict[str, dict[str, Any]] = {}
    copies: Counter[str] = Counter()
    gaps: Counter[str] = Counter()
    started = time.monotonic()
    topics = settings.interactions_topic, settings.gaps_topic
    async with _consumer(settings, *topics) as consumer:
        async with _producer(settings) as producer:
            events = [event for transcript in transcripts for event in transcript.events()]
            await send_events(producer, settings.events_topic, events, None)
        deadline = started + _ONCE_SECONDS
        while wanted - records.keys() and time.monotonic() < deadline:
            worker.check()
            await _read(settings, consumer, records, copies, gaps)
        seconds = time.monotonic() - started
        # A record that comes twice may come late: read to the end once the worker has drained.
        await asyncio.to_thread(worker.stop)
        while not await _at_end(consumer):
            await _read(settings, consumer, records, copies, gaps)

    console.print(records_table([records[key] for key in sorted(records)]))
    missing = sorted(wanted - records.keys())
    doubled = sorted(key for key, count in copies.items() if count > 1)
    unknown = sorted(records.keys() - wanted)
    console.print(
        f"{len(wanted)} conversations, {len(events)} events, {sum(copies.values())} records "
        f"in {seconds:.1f} s; {gaps['opened']} live gaps opened, {gaps['closed']} closed"
    )
    for title, ids in (("missing", missing), ("doubled", doubled), ("unknown", unknown)):
        if ids:
            console.print(f"[red]{title}: {', '.join(ids)}[/]")
    return EXIT_FAILED if missing or doubled or unknown else 0


@contextlib.asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=list(settings.bootstrap_servers), acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def _consumer(settings: Settings, *topics: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads ``topics`` from the beginning, in no group."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(settings.bootstrap_servers), auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        assigned = []
        for topic in topics:
            partitions = consumer.partitions_for_topic(topic) or set()
            if not partitions:
                raise DemoError(f"topic {topic} has no partitions")
            assigned += [TopicPartition(topic, partition) for partition in sorted(partitions)]
        consumer.assign(assigned)
        yield consumer
    finally:
        await consumer.stop()


async def _read(
    settings: Settings,
    consumer: AIOKafkaConsumer,
    records: dict[str, dict[str, Any]],
    copies: Counter[str],
    gaps: Counter[str],
) -> None:
    for tp, batch in (await consumer.getmany(timeout_ms=200)).items():
        for message in batch:
            record = orjson.loads(message.value)
            if tp.topic == settings.gaps_topic:
                gaps[record["status"]] += 1
                continue
            records[record["session_id"]] = record
            copies[record["session_id"]] += 1


async def _at_end(consumer: AIOKafkaConsumer) -> bool:
    ends = await consumer.end_offsets(consumer.assignment())
    return all([await consumer.position(tp) >= end for tp, end in ends.items()])


# -- live ------------------------------------------------------------------------------------------


async def _live(settings: Settings, worker: WorkerProcess, speed: float, console: Console) -> None:
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, interrupted.set)
    story = Story(sample_conversations(), recognizer_named(settings.recognizer))
    topics = settings.interactions_topic, settings.gaps_topic, settings.rollups_topic
    async with _consumer(settings, *topics) as consumer, _producer(settings) as producer:
        past = story.past(int(time.time() * 1000))
        if not await _tell_past(settings, worker, producer, consumer, past, interrupted, console):
            return
        view = _View(settings, {events[0].session_id for events in past})
        feeding = asyncio.create_task(feed(producer, settings.events_topic, story, speed))
        try:
            with Live(view, console=console, refresh_per_second=4, transient=False):
                while not interrupted.is_set():
                    worker.check()
                    if feeding.done():
                        feeding.result()
                    for tp, batch in (await consumer.getmany(timeout_ms=250)).items():
                        for message in batch:
                            view.add(tp.topic, orjson.loads(message.value))
        finally:
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding


async def _tell_past(
    settings: Settings,
    worker: WorkerProcess,
    producer: AIOKafkaProducer,
    consumer: AIOKafkaConsumer,
    past: list[list[Event]],
    interrupted: asyncio.Event,
    console: Console,
) -> bool:
    """Send the past and wait for its records; whether they came before the interruption."""
    topic = settings.events_topic
    sending = asyncio.create_task(
        send_events(producer, topic, by_time(past), None, partition=PAST_PARTITION)
    )
    deadline = time.monotonic() + _PAST_SECONDS
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(
                f"two weeks of {STORY_QUEUE}, to compare with", total=len(past)
            )
            while not progress.finished:
                worker.check()
                if interrupted.is_set():
                    return False
                if time.monotonic() > deadline:
                    raise DemoError(f"the past was not judged within {_PAST_SECONDS} s")
                if sending.done():
                    sending.result()
                for tp, batch in (await consumer.getmany(timeout_ms=250)).items():
                    if tp.topic == settings.interactions_topic:
                        progress.advance(task, len(batch))
        return True
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


class _View:
    """What the live terminal view shows: rates, drops and open gaps by queue, and the newest
    records. The sessions of the ``past`` are left out."""

    def __init__(self, settings: Settings, past: set[str]) -> None:
        self._settings = settings
        self._past = past
        self._queues: dict[str, Counter[str]] = {}
        self._drops: dict[tuple[str, str], dict[str, Any]] = {}
        self._newest: deque[dict[str, Any]] = deque(maxlen=12)

    def add(self, topic: str, message: dict[str, Any]) -> None:
        if topic == self._settings.rollups_topic:
            if message["type"] == "drop":
                self._drops[message["queue"], message["measure"]] = message
            return
        if message["session_id"] in self._past:
            return
        queue = self._queues.setdefault(message["queue"] or "-", Counter())
        if topic == self._settings.gaps_topic:
            queue["gaps"] += 1 if message["status"] == "opened" else -1
            return
        self._newest.appendleft(message)
        if message["judged"]:
            queue["judged"] += 1
            queue["recognized"] += message["recognized"]
            queue["first"] += message["recognized_first"]
            queue["score"] += message["empathy_score"]

    def __rich__(self) -> Group:
        base = f"http://127.0.0.1:{self._settings.ops_port}"
        head = Text.assemble(
            ("empathy-stream demo", "bold"),
            f"  Kafka {self._settings.bootstrap_servers[0]}  {base}/metrics  {base}/readyz  ",
            ("Ctrl-C stops everything", "dim"),
            "\nBoard: ",
            (f"{base}/", "bold"),
            f"\nWatch {STORY_QUEUE}: its agents stop recognising, gaps open, within a minute it is "
            "dropping, and after about two it has recovered.",
        )
        queues = Table(box=None, header_style="bold", title_justify="left", title="Queues")
        queues.add_column("queue")
        for name in ("conversations", "recognised", "recognised first", "mean score", "open gaps"):
            queues.add_column(name, justify="right")
        queues.add_column("recognition")
        for name, queue in sorted(self._queues.items()):
            judged = queue["judged"]
            queues.add_row(
                name,
                str(judged),
                _share(queue["recognized"], judged),
                _share(queue["first"], judged),
                f"{queue['score'] / judged:.0f}" if judged else "-",
                str(queue["gaps"]),
                _drop(drop for (of, _), drop in self._drops.items() if of == name),
            )
        if not self._queues:
            queues.add_row("[dim]the first conversations are under way[/]")
        newest = records_table(list(self._newest))
        newest.title = "Newest records"
        newest.title_justify = "left"
        return Group(head, "", queues, "", newest)


def _drop(drops: Iterable[dict[str, Any]]) -> str:
    """The state of a queue by the last change of each measure, the worst first."""
    last = {drop["state"]: drop for drop in drops}
    if "dropping" in last:
        drop = last["dropping"]
        return (
            f"[bold red]dropping[/]: {100 * drop['ratio']:.0f} % of {drop['judged']}, "
            f"baseline {100 * drop['baseline_ratio']:.0f} %"
        )
    return "[green]recovered[/]" if last else ""


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"

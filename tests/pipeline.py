"""The service as its users run it: broker, worker processes, topics read to their ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from stream.events import encode
from stream.samples import sample_conversations
from stream.settings import Settings, variable
from stream.sources import Transcript
from stream.sources.transcript import Turn
from stream.worker.kafka import assignment_ends

DEADLINE_SECONDS = 60.0


def wait_for(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Poll until ``condition`` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give these settings, secrets in clear."""
    values = {variable(field.name): getattr(settings, field.name) for field in fields(settings)}
    return {
        name: ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
        if value != ""
    }


def run(*arguments: str, settings: Settings | None = None, **options: Any) -> Any:
    """Run a command of empathy-stream to its end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EMPATHY_")}
    if settings is not None:
        environ |= environment(settings)
    return subprocess.run(
        [sys.executable, "-m", "stream", *arguments],
        env=environ | options.pop("environ", {}),
        capture_output=True,
        timeout=DEADLINE_SECONDS * 2,
        check=False,
        **options,
    )


def own_topics() -> dict[str, Any]:
    """Settings of a group and topics that no other test has."""
    name = uuid.uuid4().hex[:8]
    topics = ("events", "rejected", "interactions", "gaps", "rollups")
    return {"group_id": f"g-{name}", **{f"{topic}_topic": f"{topic}-{name}" for topic in topics}}


class Worker:
    """A worker process on a free operations port."""

    def __init__(
        self, settings: Settings, log: Path, *, no_disk: bool = False, **more: str
    ) -> None:
        """With ``no_disk`` every write to a file fails, as on a disk that is full."""
        self.settings = settings
        self.log = log
        environ = dict(os.environ) | environment(settings) | more
        environ["EMPATHY_OPS_PORT"] = "0"
        command = [sys.executable, "-m", "stream", "worker"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                # The limit is on regular files: the log goes through a pipe.
                ["bash", "-c", 'exec > >(cat) 2>&1; ulimit -f 0; exec "$@"', "-", *command]
                if no_disk
                else command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.port = wait_for(self._port, "the operations port in the log")

    def _port(self) -> int | None:
        for entry in self.entries():
            if entry.get("message") == "operations port open":
                return int(entry["port"])
        assert self.process.poll() is None, self.log.read_text()
        return None

    def entries(self) -> Iterator[dict[str, Any]]:
        """Log lines so far; every complete line must be JSON."""
        for line in self.log.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)

    def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_ready(self) -> Worker:
        wait_for(lambda: self.get("/readyz")[0] == 200, "the worker ready")
        return self

    def metrics(self) -> dict[str, float]:
        """Samples by name, summed over their labels."""
        status, text = self.get("/metrics")
        assert status == 200, f"{text}\n{self.log.read_text()[-4000:]}"
        totals: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
        return totals

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)


def read_topic(
    servers: str, topic: str, committed: bool = False, **security: Any
) -> list[ConsumerRecord]:
    """Everything in a topic, to its end as of now; only what is ``committed``, if asked.
    ``security``: aiokafka's arguments for it."""
    options = {"bootstrap_servers": servers, **security}
    isolation = "read_committed" if committed else "read_uncommitted"

    async def read() -> list[ConsumerRecord]:
        consumer = AIOKafkaConsumer(
            auto_offset_reset="earliest", isolation_level=isolation, **options
        )
        await consumer.start()
        try:
            # A consumer without a subscription knows only what a broker tells unasked.
            async with AIOKafkaProducer(**options) as producer:
                partitions = await producer.partitions_for(topic)
            consumer.assign([TopicPartition(topic, number) for number in partitions])
            ends = await assignment_ends(consumer, servers)
            out: list[ConsumerRecord] = []
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    out += batch
            return out
        finally:
            # aiokafka cancels tasks of its own here, and at times lets that out.
            with contextlib.suppress(asyncio.CancelledError):
                await consumer.stop()

    return asyncio.run(read())


def send(
    servers: str,
    topic: str,
    messages: Iterable[tuple[bytes | None, bytes | None]],
    **security: Any,
) -> None:
    """Produce (key, value) messages in order. ``security``: aiokafka's arguments for it."""

    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=5, **security)
        await producer.start()
        try:
            pending = [await producer.send(topic, value, key) for key, value in messages]
            await asyncio.gather(*pending)
        finally:
            await producer.stop()

    asyncio.run(produce())


def contact_lens(transcript: Transcript) -> list[dict[str, Any]]:
    """A call as Contact Lens streams it: two turns a payload, each payload once more."""
    common = {
        "Version": "1.0.0",
        "Channel": "VOICE",
        "AccountId": "123456789012",
        "InstanceId": "instance",
        "ContactId": transcript.id,
        "LanguageCode": "en-US",
    }
    roles = {"customer": "CUSTOMER", "agent": "AGENT", "bot": "CUSTOM_BOT", "system": "SYSTEM"}
    turns = [
        {
            "Id": f"turn-{n}",
            "ParticipantId": roles[turn.speaker.value],
            "ParticipantRole": roles[turn.speaker.value],
            "BeginOffsetMillis": turn.time_ms - transcript.started_ms,
            "EndOffsetMillis": turn.time_ms - transcript.started_ms + 900,
        }
        for n, turn in enumerate(transcript.turns)
    ]
    segments = [
        [
            {"Utterance": turn | {"PartialContent": said.text[:5], "TranscriptId": turn["Id"]}},
            {"Transcript": turn | {"Content": said.text, "Sentiment": "NEUTRAL"}},
        ]
        for turn, said in zip(turns, transcript.turns, strict=True)
    ]
    payloads = [common | {"EventType": "STARTED"}]
    for n in range(0, len(segments), 2):
        pair = [*segments[n], *(segments[n + 1] if n + 1 < len(segments) else [])]
        payload = common | {"EventType": "SEGMENTS", "Segments": [*pair, {"Categories": {}}]}
        payloads += [payload, payload]
    return [*payloads, common | {"EventType": "COMPLETED"}]


def messages(transcripts: Iterable[Transcript]) -> list[tuple[bytes, bytes]]:
    """The transcripts' events as Kafka messages."""
    return [
        (event.session_id.encode(), encode(event))
        for transcript in transcripts
        for event in transcript.events()
    ]


def interleaved(transcripts: list[Transcript], rng: random.Random) -> list[tuple[bytes, bytes]]:
    """The same as they happened: conversations overlap in time, and neighbours in different
    conversations change places, each conversation keeping its own order."""
    timed = [
        (event.time_ms + rng.randrange(2_000), n, event)
        for transcript in transcripts
        for n, event in enumerate(transcript.events())
    ]
    timed.sort(key=lambda item: (item[0], item[1]))
    slots: dict[str, Iterator[Any]] = {
        transcript.id: iter(transcript.events()) for transcript in transcripts
    }
    return [
        (event.session_id.encode(), encode(next(slots[event.session_id]))) for _, _, event in timed
    ]


def synthetic(count: int, seed: int = 1) -> list[Transcript]:
    """Conversations put together from the samples' turns: realistic words, any number of them."""
    rng = random.Random(seed)
    samples = sample_conversations()
    by_speaker: dict[str, list[Turn]] = {}
    for sample in samples:
        for turn in sample.turns:
            by_speaker.setdefault(turn.speaker.value, []).append(turn)
    out = []
    for n in range(count):
        base = rng.choice(samples)
        start = 1_767_225_600_000 + n * 1_000
        turns = [
            rng.choice(by_speaker[turn.speaker.value])._replace(time_ms=start + k * 7_000)
            for k, turn in enumerate(base.turns)
        ]
        out.append(base._replace(id=f"syn-{seed}-{n}", turns=tuple(turns), started_ms=start))
    return out


def scored(transcripts: Iterable[Transcript], tmp_path: Path) -> dict[str, bytes]:
    """What ``empathy-stream score`` says, by session."""
    file = tmp_path / "transcripts.jsonl"
    write_transcripts(transcripts, file)
    result = run("score", "--json", str(file))
    assert result.returncode == 0, result.stderr
    return {json.loads(line)["session_id"]: line for line in result.stdout.splitlines()}


def write_transcripts(transcripts: Iterable[Transcript], file: Path) -> None:
    with file.open("w") as out:
        for transcript in transcripts:
            data = {
                "id": transcript.id,
                "queue": transcript.queue,
                "channel": transcript.channel,
                "agent": transcript.agent,
                "started_at": transcript.started_ms,
                "turns": [
                    {"speaker": turn.speaker.value, "text": turn.text, "at": turn.time_ms}
                    for turn in transcript.turns
                ],
            }
            out.write(json.dumps(data) + "\n")

"""The whole path on a real broker: events in, records out, whatever happens in between."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stream.cli import EXIT_DATA, EXIT_USAGE
from stream.cli.story import STORY_QUEUE
from stream.embedded import EmbeddedBroker, free_port
from stream.events import RejectReason, Speaker
from stream.samples import sample_conversations
from stream.settings import Settings
from stream.sources import Transcript
from stream.sources.transcript import Turn
from tests.contract.brokers import Broker, embedded_only, transactional_only
from tests.pipeline import (
    Worker,
    contact_lens,
    environment,
    interleaved,
    messages,
    own_topics,
    read_topic,
    run,
    scored,
    send,
    synthetic,
    wait_for,
    write_transcripts,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Topics and group of their own."""
    return Settings(
        bootstrap_servers=(broker.bootstrap_servers,),
        **own_topics(),
        session_timeout_seconds=broker.session_seconds,
        log_format="json",
    )


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers, with settings changed, and takes down what is left of them."""
    workers: list[Worker] = []

    def start_worker(**changed: Any) -> Worker:
        worker = Worker(replace(settings, **changed), tmp_path / f"worker-{len(workers)}.log")
        workers.append(worker)
        return worker

    yield start_worker
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


def records(settings: Settings) -> dict[str, list[bytes]]:
    out: dict[str, list[bytes]] = {}
    for message in read_topic(settings.bootstrap_servers[0], settings.interactions_topic):
        out.setdefault(message.key.decode(), []).append(message.value)
    return out


def wait_for_records(settings: Settings, worker: Worker, count: int) -> None:
    wait_for(
        lambda: worker.metrics().get("empathy_records_total", 0) >= count,
        f"{count} records",
    )


def test_produced_transcripts_become_the_records_that_score_gives(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    transcripts = sample_conversations()
    file = tmp_path / "samples.jsonl"
    write_transcripts(transcripts, file)
    worker = start().wait_ready()
    for _ in range(2):  # the second time, every event is a duplicate or late
        produced = run("produce", str(file), settings=settings)
        assert produced.returncode == 0, produced.stderr
    wait_for_records(settings, worker, len(transcripts))
    assert worker.stop() == 0
    found = records(settings)
    expected = scored(transcripts, tmp_path)

    def plain(value: bytes) -> dict[str, object]:
        return {name: part for name, part in json.loads(value).items() if name != "quality"}

    assert {key: len(values) for key, values in found.items()} == dict.fromkeys(expected, 1)
    assert {key: plain(values[0]) for key, values in found.items()} == {
        key: plain(value) for key, value in expected.items()
    }


def test_a_killed_worker_loses_and_doubles_nothing(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    transcripts = synthetic(1_000)
    servers = settings.bootstrap_servers[0]
    expected = scored(transcripts, tmp_path)
    worker = start().wait_ready()
    stream = interleaved(transcripts, random.Random(7))
    half = len(stream) // 2
    send(servers, settings.events_topic, stream[:half])
    wait_for(lambda: worker.metrics()["empathy_events_total"] > half // 3, "a third processed")
    worker.kill()
    send(servers, settings.events_topic, stream[half:])
    worker = start().wait_ready()
    wait_for(lambda: worker.metrics().get("empathy_events_total", 0) > 100, "catching up")
    worker.kill()
    worker = start().wait_ready()

    def complete() -> bool:
        return (
            len(records(settings)) >= len(expected)
            and worker.metrics()["empathy_sessions_open"] == 0
        )

    wait_for(complete, "every conversation has its record")
    assert worker.stop() == 0
    found = records(settings)
    assert found.keys() == expected.keys()
    # A record may come again after a kill, but never a different one.
    assert {key: set(values) for key, values in found.items()} == {
        key: {value} for key, value in expected.items()
    }


def hostile(
    rng: random.Random, good: list[tuple[bytes, bytes]]
) -> tuple[bytes | None, bytes | None]:
    """Something that must be rejected."""
    key, value = rng.choice(good)
    event = json.loads(value)
    kind = rng.randrange(12)
    if kind == 0:
        return key, rng.randbytes(rng.randrange(1, 300))
    if kind == 1:
        return key, value[: rng.randrange(1, len(value) - 1)]
    if kind == 2:
        return None, value
    if kind == 3:
        return b"not the session", value
    if kind == 4:
        return key, b""
    if kind == 5:
        return key, None
    if kind == 6:
        return key, b"[" * rng.randrange(1, 5_000)
    if kind == 7:
        event["time"] = rng.choice(["now", -1, 17e8, None, "2026-13-01T00:00:00Z"])
    elif kind == 8:
        event["type"] = rng.choice(["", "utterance\x00", 5, {"$gt": ""}, None])
    elif kind == 9:
        event["schema_version"] = rng.choice([0, 2, "1", [1]])
    elif kind == 10:
        event["event_id"] = rng.choice([None, "", 7, "x" * 300])
    else:
        event["text"], event["speaker"], event["type"] = "x" * 20_000, "agent", "utterance"
    return key, json.dumps(event).encode()


def test_every_interaction_is_in_its_queues_windows_once(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    transcripts = synthetic(300, seed=5)
    queues = sorted({transcript.queue for transcript in transcripts})
    # What comes two hours later ends the windows of what came before.
    hours = 2 * 3_600_000
    later = [
        sample._replace(
            id=f"later-{queue}",
            queue=queue,
            started_ms=sample.started_ms + hours,
            turns=tuple(turn._replace(time_ms=turn.time_ms + hours) for turn in sample.turns),
        )
        for queue, sample in zip(queues, synthetic(len(queues), seed=6), strict=True)
    ]
    servers = settings.bootstrap_servers[0]
    stream = interleaved(transcripts, random.Random(5))
    worker = start(min_judged=5).wait_ready()
    send(servers, settings.events_topic, stream[: len(stream) // 2])
    wait_for(lambda: worker.metrics()["empathy_contributions_total"] > 20, "some rolled up")
    worker.kill()
    worker = start(min_judged=5).wait_ready()
    send(servers, settings.events_topic, stream[len(stream) // 2 :])
    wait_for(lambda: len(records(settings)) >= len(transcripts), "every record")
    send(servers, settings.events_topic, messages(later))

    def windows() -> dict[tuple[str, str], dict[str, Any]]:
        found = {}
        for message in read_topic(servers, settings.rollups_topic):
            rollup = json.loads(message.value)
            assert rollup["queue"] == message.key.decode()
            early = rollup["type"] == "window" and rollup["start_at"] < "2026-01-01T02"
            if early and rollup["window"] == "1m":
                found[rollup["queue"], rollup["start_at"]] = rollup
        return found

    def counted(name: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        for (queue, _), rollup in windows().items():
            counts[queue] += rollup[name]
        return counts

    expected = [json.loads(line) for line in scored(transcripts, tmp_path).values()]
    wait_for(
        lambda: counted("interactions") == Counter(record["queue"] for record in expected),
        "every interaction in a window",
    )
    for name in ("judged", "recognized", "recognized_first"):
        wanted = Counter(
            record["queue"] for record in expected if record["judged"] and record[name]
        )
        assert +counted(name) == wanted
    wait_for(lambda: worker.metrics().get("empathy_window_interactions"), "the gauges")
    shown = worker.get("/metrics")[1]
    assert f'empathy_drop_active{{measure="recognized_first",queue="{queues[0]}"}} 0.0' in shown
    assert worker.stop() == 0


@transactional_only
def test_exactly_once_each_record_is_committed_once(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    transcripts = synthetic(400, seed=9)
    servers = settings.bootstrap_servers[0]
    expected = scored(transcripts, tmp_path)
    options = {"processing_guarantee": "exactly_once"}
    worker = start(**options).wait_ready()
    stream = interleaved(transcripts, random.Random(9))
    half = len(stream) // 2
    send(servers, settings.events_topic, stream[:half])
    wait_for(lambda: worker.metrics()["empathy_events_total"] > half // 3, "a third processed")
    worker.kill()
    send(servers, settings.events_topic, stream[half:])
    worker = start(**options).wait_ready()
    wait_for(lambda: worker.metrics()["empathy_events_total"] > 100, "catching up")
    worker.kill()
    worker = start(**options).wait_ready()

    def committed() -> list[tuple[str, bytes]]:
        read = read_topic(servers, settings.interactions_topic, committed=True)
        return [(message.key.decode(), message.value) for message in read]

    wait_for(lambda: len(committed()) >= len(expected), "every conversation has its record")
    assert worker.stop() == 0
    assert sorted(committed()) == sorted(expected.items())


@embedded_only
def test_a_broker_without_transactions_cannot_promise_exactly_once(
    settings: Settings, start: Callable[..., Worker]
) -> None:
    worker = start(processing_guarantee="exactly_once")
    assert worker.process.wait(30) == EXIT_USAGE
    assert "EMPATHY_PROCESSING_GUARANTEE" in worker.log.read_text()


def test_a_worker_that_rejects_most_of_its_input_stops_before_it_is_passed(
    settings: Settings, start: Callable[..., Worker]
) -> None:
    servers = settings.bootstrap_servers[0]
    worker = start().wait_ready()
    send(servers, settings.events_topic, [(b"k", b"not an event")] * 2_000)
    assert worker.process.wait(30) == EXIT_DATA
    assert "EMPATHY_MAX_REJECTED_RATIO" in worker.log.read_text()
    worker = start(max_rejected_ratio=1.0).wait_ready()
    wait_for(
        lambda: (
            {
                dict(message.headers)["source.partition"]
                + b"/"
                + dict(message.headers)["source.offset"]
                for message in read_topic(servers, settings.rejected_topic)
            }
            >= {
                b"%d/%d" % (m.partition, m.offset)
                for m in read_topic(servers, settings.events_topic)
            }
        ),
        "every one rejected",
    )
    assert worker.stop() == 0


def test_a_worker_writes_nothing_to_disk(settings: Settings, tmp_path: Path) -> None:
    worker = Worker(settings, tmp_path / "worker.log", no_disk=True)
    try:
        worker.wait_ready()
        send(settings.bootstrap_servers[0], settings.events_topic, messages(synthetic(5)))
        wait_for_records(settings, worker, 5)
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_hostile_bytes_cost_nobody_elses_conversation(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    rng = random.Random(11)
    transcripts = synthetic(200, seed=2)
    good = interleaved(transcripts, rng)
    bad = [hostile(rng, good) for _ in range(10_000)]
    stream: list[tuple[bytes | None, bytes | None]] = [*good]
    for message in bad:
        stream.insert(rng.randrange(len(stream) + 1), message)
    # Inserting keeps each conversation's own order.
    worker = start(max_event_bytes=16_384, max_rejected_ratio=1.0).wait_ready()
    servers = settings.bootstrap_servers[0]
    send(servers, settings.events_topic, stream)
    wait_for(
        lambda: worker.metrics()["empathy_events_rejected_total"] >= len(bad), "all rejected", 120
    )
    wait_for_records(settings, worker, len(transcripts))
    assert worker.stop() == 0

    # On a machine so busy that the worker loses its partitions, things are emitted again.
    expected = scored(transcripts, tmp_path)
    found = {key: set(values) for key, values in records(settings).items()}
    assert found == {key: {value} for key, value in expected.items()}
    rejected = {}
    reasons = {reason.value for reason in RejectReason}
    for message in read_topic(servers, settings.rejected_topic):
        headers = dict(message.headers)
        assert headers["reason"].decode() in reasons
        assert headers["source.topic"].decode() == settings.events_topic
        place = int(headers["source.partition"]), int(headers["source.offset"])
        rejected[place] = (message.key, message.value)
    assert Counter(rejected.values()) == Counter(bad)


def test_a_session_that_falls_silent_is_closed_by_the_clock(
    settings: Settings, start: Callable[..., Worker]
) -> None:
    transcript = synthetic(1, seed=3)[0]
    worker = start(inactivity_seconds=1.0).wait_ready()
    unended = messages([transcript])[:-1]
    send(settings.bootstrap_servers[0], settings.events_topic, unended)
    wait_for_records(settings, worker, 1)
    assert worker.stop() == 0
    ((value,),) = records(settings).values()
    assert json.loads(value)["closed_by"] == "inactivity"


def test_time_without_a_broker_closes_no_session(tmp_path: Path) -> None:
    """Producers cannot tell in it that somebody is still talking."""
    away, inactivity = 6.0, 4.0
    with EmbeddedBroker() as broker:
        settings = Settings(
            bootstrap_servers=(broker.bootstrap_servers,),
            **own_topics(),
            inactivity_seconds=inactivity,
            session_timeout_seconds=30.0,
        )
        transcript = synthetic(1, seed=3)[0]
        said = messages([transcript])
        worker = Worker(settings, tmp_path / "worker.log")
        try:
            worker.wait_ready()
            send(broker.bootstrap_servers, settings.events_topic, said[:2])
            wait_for(lambda: worker.metrics().get("empathy_sessions_open") == 1, "a session")
            os.kill(broker.pid, signal.SIGSTOP)
            time.sleep(away)  # how long it is away is the fault itself
            os.kill(broker.pid, signal.SIGCONT)
            send(broker.bootstrap_servers, settings.events_topic, said[2:])
            wait_for_records(settings, worker, 1)
            assert worker.stop() == 0
        finally:
            worker.kill()
        ((value,),) = records(settings).values()
    record = json.loads(value)
    assert (record["closed_by"], record["quality"]["late"]) == ("ended", 0)


def gap_messages(settings: Settings) -> list[tuple[dict[str, Any], int]]:
    """Gap events so far, with their messages' timestamps in milliseconds."""
    read = read_topic(settings.bootstrap_servers[0], settings.gaps_topic)
    assert all(message.key.decode() == json.loads(message.value)["session_id"] for message in read)
    return [(json.loads(message.value), message.timestamp) for message in read]


def test_a_gap_is_told_while_the_conversation_goes_on(
    settings: Settings, start: Callable[..., Worker]
) -> None:
    servers = settings.bootstrap_servers[0]
    began = int(time.time() * 1000)
    words = [
        (Speaker.CUSTOMER, "This is the third time my table came with three legs, I am furious!"),
        (Speaker.AGENT, "Please give me your order number and your post code."),
        (Speaker.CUSTOMER, "4711, and I have told you that twice already."),
        (Speaker.AGENT, "So your table came with three legs, and that for the third time."),
    ]
    turns = tuple(Turn(speaker, text, began + 1_000 * n) for n, (speaker, text) in enumerate(words))
    call = Transcript("call", turns, queue="orders", channel="voice", started_ms=began)
    steps = messages([call])
    worker = start().wait_ready()

    def told(count: int) -> list[tuple[dict[str, Any], int]]:
        wait_for(lambda: len(gap_messages(settings)) >= count, f"{count} gap events", 15)
        return gap_messages(settings)

    send(servers, settings.events_topic, steps[:3])
    opened = told(2)
    assert {gap["kind"] for gap, _ in opened} == {"unrecognized_concern", "data_before_recognition"}
    assert all(gap["status"] == "opened" and gap["high_emotion"] for gap, _ in opened)
    assert worker.metrics()["empathy_gaps_open"] == 2
    assert worker.metrics()["empathy_sessions_open"] == 1
    assert not records(settings)

    worker.kill()
    worker = start().wait_ready()
    wait_for(lambda: worker.metrics().get("empathy_gaps_open") == 2, "open gaps after a restart")
    send(servers, settings.events_topic, steps[3:5])
    closed = told(4)[2:]
    assert {gap["kind"] for gap, _ in closed} == {gap["kind"] for gap, _ in opened}
    assert {gap["closed_by"] for gap, _ in closed} == {"recognized"}
    sent = {
        message.value: message.timestamp for message in read_topic(servers, settings.events_topic)
    }
    for gaps, step in ((opened, steps[2]), (closed, steps[4])):
        for _, at_ms in gaps:
            assert at_ms - sent[step[1]] < 5_000
    assert not records(settings)
    wait_for(lambda: worker.metrics().get("empathy_gaps_open") == 0, "no open gap")
    assert worker.metrics()["empathy_gap_latency_seconds_count"] == 2
    assert worker.metrics()["empathy_gaps_closed_total"] == 2
    assert worker.stop() == 0


def test_a_gap_that_time_alone_opens(settings: Settings, tmp_path: Path) -> None:
    settings = Settings(**{**vars(settings), "gap_seconds": 1.0})
    transcript = synthetic(1, seed=3)[0]
    greeting = (Turn(Speaker.AGENT, "Hello, you are speaking to Kim.", transcript.started_ms),)
    concern = Turn(Speaker.CUSTOMER, "my table came with three legs", transcript.started_ms + 9)
    transcript = transcript._replace(turns=(*greeting, concern))
    worker = Worker(settings, tmp_path / "quick.log")
    try:
        worker.wait_ready()
        send(settings.bootstrap_servers[0], settings.events_topic, messages([transcript])[:-1])
        wait_for(lambda: len(gap_messages(settings)) == 1, "a gap event", 15)
        ((gap, _),) = gap_messages(settings)
        assert gap["kind"] == "unrecognized_concern"
        assert gap["seconds_since_concern"] == (0.5 if gap["high_emotion"] else 1.0)
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_contact_lens_on_the_wire_becomes_the_record_of_the_conversation(
    settings: Settings, tmp_path: Path
) -> None:
    settings = Settings(**{**vars(settings), "source": "contact-lens"})
    transcripts = [t._replace(language="en-US", channel="voice") for t in sample_conversations()]
    worker = Worker(settings, tmp_path / "contact-lens.log")
    try:
        worker.wait_ready()
        stream = [
            (transcript.id.encode(), json.dumps(payload).encode())
            for transcript in transcripts
            for payload in contact_lens(transcript)
        ]
        servers = settings.bootstrap_servers[0]
        send(servers, settings.events_topic, [*stream, (b"k", b'{"not": "theirs"}')])
        wait_for_records(settings, worker, len(transcripts))
        metrics = worker.metrics()
        assert worker.stop() == 0
    finally:
        worker.kill()
    assert metrics["empathy_events_rejected_total"] == 1
    assert metrics["empathy_payload_parts_dropped_total"] == sum(
        b'"Categories"' in value for _, value in stream
    )
    found = records(settings)
    expected = scored(transcripts, tmp_path)
    assert {key: len(values) for key, values in found.items()} == dict.fromkeys(expected, 1)
    for key, (value,) in found.items():
        record, scored_record = json.loads(value), json.loads(expected[key])
        for name in ("turns", "recognition", "broke_at", "signals", "evidence", "empathy_score"):
            assert record[name] == scored_record[name], name
    (rejected,) = read_topic(settings.bootstrap_servers[0], settings.rejected_topic)
    assert dict(rejected.headers)["reason"] == b"unknown_payload"


def test_a_mapping_file_that_cannot_be_used_stops_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "bus.yaml"
    file.write_text("version: 1\nrules:\n  - drop: all\n    when: kind == 'x'\n")
    stopped = run(
        "worker", environ={"EMPATHY_SOURCE": "mapping", "EMPATHY_MAPPING_FILE": str(file)}
    )
    assert stopped.returncode == 2
    assert f"{file}:4:11: when: " in stopped.stderr.decode()
    assert "kind == 'x'" in stopped.stderr.decode()


def test_operations_port_and_logs(settings: Settings, start: Callable[..., Worker]) -> None:
    worker = start()
    assert worker.get("/healthz")[0] == 200
    worker.wait_ready()
    send(settings.bootstrap_servers[0], settings.events_topic, messages(synthetic(1, seed=4)))
    wait_for_records(settings, worker, 1)
    status, text = worker.get("/metrics")
    assert status == 200
    assert "empathy_build_info" in text
    assert worker.get("/nothing")[0] == 404
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 10
    assert all(entry["level"] != "ERROR" for entry in worker.entries())


def test_missing_topics_stop_the_start_with_what_to_do(settings: Settings) -> None:
    strict = replace(settings, create_topics=False, ops_port=0)
    stopped = run("worker", settings=strict)
    assert stopped.returncode == 69
    assert f"topic {settings.events_topic} does not exist" in stopped.stderr.decode()
    assert "kafka-topics.sh --create" in stopped.stderr.decode()


def test_a_wrong_setting_stops_the_start() -> None:
    stopped = run("worker", environ={"EMPATHY_LINGER_SECONDS": "soon"})
    assert stopped.returncode == 2
    assert "EMPATHY_LINGER_SECONDS: 'soon' is not allowed" in stopped.stderr.decode()


def test_the_demo_shows_a_queue_that_drops_and_its_gaps(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "demo.log"
    started_ms = int(time.time() * 1000)
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "stream", "demo", "--ops-port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def dropping() -> bool:
        assert demo.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/board.json", timeout=5) as answer:
                board = json.load(answer)
        except OSError:
            return False
        states = {row["queue"]: row["state"] for row in board["queues"]}
        # The past has gaps, too; they are not what one sees happen.
        gaps = [gap for gap in board["gaps"]["newest"] if gap["opened_ms"] > started_ms]
        return states.get(STORY_QUEUE) == "dropping" and STORY_QUEUE in {g["queue"] for g in gaps}

    try:
        wait_for(dropping, f"{STORY_QUEUE} dropping, with gaps, on the board", 120)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, log.read_text()
    finally:
        demo.kill()
        demo.wait()
    said = log.read_text()
    assert f"http://127.0.0.1:{port}/" in said
    assert "Traceback" not in said


def test_the_demo_once() -> None:
    done = run("demo", "--once", "--ops-port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(sample_conversations())} conversations" in done.stdout.decode()


def test_samples_are_produced_for_ever_and_their_past_once(
    settings: Settings, start: Callable[..., Worker], tmp_path: Path
) -> None:
    def runs() -> set[str]:
        """The runs that conversations with a record belong to, by the ends of their ids."""
        found = read_topic(settings.bootstrap_servers[0], settings.interactions_topic)
        ends = (json.loads(message.value)["session_id"].rpartition("-")[2] for message in found)
        return {end for end in ends if len(end) == 8}

    def produced(log: Path, wanted: int) -> str:
        """What a run says until there are records of as many runs; it then ends in good order."""
        with log.open("wb") as output:
            producer = subprocess.Popen(
                [sys.executable, "-m", "stream", "produce", "--samples", "--speed", "60"],
                env=os.environ | environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            wait_for(lambda: producer.poll() is not None or len(runs()) == wanted, "records", 120)
            producer.send_signal(signal.SIGTERM)
            assert producer.wait(30) == 0, log.read_text()
        finally:
            producer.kill()
            producer.wait()
        return log.read_text()

    start()
    assert "two weeks of" in produced(tmp_path / "first.log", 1)
    assert "two weeks of" not in produced(tmp_path / "second.log", 2)

"""The Apache Kafka fixture itself: what other tests take for granted."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError

from tests.kafka.broker import KafkaCluster, KafkaFailed, KafkaUnavailable
from tests.kafka.fixtures import running_kafka

pytestmark = pytest.mark.slow

TOPIC = "kept"


async def create(servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(TOPIC, 1, -1, {})])
        assert answer.topic_errors[0][1] == 0, answer
    finally:
        await admin.close()


async def put(servers: str, value: bytes, timeout_ms: int = 40_000) -> int:
    """Produce one record to all replicas; returns its offset."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", request_timeout_ms=timeout_ms
    )
    try:
        await producer.start()
        sent = await producer.send_and_wait(TOPIC, value, partition=0)
        return int(sent.offset)
    finally:
        await producer.stop()


async def held(servers: str) -> list[bytes]:
    """All values of the topic's first partition."""
    tp = TopicPartition(TOPIC, 0)
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=servers, auto_offset_reset="earliest")
    async with consumer:
        end = (await consumer.end_offsets([tp]))[tp]
        found: list[bytes] = []
        while len(found) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [record.value for record in records if record.value is not None]
        return found


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether the process ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


# --- its life -----------------------------------------------------------------------------------


@pytest.mark.nightly
def test_a_broker_comes_back_on_its_port_with_what_it_held(tmp_path: Path) -> None:
    with running_kafka(tmp_path) as kafka:
        servers, first = kafka.bootstrap_servers, kafka.pid(1)
        asyncio.run(create(servers))
        assert asyncio.run(put(servers, b"0")) == 0

        kafka.restart(1)
        assert kafka.bootstrap_servers == servers
        assert kafka.pid(1) != first
        assert asyncio.run(put(servers, b"1")) == 1

        kafka.kill(1)
        assert not kafka.running(1)
        with pytest.raises(KafkaFailed, match="broker 1 does not run"):
            kafka.pid(1)
        with pytest.raises(KafkaConnectionError):
            asyncio.run(put(servers, b"nowhere"))
        kafka.start(1)
        assert asyncio.run(put(servers, b"2")) == 2

        kafka.pause(1)
        with pytest.raises(KafkaError):
            asyncio.run(put(servers, b"unanswered", timeout_ms=1_000))
        kafka.resume(1)
        asyncio.run(put(servers, b"3"))
        assert [value for value in asyncio.run(held(servers)) if value != b"unanswered"] == [
            b"%d" % number for number in range(4)
        ]
        last = kafka.pid(1)
        kafka.pause(1)
    assert gone(last)
    log = kafka.log(1).read_text()
    assert log.count("Kafka Server started") == 3
    assert "auto.create.topics.enable" in (tmp_path / "broker-1.properties").read_text()


@pytest.mark.nightly
def test_any_of_three_brokers_may_fail(tmp_path: Path) -> None:
    with running_kafka(tmp_path, brokers=3) as kafka:
        servers = kafka.bootstrap_servers
        asyncio.run(create(servers))
        for n, end in ((1, kafka.kill), (2, kafka.stop), (3, kafka.kill)):
            end(n)
            asyncio.run(put(servers, b"%d" % n))
            kafka.start(n)  # in sync again, so that the next may go
        assert asyncio.run(held(servers)) == [b"1", b"2", b"3"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
@pytest.mark.usefixtures("kafka")
def test_it_dies_with_its_process(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        from tests.kafka.broker import KafkaCluster
        with KafkaCluster(Path(sys.argv[1])) as kafka:
            print(kafka.pid(1), flush=True)
            sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "kafka")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        pid = int(process.stdout.readline())
        assert not gone(pid, 0.3)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate(timeout=10)
    assert gone(pid)


# --- where it cannot run ------------------------------------------------------------------------


@pytest.fixture
def path_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Takes a program away."""

    def take(program: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in {"mvn", "java", "openssl"} - {program}:
            found = shutil.which(name)
            if found is not None:
                (folder / name).symlink_to(found)
        monkeypatch.setenv("PATH", os.fspath(folder))
        monkeypatch.delenv("JAVA_HOME", raising=False)

    return take


@pytest.mark.usefixtures("kafka")  # which skips where they really are missing
@pytest.mark.parametrize("program", ["java", "mvn", "openssl"])
def test_what_is_missing_is_named(
    program: str,
    path_without: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path_without(program)
    if program == "mvn":
        monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path / "cache"))
    cluster = KafkaCluster(tmp_path / "kafka", security="SSL")
    with pytest.raises(KafkaUnavailable, match=f"{program} is not installed"):
        cluster.__enter__()
    monkeypatch.delenv("CI", raising=False)
    with (
        pytest.raises(pytest.skip.Exception, match=f"no Apache Kafka: {program}"),
        running_kafka(tmp_path / "kafka", security="SSL"),
    ):
        pass
    monkeypatch.setenv("CI", "1")
    with pytest.raises(KafkaUnavailable), running_kafka(tmp_path / "kafka", security="SSL"):
        pass


@pytest.mark.usefixtures("kafka")
def test_a_broker_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    cluster = KafkaCluster(tmp_path, properties={"num.io.threads": "none"})
    with pytest.raises(KafkaFailed, match=r"(?s)broker 1 could not format.*num\.io\.threads"):
        cluster.__enter__()

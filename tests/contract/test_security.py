"""On an Apache Kafka that demands certificates and users, and what no output may ever hold."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import pickle
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from stream.cli import EXIT_UNAVAILABLE, EXIT_USAGE
from stream.samples import sample_conversations
from stream.settings import SettingError, Settings
from stream.worker.kafka import client_options, reach
from tests.kafka.broker import Certificates, KafkaCluster, Mechanism, unsigned_token
from tests.kafka.fixtures import running_kafka
from tests.pipeline import (
    Worker,
    messages,
    own_topics,
    read_topic,
    run,
    send,
    synthetic,
    wait_for,
    write_transcripts,
)

pytestmark = pytest.mark.slow

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def settings_for(
    kafka: KafkaCluster, mechanism: Mechanism = "SCRAM-SHA-512", **changed: Any
) -> Settings:
    """Topics and a group of their own, and whatever the cluster demands."""
    given: dict[str, Any] = {
        **own_topics(),
        "session_timeout_seconds": 2.0,
        "log_format": "json",
        **kafka.client_settings(mechanism),
        **changed,
    }
    return Settings(**given)


def held(settings: Settings, topic: str) -> list[Any]:
    options = client_options(settings)
    return read_topic(",".join(options.pop("bootstrap_servers")), topic, **options)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers and takes down what is left of them."""
    workers: list[Worker] = []

    def start_worker(settings: Settings, **environ: str) -> Worker:
        worker = Worker(settings, tmp_path / f"worker-{len(workers)}.log", **environ)
        workers.append(worker)
        return worker

    yield start_worker
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


def wait_for_records(worker: Worker, count: int) -> None:
    wait_for(lambda: worker.metrics().get("empathy_records_total", 0) >= count, "records")


# --- who is let in --------------------------------------------------------------------------------


def token_file(tmp_path: Path, token: str) -> dict[str, str]:
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    return {"sasl_oauth_token_file": str(file)}


def passes(settings: Settings, start: Callable[..., Worker], tmp_path: Path) -> None:
    """Transcripts in by ``produce``, records out by a worker, all as ``settings`` say."""
    transcripts = sample_conversations()[:4]
    file = tmp_path / "samples.jsonl"
    write_transcripts(transcripts, file)
    worker = start(settings)
    produced = run("produce", str(file), settings=settings)
    assert produced.returncode == 0, produced.stderr
    wait_for_records(worker, len(transcripts))
    assert worker.stop() == 0
    found = held(settings, settings.interactions_topic)
    assert {record.key.decode() for record in found} == {t.id for t in transcripts}


@pytest.mark.parametrize("mechanism", get_args(Mechanism))
def test_everything_works_by_each_mechanism(
    secure_kafka: KafkaCluster,
    mechanism: Mechanism,
    start: Callable[..., Worker],
    tmp_path: Path,
) -> None:
    oauth = mechanism == "OAUTHBEARER"
    given = token_file(tmp_path, unsigned_token("empathy")) if oauth else {}
    passes(settings_for(secure_kafka, mechanism, **given), start, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("mutual_tls", [False, True])
def test_everything_works_by_tls_alone(
    mutual_tls: bool, start: Callable[..., Worker], tmp_path: Path
) -> None:
    with running_kafka(tmp_path / "kafka", security="SSL", mutual_tls=mutual_tls) as kafka:
        passes(settings_for(kafka), start, tmp_path)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("strangers"))


@pytest.fixture
def refusals(
    secure_kafka: KafkaCluster, strangers: Certificates, tmp_path: Path
) -> dict[str, tuple[dict[str, Any], str]]:
    """What to change in settings that are right, and how the error begins."""
    oauth = {"sasl_mechanism": "OAUTHBEARER", "sasl_username": "", "sasl_password": ""}
    user = "EMPATHY_SASL_USERNAME, EMPATHY_SASL_PASSWORD: not accepted by "
    token = "EMPATHY_SASL_OAUTH_TOKEN_FILE: "
    no_sasl = {"sasl_username": "", "sasl_password": ""}
    nowhere = str(tmp_path / "nowhere")
    return {
        "PLAIN": ({"sasl_mechanism": "PLAIN", "sasl_password": "wrong"}, user + "PLAIN"),
        "SCRAM-SHA-256": (
            {"sasl_mechanism": "SCRAM-SHA-256", "sasl_username": "nobody"},
            user + "SCRAM-SHA-256",
        ),
        "SCRAM-SHA-512": ({"sasl_password": "wrong"}, user + "SCRAM-SHA-512"),
        "no token": (
            {**oauth, **token_file(tmp_path, "nonsense")},
            token + "token not accepted",
        ),
        "old token": (
            {**oauth, "sasl_oauth_token_file": str(tmp_path / "old")},
            token + "token not accepted",
        ),
        "token file": ({**oauth, "sasl_oauth_token_file": nowhere}, token + "[Errno 2]"),
        "authority": (
            {"ssl_ca_file": str(strangers.ca)},
            "EMPATHY_SSL_CA_FILE: certificate not accepted",
        ),
        "authority file": ({"ssl_ca_file": nowhere}, "EMPATHY_SSL_CA_FILE: [Errno 2]"),
        "no certificate": (
            {"ssl_cert_file": "", "ssl_key_file": ""},
            "EMPATHY_SSL_CERT_FILE: a client certificate is wanted",
        ),
        "certificate": (
            {
                "ssl_cert_file": str(strangers.client_cert),
                "ssl_key_file": str(strangers.client_key),
            },
            "EMPATHY_SSL_CERT_FILE: another client certificate is wanted",
        ),
        "key": (
            {"ssl_key_file": str(strangers.client_key)},
            "EMPATHY_SSL_CERT_FILE, EMPATHY_SSL_KEY_FILE or EMPATHY_SSL_KEY_PASSWORD: [X509",
        ),
        "no SASL": (
            {"security_protocol": "SSL", **no_sasl},
            "EMPATHY_SECURITY_PROTOCOL=SSL: hung up on, SASL",
        ),
        "no TLS": (
            {"security_protocol": "PLAINTEXT", **no_sasl},
            "EMPATHY_SECURITY_PROTOCOL: TLS is wanted",
        ),
    }


def test_every_refusal_names_its_setting(
    secure_kafka: KafkaCluster,
    refusals: dict[str, tuple[dict[str, Any], str]],
    tmp_path: Path,
) -> None:
    (tmp_path / "old").write_text(unsigned_token("empathy", -60))
    for changed, message in refusals.values():
        with pytest.raises(SettingError, match=re.escape(message)):
            asyncio.run(reach(settings_for(secure_kafka, **changed)))


def test_a_broker_without_users_or_tls_says_so(kafka: KafkaCluster, tmp_path: Path) -> None:
    sasl = {"sasl_username": "u", "sasl_password": "p", "sasl_mechanism": "PLAIN"}
    settings = settings_for(kafka, security_protocol="SASL_PLAINTEXT", **sasl)
    with pytest.raises(SettingError, match="EMPATHY_SECURITY_PROTOCOL: SASL is not offered"):
        asyncio.run(reach(settings))
    # A proxy whose broker is down hangs up as well: that is waited for, with what else it may be.
    with pytest.raises(OSError, match="hung up on EMPATHY_SECURITY_PROTOCOL=SSL"):
        asyncio.run(reach(settings_for(kafka, security_protocol="SSL")))


def test_one_broker_that_lets_us_in_will_do(secure_kafka: KafkaCluster) -> None:
    settings = settings_for(secure_kafka)
    several = ("127.0.0.1:1", *settings.bootstrap_servers)
    asyncio.run(reach(replace(settings, bootstrap_servers=several)))
    with pytest.raises(OSError, match=r"127.0.0.1:1: .*refused|Connect call failed"):
        asyncio.run(reach(replace(settings, bootstrap_servers=several[:1])))


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("worker", "SCRAM-SHA-512"),
        ("worker", "authority"),
        ("worker", "no certificate"),
        ("produce", "old token"),
    ],
)
def test_a_refused_command_says_so_once_and_ends(
    secure_kafka: KafkaCluster,
    refusals: dict[str, tuple[dict[str, Any], str]],
    refusal: str,
    command: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "old").write_text(unsigned_token("empathy", -60))
    changed, message = refusals[refusal]
    settings = settings_for(secure_kafka, **changed, ops_port=0)
    file = tmp_path / "samples.jsonl"
    write_transcripts(sample_conversations()[:1], file)
    ended = run(command, *([str(file)] if command == "produce" else []), settings=settings)
    assert ended.returncode == EXIT_USAGE
    said = ended.stderr.decode()
    assert said.count(message) == 1
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if '"level":"ERROR"' in line]
    assert len(errors) == (command == "worker")


def test_an_encrypted_key_is_read_and_never_asked_for(
    secure_kafka: KafkaCluster, tmp_path: Path
) -> None:
    settings = settings_for(secure_kafka)
    locked = tmp_path / "locked.key"
    openssl = ["openssl", "ec", "-aes256", "-passout", "pass:opened", "-out", str(locked)]
    subprocess.run([*openssl, "-in", settings.ssl_key_file], check=True, capture_output=True)
    locked_settings = replace(settings, ssl_key_file=str(locked), ssl_key_password="opened")
    asyncio.run(reach(locked_settings))
    for word in ("", "wrong"):
        with pytest.raises(SettingError, match="EMPATHY_SSL_KEY_PASSWORD"):
            asyncio.run(reach(replace(locked_settings, ssl_key_password=word)))


# --- what comes out -------------------------------------------------------------------------------

MARK = "zq4711marked"

# A recogniser that fails and quotes what it read, as libraries do.
FAILING = """
import stream.session.processor as processor

read = processor.read

def failing(event, recognizer):
    if "explode" in event.text:
        raise KeyError(event.text)
    return read(event, recognizer)

processor.read = failing
"""


def marked_conversation(session: str, end: bool) -> list[tuple[bytes | None, bytes | None]]:
    """Everything that people write is marked; ids and names (queue, agent, action, ...) are not."""
    transcript = synthetic(1, seed=4)[0]
    turns = tuple(
        turn._replace(text=f"{MARK} {turn.text} my {MARK} order {MARK}-77 of 3 March")
        for turn in transcript.turns
    )
    events = messages([transcript._replace(id=session, turns=turns)])
    marked: list[tuple[bytes | None, bytes | None]] = []
    for key, value in events if end else events[:-1]:
        event = json.loads(value) | {"note": MARK, MARK: {"x": [MARK]}, "headers": MARK}
        marked.append((key, json.dumps(event).encode()))
    return marked


def marked_rejects() -> list[tuple[bytes | None, bytes | None]]:
    """Marks in all that an error message might be tempted to quote."""
    key, value = messages(synthetic(1, seed=5))[1]
    event = json.loads(value)
    changes: list[dict[str, Any]] = [
        *({name: f"{MARK} {name}"} for name in ("type", "speaker", "time", "schema_version")),
        *({name: [MARK]} for name in ("type", "text", "time", "queue", "event_id", "sequence")),
        *({name: {MARK: MARK}} for name in ("session_id", "speaker", "final", "language")),
        {"sequence": MARK},
        {"event_id": MARK * 100},
        {"text": MARK * 30_000},
        {"text": f"explode {MARK}"},
    ]
    broken = [json.dumps(event | change).encode() for change in changes]
    broken += [f'{{"text": "{MARK}'.encode(), MARK.encode(), b"\xff" + MARK.encode()]
    return [(key, data) for data in broken] + [(None, value.replace(b"text", MARK.encode()))]


def test_no_output_holds_what_was_said_or_a_secret(
    secure_kafka: KafkaCluster, start: Callable[..., Worker], tmp_path: Path
) -> None:
    settings = settings_for(secure_kafka, log_level="DEBUG")
    code, state = tmp_path / "code", tmp_path / "state"
    code.mkdir()
    state.mkdir()
    (code / "sitecustomize.py").write_text(FAILING)
    path = f"{code}:{Path(__file__).parents[2]}"
    worker = start(settings, PYTHONPATH=path, TMPDIR=str(state)).wait_ready()
    rejects = marked_rejects()
    stream = [
        *marked_conversation("closed", end=True),
        *rejects,
        *marked_conversation("open", end=False),
    ]
    options = client_options(settings)
    servers = ",".join(options.pop("bootstrap_servers"))
    send(servers, settings.events_topic, stream, **options)
    wait_for_records(worker, 1)
    wait_for(
        lambda: worker.metrics()["empathy_events_rejected_total"] >= len(rejects), "all rejected"
    )
    wait_for(lambda: worker.metrics()["empathy_sessions_open"] == 1, "one session open")
    pages = "".join(
        worker.get(page)[1] for page in ("/", "/board.json", "/metrics", "/healthz", "/readyz")
    )
    worker.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: any(entry["message"] == "state" for entry in worker.entries()), "the state")
    files = {file: file.read_bytes() for file in state.rglob("*") if file.is_file()}
    assert worker.stop() == 0
    log = worker.log.read_text()
    assert '"level":"DEBUG"' in log
    assert "a record could not be processed" in log

    outputs = {"log": log.encode(), "pages": pages.encode(), **files}
    for topic in (
        settings.interactions_topic,
        settings.changelog_topic,
        settings.gaps_topic,
        settings.repartition_topic,
        settings.rollups_changelog_topic,
    ):
        found = held(settings, topic)
        assert found, topic
        outputs[topic] = repr([(record.value, record.headers) for record in found]).encode()
    rejected = held(settings, settings.rejected_topic)
    outputs["headers"] = repr([record.headers for record in rejected]).encode()
    (password,) = secure_kafka.users.values()
    config = run("config", "--json", settings=settings)
    outputs["config"] = config.stdout + config.stderr
    for name, output in outputs.items():
        for secret in (MARK, password):
            place = output.find(secret.encode())
            assert place < 0, f"{name}: {output[max(0, place - 200) : place + 50]!r}"
    # The rejected topic alone holds what came, byte for byte.
    assert {record.value for record in rejected} == {value for _, value in rejects}


@linux_only
def test_only_the_operations_port_listens(
    kafka: KafkaCluster, start: Callable[..., Worker]
) -> None:
    # Faust takes what it is not told from variables like these.
    opened = {"APP_WEB_ENABLED": "true", "WEB_PORT": "6066", "WEB_BIND": "0.0.0.0"}
    worker = start(settings_for(kafka), **opened).wait_ready()
    assert listening(worker.process.pid) == {("127.0.0.1", worker.port)}


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses a process accepts connections on."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            inodes.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and rest[5] in inodes:
                address, _, port = local.partition(":")
                host = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found.add((host, int(port, 16)))
    return found


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_nothing_is_unpickled(
    kafka: KafkaCluster, start: Callable[..., Worker], tmp_path: Path
) -> None:
    settings = settings_for(kafka)
    servers = kafka.bootstrap_servers
    planted = tmp_path / "planted"
    values = [pickle.dumps(Planted(planted), protocol) for protocol in (0, 2, 5)]
    values += [base64.b64encode(value) for value in values]  # Faust's codec is base64 over pickle
    worker = start(settings).wait_ready()
    send(servers, settings.events_topic, [(b"s", value) for value in values])
    wait_for(
        lambda: worker.metrics().get("empathy_events_rejected_total", 0) >= len(values), "rejected"
    )
    assert worker.stop() == 0
    send(servers, settings.changelog_topic, [(b"s", value) for value in values])
    worker = start(settings)
    assert worker.process.wait(60) == EXIT_UNAVAILABLE
    *_, error = [entry for entry in worker.entries() if entry["level"] == "ERROR"]
    assert f"topic {settings.changelog_topic} was written by something else" in error["message"]
    assert not planted.exists()
    assert pickle.loads(values[2]) is None  # as it would be
    assert planted.exists()

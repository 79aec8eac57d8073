"""The README's path for a team that has its own Kafka and Prometheus, walked as it stands there.

Apache Kafka demands TLS and a user. The bus carries payloads of Contact Lens, of calls in which
nobody is recognised. Changed of what is documented: addresses, and the times of Prometheus.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.embedded import free_port
from stream.samples import sample_conversations
from stream.settings import Settings
from stream.worker.kafka import client_options
from tests.kafka.broker import KafkaCluster
from tests.kafka.fixtures import running_kafka
from tests.ops.tools import Daemon
from tests.ops.watching import Webhook, alertmanager_config, prometheus_config, value
from tests.pipeline import contact_lens, read_topic, send, wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
QUEUE = "orders"
CALLS = 150
POOR = [
    sample
    for sample in sample_conversations()
    if sample.id in ("sample-telecom-03", "sample-telecom-04")
]
"""No recognition in them."""


def path_of_the_readme() -> tuple[str, dict[str, Any]]:
    """Its commands in their order, and the configuration of Prometheus."""
    section = (ROOT / "README.md").read_text().split("## On your own Kafka\n")[1]
    section = section.split("Start as many workers")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    (prometheus,) = (text for language, text in blocks if language == "yaml")
    commands = "".join(text for language, text in blocks if language == "sh")
    return commands, yaml.safe_load(prometheus)


def connected(contact: str) -> dict[str, Any]:
    """The contact event that says in which queue a call is."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "detail": {
            "eventType": "CONNECTED_TO_AGENT",
            "contactId": contact,
            "channel": "VOICE",
            "queueInfo": {"queueArn": f"arn:aws:connect:eu-west-2:1:instance/i/queue/{QUEUE}"},
            "agentInfo": {"agentArn": "arn:aws:connect:eu-west-2:1:instance/i/agent/a-7"},
        },
    }


def call(number: int) -> list[dict[str, Any]]:
    contact = str(uuid.UUID(int=number))
    transcript = POOR[number % len(POOR)]._replace(id=contact, channel="voice")
    # Told all at once, a call must not last into the future.
    turns = tuple(
        turn._replace(time_ms=transcript.started_ms + 20 * n)
        for n, turn in enumerate(transcript.turns)
    )
    transcript = transcript._replace(turns=turns)
    started, *rest = contact_lens(transcript)
    return [started, connected(contact), *rest]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    folder = tmp_path_factory.mktemp("own-kafka")
    with running_kafka(folder / "kafka", security="SASL_SSL") as cluster:
        yield cluster


@pytest.fixture
def checkout(tmp_path: Path, kafka: KafkaCluster) -> Path:
    """What a team has before it begins: the project, its credentials, and a sample of payloads."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("stream", "schemas", "deploy"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert kafka.certificates is not None
    shutil.copy(kafka.certificates.ca, folder / "ca.pem")
    (folder / "password").write_text(kafka.client_settings()["sasl_password"])
    lines = [json.dumps(payload) for number in range(2) for payload in call(number)]
    (folder / "payloads.jsonl").write_text("\n".join(lines))
    return folder


def test_from_the_bus_to_an_alert(kafka: KafkaCluster, checkout: Path, tmp_path: Path) -> None:
    commands, prometheus = path_of_the_readme()
    given = kafka.client_settings()
    commands = commands.replace("broker-1:9093,broker-2:9093", kafka.bootstrap_servers)
    commands = commands.replace("USERNAME=empathy ", f"USERNAME={given['sasl_username']} ")
    *_, worker = commands.split()
    assert worker == "worker"  # which takes the shell's place, so that it gets the signal
    commands = commands.replace("empathy-stream worker", "exec empathy-stream worker")
    topic = re.search(r"EMPATHY_EVENTS_TOPIC=(\S+)", commands)
    assert topic is not None
    settings = Settings(events_topic=topic[1], **given)
    options = client_options(settings)
    servers = ",".join(options.pop("bootstrap_servers"))

    port = free_port()
    environ = {key: value for key, value in os.environ.items() if not key.startswith("EMPATHY_")}
    environ |= {
        "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}",
        "EMPATHY_OPS_PORT": str(port),
    }
    log = tmp_path / "walk.log"
    with log.open("wb") as output:
        walk = subprocess.Popen(
            ["bash", "-euc", commands],
            cwd=checkout,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answer(path: str) -> str:
        assert walk.poll() is None, log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as found:
                return str(found.read().decode())
        except OSError:
            return ""

    webhook = Webhook()
    try:
        wait_for(lambda: answer("/readyz"), "the worker ready", 240)
        payloads = [
            (payload.get("ContactId", "") or payload["detail"]["contactId"], payload)
            for number in range(CALLS)
            for payload in call(number)
        ]
        bus = [(contact.encode(), json.dumps(payload).encode()) for contact, payload in payloads]
        send(servers, settings.events_topic, bus, **options)

        manager = Daemon(
            "alertmanager",
            alertmanager_config(tmp_path, webhook.url),
            f"--storage.path={tmp_path / 'alertmanager'}",
            "--cluster.listen-address=",
        )
        with manager:
            alert = "EmpathyRecognitionLow"
            config = prometheus_config(tmp_path, prometheus, alert, port, manager.url)
            with Daemon(
                "prometheus", config, f"--storage.tsdb.path={tmp_path / 'prometheus'}"
            ) as watching:
                counted = f'sum(empathy_records_total{{queue="{QUEUE}",judged="true"}})'
                wait_for(lambda: value(watching, counted) == CALLS, "a metric", 60)
                (told,) = wait_for(lambda: list(webhook.alerts), "the alert", 60)
        records = read_topic(servers, settings.interactions_topic, **options)
        walk.send_signal(signal.SIGTERM)
        assert walk.wait(30) == 0
    finally:
        if walk.poll() is None:
            os.killpg(walk.pid, signal.SIGKILL)
            walk.wait()
        webhook.close()

    assert {record.key.decode() for record in records} == {
        str(uuid.UUID(int=number)) for number in range(CALLS)
    }
    record = json.loads(records[0].value)
    assert (record["queue"], record["channel"], record["agents"]) == (QUEUE, "voice", ["a-7"])
    assert told["status"] == "firing"
    assert told["labels"]["alertname"] == alert
    assert told["labels"]["queue"] == QUEUE
    assert told["path"] == "/contact-center"
    said = log.read_text()
    for topic_name in (settings.interactions_topic, settings.gaps_topic, settings.rollups_topic):
        assert topic_name in said  # topics create and topics check tell of each
    assert "session.started" in said  # and source check of what a payload becomes

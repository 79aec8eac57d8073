"""docker-compose.yml: valid, and its services fit together, without an engine to run them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from stream.embedded import free_port
from stream.settings import Settings
from tests.kafka.broker import KafkaUnavailable, _java, broker_jars
from tests.ops.dockerfile import FINAL, only
from tests.ops.tools import compose_loader, compose_schema, run_tool
from tests.pipeline import wait_for

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
INSIDE = SERVICES["worker"]["environment"]["EMPATHY_BOOTSTRAP_SERVERS"]


def names(kind: str) -> list[str]:
    return [name for name, service in SERVICES.items() if kind in service]


# -- valid -----------------------------------------------------------------------------------------


def test_it_follows_the_specification() -> None:
    jsonschema.validate(COMPOSE, compose_schema())


@pytest.mark.slow
def test_compose_loads_it() -> None:
    done = subprocess.run(
        [compose_loader(), "-format", "json", FILE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["services"].keys() == SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_given_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    for port in service.get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    assert service.get("read_only", False) == (name in OURS)


def mounts() -> list[Any]:
    return [
        pytest.param(name, *volume.split(":"), id=f"{name}-{volume}")
        for name in names("volumes")
        for volume in (
            each if each.count(":") == 2 else f"{each}:rw" for each in SERVICES[name]["volumes"]
        )
    ]


@pytest.mark.parametrize(("name", "source", "target", "mode"), mounts())
def test_what_is_mounted_exists(name: str, source: str, target: str, mode: str) -> None:
    assert target.startswith("/")
    if source.startswith("."):
        assert (ROOT / source).exists()
        assert mode == "ro"
    else:
        assert source in COMPOSE["volumes"]


def inside(name: str, path: str) -> Path:
    """The file that service ``name`` sees at ``path``."""
    for volume in SERVICES[name]["volumes"]:
        source, target, *_ = volume.split(":")
        if source.startswith(".") and Path(path).is_relative_to(target):
            return ROOT / source / Path(path).relative_to(target)
    raise AssertionError(f"{name} has nothing at {path}")


def option(name: str, option: str) -> str:
    (found,) = (each for each in SERVICES[name]["command"] if each.startswith(f"{option}="))
    return str(found.partition("=")[2])


# -- the worker ------------------------------------------------------------------------------------


def settings(name: str) -> Settings:
    """As the process in the container reads them."""
    environ = only(FINAL, "ENV").pairs() | SERVICES[name].get("environment", {})
    return Settings.from_environment({key: str(value) for key, value in environ.items()})


def test_workers_and_producer_have_the_same_brokers_and_topics() -> None:
    worker, producer = settings("worker"), settings("producer")
    assert worker == producer
    published = {port.rpartition(":")[2] for port in SERVICES["worker"]["ports"]}
    assert published == {str(worker.ops_port)}
    assert f":{worker.ops_port}/readyz" in SERVICES["worker"]["healthcheck"]["test"][-1]
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > worker.drain_seconds


def test_the_producers_command_is_one() -> None:
    command = SERVICES["producer"]["command"]
    done = subprocess.run(
        [sys.executable, "-m", "stream", *command, "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0
    for flag in (word for word in command if word.startswith("--")):
        assert flag in done.stdout.decode()


def test_who_is_waited_for_tells_when_it_is_ready() -> None:
    waited = 0
    for name in names("depends_on"):
        for other, how in SERVICES[name]["depends_on"].items():
            if how["condition"] == "service_healthy":
                waited += 1
                check = SERVICES[other]["healthcheck"]
                assert "disable" not in check
                assert check["test"][0] == "CMD"
            else:
                assert other == "alert-receiver"
    assert waited >= 5
    order = ["kafka", "worker", "producer"]
    for before, after in pairwise(order):
        assert SERVICES[after]["depends_on"][before] == {"condition": "service_healthy"}


# -- Kafka -----------------------------------------------------------------------------------------


def broker_properties() -> dict[str, str]:
    """As the image makes them of its environment."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in SERVICES["kafka"]["environment"].items()
    }


def test_kafka_is_the_release_that_is_tested_on() -> None:
    pom = (ROOT / "tests" / "kafka" / "pom.xml").read_text()
    (tested,) = re.findall(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>(.+?)</version>", pom)
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{tested}"


def test_kafka_is_where_the_others_look_for_it() -> None:
    advertised = dict(
        listener.split("://") for listener in broker_properties()["advertised.listeners"].split(",")
    )
    assert advertised["INSIDE"] == INSIDE
    # The default of every command on this machine.
    assert (advertised["OUTSIDE"],) == Settings().bootstrap_servers
    outside = advertised["OUTSIDE"].rpartition(":")[2]
    assert SERVICES["kafka"]["ports"] == [f"127.0.0.1:{outside}:{outside}"]
    port = INSIDE.rpartition(":")[2]
    assert SERVICES["kafka"]["healthcheck"]["test"][-1].endswith(f"/{port}")
    assert any(
        volume.endswith(f":{broker_properties()['log.dirs']}")
        for volume in SERVICES["kafka"]["volumes"]
    )


@pytest.mark.slow
def test_kafka_starts_with_these_settings(tmp_path: Path) -> None:
    """The real one, on other ports and another disk."""
    properties = broker_properties()
    ports = {port: str(free_port()) for port in ("9092", "9093", "9094")}
    properties = {
        name: re.sub(r"\b909[234]\b", lambda found: ports[found[0]], value).replace(
            "//kafka:", "//localhost:"
        )
        for name, value in properties.items()
    } | {"log.dirs": str(tmp_path / "data")}
    config = tmp_path / "server.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    try:
        path = os.pathsep.join(map(str, broker_jars()))
        command = [_java(), "-Xmx256m", "-cp", path]
    except KafkaUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Apache Kafka: {reason}")
    # The identifier that the image gives a cluster without one.
    format_ = ["format", "--cluster-id", "5L6g3nShT-eMCtK--X86sw", "--config", str(config)]
    done = subprocess.run(
        [*command, "kafka.tools.StorageTool", *format_],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    log = tmp_path / "kafka.log"
    with log.open("wb") as output:
        broker = subprocess.Popen(
            [*command, "kafka.Kafka", str(config)], stdout=output, stderr=output, cwd=tmp_path
        )

    def answers() -> bool:
        assert broker.poll() is None, log.read_text()
        try:
            socket.create_connection(("localhost", int(ports["9093"])), timeout=1).close()
        except OSError:
            return False
        return True

    try:
        wait_for(answers, "the broker listens")
        topics = subprocess.run(
            [sys.executable, "-m", "stream", "produce", "-"],
            input=b'{"id": "a", "turns": [{"speaker": "customer", "text": "Hello"}]}\n',
            env=os.environ | {"EMPATHY_BOOTSTRAP_SERVERS": f"localhost:{ports['9092']}"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert topics.returncode == 0, topics.stderr.decode()
    finally:
        broker.kill()
        broker.wait()


# -- what watches ----------------------------------------------------------------------------------


def test_prometheus_reads_its_rules_and_scrapes_every_worker() -> None:
    config = inside("prometheus", option("prometheus", "--config.file"))
    done = run_tool("promtool", "check", "config", config)
    assert done.returncode == 0, done.stdout
    (job,) = yaml.safe_load(config.read_text())["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]
    assert discovery["names"] == ["worker"]
    assert discovery["port"] == settings("worker").ops_port


def reached(address: str) -> tuple[str, int]:
    """The service and the port that an address inside the project leads to."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    assert parts.hostname in SERVICES, address
    assert parts.port
    return parts.hostname, parts.port


def test_alerts_go_from_prometheus_by_alertmanager_to_the_receiver() -> None:
    prometheus = yaml.safe_load(
        inside("prometheus", option("prometheus", "--config.file")).read_text()
    )
    (manager,) = prometheus["alerting"]["alertmanagers"]
    (group,) = manager["static_configs"]
    assert [reached(target) for target in group["targets"]] == [("alertmanager", 9093)]
    config = inside("alertmanager", option("alertmanager", "--config.file"))
    done = run_tool("amtool", "check-config", config)
    assert done.returncode == 0, done.stdout
    for receiver in yaml.safe_load(config.read_text())["receivers"]:
        (webhook,) = receiver["webhook_configs"]
        assert reached(webhook["url"]) == ("alert-receiver", 8080)


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    provisioning = inside("grafana", "/etc/grafana/provisioning")
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    assert reached(source["url"]) == ("prometheus", 9090)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "empathy-stream.yml").read_text())[
        "providers"
    ]
    boards = list(inside("grafana", provider["options"]["path"]).glob("*.json"))
    assert len(boards) == 2
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert inside("grafana", home) in boards


def test_the_receiver_prints_alerts_and_ends_in_good_order(tmp_path: Path) -> None:
    _, script = SERVICES["alert-receiver"]["entrypoint"]
    port, log = free_port(), tmp_path / "receiver.log"
    with log.open("wb") as output:
        receiver = subprocess.Popen(
            [sys.executable, inside("alert-receiver", script), str(port)], stdout=output
        )

    def post(body: bytes) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/platform", body)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    try:
        wait_for(lambda: "waiting" in log.read_text(), "the receiver")
        alert = {"status": "firing", "annotations": {"summary": "Queue orders: look."}}
        assert post(json.dumps({"alerts": [alert, alert | {"status": "resolved"}]}).encode()) == 204
        assert post(b"[]") == 400
        receiver.send_signal(signal.SIGTERM)
        assert receiver.wait(10) == 0
    finally:
        receiver.kill()
        receiver.wait()
    assert log.read_text().splitlines()[1:] == [
        "platform firing: Queue orders: look.",
        "platform resolved: Queue orders: look.",
    ]

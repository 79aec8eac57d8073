"""The Helm chart, by helm itself: what it renders is valid, safe, and understood by the worker."""

from __future__ import annotations

import json
import math
import subprocess
import tarfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from deploy.helm.generate import SCHEMA, rendered
from stream import __version__
from stream.settings import SettingError, Settings, variable
from tests.ops.dockerfile import FINAL, only
from tests.ops.tools import helm, resource_definitions, run_tool

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "empathy-stream"
CASES = sorted((CHART / "ci").glob("*.yaml"))
Manifest = dict[str, Any]


def run_helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [helm(), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def template(case: str = "minimal", *options: str) -> subprocess.CompletedProcess[str]:
    values = CHART / "ci" / f"{case}.yaml"
    where = ("--namespace", "contact", "--kube-version", "1.34")
    return run_helm("template", "talk", CHART, "--values", values, *where, *options)


def manifests(case: str = "minimal", *options: str) -> list[Manifest]:
    done = template(case, *options)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def one(found: list[Manifest], kind: str) -> Manifest:
    (manifest,) = (each for each in found if each["kind"] == kind)
    return manifest


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return manifests("everything")


# -- valid -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_helm_finds_no_fault(case: Path) -> None:
    done = run_helm("lint", "--strict", CHART, "--values", case)
    assert done.returncode == 0, done.stdout + done.stderr


def strict(schema: Any) -> Any:
    """A definition's schema that refuses properties it does not name, as ``kubectl apply`` does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not (
        schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    ):
        out["additionalProperties"] = False
    return out


@pytest.fixture(scope="module")
def operators() -> dict[tuple[str, str], Any]:
    """The schemas of the operators' resources by version and kind."""
    found = {}
    for file in resource_definitions().glob("*.yaml"):
        spec = yaml.load(file.read_bytes(), yaml.CSafeLoader)["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"]["metadata"] = {"type": "object"}
            api = f"{spec['group']}/{version['name']}"
            found[api, spec["names"]["kind"]] = jsonschema.Draft202012Validator(strict(schema))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("kubernetes", ["1.27", "1.37"])
def test_kubernetes_and_the_operators_take_it(
    case: Path, kubernetes: str, operators: dict[tuple[str, str], Any]
) -> None:
    for manifest in manifests(case.stem, "--kube-version", kubernetes):
        own = operators.get((manifest["apiVersion"], manifest["kind"]))
        if own:
            own.validate(manifest)
        else:
            kubernetes_validate.validate(manifest, kubernetes, strict=True)


def test_all_kinds_are_rendered(everything: list[Manifest]) -> None:
    assert sorted({each["kind"] for each in everything}) == [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PrometheusRule",
        "ScaledObject",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "TriggerAuthentication",
    ]
    assert {each["metadata"]["namespace"] for each in everything} == {"contact"}


def test_versions_are_the_projects() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__


# -- settings --------------------------------------------------------------------------------------


def test_the_values_schema_is_generated() -> None:
    assert SCHEMA.read_text() == rendered(), "run python -m deploy.helm.generate"


def test_the_values_schema_and_the_settings_allow_the_same() -> None:
    allowed = json.loads(SCHEMA.read_text())["properties"]["settings"]["properties"]
    bounded = 0
    for setting in fields(Settings):
        name, parse = variable(setting.name), setting.metadata["parse"]
        if setting.metadata["secret"]:
            assert name not in allowed
            assert f"{name}_FILE" in allowed
            continue
        schema = allowed[name]
        default = setting.default
        default = ",".join(default) if isinstance(default, tuple) else default
        jsonschema.validate(default, schema)
        for value in schema.get("enum", ()):
            parse(str(value))
        if "minimum" in schema:
            bounded += 1
            step = 1 if "integer" in schema["type"] else schema["minimum"] * 1e-6 + 1e-9
            parse(str(schema["minimum"]))
            parse(str(schema["maximum"]))
            for beyond in (schema["minimum"] - step, schema["maximum"] + 1):
                with pytest.raises(ValueError):  # noqa: PT011  (it says nothing)
                    parse(str(beyond))
                with pytest.raises(jsonschema.ValidationError):
                    jsonschema.validate(beyond, schema)
    assert bounded > 20


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_worker_understands_its_environment(case: Path, tmp_path: Path) -> None:
    """With the image's own variables, and a file wherever one is mounted."""
    pod = one(manifests(case.stem), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", ())}
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    environ = only(FINAL, "ENV").pairs()
    for each in container["env"]:
        value = each["value"]
        if value.startswith("/etc/empathy-stream/"):
            folder, _, key = value.rpartition("/")
            volume = volumes[mounts[folder]]
            source = volume.get("secret") or volume["configMap"]
            assert source["items"] == [{"key": key, "path": key}]
            value = str(tmp_path / each["name"])
            Path(value).write_text("content")
        environ[each["name"]] = value
    settings = Settings.from_environment(environ)
    given = yaml.safe_load(case.read_text())
    shown = settings.shown()
    for name, value in given["settings"].items():
        assert str(shown[name]) == str(value).replace(", ", ",")
    assert settings.ops_host in ("0.0.0.0", "::")
    for name in given.get("files", {}):
        assert shown[name.removesuffix("_FILE") if name not in shown else name]
    assert container["ports"] == [{"name": "ops", "containerPort": settings.ops_port}]
    assert pod["terminationGracePeriodSeconds"] >= settings.drain_seconds + 10


def test_the_charts_defaults_are_the_workers(everything: list[Manifest]) -> None:
    values = "--set", "autoscaling.enabled=true"
    found = manifests("minimal", *values)
    (trigger,) = one(found, "ScaledObject")["spec"]["triggers"]
    defaults = Settings()
    assert trigger["metadata"]["consumerGroup"] == defaults.group_id
    assert trigger["metadata"]["topic"] == defaults.events_topic
    assert "authenticationRef" not in trigger
    pod = one(found, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["ports"][0]["containerPort"] == defaults.ops_port
    assert math.ceil(defaults.drain_seconds) == pod["terminationGracePeriodSeconds"] - 15
    assert template("minimal", *values, "--set", "autoscaling.maxReplicas=5").returncode != 0
    assert defaults.partitions == 4


REFUSED = [
    pytest.param(
        ["--set", "settings.EMPATHY_GROUPID=a"], "EMPATHY_GROUPID", id="a setting misspelt"
    ),
    pytest.param(["--set", "settings.EMPATHY_SASL_PASSWORD=a"], "EMPATHY_SASL_PASSWORD", id="bare"),
    pytest.param(["--set", "settings.EMPATHY_MAX_QUEUES=0"], "EMPATHY_MAX_QUEUES", id="too small"),
    pytest.param(["--set", "settings.EMPATHY_SOURCE=avaya"], "EMPATHY_SOURCE", id="not a choice"),
    pytest.param(["--set", "settings.EMPATHY_BOOTSTRAP_SERVERS="], "name at least one", id="none"),
    pytest.param(
        ["--set-json", 'files.EMPATHY_SASL_PASSWORD_FILE={"configMap":"a","key":"b"}'],
        "EMPATHY_SASL_PASSWORD_FILE",
        id="a secret in a ConfigMap",
    ),
    pytest.param(
        [
            "--set=settings.EMPATHY_SSL_CA_FILE=/a",
            '--set-json=files.EMPATHY_SSL_CA_FILE={"secret":"a","key":"b"}',
        ],
        "in settings and in files",
        id="given twice",
    ),
    pytest.param(["--set", "replicas=5"], "replicas: 5 workers have 4 partitions", id="too many"),
    pytest.param(
        ["--set", "autoscaling.enabled=true,autoscaling.maxReplicas=5"],
        "autoscaling.maxReplicas",
        id="too many at most",
    ),
    pytest.param(
        ["--set", "settings.EMPATHY_SECURITY_PROTOCOL=SASL_SSL"],
        "files.EMPATHY_SASL_PASSWORD_FILE",
        id="no password",
    ),
    pytest.param(["--set", "replica=1"], "replica", id="a value misspelt"),
]


@pytest.mark.parametrize(("options", "told"), REFUSED)
def test_what_cannot_work_is_refused_by_its_name(options: list[str], told: str) -> None:
    done = template("minimal", *options)
    assert done.returncode != 0
    assert told in done.stderr


# -- safe ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_pod_is_restricted(case: Path) -> None:
    """Pod Security Standards, level restricted, and a root file system that is read-only."""
    pod = one(manifests(case.stem), "Deployment")["spec"]["template"]["spec"]
    user = int(only(FINAL, "USER").value.partition(":")[0])
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert pod["automountServiceAccountToken"] is False
    assert not any("valueFrom" in each for each in container["env"])


def test_a_service_of_the_same_name_does_not_stop_the_worker() -> None:
    with pytest.raises(SettingError):
        Settings.from_environment({"EMPATHY_STREAM_SERVICE_HOST": "10.0.0.1"})
    pod = one(manifests(), "Deployment")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False


def test_only_prometheus_comes_in_and_only_dns_and_brokers_are_reached(
    everything: list[Manifest],
) -> None:
    spec = one(everything, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = spec["ingress"]
    assert ingress["ports"] == [{"port": "ops", "protocol": "TCP"}]
    assert ingress["from"]
    dns, brokers, _ = spec["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert brokers["ports"] == [{"port": 9093, "protocol": "TCP"}]
    assert brokers["to"]
    secured = manifests("secured", "--set", "networkPolicy.enabled=true")
    anywhere = one(secured, "NetworkPolicy")["spec"]["egress"][1]
    assert [port["port"] for port in anywhere["ports"]] == [9093, 9094]


def selected(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_everything_is_about_the_workers(everything: list[Manifest]) -> None:
    deployment = one(everything, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    service = one(everything, "Service")
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        one(everything, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(everything, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector
        assert selected(selector, labels)
    monitor = one(everything, "ServiceMonitor")["spec"]
    assert selected(monitor["selector"]["matchLabels"], service["metadata"]["labels"])
    assert [each["port"] for each in monitor["endpoints"]] == [
        each["name"] for each in service["spec"]["ports"]
    ]
    assert service["spec"]["publishNotReadyAddresses"]
    target = one(everything, "ScaledObject")["spec"]["scaleTargetRef"]
    assert target["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]  # the autoscaler's
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


def test_keda_signs_in_by_references_alone(everything: list[Manifest]) -> None:
    (trigger,) = one(everything, "ScaledObject")["spec"]["triggers"]
    assert trigger["metadata"] | {"sasl": "scram_sha512", "tls": "enable"} == trigger["metadata"]
    authentication = one(everything, "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    secrets = {each["parameter"]: each for each in authentication["spec"]["secretTargetRef"]}
    assert secrets.keys() == {"password", "ca", "cert", "key", "keyPassword"}
    assert secrets["password"] == {"parameter": "password", "name": "kafka-user", "key": "password"}
    (user,) = authentication["spec"]["env"]
    (container,) = one(everything, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert user["containerName"] == container["name"]
    assert user["name"] in {each["name"] for each in container["env"]}


# -- what is watched -------------------------------------------------------------------------------


def test_the_rules_are_those_of_prometheus(everything: list[Manifest], tmp_path: Path) -> None:
    spec = one(everything, "PrometheusRule")["spec"]
    runbook = "https://wiki.example.com/empathy-stream/runbook"
    original = (DEPLOY / "prometheus" / "empathy-stream.rules.yml").read_text()
    assert spec == yaml.safe_load(original.replace("deploy/runbook.md", runbook))
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(spec))
    done = run_tool("promtool", "check", "rules", file)
    assert done.returncode == 0, done.stdout


def test_the_job_is_one_that_the_rules_watch(everything: list[Manifest]) -> None:
    (endpoint,) = one(everything, "ServiceMonitor")["spec"]["endpoints"]
    (relabeling,) = endpoint["relabelings"]
    assert relabeling["targetLabel"] == "job"
    assert relabeling["replacement"] == "empathy-stream/contact/talk"
    rules = (DEPLOY / "prometheus" / "empathy-stream.rules.yml").read_text()
    assert 'job=~"empathy-stream.*"' in rules


def test_the_dashboards_are_those_of_grafana(everything: list[Manifest]) -> None:
    boards = {}
    for each in everything:
        if each["kind"] == "ConfigMap":
            assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
            boards |= each["data"]
    originals = (DEPLOY / "grafana" / "dashboards").glob("*.json")
    assert boards == {f"empathy-{path.name}": path.read_text() for path in originals}
    assert boards


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    done = run_helm("package", CHART, "--destination", folder)
    assert done.returncode == 0, done.stderr
    (package,) = folder.glob("*.tgz")
    return package


def test_a_package_carries_rules_and_dashboards(packaged: Path) -> None:
    with tarfile.open(packaged) as archive:
        members = {member.name: member for member in archive.getmembers()}
        rules = members["empathy-stream/files/rules.yml"]
        assert rules.isreg()
        assert "empathy-stream/files/dashboards/recognition.json" in members
        assert "empathy-stream/values.schema.json" in members
        assert not any("/ci/" in name for name in members)

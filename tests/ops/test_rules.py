"""Alert rules: valid, tested for firing and for silence, each with its section in the runbook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.ops.metrics import Metrics
from stream.settings import Settings
from tests.ops.tools import run_tool

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "empathy-stream.rules.yml"
RULE_TESTS = DEPLOY / "prometheus" / "empathy-stream.rules.test.yml"
RUNBOOK = (DEPLOY / "runbook.md").read_text()


def rules(kind: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = {rule["alert"]: rule for rule in rules("alert")}


def test_prometheus_accepts_its_configuration_and_the_rules() -> None:
    done = run_tool("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")
    assert done.returncode == 0, done.stdout
    assert f"{len(ALERTS) + len(rules('record'))} rules found" in done.stdout


def test_alerts_fire_and_stay_silent() -> None:
    done = run_tool("promtool", "test", "rules", RULE_TESTS)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_for_firing_and_for_silence(alert: str) -> None:
    expected = [
        bool(case["exp_alerts"])
        for test in yaml.safe_load(RULE_TESTS.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == alert
    ]
    assert True in expected
    assert False in expected


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["for"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["labels"]["team"] in ("contact-center", "platform")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"deploy/runbook.md#{alert.lower()}"
    section = RUNBOOK.partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
    parts = re.findall(r"\*\*(.+?)\.\*\*", section)
    assert parts == ["Symptom", "Meaning", "First checks", "What to do", "Silence"]
    assert f"amtool silence add alertname={alert} " in section


def test_the_runbooks_queries_can_be_asked(tmp_path: Path) -> None:
    asked = [
        line
        for block in re.findall(r"```promql\n(.*?)```", RUNBOOK, re.DOTALL)
        for line in block.splitlines()
        if not line.startswith("#")
    ]
    assert len(asked) > 30
    numbered = [{"record": f"query:{n}", "expr": expr} for n, expr in enumerate(asked)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": numbered}]}))
    done = run_tool("promtool", "check", "rules", file)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("text", [RULES.read_text(), RULE_TESTS.read_text(), RUNBOOK])
def test_every_metric_and_setting_named_exists(text: str) -> None:
    names = {rule["record"] for rule in rules("record")}
    for family in Metrics("test", 10).registry.collect():
        names |= {
            family.name,
            f"{family.name}_total",
            f"{family.name}_bucket",
            f"{family.name}_info",
        }
    named = set(re.findall(r"\b(?:job_queue:)?empathy_[a-z_]+(?::\w+)?", text))
    assert named
    assert named <= names
    assert set(re.findall(r"EMPATHY_[A-Z_]+", text)) <= set(Settings().shown())


def test_alertmanager_accepts_its_configuration_and_finds_the_receivers() -> None:
    config = DEPLOY / "alertmanager" / "alertmanager.yml"
    done = run_tool("amtool", "check-config", config)
    assert done.returncode == 0, done.stdout
    for rule in ALERTS.values():
        labels = [f"{name}={value}" for name, value in rule["labels"].items()]
        found = run_tool("amtool", "config", "routes", "test", f"--config.file={config}", *labels)
        assert found.stdout.splitlines()[-1] == rule["labels"]["team"]

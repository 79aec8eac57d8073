"""The README stays true."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from stream.ops.metrics import Metrics
from stream.settings import Settings, variable

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
PRIVACY = (ROOT / "deploy" / "privacy.md").read_text()
SCHEMAS = (ROOT / "schemas" / "README.md").read_text()


def test_ci_runs_the_readmes_test_command() -> None:
    command = next(line for line in README.splitlines() if line.endswith("-m pytest"))
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_setting_it_names_exists() -> None:
    secrets = {
        f"{variable(field.name)}_FILE" for field in fields(Settings) if field.metadata["secret"]
    }
    named = re.findall(r"EMPATHY_[A-Z_]+", README + SECURITY + PRIVACY + SCHEMAS)
    assert named
    assert set(named) <= set(Settings().shown()) | secrets


def test_every_metric_it_names_exists() -> None:
    names = {
        sample.name
        for family in Metrics("test", 10).registry.collect()
        for sample in family.samples
    } | {f"{family.name}_total" for family in Metrics("test", 10).registry.collect()}
    named = set(re.findall(r"\bempathy_[a-z_]+\b", README))
    assert named
    assert named <= names


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize(
    ("file", "test"), re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", SECURITY)
)
def test_every_test_that_a_threat_is_answered_by_exists(file: str, test: str) -> None:
    assert f"def {test}" in (ROOT / file).read_text()

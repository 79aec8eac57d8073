"""The README stays true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stream.ops.metrics import Metrics
from stream.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_ci_runs_the_readmes_test_command() -> None:
    command = next(line for line in README.splitlines() if line.endswith("-m pytest"))
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_setting_it_names_exists() -> None:
    known = Settings().shown()
    named = re.findall(r"EMPATHY_[A-Z_]+", README)
    assert named
    assert set(named) <= set(known)


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

"""The generated reference pages are what the code gives."""

from __future__ import annotations

from dataclasses import fields

from deploy.reference import FILE, reference
from stream.ops.metrics import Metrics
from stream.settings import Settings, variable


def test_the_committed_page_is_current() -> None:
    assert FILE.read_text() == reference(), "run: python -m deploy.reference"


def test_every_setting_and_metric_is_on_it_once() -> None:
    rows = [line.split("`")[1] for line in FILE.read_text().splitlines() if line.startswith("| `")]
    settings = [variable(setting.name) for setting in fields(Settings)]
    metrics = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics("test", 10).registry.collect()
        if family.name != "empathy_build"
    }
    assert sorted(rows) == sorted([*settings, *metrics, "empathy_build_info"])


def test_every_setting_is_about_something() -> None:
    assert all(setting.metadata["group"] for setting in fields(Settings))

"""The dashboards as they are committed: what the code gives, whole, and readable."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.ops.metrics import Metrics
from tests.ops.panels import BUILT_IN, DASHBOARDS, panels, variables

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"


def test_the_committed_dashboards_are_what_the_code_gives() -> None:
    pytest.importorskip("grafana_foundation_sdk", reason="needs Python 3.11")
    from deploy.grafana.generate import dashboards

    assert dict(dashboards()) == {path.name: path.read_text() for path in DASHBOARDS}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafanas_own_model_reads_them_without_loss(path: Path) -> None:
    pytest.importorskip("grafana_foundation_sdk", reason="needs Python 3.11")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    committed = json.loads(path.read_text())
    read = Dashboard.from_json(committed)
    assert json.loads(json.dumps(read, cls=JSONEncoder)) == committed


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_says_what_it_shows_and_in_what_unit(path: Path) -> None:
    board = json.loads(path.read_text())
    shown = list(panels(board))
    assert len(shown) > 10
    assert len({panel["title"] for panel in shown}) == len(shown)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in shown:
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["description"].endswith(".")
        assert defaults["unit"]
        assert defaults["thresholds"]["steps"][0]["value"] is None
        assert panel["targets"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_lies_over_another(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_and_metric_exists(path: Path) -> None:
    board = json.loads(path.read_text())
    text = json.dumps([board["panels"], board["annotations"], board["templating"]])
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__all"}
    assert used - set(BUILT_IN) == set(variables(board))
    names = set()
    for family in Metrics("test", 10).registry.collect():
        names |= {family.name, *(f"{family.name}{end}" for end in ("_total", "_bucket", "_info"))}
    assert set(re.findall(r"\bempathy_[a-z_]+", text)) <= names


def test_alerts_and_dashboards_lead_to_the_runbook() -> None:
    runbook = (GRAFANA.parent / "runbook.md").read_text()
    text = "".join(path.read_text() for path in DASHBOARDS)
    named: set[str] = set(re.findall(r"Runbook: (\w+)", text))
    assert named
    for alert in named:
        assert f"\n## {alert}\n" in runbook


def test_provisioning_names_one_source_and_one_folder() -> None:
    def load(file: str) -> Any:
        return yaml.safe_load((GRAFANA / "provisioning" / file).read_text())

    (source,) = load("datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    (provider,) = load("dashboards/empathy-stream.yml")["providers"]
    assert provider["type"] == "file"
    scraped = yaml.safe_load((GRAFANA.parent / "prometheus" / "prometheus.yml").read_text())
    # A shorter one would make rates over windows that hold no two samples.
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]

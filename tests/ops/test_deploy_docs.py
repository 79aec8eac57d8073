"""What deploy/ says is true: files, settings, metrics, queries, and the worker's own words."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from stream import cli
from stream.ops.metrics import Metrics
from stream.settings import Settings, variable
from tests.ops.tools import run_tool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
README = DEPLOY / "README.md"
CHART = DEPLOY / "helm" / "empathy-stream" / "README.md"
ROWS = [
    [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in README.read_text().partition("| symptom |")[2].splitlines()[2:]
]


def anchors(file: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("file", [README, CHART], ids=["deploy", "chart"])
def test_every_link_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", file.read_text()):
        path, _, anchor = target.partition("#")
        found = file.parent / path if path else file
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@pytest.mark.parametrize("file", [README, CHART], ids=["deploy", "chart"])
def test_every_setting_named_exists(file: Path) -> None:
    secrets = {
        f"{variable(each.name)}_FILE" for each in fields(Settings) if each.metadata["secret"]
    }
    known = set(Settings().shown()) | secrets | {"EMPATHY_"}
    assert set(re.findall(r"EMPATHY_[A-Z_]*", file.read_text())) <= known


def test_every_metric_named_exists() -> None:
    names = set()
    for family in Metrics("test", 10).registry.collect():
        names |= {family.name, f"{family.name}_total", f"{family.name}_info"}
    named = set(re.findall(r"\bempathy_[a-z_]+", README.read_text()))
    assert named
    assert named <= names


def literals() -> str:
    """All texts in the service's code, the parts of one text put together."""
    found = []
    for file in (ROOT / "stream").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(
                        part.value
                        if isinstance(part, ast.Constant)
                        else "EMPATHY_CREATE_TOPICS"
                        if "create_topics" in ast.unparse(part)
                        else ""
                        for part in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_what_the_worker_is_quoted_with_it_says() -> None:
    said = literals()
    quoted = [word for row in ROWS for word in re.findall(r"`([^`]+)`", row[0])]
    quoted += ["the event loop has not turned for", "the process was stalled"]
    assert len(quoted) > 20
    assert [words for words in quoted if words not in said] == []


def test_exit_codes_are_the_workers() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", README.read_text(), re.MULTILINE)}
    named = {cli.EXIT_USAGE, cli.EXIT_DATA, cli.EXIT_UNAVAILABLE, cli.EXIT_CRASHED}
    assert codes == {0} | named


def test_queries_can_be_asked(tmp_path: Path) -> None:
    asked = [
        code
        for row in ROWS
        for code in re.findall(r"`([^`]+)`", row[2])
        if re.match(r"(sum|increase|up\{)", code)
    ]
    assert len(asked) >= 4
    file = tmp_path / "queries.yml"
    numbered = [{"record": f"query:{n}", "expr": expr} for n, expr in enumerate(asked)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": numbered}]}))
    done = run_tool("promtool", "check", "rules", file)
    assert done.returncode == 0, done.stdout


def test_values_named_in_the_readmes_exist() -> None:
    values = yaml.safe_load((CHART.parent / "values.yaml").read_text())
    named = re.findall(r"`([a-z]\w+)\.(\w+)`", README.read_text() + CHART.read_text())
    own = [(a, b) for a, b in named if a in values]
    assert own
    for section, key in own:
        assert key in values[section], f"{section}.{key}"
    (example,) = re.findall(r"```yaml\n(.+?)```", CHART.read_text(), re.DOTALL)
    assert yaml.safe_load(example).keys() <= values.keys()

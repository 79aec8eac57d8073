"""From conversations to the pager: broker, worker, Prometheus and Alertmanager as deployed.

Weeks of good service and a busy day are replayed in seconds, since the detector goes by event
time. Then the agents of one queue stop recognising their customers, while the other goes on.
Changed of what is deployed: addresses, intervals, and the ``for`` of the drop alert.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from stream.embedded import EmbeddedBroker
from stream.samples import sample_conversations
from stream.settings import Settings
from stream.sources import Transcript
from tests.ops.panels import DASHBOARDS, interpolated, panels, variables
from tests.ops.tools import Daemon
from tests.ops.watching import DEPLOY, Webhook, alertmanager_config, prometheus_config, value
from tests.pipeline import Worker, messages, send, wait_for

pytestmark = pytest.mark.slow

FALLING, STEADY = "orders", "billing"
HOUR_MS = 3_600_000
BEGIN_MS = 1_748_822_400_000  # a Monday, 00:00 UTC
DAYS = 18

_SAMPLES = {sample.id: sample for sample in sample_conversations()}
GOOD = [_SAMPLES[name] for name in ("sample-airline-03", "sample-airline-04")]
"""Recognition comes first."""
POOR = [_SAMPLES[name] for name in ("sample-telecom-03", "sample-telecom-04")]
"""No recognition, and gaps on the way."""


class Hour(NamedTuple):
    """Conversations of an hour in each queue, and whether the falling queue still recognises."""

    start_ms: int
    conversations: int
    falling_recognises: bool


def served(hours: list[Hour], name: str) -> list[Transcript]:
    """The conversations of both queues in the order of their ends: every other one recognises."""
    out = []
    numbers = count()
    for hour in hours:
        for place in range(hour.conversations):
            start_ms = hour.start_ms + place * HOUR_MS // hour.conversations
            for queue in (FALLING, STEADY):
                number = next(numbers)
                good = place % 2 == 0 and (hour.falling_recognises or queue == STEADY)
                among = GOOD if good else POOR
                sample = among[number // 4 % len(among)]
                # The samples' own pace, but within minutes: so no hour reaches into the next.
                turns = tuple(
                    turn._replace(time_ms=start_ms + 7_000 * (n + 1))
                    for n, turn in enumerate(sample.turns)
                )
                out.append(
                    sample._replace(
                        id=f"{name}-{number}", queue=queue, started_ms=start_ms, turns=turns
                    )
                )
    return out


class Run(NamedTuple):
    """``before``: alerts, pending or firing, and notifications, before the fall."""

    prometheus: Daemon
    webhook: Webhook
    before: list[dict[str, Any]]
    began: float


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("alerting")
    with ExitStack() as stack:
        webhook = Webhook()
        stack.callback(webhook.close)
        manager = stack.enter_context(
            Daemon(
                "alertmanager",
                alertmanager_config(folder, webhook.url),
                f"--storage.path={folder / 'alertmanager'}",
                "--cluster.listen-address=",
            )
        )
        broker = stack.enter_context(EmbeddedBroker())
        settings = Settings(
            bootstrap_servers=(broker.bootstrap_servers,),
            # In one partition weeks pass in order: over several, one would run ahead by days.
            partitions=1,
            log_format="json",
        )
        worker = Worker(settings, folder / "worker.log")
        stack.callback(worker.kill)
        worker.wait_ready()
        deployed = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        prometheus = stack.enter_context(
            Daemon(
                "prometheus",
                prometheus_config(
                    folder, deployed, "EmpathyRecognitionDrop", worker.port, manager.url
                ),
                f"--storage.tsdb.path={folder / 'prometheus'}",
            )
        )
        began = time.time()

        def replay(hours: list[Hour], name: str) -> None:
            """Produce, and wait until Prometheus has seen it and thought about it."""
            conversations = served(hours, name)
            counted = "sum(empathy_contributions_total)"
            done = value(prometheus, counted) + len(conversations)
            send(broker.bootstrap_servers, settings.events_topic, messages(conversations))
            wait_for(lambda: value(prometheus, counted) >= done, "every conversation counted", 180)

        opening = [
            Hour(BEGIN_MS + (day * 24 + hour) * HOUR_MS, 5, True)
            for day in range(DAYS)
            for hour in range(8, 20)
        ]
        today = BEGIN_MS + DAYS * 24 * HOUR_MS
        busy = [Hour(today + hour * HOUR_MS, 30, True) for hour in range(8, 14)]
        replay(opening + busy, "good")
        wait_for(lambda: value(prometheus, "count(empathy_baseline_ratio)") == 2, "the baselines")
        looked_at_again(prometheus)
        before = [*prometheus.get("/api/v1/alerts")["alerts"], *webhook.alerts]
        replay([Hour(today + hour * HOUR_MS, 30, False) for hour in range(14, 17)], "fall")
        yield Run(prometheus, webhook, before, began)


def looked_at_again(prometheus: Daemon) -> None:
    """Wait until the rules have seen what is scraped by now, for longer than ``for``."""
    evaluated = "max(timestamp(job_queue:empathy_target:ratio))"
    seen = value(prometheus, "max(timestamp(empathy_drop_active))")
    wait_for(lambda: value(prometheus, evaluated) > seen + 3, "the rules evaluated")


def test_good_service_raises_no_alert(run: Run) -> None:
    assert run.before == []


def test_a_queue_that_stops_recognising_is_told_to_its_team(run: Run) -> None:
    def told() -> list[dict[str, Any]]:
        return [alert for alert in run.webhook.alerts if alert["status"] == "firing"]

    (alert,) = wait_for(told, "the alert at the webhook", 30)
    assert alert["path"] == "/contact-center"
    assert alert["labels"] == {
        "alertname": "EmpathyRecognitionDrop",
        "job": "empathy-stream",
        "queue": FALLING,
        "measure": "recognized_first",
        "severity": "critical",
        "team": "contact-center",
    }
    assert f"Queue {FALLING}: " in alert["annotations"]["summary"]
    description = alert["annotations"]["description"]
    assert re.search(r"own baseline of 5\d\.\d+% \(last hour, recognition first: \d", description)


TARGETS = [
    pytest.param(board, panel, id=f"{path.stem}-{panel['title']}")
    for path in DASHBOARDS
    for board in [json.loads(path.read_text())]
    for panel in panels(board)
]


@pytest.mark.parametrize(("board", "panel"), TARGETS)
def test_every_query_of_a_panel_returns_series(
    run: Run, board: dict[str, Any], panel: dict[str, Any]
) -> None:
    for target in panel["targets"]:
        found = run.prometheus.get(
            "/api/v1/query_range",
            query=interpolated(target["expr"], board),
            start=str(run.began),
            end=str(time.time()),
            step="1",
        )["result"]
        values = [float(value) for series in found for _, value in series["values"]]
        assert any(map(math.isfinite, values)), target["expr"]
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
            assert all(label in series["metric"] for series in found), target["legendFormat"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_resolves(run: Run, path: Path) -> None:
    board = json.loads(path.read_text())
    resolved = {}
    for name, variable in variables(board).items():
        if variable["type"] == "query":
            asked = interpolated(variable["query"], board)
            ((metric, label),) = re.findall(r"^label_values\((.+), (\w+)\)$", asked)
            resolved[name] = run.prometheus.get(
                f"/api/v1/label/{label}/values", **{"match[]": metric}
            )
            assert resolved[name]
    assert resolved["job"] == ["empathy-stream"]
    assert resolved.get("queue", [STEADY, FALLING]) == [STEADY, FALLING]


def test_the_drop_is_marked_on_the_dashboard(run: Run) -> None:
    board = json.loads(next(path for path in DASHBOARDS if path.stem == "recognition").read_text())
    (mark,) = board["annotations"]["list"]
    expr = interpolated(mark["expr"], board)
    wait_for(lambda: run.prometheus.get("/api/v1/query", query=expr)["result"], "the mark")

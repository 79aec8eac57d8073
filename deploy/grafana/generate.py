"""The dashboards as code: ``python -m deploy.grafana.generate`` writes ``dashboards/*.json``.

Every query keeps to the chosen ``$job`` and ``$queue`` or ``$instance``. Gauges of a queue are
taken with ``max``: while a queue changes its worker, two may show it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

FOLDER = Path(__file__).with_name("dashboards")
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

_QUEUE = 'job=~"$job",queue=~"$queue"'
_WORKER = 'job=~"$job",instance=~"$instance"'

_NEUTRAL = ((None, "blue"),)
_GOOD_FROM_BELOW = ((None, "red"), (0.25, "yellow"), (0.4, "green"))
"""Of a share that should be high: the target and the usual baseline (deploy/prometheus)."""
_ANY_IS_BAD = ((None, "green"), (1, "red"))

_Steps = tuple[tuple[float | None, str], ...]
_Builder = Any
"""A panel's builder: the SDK has one class for each kind and no common one."""


def query(expr: str, legend: str, *, instant: bool = False) -> prometheus.Dataquery:
    """One query, its series named by ``legend``."""
    built = prometheus.Dataquery().expr(expr).legend_format(legend).datasource(SOURCE)
    built = built.format(PromQueryFormat.TIME_SERIES)
    return built.instant() if instant else built.range()


def panel(
    kind: _Builder,
    title: str,
    about: str,
    unit: str,
    *queries: prometheus.Dataquery,
    width: int = 12,
    steps: _Steps = _NEUTRAL,
) -> _Builder:
    """A panel of ``kind`` with what all panels have."""
    thresholds = dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE)
    thresholds.steps([model.Threshold(value=value, color=color) for value, color in steps])
    built = kind.title(title).description(about).unit(unit).datasource(SOURCE)
    built = built.thresholds(thresholds).span(width)
    for number, each in enumerate(queries):
        built = built.with_target(each.ref_id("ABCDEF"[number]))
    return built.min(0).max(1) if unit == "percentunit" else built.min(0)


def number(title: str, about: str, unit: str, expr: str, steps: _Steps = _NEUTRAL) -> _Builder:
    """One figure, the newest."""
    built = panel(
        stat.Panel(), title, about, unit, query(expr, "", instant=True), width=6, steps=steps
    )
    built = built.height(4).graph_mode(common_model.BigValueGraphMode.NONE).no_value("-")
    return built.reduce_options(_newest())


def bars(
    title: str, about: str, unit: str, expr: str, legend: str, steps: _Steps = _NEUTRAL
) -> _Builder:
    """A bar for each series, the newest value."""
    asked = query(expr, legend, instant=True)
    built = panel(bargauge.Panel(), title, about, unit, asked, steps=steps).height(8)
    built = built.orientation(common_model.VizOrientation.HORIZONTAL)
    return built.reduce_options(_newest())


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def lines(
    title: str,
    about: str,
    unit: str,
    *queries: prometheus.Dataquery,
    width: int = 12,
    steps: _Steps = _NEUTRAL,
    stacked: bool = False,
) -> _Builder:
    """Lines over time; a threshold beyond the first is drawn."""
    built = panel(timeseries.Panel(), title, about, unit, *queries, width=width, steps=steps)
    built = built.height(8).fill_opacity(30 if stacked else 0).line_width(2)
    if stacked:
        stacking = common.StackingConfig().mode(common_model.StackingMode.NORMAL).group("A")
        built = built.stacking(stacking)
    if len(steps) > 1:
        style = common_model.GraphThresholdsStyleMode.DASHED
        built = built.thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
    # A queue without a ratio for a while is a gap in the line and not a bridge over it.
    return built.span_nulls(False).show_points(common_model.VisibilityMode.AUTO)


def _max(name: str, by: str, more: str = "") -> str:
    return f"max by ({by}) ({name}{{{_QUEUE}{more}}})"


def _quantile(q: float, name: str, by: str, where: str, span: str) -> str:
    return f"histogram_quantile({q}, sum by ({by}) (rate({name}_bucket{{{where}}}[{span}])))"


def recognition() -> dashboard.Dashboard:
    """What the contact center looks at."""
    window = ',window="$window"'
    baseline = model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash"})
    built = _dashboard(
        "Empathy: recognition",
        "empathy-recognition",
        "Whether customers have reason to feel understood: by queue, against the queue's own past.",
    )
    built.with_variable(_variable("queue", "Queue", "label_values(empathy_records_total, queue)"))
    built.with_variable(_windows())
    built.annotation(
        dashboard.AnnotationQuery()
        .name("Recognition drops")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(f'ALERTS{{alertname="EmpathyRecognitionDrop",alertstate="firing",{_QUEUE}}}')
    )
    rows: dict[str, list[_Builder]] = {
        "Now": [
            number(
                "Recognition first",
                "Share of the judged interactions of the chosen window in which the customer was "
                "recognised before any process, over the chosen queues.",
                "percentunit",
                f"sum({_max('empathy_recognized_first_ratio', 'job, queue', window)}"
                f" * {_max('empathy_window_interactions', 'job, queue', window)})"
                f" / sum({_max('empathy_window_interactions', 'job, queue', window)}"
                f" and {_max('empathy_recognized_first_ratio', 'job, queue', window)})",
                _GOOD_FROM_BELOW,
            ),
            number(
                "Queues in a drop",
                "Queues that the detector sees below their own baseline. Runbook: "
                "EmpathyRecognitionDrop.",
                "short",
                f"sum({_max('empathy_drop_active', 'job, queue')})",
                _ANY_IS_BAD,
            ),
            number(
                "Judged interactions",
                "What the ratios of the chosen window rest on.",
                "short",
                f"sum({_max('empathy_window_interactions', 'job, queue', window)})",
            ),
            number(
                "Open gaps",
                "Conversations that lack recognition or explanation now, counted once per kind.",
                "short",
                f"sum(empathy_gaps_open{{{_QUEUE}}})",
            ),
        ],
        "Against the baseline": [
            lines(
                "Recognition first, and what is usual",
                "By queue over the chosen window; dashed: what the queue's history says of this "
                "hour of the week. A queue with too few interactions states no ratio.",
                "percentunit",
                query(_max("empathy_recognized_first_ratio", "queue", window), "{{queue}}"),
                query(
                    _max("empathy_baseline_ratio", "queue", ',measure="recognized_first"'),
                    "{{queue}} baseline",
                ),
                width=16,
            ).override_by_regexp("/ baseline$/", [baseline]),
            lines(
                "Evidence of a drop",
                "How sure the detector is that a queue has fallen below its baseline; from 1 on it "
                "is an alarm.",
                "short",
                query(_max("empathy_drop_statistic", "queue, measure"), "{{queue}} {{measure}}"),
                width=8,
                steps=_ANY_IS_BAD,
            ),
            lines(
                "Recognised at all",
                "Share of the judged interactions of the chosen window with recognition, early or "
                "late.",
                "percentunit",
                query(_max("empathy_recognition_ratio", "queue", window), "{{queue}}"),
            ),
            lines(
                "Sample size",
                "Judged interactions of the chosen window. Below 20 no ratio is stated.",
                "short",
                query(_max("empathy_window_interactions", "queue", window), "{{queue}}"),
            ),
        ],
        "Where empathy breaks": [
            lines(
                "First step without recognition",
                "Judged interactions of the last hour by the step at which empathy first broke, as "
                "a share of all judged ones.",
                "percentunit",
                query(
                    f"sum by (step) (increase(empathy_records_broke_at_total{{{_QUEUE}}}[1h]))"
                    " / ignoring (step) group_left"
                    f" sum(increase(empathy_records_judged_total{{{_QUEUE}}}[1h]))",
                    "{{step}}",
                ),
                stacked=True,
            ),
            bars(
                "By queue and step",
                "Judged interactions of the last day by queue and by the step at which empathy "
                "first broke; the most frequent.",
                "short",
                "topk(12, sum by (queue, step) "
                f"(increase(empathy_records_broke_at_total{{{_QUEUE}}}[1d])))",
                "{{queue}}: {{step}}",
            ),
        ],
        "Signals and habits": [
            bars(
                "Kept, of the opportunities",
                "How often each behaviour was shown where it was called for, in the chosen window, "
                "over the chosen queues (mean of the queues). What is kept least is what to coach.",
                "percentunit",
                f"sort(avg by (signal) ({_max('empathy_signal_ratio', 'queue, signal', window)}))",
                "{{signal}}",
                _GOOD_FROM_BELOW,
            ),
            lines(
                "Course by signal",
                "The same over time.",
                "percentunit",
                query(
                    f"avg by (signal) ({_max('empathy_signal_ratio', 'queue, signal', window)})",
                    "{{signal}}",
                ),
            ),
        ],
        "Seconds to recognition, and scripts": [
            lines(
                "Seconds to recognition",
                "From the customer's first concern to the first recognition, of the recognised "
                "interactions of the last hour: the median and the slowest tenth.",
                "s",
                query(
                    _quantile(0.5, "empathy_recognition_seconds", "queue, le", _QUEUE, "1h"),
                    "{{queue}} median",
                ),
                query(
                    _quantile(0.9, "empathy_recognition_seconds", "queue, le", _QUEUE, "1h"),
                    "{{queue}} 90 %",
                ),
                width=8,
            ),
            lines(
                "Formulas instead of recognition",
                "Share of the agents' turns of the last hour that carry a stock formula (sorry for "
                "any inconvenience) and recognise nothing of this customer.",
                "percentunit",
                query(
                    f"sum by (queue) (rate(empathy_formula_turns_total{{{_QUEUE}}}[1h]))"
                    f" / sum by (queue) (rate(empathy_agent_turns_total{{{_QUEUE}}}[1h]))",
                    "{{queue}}",
                ),
                width=8,
                steps=((None, "green"), (0.25, "yellow")),
            ),
            lines(
                "Recognition by script",
                "Share of the recognitions of the chosen window in wording that recurs over the "
                "queue's sessions: customers notice what is said to everybody.",
                "percentunit",
                query(_max("empathy_script_ratio", "queue", window), "{{queue}}"),
                width=8,
                steps=((None, "green"), (0.25, "yellow")),
            ),
        ],
        "Live gaps": [
            lines(
                "Open now",
                "Gaps in conversations that are going on, by kind.",
                "short",
                query(f"sum by (kind) (empathy_gaps_open{{{_QUEUE}}})", "{{kind}}"),
                width=8,
                stacked=True,
            ),
            lines(
                "Opened",
                "Gaps opened per minute, by kind.",
                "opm",
                query(
                    "60 * sum by (kind) "
                    f"(rate(empathy_gaps_opened_total{{{_QUEUE}}}[$__rate_interval]))",
                    "{{kind}}",
                ),
                width=8,
            ),
            lines(
                "Per conversation",
                "Gaps opened per record of the last half hour, by queue: what EmpathyGapSurge "
                "compares with the day before.",
                "short",
                query(
                    f"sum by (queue) (increase(empathy_gaps_opened_total{{{_QUEUE}}}[30m]))"
                    f" / sum by (queue) (increase(empathy_records_total{{{_QUEUE}}}[30m]))",
                    "{{queue}}",
                ),
                width=8,
            ),
        ],
    }
    return _filled(built, rows)


def pipeline() -> dashboard.Dashboard:
    """What those who run the service look at."""
    built = _dashboard(
        "Empathy: pipeline",
        "empathy-pipeline",
        "Whether events become records in time, and what the workers hold.",
    )
    instances = 'label_values(empathy_build_info{job=~"$job"}, instance)'
    built.with_variable(_variable("instance", "Worker", instances))

    def rate(name: str, by: str, more: str = "") -> str:
        return f"sum by ({by}) (rate({name}{{{_WORKER}{more}}}[$__rate_interval]))"

    def latency(name: str) -> list[prometheus.Dataquery]:
        return [
            query(_quantile(q, name, "le", _WORKER, "$__rate_interval"), legend)
            for q, legend in ((0.5, "median"), (0.99, "99 %"))
        ]

    events = f"sum(rate(empathy_events_total{{{_WORKER}}}[$__rate_interval]))"
    rejected = f"sum(rate(empathy_events_rejected_total{{{_WORKER}}}[$__rate_interval]))"
    rows: dict[str, list[_Builder]] = {
        "Now": [
            number(
                "Workers ready",
                "Members of the group with their state recovered. Runbook: EmpathyNoWorkerReady.",
                "short",
                f"sum(empathy_worker_ready{{{_WORKER}}})",
                ((None, "red"), (1, "green")),
            ),
            number(
                "Waiting",
                "Records of the events topic that are not processed yet. Runbook: "
                "EmpathyConsumerLag.",
                "short",
                f"sum(empathy_consumer_lag_records{{{_WORKER}}})",
                ((None, "green"), (1_000, "yellow"), (100_000, "red")),
            ),
            number(
                "Rejected",
                "Share of the events that are rejected. Runbook: EmpathyRejectedShare.",
                "percentunit",
                f"{rejected} / ({rejected} + {events} > 0)",
                ((None, "green"), (0.05, "red")),
            ),
            number(
                "Judging failed",
                "Sessions of the last day that a fault of the service left without judgement.",
                "short",
                f"sum(increase(empathy_sessions_failed_total{{{_WORKER}}}[1d]))",
                _ANY_IS_BAD,
            ),
        ],
        "Throughput": [
            lines(
                "Events by type",
                "Events per second that were read and not rejected.",
                "eps",
                query(rate("empathy_events_total", "type"), "{{type}}"),
                width=8,
                stacked=True,
            ),
            lines(
                "Records by reason of closing",
                "Interaction records per second, by why the session closed.",
                "recps",
                query(rate("empathy_records_total", "closed_by"), "{{closed_by}}"),
                width=8,
                stacked=True,
            ),
            lines(
                "Interactions into windows",
                "Interactions per second that were regrouped by queue, by what became of them.",
                "ops",
                query(rate("empathy_contributions_total", "outcome"), "{{outcome}}"),
                width=8,
                stacked=True,
            ),
        ],
        "Latency": [
            lines(
                "To the record",
                "From session.ended in the log to its record acknowledged by the broker.",
                "s",
                *latency("empathy_record_latency_seconds"),
                width=8,
                steps=((None, "green"), (5, "yellow")),
            ),
            lines(
                "To the gap",
                "From the turn in the log to the gap event acknowledged by the broker.",
                "s",
                *latency("empathy_gap_latency_seconds"),
                width=8,
                steps=((None, "green"), (5, "yellow")),
            ),
            lines(
                "Of a batch",
                "Time to process and persist one batch of events.",
                "s",
                *latency("empathy_batch_seconds"),
                width=8,
                steps=((None, "green"), (5, "yellow")),
            ),
        ],
        "Lag, rejected, late": [
            lines(
                "Lag by partition",
                "Records of the events topic that are not processed yet.",
                "short",
                query(
                    f"sum by (partition) (empathy_consumer_lag_records{{{_WORKER}}})",
                    "partition {{partition}}",
                ),
                width=8,
            ),
            lines(
                "Rejected by reason",
                "Events per second sent to the rejected topic, and parts of payloads that became "
                "no event.",
                "eps",
                query(rate("empathy_events_rejected_total", "reason"), "{{reason}}"),
                query(rate("empathy_payload_parts_dropped_total", "reason"), "part: {{reason}}"),
                width=8,
            ),
            lines(
                "Late and repeated events",
                "Events per second that changed nothing: of closed sessions, received before, or "
                "not final.",
                "eps",
                query(
                    rate("empathy_events_total", "outcome", ',outcome!="accepted"'), "{{outcome}}"
                ),
                query(
                    f"sum(rate(empathy_events_late_total{{{_WORKER}}}[$__rate_interval]))",
                    "late, all",
                ),
                width=8,
            ),
        ],
        "State": [
            lines(
                "Open sessions",
                "Sessions without a record yet, by worker.",
                "short",
                query(f"sum by (instance) (empathy_sessions_open{{{_WORKER}}})", "{{instance}}"),
                width=8,
                stacked=True,
            ),
            lines(
                "Partitions",
                "Partitions of the events topic by worker: evenly, but for one.",
                "short",
                query(
                    f"sum by (instance) (empathy_partitions_assigned{{{_WORKER}}})", "{{instance}}"
                ),
                width=8,
                stacked=True,
            ),
            lines(
                "Records under the queue 'other'",
                "Records per second that do not fit in EMPATHY_MAX_QUEUES. Runbook: "
                "EmpathyQueuesFolded.",
                "recps",
                query(
                    f"sum(rate(empathy_queues_folded_total{{{_WORKER}}}[$__rate_interval]))",
                    "folded",
                ),
                width=8,
                steps=((None, "green"), (0.001, "red")),
            ),
        ],
        "Recovery": [
            panel(
                statetimeline.Panel(),
                "Ready",
                "Whether each worker is a member of the group with its state recovered.",
                "bool_yes_no",
                query(f"max by (instance) (empathy_worker_ready{{{_WORKER}}})", "{{instance}}"),
                width=8,
                steps=((None, "red"), (1, "green")),
            )
            .height(8)
            .fill_opacity(70)
            .line_width(0),
            lines(
                "Seconds of the newest rebalance",
                "From the revocation to the state recovered, by worker.",
                "s",
                query(f"max by (instance) (empathy_recovery_seconds{{{_WORKER}}})", "{{instance}}"),
                width=8,
                steps=((None, "green"), (60, "yellow")),
            ),
            lines(
                "Rebalances",
                "Rebalances of the last 10 minutes, by worker. More than a few without a deploy: "
                "workers leave and come back.",
                "short",
                query(
                    f"sum by (instance) (increase(empathy_rebalances_total{{{_WORKER}}}[10m]))",
                    "{{instance}}",
                ),
                width=8,
            ),
        ],
    }
    return _filled(built, rows)


def _dashboard(title: str, uid: str, about: str) -> dashboard.Dashboard:
    built = dashboard.Dashboard(title).uid(uid).description(about).tags(["empathy-stream"])
    built.refresh("30s").time("now-24h", "now").timezone("browser").editable()
    built.tooltip(model.DashboardCursorSync.CROSSHAIR)
    others = dashboard.DashboardLink("Empathy").type(model.DashboardLinkType.DASHBOARDS)
    built.link(others.tags(["empathy-stream"]).as_dropdown(False).keep_time(True))
    built.with_variable(
        dashboard.DatasourceVariable("datasource").label("Source").type("prometheus")
    )
    return built.with_variable(
        _variable("job", "Deployment", "label_values(empathy_build_info, job)")
    )


def _variable(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """Values of a label, any number of them; all by default, also those that come later."""
    built = dashboard.QueryVariable(name).label(label).query(values).datasource(SOURCE)
    built.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    built.sort(model.VariableSort.ALPHABETICAL_ASC).multi(True).include_all(True).all_value(".*")
    return built.current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))


def _windows() -> dashboard.CustomVariable:
    built = dashboard.CustomVariable("window").label("Window").values("15m,1h,24h")
    names = ("15m", "1h", "24h")
    built.options([model.VariableOption(text=n, value=n, selected=n == "1h") for n in names])
    return built.current(model.VariableOption(selected=True, text="1h", value="1h"))


def _filled(built: dashboard.Dashboard, rows: dict[str, list[_Builder]]) -> dashboard.Dashboard:
    numbers = iter(range(1, 1_000))
    for title, panels in rows.items():
        built.with_row(dashboard.Row(title).id(next(numbers)))
        for each in panels:
            built.with_panel(each.id(next(numbers)))
    return built


def dashboards() -> Iterator[tuple[str, str]]:
    """File names, and what is to be in them."""
    for name, build in (("recognition", recognition), ("pipeline", pipeline)):
        text = json.dumps(build().build(), cls=JSONEncoder, indent=2, sort_keys=True)
        yield f"{name}.json", text + "\n"


if __name__ == "__main__":
    for file, text in dashboards():
        (FOLDER / file).write_text(text)

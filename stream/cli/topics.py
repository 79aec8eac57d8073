"""``topics``: created as the service wants them, or checked."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import click
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.cli import EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE, json_lines, stop
from stream.settings import SettingError, Settings, variable
from stream.worker.topic_check import Found, Report, check, look
from stream.worker.topics import TopicError, create_command, ensure_topics, planned

_ANSWER_SECONDS = 20.0
_SETTLE_SECONDS = 8.0

T = TypeVar("T")


def run_create(settings: Settings, dry_run: bool, as_json: bool) -> int:
    if dry_run:
        _print_commands(settings)
        return 0
    before, _ = _ask(settings, look(settings))
    found, brokers = _ask(settings, _create(settings))
    reports = check(settings, found, brokers)
    made = found.keys() - before.keys()
    return _tell(reports, as_json, dict.fromkeys(made, "created"))


async def _create(settings: Settings) -> tuple[dict[str, Found], int]:
    """Create what is missing, and look until the brokers tell of it: some do so a little later."""
    # Asked for in so many words, whatever the workers may do.
    await ensure_topics(replace(settings, create_topics=True))
    wanted = {topic.name for topic in planned(settings)}
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        found, brokers = await look(settings)
        settled = wanted <= found.keys() and not any(each.leaderless for each in found.values())
        if settled or time.monotonic() > deadline:
            return found, brokers
        await asyncio.sleep(0.1)


def run_check(settings: Settings, as_json: bool) -> int:
    found, brokers = _ask(settings, look(settings))
    return _tell(check(settings, found, brokers), as_json, {})


def _print_commands(settings: Settings) -> None:
    click.echo(
        f"# Where {settings.events_topic} exists, set {variable('partitions')} to its partitions: "
        "the internal topics must have as many."
    )
    servers = shlex.quote(",".join(settings.bootstrap_servers))
    options = f"--bootstrap-server {servers} --if-not-exists"
    if settings.security_protocol != "PLAINTEXT":
        options += " --command-config client.properties"
    for topic in planned(settings):
        click.echo(f"{create_command(topic, settings)} {options}")


def _ask(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work, _ANSWER_SECONDS)

    try:
        return asyncio.run(bounded())
    except SettingError as error:
        stop(str(error), EXIT_USAGE)
    except asyncio.TimeoutError:
        stop(
            f"no broker answers at {', '.join(settings.bootstrap_servers)} within "
            f"{_ANSWER_SECONDS:.0f} s: is {variable('bootstrap_servers')} right, and can they be "
            "reached from here?",
            EXIT_UNAVAILABLE,
        )
    except (TopicError, KafkaError) as error:
        stop(str(error), EXIT_UNAVAILABLE)


def _tell(reports: list[Report], as_json: bool, done: dict[str, str]) -> int:
    if as_json:
        json_lines(_line(report, done) for report in reports)
    else:
        _show(reports, done)
    return 0 if all(report.ok for report in reports) else EXIT_FAILED


def _state(report: Report, done: dict[str, str]) -> str:
    if report.found is None:
        return "missing"
    if not report.ok:
        return "unfit"
    if report.topic.name in done:
        return done[report.topic.name]
    return "warning" if report.findings else "ok"


def _line(report: Report, done: dict[str, str]) -> dict[str, Any]:
    found = report.found
    return {
        "topic": report.topic.name,
        "state": _state(report, done),
        "partitions": None if found is None else found.partitions,
        "replicas": None if found is None else found.replicas,
        "config": None
        if found is None
        else {
            name: found.config.get(name)
            for name in ("cleanup.policy", "retention.ms", "min.insync.replicas")
        },
        "findings": [
            {"serious": finding.serious, "text": finding.text} for finding in report.findings
        ],
    }


_STYLES = {"ok": "green", "created": "green", "warning": "yellow"}


def _show(reports: list[Report], done: dict[str, str]) -> None:
    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("topic", overflow="fold")
    for name in ("partitions", "replicas"):
        table.add_column(name, justify="right")
    table.add_column("cleanup")
    table.add_column("state")
    for report in reports:
        found, state = report.found, _state(report, done)
        table.add_row(
            Text(report.topic.name),
            "" if found is None else str(found.partitions),
            "" if found is None else str(found.replicas),
            "" if found is None else found.config.get("cleanup.policy", "not told"),
            Text(state, _STYLES.get(state, "red")),
        )
    console.print(table)
    for report in reports:
        for finding in report.findings:
            style = "red" if finding.serious else "yellow"
            console.print()
            console.print(Text(report.topic.name, style), Text(finding.text), soft_wrap=True)

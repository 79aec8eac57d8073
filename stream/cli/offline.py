"""Commands that need no broker: score, label, config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from stream.cli import EXIT_USAGE, json_lines, stop
from stream.cli.tables import records_table
from stream.events import Event
from stream.recognition import Recognizer, recognizer_named
from stream.session import ClosedSession, ClosingRules, InteractionRecord, score_events
from stream.settings import Settings, variable
from stream.sources import FileError, Pseudonyms, read_conversations
from stream.worker.rules import closing_rules, pseudonyms

_NEVER = 2**62


def score_files(
    files: Sequence[str],
    recognizer: Recognizer,
    rules: ClosingRules,
    replaced: Pseudonyms | None = None,
) -> Iterator[ClosedSession]:
    """Records of the conversations in ``files``: a transcript is scored on its own, and the
    events of all files together, as one partition. Raises :class:`FileError`."""

    def scored(events: Sequence[Event]) -> list[ClosedSession]:
        read = events if replaced is None else map(replaced.event, events)
        return score_events(read, recognizer, rules)

    events: list[Event] = []
    for conversation in read_conversations(files):
        if isinstance(conversation, Event):
            events.append(conversation)
        else:
            yield from scored(conversation.events())
    yield from scored(events)


def run_score(settings: Settings, files: Sequence[str], as_json: bool) -> int:
    try:
        recognizer = recognizer_named(settings.recognizer)
        scored = score_files(files, recognizer, closing_rules(settings), pseudonyms(settings))
        if as_json:
            json_lines(closed.value for closed in scored)
        else:
            records = (orjson.loads(closed.value) for closed in scored)
            Console().print(records_table(records))
    except FileError as error:
        stop(str(error), EXIT_USAGE)
    return 0


def labels(record: InteractionRecord) -> dict[str, Any]:
    """A record in the codebook's label format."""
    return {
        "id": record.session_id,
        "agent": {
            str(line.turn): line.labels for line in record.evidence if line.speaker == "agent"
        },
        "customer": {
            str(line.turn): {
                "concern": line.concern,
                "emotion": line.emotion,
                "repeat": line.repeat,
            }
            for line in record.evidence
            if line.speaker == "customer"
        },
        "scenario": record.scenario,
        "recognized_first": record.recognized_first,
        "empathy_score": record.empathy_score,
    }


def label_conversations(settings: Settings, files: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Labels of the conversations in ``files``. Raises :class:`FileError`."""
    # Labels are asked of every turn of the file, whatever a live session's limits would cut off.
    rules = closing_rules(settings)._replace(
        max_age_ms=_NEVER, inactivity_ms=_NEVER, max_events=_NEVER, max_text_chars=_NEVER
    )
    recognizer = recognizer_named(settings.recognizer)
    return (labels(closed.record) for closed in score_files(files, recognizer, rules))


def run_label(settings: Settings, files: Sequence[str]) -> int:
    try:
        json_lines(label_conversations(settings, files))
    except FileError as error:
        stop(str(error), EXIT_USAGE)
    return 0


def run_pseudonym(settings: Settings, kind: str, references: Sequence[str]) -> int:
    replaced = pseudonyms(settings)
    if replaced is None:
        stop(
            f"{variable('pseudonyms')} is none: set it, and {variable('pseudonym_key')}, as the "
            "workers have them",
            EXIT_USAGE,
        )
    for reference in references:
        click.echo(replaced.of(kind, reference))
    return 0


def run_config(settings: Settings, as_json: bool) -> int:
    shown = settings.shown()
    if as_json:
        json_lines([shown])
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("setting", "value", "allowed", "meaning"):
        table.add_column(name, overflow="fold")
    for setting in fields(settings):
        name = variable(setting.name)
        table.add_row(name, str(shown[name]), setting.metadata["allowed"], setting.metadata["help"])
    Console().print(table)
    click.echo("Set them as environment variables. Secrets: EMPATHY_X_FILE names a file instead.")
    return 0

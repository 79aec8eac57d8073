"""``source check``: what a team's payloads become, what is dropped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.cli import EXIT_FAILED, EXIT_USAGE, json_lines, stop
from stream.events import Event, EventType, Rejected, encode, format_time
from stream.sources import MAPPING, Dropped, FileError, Source, make_source
from stream.sources.base import MEANINGS
from stream.sources.files import Record, read_records
from stream.sources.transcript import DEFAULT_START_MS

_SHOWN_CHARS = 60
_PARTIAL = "utterance (partial)"


class _Answer(NamedTuple):
    where: str
    events: list[Event]
    dropped: list[Dropped]
    rejected: Rejected | None


def run_check(
    name: str, mapping: str | None, file: str, max_bytes: int, limit: int, as_json: bool
) -> int:
    source = _source(name, mapping)
    try:
        answers = [_ask(source, record, max_bytes) for record in read_records(file)]
    except FileError as error:
        stop(str(error), EXIT_USAGE)
    if as_json:
        json_lines(_lines(answers))
    else:
        _show(answers, limit)
    useful = any(answer.events for answer in answers)
    return EXIT_FAILED if not useful or any(answer.rejected for answer in answers) else 0


def _source(name: str, mapping: str | None) -> Source:
    if (name == MAPPING) != bool(mapping):
        stop("--mapping FILE must be given with --source mapping, and only then", EXIT_USAGE)
    if not mapping:
        return make_source(name, need_key=False)
    from stream.sources.mapping import MappingError, load_mapping

    try:
        return make_source(name, load_mapping(mapping), need_key=False)
    except MappingError as error:
        stop(str(error), EXIT_USAGE)


def _ask(source: Source, record: Record, max_bytes: int) -> _Answer:
    # A payload without a time of its own has the record's; a file without one a fixed time.
    log_ms = DEFAULT_START_MS if record.log_ms is None else record.log_ms
    found = source(record.key, record.value, record.headers, log_ms, max_bytes)
    if isinstance(found, Rejected):
        return _Answer(record.where, [], [], found)
    if isinstance(found, Event):
        return _Answer(record.where, [found], [], None)
    return _Answer(record.where, *found)


def _lines(answers: list[_Answer]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        yield {
            "payload": answer.where,
            "events": [
                orjson.loads(encode(event))
                | ({} if event.offset_ms is None else {"offset_ms": event.offset_ms})
                for event in answer.events
            ],
            "dropped": [
                {"part": part, "reason": reason.value, "meaning": MEANINGS[reason]}
                for part, reason in answer.dropped
            ],
            "rejected": None
            if answer.rejected is None
            else {"reason": answer.rejected.reason.value, "detail": answer.rejected.detail},
        }
    yield {"summary": _summary(answers)}


def _summary(answers: list[_Answer]) -> dict[str, Any]:
    events = [event for answer in answers for event in answer.events]
    return {
        "payloads": len(answers),
        "conversations": len({event.session_id for event in events}),
        "events": dict(Counter(_kind(event) for event in events)),
        "dropped": dict(Counter(drop.reason.value for a in answers for drop in a.dropped)),
        "rejected": dict(Counter(a.rejected.reason.value for a in answers if a.rejected)),
    }


def _kind(event: Event) -> str:
    partial = event.type is EventType.UTTERANCE and not event.final
    return _PARTIAL if partial else event.type.value


def _show(answers: list[_Answer], limit: int) -> None:
    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("payload", "conversation", "time", "becomes", "what it holds"):
        table.add_column(name, overflow="fold")
    for answer in answers[:limit]:
        for row in _rows(answer):
            table.add_row(*row)
    console.print(table)
    if len(answers) > limit:
        console.print(f"... and {len(answers) - limit} more payloads (--limit shows more)")
    summary = _summary(answers)
    console.print(
        f"\npayloads: {summary['payloads']}, conversations: {summary['conversations']}, events: "
        + (_counted(summary["events"]) or "none"),
        highlight=False,
    )
    if _PARTIAL in summary["events"]:
        console.print("partial transcripts are not read: the final one is", highlight=False)
    for reason, count in summary["dropped"].items():
        meaning = next(text for known, text in MEANINGS.items() if known.value == reason)
        console.print(f"dropped  {reason} ({count}): {meaning}", highlight=False)
    for reason, count in summary["rejected"].items():
        console.print(f"[red]rejected[/] {reason} ({count})", highlight=False)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _rows(answer: _Answer) -> Iterator[tuple[str | Text, ...]]:
    where = answer.where.rpartition("/")[2]
    for event in answer.events:
        time = (
            format_time(event.time_ms)[:19]
            if event.offset_ms is None
            else f"+{event.offset_ms / 1000:.1f} s"
        )
        yield where, Text(event.session_id), time, _kind(event), Text(_holds(event))
        where = ""
    for part, reason in answer.dropped:
        yield where, "", "", Text(f"dropped: {reason.value}", "dim"), Text(part, "dim")
        where = ""
    if answer.rejected is not None:
        rejected = Text(f"rejected: {answer.rejected.reason.value}", "red")
        yield where, "", "", rejected, Text(answer.rejected.detail)


def _holds(event: Event) -> str:
    parts = [
        f"{name} {value}"
        for name in ("channel", "queue", "language", "agent")
        if (value := getattr(event, name))
    ]
    if event.speaker is not None:
        said = event.text if len(event.text) <= _SHOWN_CHARS else event.text[:_SHOWN_CHARS] + "..."
        parts.insert(0, f"{event.speaker.value}: {said}")
    if event.name:
        parts.insert(0, event.name)
    return "; ".join(parts)

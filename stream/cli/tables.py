"""Interaction records for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Table


def records_table(records: Iterable[dict[str, Any]]) -> Table:
    """A line per record, as read from its JSON."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("session", "queue", "channel", "scenario"):
        table.add_column(name, overflow="fold")
    table.add_column("score", justify="right")
    for name in ("recognised", "by", "broke at"):
        table.add_column(name)
    for record in records:
        recognition, broke = record["recognition"], record["broke_at"]
        table.add_row(
            record["session_id"],
            record["queue"],
            record["channel"],
            record["scenario"],
            str(record["empathy_score"]) if record["judged"] else "-",
            _recognised(record),
            ", ".join(recognition["labels"]) if recognition else "",
            broke["step"] if broke else "",
        )
    return table


def _recognised(record: dict[str, Any]) -> str:
    if not record["judged"]:
        return f"[dim]not judged: {record['unjudged_reason']}[/]"
    if not record["recognized"]:
        return "[red]no[/]"
    turn = record["recognition"]["turn"]
    how = "[green]first[/]" if record["recognized_first"] else "[yellow]late[/]"
    return f"{how}, turn {turn}"

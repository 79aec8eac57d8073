"""Payloads through a source, and what came out in short."""

from __future__ import annotations

import json
from typing import Any

from stream.events import Event, Rejected, format_time
from stream.sources import Mapped, make_source

LOG_MS = 1_772_442_900_000
"""The record's timestamp: 2026-03-02T09:15:00Z."""
LIMIT = 100_000


def read(
    source: str,
    payload: Any,
    headers: tuple[tuple[str, bytes], ...] = (),
    key: bytes | None = b"any",
) -> Mapped | Rejected:
    value = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    found = make_source(source)(key, value, headers, LOG_MS, LIMIT)
    return Mapped([found], []) if isinstance(found, Event) else found


def mapped(source: str, payload: Any, **options: Any) -> Mapped:
    """What becomes of a payload that is wholly valid."""
    found = read(source, payload, **options)
    assert isinstance(found, Mapped), found
    assert found.rejected is None, found.rejected
    return found


def short(found: Mapped) -> list[str]:
    """A line per event: when, what, who, what was said or is named."""
    return [_line(event) for event in found.events]


def _line(event: Event) -> str:
    when = (
        format_time(event.time_ms)[11:-1]
        if event.offset_ms is None
        else f"{event.offset_ms / 1000:+.3f}"
    )
    parts = [when, event.type.value if event.speaker is None else event.speaker.value]
    if not event.final:
        parts.append("(partial)")
    parts += [part for part in (event.agent, event.text or event.name) if part]
    return " ".join(parts)


def dropped(found: Mapped) -> list[tuple[str, str]]:
    return [(part, reason.value) for part, reason in found.dropped]

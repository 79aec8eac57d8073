"""Encoded state of a queue: its buckets, and its head with what outlives them.

Every value begins with the layout's version and the offset it has applied, as session states do
(:func:`stream.session.encoded_offset` reads it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import orjson

from stream.session.state import StateError, trimmed
from stream.windows.contribution import Contribution
from stream.windows.drop import DropDetector, DropRules
from stream.windows.rollup import Tally
from stream.windows.scripts import ScriptMemory

STATE_VERSION = 2
"""Version of the encoded layouts; a newer release reads the older ones (``_MIGRATIONS``)."""


def _with_scripts(layout: list[Any]) -> list[Any]:
    """Version 1 had no memory of scripts in a head, which is the layout of five parts."""
    return [2, *layout[1:], *([[], []] if len(layout) == 5 else [])]


_MIGRATIONS: dict[int, Callable[[list[Any]], list[Any]]] = {1: _with_scripts}
"""From a version to the step that turns its layout into the next version's."""


def _layout(data: bytes) -> list[Any]:
    """An encoded value in the current version's layout. Raises :class:`StateError`."""
    try:
        layout: list[Any] = orjson.loads(data)
        while layout[0] != STATE_VERSION:
            layout = _MIGRATIONS[layout[0]](layout)
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError) as error:
        raise StateError(f"not a queue's state of version {STATE_VERSION} or older") from error
    return layout


def encode_floor(offset: int, watermark_ms: int) -> bytes:
    """The watermark below which buckets may be gone, settled at ``offset``."""
    return orjson.dumps([STATE_VERSION, offset, watermark_ms])


def decode_floor(data: bytes) -> int:
    """The watermark of :func:`encode_floor`. Raises :class:`StateError`."""
    try:
        _, _, watermark_ms = _layout(data)
        return int(watermark_ms)
    except (TypeError, ValueError) as error:
        raise StateError("not a partition's settled time") from error


@dataclass(slots=True)
class Bucket:
    """The tally of one span of event time, and in the finest ones which sessions it counts.

    ``seen`` maps a session's hash to the offset it was counted at. So of what is redelivered, each
    part of the state can tell by itself what it is still to count, whichever of them were
    persisted.
    """

    offset: int = -1
    tally: Tally = field(default_factory=Tally)
    seen: dict[int, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        tally = self.tally
        layout = [
            STATE_VERSION,
            self.offset,
            tally.counts,
            tally.broke_at,
            tally.scenarios,
            tally.channels,
            list(chain.from_iterable(tally.seconds.items())),
            list(chain.from_iterable(self.seen.items())),
        ]
        return trimmed(orjson.dumps(layout))

    @classmethod
    def decode(cls, data: bytes) -> Bucket:
        """The inverse of :meth:`encode`. Raises :class:`StateError`."""
        try:
            _, offset, counts, broke_at, scenarios, channels, seconds, seen = _layout(data)
        except ValueError as error:
            raise StateError("not a bucket's state") from error
        tally = Tally(counts, broke_at, scenarios, channels, _pairs(seconds))
        return cls(offset, tally, _pairs(seen))


def _pairs(flat: list[int]) -> dict[int, int]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


@dataclass(slots=True)
class Head:
    """What a queue keeps beyond its buckets: names of its channels, the drop detectors, and the
    wordings that recur."""

    detectors: dict[str, DropDetector]
    """By measure: a flag of :class:`Contribution` (``recognized_first``)."""
    offset: int = -1
    newest_ms: int = 0
    channels: list[str] = field(default_factory=list)
    scripts: ScriptMemory = field(default_factory=ScriptMemory)
    script_offsets: list[int] = field(default_factory=list)
    """Offsets of the interactions found to be scripts that some bucket may lack: those taken in
    since all that came of earlier ones was persisted."""

    def is_script(self, offset: int, contribution: Contribution) -> bool:
        """Whether an interaction was recognised in wording that recurs; to be asked before
        :attr:`offset` passes it."""
        if offset <= self.offset:
            return offset in self.script_offsets
        if not contribution.judged or not contribution.wording:
            return False
        found = self.scripts.meet(contribution.wording)
        if found:
            self.script_offsets.append(offset)
        return found

    def channel(self, name: str, limit: int, other: str) -> str:
        """The name that a channel counts under: the first ``limit`` names are kept apart."""
        if name not in self.channels:
            if len(self.channels) >= limit:
                return other
            self.channels.append(name)
        return name

    def observe(self, contribution: Contribution) -> list[str]:
        """Take one interaction in; the measures whose detector changed its state."""
        self.newest_ms = max(self.newest_ms, contribution.ended_ms)
        if not contribution.judged:
            return []
        return [
            measure
            for measure, detector in self.detectors.items()
            if detector.observe(contribution.ended_ms, getattr(contribution, measure))
        ]

    def encode(self) -> bytes:
        detectors = {name: detector.to_wire() for name, detector in self.detectors.items()}
        layout = [
            *(STATE_VERSION, self.offset, self.newest_ms, self.channels, detectors),
            *(self.scripts.to_wire(), self.script_offsets),
        ]
        return trimmed(orjson.dumps(layout))

    @classmethod
    def decode(cls, data: bytes, rules: DropRules) -> Head:
        """The inverse of :meth:`encode`. Raises :class:`StateError`."""
        try:
            _, offset, newest_ms, channels, wires, scripts, script_offsets = _layout(data)
            memory = ScriptMemory(*scripts)
            detectors = {name: DropDetector.from_wire(rules, w) for name, w in wires.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise StateError("not a queue's head") from error
        return cls(detectors, offset, newest_ms, channels, memory, script_offsets)

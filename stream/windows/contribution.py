"""What one interaction adds to its queue's windows: the message of the repartition topic."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import NamedTuple

import orjson

from stream.events import parse_time
from stream.session.record import Habits, InteractionRecord, Signals

CONTRIBUTION_VERSION = 2

OTHER_QUEUE = "other"
"""Queue of the interactions that name none, and of those past the limit."""

_SIGNALS = tuple(f.name for f in fields(Signals))
_HABITS = tuple(f.name for f in fields(Habits))
BEHAVIOURS = (*_SIGNALS, *_HABITS)
"""The four signals and the three habits, in the record's order."""


class ContributionError(ValueError):
    """Bytes that are not a contribution of a known version."""


class Contribution(NamedTuple):
    """One judged or unjudged interaction, without identities and without text.

    ``session`` is 64 bits of a hash of the session id: a record that is emitted again after a
    crash contributes once. ``seconds`` to recognition and ``broke_at`` (a step) are None where
    there was none. ``wording`` is the sketch of how it recognised
    (:func:`stream.recognition.wording_sketch`), empty where it did not. ``behaviours`` holds
    opportunities and kept of each of :data:`BEHAVIOURS`.
    """

    queue: str
    session: int
    ended_ms: int
    judged: bool
    recognized: bool
    recognized_first: bool
    scenario: str
    channel: str
    seconds: float | None
    broke_at: str | None
    repeats: int
    wording: str
    behaviours: list[int]

    @classmethod
    def of(cls, record: InteractionRecord, wording: str = "") -> Contribution:
        """The contribution of a record that recognised in ``wording``. It belongs under the key
        ``contribution.queue``."""
        digest = hashlib.blake2b(record.session_id.encode(), digest_size=8).digest()
        kept = [getattr(record.signals, name) for name in _SIGNALS]
        kept += [getattr(record.habits, name) for name in _HABITS]
        return cls(
            queue=record.queue or OTHER_QUEUE,
            session=int.from_bytes(digest, "big"),
            ended_ms=parse_time(record.ended_at),
            judged=record.judged,
            recognized=record.recognized,
            recognized_first=record.recognized_first,
            scenario=record.scenario,
            channel=record.channel,
            seconds=record.recognition.seconds if record.recognition else None,
            broke_at=record.broke_at.step if record.broke_at else None,
            repeats=record.repeats,
            wording=wording,
            behaviours=[count for each in kept for count in (each.opportunities, each.kept)],
        )

    def encode(self) -> bytes:
        return orjson.dumps([CONTRIBUTION_VERSION, *self])

    @classmethod
    def decode(cls, data: bytes) -> Contribution:
        """The inverse of :meth:`encode`. Raises :class:`ContributionError`."""
        try:
            version, *values = orjson.loads(data)
            if version == 1:  # had a number in the place of the wording, always 0
                values[_WORDING : _WORDING + 1] = [""]
            elif version != CONTRIBUTION_VERSION:
                raise ValueError
            contribution = cls(*values)
            if len(contribution.behaviours) != 2 * len(BEHAVIOURS):
                raise ValueError
        except (orjson.JSONDecodeError, TypeError, ValueError) as error:
            raise ContributionError(
                f"not a contribution of version {CONTRIBUTION_VERSION}"
            ) from error
        return contribution


_WORDING = Contribution._fields.index("wording")

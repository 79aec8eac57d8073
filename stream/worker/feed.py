"""Reads what all workers say of queues and gaps, for this worker's board.

Only while somebody looks at it: every worker would read what all of them write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.embedded import EmbeddedBrokerError
from stream.ops.board import Board, TopicKind
from stream.settings import Settings
from stream.sources.framing import payload
from stream.worker.kafka import assignment_ends, client_options

log = logging.getLogger(__name__)

_BACKLOG = 5_000
"""Messages of each partition that are read from before the start."""
_POLL_MS = 250
_RETRY_SECONDS = 5.0


_LOOK_MS = 100
_UNSEEN_SECONDS = 60.0
"""A board that nobody has looked at for this long is no longer fed."""


class Feed:
    """Keeps ``board`` fed while it is looked at. What cannot be read delays the board and nothing
    else."""

    def __init__(self, board: Board, settings: Settings) -> None:
        self._board = board
        self._settings = settings
        self._looked_at = float("-inf")

    def look(self) -> None:
        """Somebody looks at the board; may be called from another thread."""
        self._looked_at = time.monotonic()

    @property
    def _seen(self) -> bool:
        return time.monotonic() - self._looked_at < _UNSEEN_SECONDS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if self._seen:
                await self._follow()
            await asyncio.sleep(_LOOK_MS / 1000)

    async def _follow(self) -> None:
        """Read until nobody looks any more, or reading fails."""
        board, settings = self._board, self._settings
        kinds: dict[str, TopicKind] = {
            settings.rollups_topic: "rollups",
            settings.gaps_topic: "gaps",
        }
        consumer = AIOKafkaConsumer(
            *kinds,
            **client_options(settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            await _start_at_backlog(consumer, settings)
            while self._seen:
                for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                    for record in records:
                        if record.value is not None:
                            board.take(kinds[tp.topic], payload(record.value))
                    await asyncio.sleep(0)
        except (KafkaError, EmbeddedBrokerError, OSError) as error:
            log.warning("the board is not fed", extra={"cause": type(error).__name__})
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            with contextlib.suppress(KafkaError):
                await consumer.stop()


async def _start_at_backlog(consumer: AIOKafkaConsumer, settings: Settings) -> None:
    ends = await assignment_ends(consumer, ",".join(settings.bootstrap_servers))
    begins = await consumer.beginning_offsets(list(ends))
    for tp, end in ends.items():
        consumer.seek(tp, max(begins[tp], end - _BACKLOG))

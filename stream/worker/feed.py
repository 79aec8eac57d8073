"""Reads what all workers say of queues and gaps, for this worker's board."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.ops.board import Board, TopicKind
from stream.settings import Settings
from stream.sources.framing import payload
from stream.worker.kafka import assignment_ends, client_options

log = logging.getLogger(__name__)

_BACKLOG = 5_000
"""Messages of each partition that are read from before the start."""
_POLL_MS = 250
_RETRY_SECONDS = 5.0


async def feed(board: Board, settings: Settings) -> None:
    """Keep ``board`` fed until cancelled. What it cannot read delays the board and nothing else."""
    kinds: dict[str, TopicKind] = {settings.rollups_topic: "rollups", settings.gaps_topic: "gaps"}
    while True:
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
            while True:
                for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                    for record in records:
                        if record.value is not None:
                            board.take(kinds[tp.topic], payload(record.value))
                    await asyncio.sleep(0)
        except KafkaError as error:
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

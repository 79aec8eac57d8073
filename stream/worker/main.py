"""The worker process: start, signals, drain, exit code."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import signal
import threading
import time
from collections.abc import Coroutine
from typing import Any

from aiokafka.errors import KafkaError

from stream import __version__
from stream.cli import EXIT_CRASHED, EXIT_DATA, EXIT_UNAVAILABLE, EXIT_USAGE
from stream.embedded import is_embedded
from stream.ops.board import Board
from stream.ops.logs import configure_logging
from stream.ops.metrics import Metrics
from stream.ops.server import OpsServer
from stream.recognition import recognizer_named
from stream.session import StateError
from stream.settings import SettingError, Settings, variable
from stream.sources import Source
from stream.sources.genesys import GENESYS, LAG_SECONDS
from stream.worker.app import Worker
from stream.worker.feed import Feed
from stream.worker.registry import Registry, RegistryError
from stream.worker.rejects import TooManyRejectedError
from stream.worker.rules import record_source
from stream.worker.topics import TopicError, ensure_topics

log = logging.getLogger("stream.worker")


def run_worker(settings: Settings) -> int:
    """Run until a signal; returns the process's exit code."""
    configure_logging(settings.log_level, settings.log_format)
    log.info("starting", extra={"version": __version__, "settings": settings.shown()})
    if settings.source == GENESYS.name and settings.linger_seconds < LAG_SECONDS:
        log.warning(
            "Genesys Cloud sends transcripts up to half a minute late, and what comes after a "
            f"conversation is closed is lost: set {variable('linger_seconds')}={LAG_SECONDS}"
        )
    try:
        code = asyncio.run(_run(settings, record_source(settings)))
    except SettingError as error:
        log.error(str(error))
        code = EXIT_USAGE
    except TopicError as error:
        log.error(str(error))
        code = EXIT_UNAVAILABLE
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        # A client thread that waits for a lost broker must not keep a drained worker alive.
        logging.shutdown()
        os._exit(code)
    return code


async def _run(settings: Settings, source: Source) -> int:
    worker: Worker | None = None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, number, stop)
    loop.add_signal_handler(signal.SIGUSR1, lambda: _log_state(worker))

    def ready() -> str:
        return worker.ready() if worker else "waiting for the brokers"

    metrics = Metrics(recognizer_named(settings.recognizer).version, settings.max_queues)
    board = Board(metrics, ready, max_queues=settings.max_queues, min_judged=settings.min_judged)
    feed = Feed(board, settings)
    feeding: asyncio.Task[None] | None = None
    registry = Registry(settings) if settings.schema_registry_url else None

    def figures() -> dict[str, Any]:
        feed.look()
        return board.snapshot(round(time.time() * 1000))

    code = 0
    try:
        ops = OpsServer(
            settings.ops_host,
            settings.ops_port,
            metrics.registry,
            healthy=lambda: worker.healthy() if worker else "",
            ready=ready,
            board=figures,
        )
    except OSError as error:
        raise SettingError(
            f"{variable('ops_port')}: cannot listen on {settings.ops_host}:{settings.ops_port}: "
            f"{error.strerror}"
        ) from None
    ops.start()
    log.info("operations port open", extra={"host": settings.ops_host, "port": ops.port})
    try:
        while not stop.is_set():
            try:
                partitions = await _until(stop, _prepare(settings, registry))
                if partitions is None:
                    break
                await _require_transactions(settings)
                if feeding is None:
                    feeding = asyncio.create_task(feed.run())
                worker = Worker(settings, partitions, metrics, source, registry)
                # What is alive now lives as long as the process: it need not be looked at again.
                gc.freeze()
                # And what comes is mostly freed by its counts: to look for cycles at the default's
                # pace, through thousands of open sessions, takes up to a tenth of the time.
                gc.set_threshold(50_000, 20, 20)
                await worker.run(stop)
            except KafkaError as error:
                if not error.retriable:
                    raise
                # Lost between two steps of the start, where Faust does not wait for them.
                worker = None
                log.warning("the brokers went away; waiting", extra={"cause": str(error)})
                await asyncio.sleep(1)
    except (SettingError, TopicError):
        raise
    except TooManyRejectedError as error:
        log.error(str(error))
        code = EXIT_DATA
    except RegistryError as error:
        log.error(str(error))
        code = EXIT_UNAVAILABLE
    except KafkaError as error:
        log.error("the brokers refused: %s", error)
        code = EXIT_UNAVAILABLE
    except StateError as error:
        log.error(
            "%s: topic %s was written by something else or by a newer release",
            error,
            settings.changelog_topic,
        )
        code = EXIT_UNAVAILABLE
    except Exception:
        log.exception("the worker crashed")
        code = EXIT_CRASHED
    finally:
        if feeding is not None:
            feeding.cancel()
        ops.stop()
        if registry is not None:
            await registry.close()
    if worker is not None and not worker.drained:
        # What is left of it waits for brokers that are gone, and heeds no cancellation.
        log.warning("not drained in time; what is missing will be read again")
        logging.shutdown()
        os._exit(code)
    if code == 0:
        log.info("stopped; every event taken is either done or will be read again")
    return code


async def _prepare(settings: Settings, registry: Registry | None) -> int:
    """What must be there before anything is processed; returns the events topic's partitions."""
    partitions = await ensure_topics(settings)
    if registry is not None:
        await registry.prepare()
    return partitions


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, int]) -> int | None:
    """The result of ``work``, or None when ``stop`` came first."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()


async def _require_transactions(settings: Settings) -> None:
    if settings.processing_guarantee == "exactly_once" and await asyncio.to_thread(
        is_embedded, ",".join(settings.bootstrap_servers)
    ):
        raise SettingError(
            f"{variable('processing_guarantee')}: exactly_once needs transactions, which the "
            "embedded broker does not have; use Apache Kafka, or at_least_once"
        )


def _log_state(worker: Worker | None) -> None:
    """Where everything stands: what to look at when a worker seems to hang."""
    if worker is not None:
        log.info("state", extra=worker.describe())
    for task in asyncio.all_tasks():
        out = io.StringIO()
        task.print_stack(file=out)
        log.info("task", extra={"task": task.get_name(), "stack": out.getvalue()})


def _on_signal(number: int, stop: asyncio.Event) -> None:
    log.info("draining", extra={"signal": signal.Signals(number).name})
    stop.set()

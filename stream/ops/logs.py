"""Structured logs: one JSON object per line, or one line for people on a terminal."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import datetime, timezone
from typing import IO

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """``time``, ``level``, ``logger``, ``message``, and the fields given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class TextFormatter(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        extra = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{moment:%H:%M:%S} {record.levelname:<7} {record.getMessage()}{extra}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


_CHATTY = ("faust", "mode", "aiokafka", "asyncio", "stream.worker.transport", "stream.worker.store")
"""Libraries, and our subclasses of them, whose every rebalance is told in dozens of INFO lines."""


def _log_thread_exception(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "?"
    logging.getLogger("threading").error("a thread ended: %s: %r", name, args.exc_value)


def configure_logging(level: str, style: str, stream: IO[str] | None = None) -> None:
    """Send all logs to ``stream`` (standard error). ``style`` is auto, json or text."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    text = style == "text" or (style == "auto" and stream.isatty())
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    threading.excepthook = _log_thread_exception
    for name in _CHATTY:
        logging.getLogger(name).setLevel("DEBUG" if level == "DEBUG" else "WARNING")
    # At DEBUG it logs what it fetches and produces: conversation text.
    logging.getLogger("aiokafka").setLevel("INFO" if level == "DEBUG" else "WARNING")

"""The operations port: ``/metrics``, ``/healthz``, ``/readyz``, and the board at ``/``.

Served from a thread of its own, so that a scrape and a probe are answered while the event loop
works on a batch; and so that a loop that hangs is seen to hang.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
from prometheus_client import CollectorRegistry, make_wsgi_app

from stream.ops.board import page

Check = Callable[[], str]
"""A probe: the empty string when all is well, else what is wrong."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Thirty-two scrapers and probes may knock while one is served.
    request_queue_size = 32


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """No log line per request."""


class OpsServer:
    """Serves until :meth:`stop`. ``healthy`` and ``ready`` are asked at each probe, and ``board``
    for a snapshot by each page that is open; without it there is no page."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        healthy: Check,
        ready: Check,
        board: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        self._checks = {"/healthz": healthy, "/readyz": ready}
        self._board = board
        self._board_lock = threading.Lock()
        self._board_json = b""
        self._board_at = float("-inf")
        self._page = page()
        self._page_policy = content_security_policy(self._page)
        self._metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)
        self._server = make_server(
            host,
            port,
            self._respond,
            server_class=_IPv6Server if ":" in host else _Server,
            handler_class=_QuietHandler,
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="operations-port", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_port)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        body = self._answer(environ, start_response)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else body

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        method = environ.get("REQUEST_METHOD", "GET")
        if method not in ("GET", "HEAD"):
            return _plain(start_response, "405 Method Not Allowed", "only GET and HEAD")
        if path == "/metrics":
            # The exporter answers GET alone.
            return self._metrics({**environ, "REQUEST_METHOD": "GET"}, start_response)
        if self._board is not None:
            if path == "/":
                policy = ("Content-Security-Policy", self._page_policy)
                return _send(start_response, "200 OK", _HTML, self._page, policy)
            if path == "/board.json":
                return _send(start_response, "200 OK", _JSON, self._figures(self._board))
        check = self._checks.get(path)
        if check is None:
            pages = "\n".join(("/metrics", *self._checks))
            status = "200 OK" if path == "/" else "404 Not Found"
            return _plain(start_response, status, pages)
        fault = check()
        if fault:
            return _plain(start_response, "503 Service Unavailable", fault)
        return _plain(start_response, "200 OK", "ok")

    def _figures(self, board: Callable[[], dict[str, Any]]) -> bytes:
        """The board's figures, made at most every second, however many look."""
        with self._board_lock:
            if time.monotonic() - self._board_at >= _BOARD_SECONDS:
                self._board_json = orjson.dumps(board())
                self._board_at = time.monotonic()
            return self._board_json


_BOARD_SECONDS = 1.0

_HTML, _JSON = "text/html; charset=utf-8", "application/json"


def content_security_policy(html: bytes) -> str:
    """The policy under which a page's own inline style and script run, and nothing else; it may
    fetch from where it came from."""

    def hashes(tag: bytes) -> str:
        inline = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), html, re.DOTALL)
        digests = (base64.b64encode(hashlib.sha256(text).digest()) for text in inline)
        return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)

    return (
        f"default-src 'none'; script-src {hashes(b'script')}; style-src {hashes(b'style')}; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


def _plain(start_response: Callable[..., Any], status: str, text: str) -> Iterable[bytes]:
    return _send(start_response, status, "text/plain; charset=utf-8", f"{text}\n".encode())


def _send(
    start_response: Callable[..., Any],
    status: str,
    content_type: str,
    body: bytes,
    *headers: tuple[str, str],
) -> Iterable[bytes]:
    start_response(
        status,
        [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *headers,
        ],
    )
    return [body]

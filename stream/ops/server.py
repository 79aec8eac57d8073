"""The operations port: ``/metrics``, ``/healthz`` and ``/readyz``.

Served from a thread of its own, so that a scrape and a probe are answered while the event loop
works on a batch; and so that a loop that hangs is seen to hang.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

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
    """Serves until :meth:`stop`. ``healthy`` and ``ready`` are asked at each probe."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, healthy: Check, ready: Check
    ) -> None:
        self._checks = {"/healthz": healthy, "/readyz": ready}
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
        path = environ.get("PATH_INFO", "/")
        method = environ.get("REQUEST_METHOD", "GET")
        if method not in ("GET", "HEAD"):
            return _plain(start_response, "405 Method Not Allowed", "only GET and HEAD")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        check = self._checks.get(path)
        if check is None:
            pages = "\n".join(("/metrics", *self._checks))
            status = "200 OK" if path == "/" else "404 Not Found"
            return _plain(start_response, status, pages)
        fault = check()
        if fault:
            return _plain(start_response, "503 Service Unavailable", fault)
        return _plain(start_response, "200 OK", "ok")


def _plain(start_response: Callable[..., Any], status: str, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ],
    )
    return [body]

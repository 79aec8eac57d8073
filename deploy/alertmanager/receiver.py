"""Prints what Alertmanager's webhooks send, a line per alert: a stand-in for a pager."""

from __future__ import annotations

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            lines = [
                f"{self.path.strip('/')} {alert['status']}: {alert['annotations']['summary']}"
                for alert in body["alerts"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            self.send_error(400, f"no notification of Alertmanager: {error!r}")
            return
        print(*lines, sep="\n", flush=True)  # noqa: T201  (what it is for)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """No line per request."""


def main(port: int = 8080) -> None:
    # The first process of a container is ended by no signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = ThreadingHTTPServer(("", port), Receiver)
    print(f"waiting for alerts on port {server.server_port}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

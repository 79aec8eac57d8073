"""Prometheus, Alertmanager and a receiver, configured as deployed but for addresses and times."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.ops.tools import Daemon

DEPLOY = Path(__file__).parents[2] / "deploy"


class Webhook:
    """What Alertmanager notifies: the alerts, as they come in."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        alerts = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for alert in json.loads(body)["alerts"]:
                    alerts.append(alert | {"path": self.path})
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """No line per request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def alertmanager_config(folder: Path, webhook: str) -> Path:
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    config["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{webhook}/{receiver['name']}"}]
    return written(folder / "alertmanager.yml", config)


def prometheus_config(
    folder: Path, config: dict[str, Any], alert: str, worker: int, alertmanager: str
) -> Path:
    """``config`` with the addresses of a test, and ``alert`` fired after a second."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "empathy-stream.rules.yml").read_text())
    (awaited,) = (
        rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == alert
    )
    awaited["for"] = "1s"
    (scrape,) = config["scrape_configs"]
    scrape.pop("dns_sd_configs", None)
    scrape["static_configs"] = [{"targets": [f"127.0.0.1:{worker}"]}]
    manager = {"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}
    changed = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(written(folder / "rules.yml", rules))],
        "alerting": {"alertmanagers": [manager]},
    }
    return written(folder / "prometheus.yml", config | changed)


def written(file: Path, config: Any) -> Path:
    file.write_text(yaml.safe_dump(config))
    return file


def value(prometheus: Daemon, expr: str) -> float:
    """The one value of ``expr`` now; 0 without any."""
    found = prometheus.get("/api/v1/query", query=expr)["result"]
    return float(found[0]["value"][1]) if found else 0.0

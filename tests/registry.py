"""A small Schema Registry for tests, with the answers that the REST API documents
(https://docs.confluent.io/platform/current/schema-registry/develop/api.html): ids by schema,
versions by subject, error codes 40401, 40403 and 409."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

MEDIA = "application/vnd.schemaregistry.v1+json"


class FakeRegistry:
    """Runs from entering the block to leaving it, on a loopback port."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.schemas: dict[int, dict[str, str]] = {}
        self.subjects: dict[str, list[int]] = {}
        self.asked: list[tuple[str, str]] = []
        self.failing = 0
        """How many of the next requests are answered with 503."""
        self.incompatible: set[str] = set()
        """Subjects that refuse whatever is new to them."""
        self._user = f"{user}:{password}" if user else ""

    def add(self, schema: str, kind: str = "JSON") -> int:
        """The id of a schema, which is known from now on."""
        entry = {"schema": schema} | ({"schemaType": kind} if kind != "AVRO" else {})
        for number, known in self.schemas.items():
            if known == entry:
                return number
        number = 100_001 + len(self.schemas)
        self.schemas[number] = entry
        return number

    def __enter__(self) -> FakeRegistry:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("GET", None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                self._answer("POST", json.loads(self.rfile.read(length)))

            def _answer(self, method: str, body: Any) -> None:
                registry.asked.append((method, self.path))
                status, answer = registry._answer(
                    method, self.path, body, self.headers.get("Authorization", "")
                )
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", MEDIA)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method: str, path: str, body: Any, credentials: str) -> tuple[int, Any]:
        wanted = f"Basic {base64.b64encode(self._user.encode()).decode()}" if self._user else ""
        if credentials != wanted:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        if self.failing:
            self.failing -= 1
            return 503, {"error_code": 50003, "message": "no leader"}
        match method, [unquote(part) for part in path.strip("/").split("/")]:
            case "GET", ["schemas", "types"]:
                return 200, ["JSON", "PROTOBUF", "AVRO"]
            case "GET", ["schemas", "ids", number]:
                found = self.schemas.get(int(number))
                missing = {"error_code": 40403, "message": f"Schema {number} not found"}
                return (200, found) if found else (404, missing)
            case "POST", ["subjects", subject]:
                return self._look_up(subject, body)
            case "POST", ["subjects", subject, "versions"]:
                return self._register(subject, body)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _look_up(self, subject: str, body: Any) -> tuple[int, Any]:
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        for version, number in enumerate(self.subjects[subject], start=1):
            if self.schemas[number] == body:
                return 200, {"subject": subject, "id": number, "version": version, **body}
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def _register(self, subject: str, body: Any) -> tuple[int, Any]:
        status, known = self._look_up(subject, body)
        if status == 200:
            return 200, {"id": known["id"]}
        if subject in self.incompatible:
            return 409, {"error_code": 409, "message": "Schema being registered is incompatible"}
        number = self.add(body["schema"], body["schemaType"])
        self.subjects.setdefault(subject, []).append(number)
        return 200, {"id": number}

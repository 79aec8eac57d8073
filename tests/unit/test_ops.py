"""The operations port and the metrics catalogue."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from stream.ops.board import Board, page
from stream.ops.logs import configure_logging
from stream.ops.metrics import OTHER_QUEUE, Metrics
from stream.ops.server import OpsServer
from stream.session import (
    ClosingRules,
    GapRules,
    InteractionRecord,
    Outcome,
    SessionProcessor,
    score_events,
)
from tests.scripted import START_MS, ScriptedRecognizer, conversation


def record(queue: str, *turns: str) -> InteractionRecord:
    events = [event._replace(queue=queue) for event in conversation(*turns)]
    return score_events(events, ScriptedRecognizer(), ClosingRules())[0].record


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    found = metrics.registry.get_sample_value(name, labels)
    return None if found is None else float(found)


def test_records_count_by_queue() -> None:
    metrics = Metrics("test-1", 10)
    metrics.count_record(record("orders", "c: concern", "a: | situation"))
    metrics.count_record(record("orders", "c: concern", "a: policy", "a: | goal"))
    metrics.count_record(record("orders", "c: concern", "a: policy"))
    metrics.count_record(record("orders", "c: concern"))
    assert value(metrics, "empathy_records_judged_total", queue="orders") == 3
    assert value(metrics, "empathy_records_recognized_total", queue="orders") == 2
    assert value(metrics, "empathy_records_recognized_first_total", queue="orders") == 1
    assert value(metrics, "empathy_recognition_seconds_count", queue="orders") == 2
    unjudged = {"queue": "orders", "closed_by": "ended", "judged": "false"}
    assert value(metrics, "empathy_records_total", **unjudged) == 1


def test_records_count_where_empathy_broke_and_how_often_a_formula_stood_for_it() -> None:
    metrics = Metrics("test-1", 10)
    metrics.count_record(record("orders", "c: concern", "a: policy", "a: generic_empathy"))
    metrics.count_record(record("orders", "c: concern", "a: generic_empathy | situation"))
    metrics.count_record(record("orders", "c: concern"))
    policy = {"queue": "orders", "step": "policy"}
    assert value(metrics, "empathy_records_broke_at_total", **policy) == 1
    assert value(metrics, "empathy_records_broke_at_total", **policy | {"step": "hold"}) == 0
    assert value(metrics, "empathy_agent_turns_total", queue="orders") == 3
    assert value(metrics, "empathy_formula_turns_total", queue="orders") == 1


def test_queue_labels_are_bounded_and_say_so() -> None:
    metrics = Metrics("test-1", 3)
    labels = [metrics.queue_label(f"q{n}") for n in range(10)]
    assert labels == ["q0", "q1", "q2", *[OTHER_QUEUE] * 7]
    assert metrics.queue_label("q1") == "q1"
    assert metrics.queue_label("") == OTHER_QUEUE
    assert value(metrics, "empathy_queues_folded_total") == 7


def gaps(queue: str, *turns: str) -> SessionProcessor:
    found = SessionProcessor(ScriptedRecognizer(), ClosingRules(), {}, GapRules())
    for offset, event in enumerate(conversation(*turns, end=False)):
        found.process(offset, event._replace(queue=queue), START_MS)
    return found


def test_gaps_count_by_queue_and_kind() -> None:
    metrics = Metrics("test-1", 1)
    first = gaps("orders", "c: concern", "a: data_request", "a: hold next_step")
    other, more = gaps("x", "c: concern", "a: data_request"), gaps("y", "c: x", "a: hold")
    for found in (first, other, more):
        metrics.count_gaps(found.take().gaps, START_MS + 30_000)
    metrics.show_open_gaps([first.open_gaps, other.open_gaps, more.open_gaps])
    data = {"queue": "orders", "kind": "data_before_recognition"}
    assert value(metrics, "empathy_gaps_opened_total", **data) == 1
    assert value(metrics, "empathy_gaps_closed_total", **data) == 0
    assert value(metrics, "empathy_gaps_open", **data) == 1
    folded = {"queue": OTHER_QUEUE, "kind": "unexplained_hold"}
    assert value(metrics, "empathy_gaps_open", **folded) == 1
    assert value(metrics, "empathy_gap_latency_seconds_count") == 4
    assert value(metrics, "empathy_gap_latency_seconds_sum") == 120

    first.finish()
    metrics.count_gaps(first.take().gaps, START_MS)
    metrics.show_open_gaps([first.open_gaps])
    assert value(metrics, "empathy_gaps_open", **data) == 0
    assert value(metrics, "empathy_gaps_open", **folded) == 0
    metrics.forget_open_gaps()
    assert value(metrics, "empathy_gaps_open", **data) is None


def test_events_count_by_outcome() -> None:
    metrics = Metrics("test-1", 3)
    assert value(metrics, "empathy_events_total", type="utterance", outcome="accepted") == 0
    metrics.count_events("utterance", Outcome.LATE, 4)
    assert value(metrics, "empathy_events_total", type="utterance", outcome="late") == 4
    assert value(metrics, "empathy_events_late_total") == 4


def test_names_and_help_follow_prometheus_conventions() -> None:
    for family in Metrics("test-1", 3).registry.collect():
        assert family.name.startswith("empathy_")
        assert re.fullmatch(r"[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        for unit in ("_ms", "_millis", "_percent", "_minutes"):
            assert not family.name.endswith(unit)


class Probe:
    fault = ""

    def __call__(self) -> str:
        return self.fault


@pytest.fixture
def server() -> Iterator[tuple[OpsServer, Probe, Probe]]:
    healthy, ready = Probe(), Probe()
    ops = OpsServer("127.0.0.1", 0, Metrics("test-1", 3).registry, healthy, ready)
    ops.start()
    yield ops, healthy, ready
    ops.stop()


def get(server: OpsServer, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_probes_tell_what_is_wrong(server: tuple[OpsServer, Probe, Probe]) -> None:
    ops, healthy, ready = server
    assert get(ops, "/healthz") == (200, "ok\n")
    ready.fault = "rebalancing"
    assert get(ops, "/readyz") == (503, "rebalancing\n")
    assert get(ops, "/healthz")[0] == 200
    healthy.fault = "stuck"
    assert get(ops, "/healthz") == (503, "stuck\n")


def test_metrics_and_other_paths(server: tuple[OpsServer, Probe, Probe]) -> None:
    ops = server[0]
    status, text = get(ops, "/metrics")
    assert status == 200
    assert "empathy_build_info{" in text
    assert "_created" not in text
    assert get(ops, "/")[0] == 200
    assert get(ops, "/metrics/../../etc/passwd")[0] == 404
    assert get(ops, "/metrics", "POST")[0] == 405


def raw(server: OpsServer, path: str, method: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        headers = {name.lower(): text for name, text in answer.getheaders()}
        # Past the headers to the end of the connection: http.client itself hides a HEAD's body.
        body = answer.read() if method != "HEAD" else answer.fp.read()
        return answer.status, headers, body
    finally:
        connection.close()


@pytest.fixture
def board_server() -> Iterator[OpsServer]:
    metrics = Metrics("test-1", 3)
    board = Board(metrics, lambda: "")
    ops = OpsServer(
        "127.0.0.1",
        0,
        metrics.registry,
        lambda: "",
        lambda: "",
        board=lambda: board.snapshot(START_MS),
    )
    ops.start()
    yield ops
    ops.stop()


def test_the_board_is_served(board_server: OpsServer) -> None:
    status, headers, body = raw(board_server, "/", "GET")
    assert (status, body) == (200, page())
    assert headers["content-type"] == "text/html; charset=utf-8"
    status, headers, body = raw(board_server, "/board.json", "GET")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["now_ms"] == START_MS
    assert get(board_server, "/healthz") == (200, "ok\n")
    assert get(board_server, "/metrics")[0] == 200
    assert get(board_server, "/board.html")[0] == 404
    assert get(board_server, "/board.json", "POST")[0] == 405


def test_many_who_look_cost_one_look() -> None:
    looks: list[int] = []

    def look() -> dict[str, object]:
        looks.append(1)
        return {"looks": len(looks)}

    ops = OpsServer("127.0.0.1", 0, Metrics("x", 3).registry, Probe(), Probe(), board=look)
    ops.start()
    try:
        started = time.monotonic()
        answers = [get(ops, "/board.json") for _ in range(20)]
        assert len(looks) <= 1 + (time.monotonic() - started)
        assert answers[0] == (200, '{"looks":1}')
        while len(looks) < 2:
            assert time.monotonic() < started + 20
            get(ops, "/board.json")
    finally:
        ops.stop()


@pytest.mark.parametrize("path", ["/", "/board.json", "/healthz", "/nowhere", "/metrics"])
def test_head_says_the_same_without_the_body(board_server: OpsServer, path: str) -> None:
    full, bare = raw(board_server, path, "GET"), raw(board_server, path, "HEAD")
    assert bare[0] == full[0]
    assert bare[1]["content-type"] == full[1]["content-type"]
    assert full[2]
    assert bare[2] == b""


def test_nothing_of_the_board_is_kept_or_guessed(board_server: OpsServer) -> None:
    for path in ("/", "/board.json"):
        headers = raw(board_server, path, "GET")[1]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_pages_policy_allows_its_own_script_and_style_alone(board_server: OpsServer) -> None:
    _, headers, body = raw(board_server, "/", "GET")
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for tag in ("script", "style"):
        text = body.split(f"<{tag}>".encode())[1].split(f"</{tag}>".encode())[0]
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_page_is_one_small_file_in_the_wheel() -> None:
    assert len(page()) < 40_000
    # The one address in it names the language of drawings, and is not fetched.
    assert set(re.findall(rb"\w+://[^\s'\"]+", page())) == {b"http://www.w3.org/2000/svg"}
    root = Path(__file__).parents[2]
    packed = {each.distribution_path for each in WheelBuilder(str(root)).recurse_included_files()}
    assert "stream/ops/board.html" in packed


def test_logs_are_one_json_object_per_line() -> None:
    root = logging.getLogger()
    before = root.handlers, root.level
    out = io.StringIO()
    try:
        configure_logging("INFO", "json", out)
        log = logging.getLogger("stream.test")
        log.info("two\nlines", extra={"partition": 3})
        try:
            raise ValueError("inner")
        except ValueError:
            log.exception("failed")
        log.debug("not shown")
        logging.getLogger("faust").info("not shown")
    finally:
        root.handlers, root.level = before
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first["message"] == "two\nlines"
    assert first["partition"] == 3
    assert first["time"].endswith("Z")
    assert "ValueError: inner" in second["exception"]


def test_the_client_never_logs_payloads() -> None:
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        configure_logging("DEBUG", "json", io.StringIO())
        assert not logging.getLogger("aiokafka.producer").isEnabledFor(logging.DEBUG)
    finally:
        root.handlers, root.level = before
        configured = ("faust", "mode", "aiokafka", "asyncio")
        for name in configured:
            logging.getLogger(name).setLevel(logging.WARNING)

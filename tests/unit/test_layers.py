"""Imports point inward: the pure core knows nothing of Kafka, Faust, Prometheus or the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "stream"

ALLOWED = {
    "events": {"events"},
    "recognition": {"recognition"},
    "session": {"events", "recognition", "session"},
    "sources": {"events", "sources"},
    "windows": {"events", "session", "windows"},
    "samples": {"sources"},
}
"""What of the package each pure room may import."""

PURE_LIBRARIES = {
    "__future__",
    "base64",
    "binascii",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "importlib",
    "itertools",
    "jmespath",
    "math",
    "numpy",
    "onnxruntime",
    "operator",
    "orjson",
    "pathlib",
    "re",
    "struct",
    "sys",
    "tokenizers",
    "typing",
    "unicodedata",
    "urllib",
    "yaml",
    "zlib",
}
FORBIDDEN_CALLS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "sleep", "print"}


def modules(room: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / room).rglob("*.py")):
        yield path, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_pure_rooms_import_only_inward(room: str) -> None:
    seen = 0
    for path, tree in modules(room):
        seen += 1
        for name in imported(tree):
            top, _, rest = name.partition(".")
            if top == "stream":
                assert rest.partition(".")[0] in ALLOWED[room], f"{path}: {name}"
            else:
                assert top in PURE_LIBRARIES, f"{path}: {name}"
    assert seen


@pytest.mark.parametrize("room", ["events", "recognition", "session", "windows"])
def test_the_core_has_no_clock(room: str) -> None:
    for path, tree in modules(room):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                # A processor's now() is the partition's time, from the log.
                if name == "now" and "processor" in path.name:
                    continue
                assert name not in FORBIDDEN_CALLS, f"{path}:{node.lineno}: {name}()"

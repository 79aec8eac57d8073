"""Inputs that are nearly right: valid JSON with something changed, then perhaps its bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

MAX_BYTES = 65_536

_STRINGS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "\U0001f600" * 3,
    "e\u0301\u200d\u202e",
    "%s%n{0}",
    "a" * 256,
    "a" * 257,
    "ß" * 5_000,
    "no " * 3_000,
    "customer",
    "agent",
    "utterance",
    "session.ended",
    "2026-03-02T09:14:07.310Z",
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:60+23:59",
    "AAAA",
    "////",
    "=",
)
_NUMBERS = (
    *(0, 1, -1, 2, 255, 256, 2**31, 2**53, 2**63 - 1, 2**64, -(2**63), 10**30),
    *(0.0, -0.0, 0.5, 1e308, 5e-324, 1e17, 1_767_225_600_000, 4_102_444_800_000),
)
_BYTES = (b"\xff", b"\x00", b"\xed\xa0\x80", b'"', b"\\", b"[" * 2_000, b'{"a":' * 500, b"1e999")


def value(rng: random.Random) -> Any:
    """Any JSON value, mostly small."""
    kind = rng.randrange(10)
    if kind < 3:
        return rng.choice(_STRINGS)
    if kind < 6:
        return rng.choice(_NUMBERS)
    if kind == 6:
        return rng.choice((None, True, False))
    if kind == 7:
        return [value(rng) for _ in range(rng.randrange(4))]
    if kind == 8:
        return {rng.choice(_STRINGS): value(rng) for _ in range(rng.randrange(3))}
    deep: Any = rng.choice(_NUMBERS)
    for _ in range(rng.randrange(300)):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    return deep


def changed(document: Any, rng: random.Random) -> Any:
    """``document`` with one place in it changed."""
    if not isinstance(document, (dict, list)) or not document or rng.random() < 0.1:
        return value(rng)
    places: Sequence[Any] = list(document) if isinstance(document, dict) else range(len(document))
    place = rng.choice(places)
    what = rng.randrange(12)
    copied: Any = document.copy()
    if what < 7:
        copied[place] = changed(copied[place], rng)
    elif what == 7:
        copied[place] = value(rng)
    elif what == 8:
        del copied[place]
    elif what == 9:
        copied[place] = copied[rng.choice(places)]
    elif isinstance(copied, dict):
        copied[rng.choice(_STRINGS)] = copied.pop(place) if what == 10 else value(rng)
    else:
        copied.insert(place, value(rng) if what == 10 else copied[rng.choice(places)])
    return copied


def damaged(data: bytes, rng: random.Random) -> bytes:
    """``data`` with some of its bytes changed."""
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((0, 1, 1, 2, 16, 200)))
        put = rng.choice(
            (b"", rng.randbytes(rng.randrange(1, 5)), rng.choice(_BYTES), data[at:to] * 2)
        )
        data = data[:at] + put + data[to:]
    return data


def nearly(documents: Sequence[Any], *, lines: bool = False) -> Callable[[random.Random], bytes]:
    """Makes inputs out of valid documents; one in twenty has nothing to do with them. With
    ``lines``, a document is a list of what has a line of its own."""

    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.05:
            return rng.randbytes(rng.randrange(400))
        document = rng.choice(documents)
        for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
            document = changed(document, rng)
        ascii_only = rng.random() < 0.5
        parts = document if lines and isinstance(document, list) else [document]
        text = "\n".join(json.dumps(part, ensure_ascii=ascii_only) for part in parts)
        data = text.encode("utf-8", "surrogatepass")
        return (damaged(data, rng) if rng.random() < 0.3 else data)[:MAX_BYTES]

    return make

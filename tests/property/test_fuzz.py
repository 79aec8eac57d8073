"""The short form of ``python -m tests.fuzz``, and that it finds what it looks for."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from stream.session import SessionState, StateError
from tests.fuzz import __main__ as fuzzing
from tests.fuzz.mutate import MAX_BYTES
from tests.fuzz.targets import sessions, targets


def test_no_input_does_harm(tmp_path: Path) -> None:
    result = fuzzing.fuzz(4_000, 7, tmp_path)
    assert result.findings == []
    assert not result.failed
    # Every target sees inputs that it takes and inputs that it refuses.
    assert all(len(outcomes) > 1 for outcomes in result.outcomes.values())
    assert all(outcomes["accepted"] for outcomes in result.outcomes.values())


def test_inputs_are_bounded_and_come_again_with_their_seed(tmp_path: Path) -> None:
    for target in targets(tmp_path):
        made = [target.make(random.Random(n)) for n in range(100)]
        assert made == [target.make(random.Random(n)) for n in range(100)]
        assert max(map(len, made)) <= MAX_BYTES


def test_a_crash_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionState, "_require_sound", lambda self: None)
    result = fuzzing.fuzz(500, 7, tmp_path)
    assert result.crashes
    assert result.failed
    assert result.findings[0]["target"] == "state"


def test_a_hang_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "HANG_SECONDS", 0.05)
    endless = re.compile(r"(a+)+b")
    monkeypatch.setattr(SessionState, "encode", lambda self: endless.match("a" * 100))
    result = fuzzing.fuzz(20, 7, tmp_path)
    assert result.hangs
    assert result.failed


def test_a_state_that_could_not_be_written_again_is_refused() -> None:
    """Found by fuzzing: orjson reads deeper nesting than it writes."""
    head, facts = max(sessions(), key=len)

    def encoded() -> bytes:
        return f"{json.dumps(head)}\n{json.dumps(facts)}".encode()

    assert SessionState.decode("s", encoded())
    deep: object = 1
    for _ in range(300):
        deep = [deep]
    facts[0] = [*facts[0][:3], deep]
    with pytest.raises(StateError):
        SessionState.decode("s", encoded())

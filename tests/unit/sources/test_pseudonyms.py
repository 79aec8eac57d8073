"""Keyed pseudonyms: the same for the same reference, and of no use without the key."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from stream.cli import main
from stream.events import Event, EventType, Rejected, Speaker, encode
from stream.recognition import fast
from stream.samples import sample_conversations
from stream.session import ClosingRules, score_events
from stream.settings import Settings
from stream.sources import Mapped, Pseudonyms, make_source, read_event
from stream.worker.rules import record_source
from tests.pipeline import write_transcripts

KEY = b"0123456789abcdef"
BOTH = Pseudonyms(KEY, sessions=True)
AGENTS = Pseudonyms(KEY, sessions=False)
SAID = Event(
    EventType.UTTERANCE, "c-1:1", "c-1", 1_772_442_847_310, agent="a-17", speaker=Speaker.AGENT,
    text="hello",
)  # fmt: skip


def test_a_pseudonym_is_the_documented_hmac() -> None:
    expected = hmac.new(KEY, b"agent\0a-17", hashlib.sha256).hexdigest()[:32]
    assert AGENTS.of("agent", "a-17") == expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_pseudonyms_differ_by_reference_kind_and_key(one: str, other: str) -> None:
    assert (BOTH.of("agent", one) == BOTH.of("agent", other)) is (one == other)
    assert BOTH.of("agent", one) != BOTH.of("session", one)
    assert BOTH.of("agent", one) != Pseudonyms(KEY + b"x", sessions=True).of("agent", one)


def test_what_is_empty_stays_empty() -> None:
    assert BOTH.event(SAID._replace(agent="")).agent == ""


def test_agents_alone_or_sessions_too() -> None:
    agents, both = AGENTS.event(SAID), BOTH.event(SAID)
    assert agents == SAID._replace(agent=AGENTS.of("agent", "a-17"))
    assert both.agent == agents.agent
    assert both.session_id == BOTH.of("session", "c-1")
    assert "c-1" not in both.event_id
    moved = SAID._replace(type=EventType.TRANSFER, name="a-18", speaker=None, text="")
    assert AGENTS.event(moved).name == AGENTS.of("agent", "a-18")
    done = SAID._replace(type=EventType.ACTION, name="refund", speaker=None, text="")
    assert BOTH.event(done).name == "refund"


def test_every_way_of_reading_gives_pseudonyms() -> None:
    value = encode(SAID)
    plain = BOTH.source(read_event)(b"c-1", value, (), None, 1_000)
    mapped = BOTH.source(make_source("auto"))(b"c-1", value, (), None, 1_000)
    assert plain == BOTH.event(SAID)
    assert isinstance(mapped, Mapped)
    assert mapped.events == [plain]
    # The key of the record is still the session's: what is wrong is told as ever.
    assert isinstance(BOTH.source(read_event)(b"other", value, (), None, 1_000), Rejected)


def test_records_differ_in_nothing_else() -> None:
    for transcript in sample_conversations():
        events = transcript.events()
        (raw,) = score_events(events, fast(), ClosingRules())
        (hidden,) = score_events(map(BOTH.event, events), fast(), ClosingRules())
        record, expected = json.loads(hidden.value), json.loads(raw.value)
        expected["session_id"] = BOTH.of("session", expected["session_id"])
        expected["agents"] = [BOTH.of("agent", agent) for agent in expected["agents"]]
        assert record == expected


def test_off_costs_nothing() -> None:
    assert record_source(Settings()) is read_event


@pytest.mark.parametrize("which", ["agents", "agents_and_sessions"])
def test_score_and_the_pseudonym_command_agree(which: str, tmp_path: Path) -> None:
    environ = {"EMPATHY_PSEUDONYMS": which, "EMPATHY_PSEUDONYM_KEY": KEY.decode()}
    transcript = sample_conversations()[0]
    file = tmp_path / "one.jsonl"
    write_transcripts([transcript], file)
    scored = CliRunner().invoke(main, ["score", str(file)], env=environ)
    record = json.loads(scored.output)
    told = CliRunner().invoke(main, ["pseudonym", "agent", transcript.agent], env=environ)
    assert record["agents"] == told.output.split()
    hidden = which == "agents_and_sessions"
    assert (record["session_id"] != transcript.id) is hidden
    # Labels are compared with people's, by the conversation's own id.
    labelled = CliRunner().invoke(main, ["label", str(file)], env=environ)
    assert json.loads(labelled.output)["id"] == transcript.id


def test_the_pseudonym_command_needs_the_key() -> None:
    told = CliRunner().invoke(main, ["pseudonym", "agent", "a-1"])
    assert told.exit_code == 2
    assert "EMPATHY_PSEUDONYMS is none: set it" in told.output

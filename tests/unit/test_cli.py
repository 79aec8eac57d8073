"""Commands that need no broker, as a user runs them."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream.cli import main
from stream.cli.produce import paced, shifted, timeline
from stream.cli.story import shortened
from stream.samples import sample_conversations
from stream.settings import Settings
from tests.pipeline import write_transcripts


def invoke(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ)


@pytest.fixture
def samples(tmp_path: Path) -> str:
    file = tmp_path / "samples.jsonl"
    write_transcripts(sample_conversations(), file)
    return str(file)


def test_help_teaches_every_command() -> None:
    top = invoke("--help")
    assert top.exit_code == 0
    for command in main.commands:
        assert command in top.output
        shown = invoke(command, "--help")
        assert shown.exit_code == 0
        assert len(shown.output.splitlines()) > 5


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["workr"], "worker"), (["topic"], "topics"), (["topics", "chek"], "check")],
)
def test_a_mistyped_command_is_told_what_was_meant(words: list[str], meant: str) -> None:
    shown = invoke(*words)
    assert shown.exit_code == 2
    assert f"Did you mean '{meant}'?" in shown.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_what_completes(shell: str) -> None:
    script = invoke("completion", shell)
    assert script.exit_code == 0
    assert f"_EMPATHY_STREAM_COMPLETE={shell}_complete" in script.output


def test_completion_in_bash(tmp_path: Path) -> None:
    """As bash asks: through the script, with the command that it names."""
    command = tmp_path / "empathy-stream"
    command.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c '
        '\'from stream.cli import main; main(prog_name="empathy-stream")\' "$@"\n'
    )
    command.chmod(0o755)
    script = tmp_path / "completion.sh"
    script.write_text(invoke("completion", "bash").output)
    ask = (
        f"source {script}; COMP_WORDS=(empathy-stream topics c); COMP_CWORD=2; "
        f'_empathy_stream_completion {command}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["check", "create"]


def test_the_command_line_answers_at_once() -> None:
    """Shell completion runs it for each key: nothing heavy may be imported for it."""
    code = "import sys, stream.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"faust", "aiokafka", "aiohttp", "orjson", "rich", "prometheus_client", "yaml"}
    assert heavy.isdisjoint(done.stdout.split())


def test_labels_come_in_the_codebooks_format(samples: str) -> None:
    shown = invoke("label", samples)
    assert shown.exit_code == 0, shown.output
    lines = {row["id"]: row for row in map(json.loads, shown.output.splitlines())}
    for transcript in sample_conversations():
        row = lines.pop(transcript.id)
        speakers = [turn.speaker.value for turn in transcript.turns]
        for who in ("agent", "customer"):
            assert list(row[who]) == [str(n) for n, s in enumerate(speakers) if s == who]
        assert all(isinstance(labels, list) for labels in row["agent"].values())
        for values in row["customer"].values():
            assert values.keys() == {"concern", "emotion", "repeat"}
        assert 0 <= row["empathy_score"] <= 100
    assert not lines


def test_label_covers_every_turn_whatever_the_limits(tmp_path: Path) -> None:
    turns = [
        {"speaker": "customer", "text": "hello", "at": "2026-01-01T00:00:00Z"},
        {"speaker": "agent", "text": "hi", "at": "2026-03-01T00:00:00Z"},
        {"speaker": "agent", "text": "hi again", "at": "2026-05-01T00:00:00Z"},
    ]
    file = tmp_path / "long.jsonl"
    file.write_text(json.dumps({"id": "x", "turns": turns}))
    shown = invoke("label", str(file), EMPATHY_MAX_SESSION_EVENTS="10")
    assert list(json.loads(shown.output)["agent"]) == ["1", "2"]


def test_score_is_json_when_piped_and_a_table_when_asked(samples: str) -> None:
    piped = invoke("score", samples)
    assert len([json.loads(line) for line in piped.output.splitlines()]) == 48
    table = invoke("score", "--table", samples)
    assert table.exit_code == 0
    assert table.output.startswith("session")


def test_the_samples_tell_a_story(samples: str) -> None:
    by_queue: dict[str, list[int]] = {}
    for line in invoke("score", samples).output.splitlines():
        record = json.loads(line)
        assert record["judged"]
        by_queue.setdefault(record["queue"], []).append(record["empathy_score"])
    mean = {queue: sum(scores) / len(scores) for queue, scores in by_queue.items()}
    best, worst = {"flights", "energy"}, {"broadband", "apps"}
    assert min(mean[queue] for queue in best) > max(mean[queue] for queue in worst) + 20


@pytest.mark.parametrize("command", ["score", "label"])
def test_a_bad_file_is_named_and_exits_with_2(command: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("nonsense\n")
    shown = invoke(command, str(file))
    assert shown.exit_code == 2
    assert f"{file}:1: not JSON" in shown.output


def test_config_shows_every_setting_and_no_secret() -> None:
    shown = invoke("config", "--json", EMPATHY_SASL_PASSWORD="hunter2")
    assert shown.exit_code == 0
    settings = json.loads(shown.output)
    assert settings.keys() == Settings().shown().keys()
    assert "hunter2" not in shown.output
    table = invoke("config", "--table", EMPATHY_SASL_PASSWORD="hunter2", COLUMNS="200")
    assert "EMPATHY_LINGER_SECONDS" in table.output
    assert "hunter2" not in table.output


def test_a_wrong_setting_ends_every_command() -> None:
    shown = invoke("config", EMPATHY_MAX_QUEUES="lots")
    assert shown.exit_code == 2
    assert "EMPATHY_MAX_QUEUES: 'lots' is not allowed" in shown.output


@pytest.mark.parametrize("speed", ["0", "-1", "fast"])
def test_produce_refuses_a_speed_that_makes_no_sense(speed: str, samples: str) -> None:
    shown = invoke("produce", "--speed", speed, samples)
    assert shown.exit_code == 2
    assert "must be a number above 0, or max" in shown.output


def test_produce_takes_files_or_the_samples(samples: str) -> None:
    for arguments in ([], ["--samples", samples]):
        shown = invoke("produce", *arguments)
        assert shown.exit_code == 2
        assert "give either FILEs" in shown.output
    shown = invoke("produce", "--samples", "--speed", "max")
    assert shown.exit_code == 2
    assert "must be a number above 0\n" in shown.output


def test_the_timeline_interleaves_conversations(samples: str) -> None:
    events = timeline([samples], by_time=True)
    assert [event.time_ms for event in events] == sorted(event.time_ms for event in events)
    assert sorted(events) == sorted(timeline([samples], by_time=False))
    moved = shifted(events, 1_800_000_000_000)
    assert moved[0].time_ms == 1_800_000_000_000
    assert moved[-1].time_ms - moved[0].time_ms == events[-1].time_ms - events[0].time_ms
    due = [seconds for seconds, _ in paced(events, 60.0)]
    assert due == sorted(due)
    assert due[-1] == pytest.approx((events[-1].time_ms - events[0].time_ms) / 60_000)
    assert {seconds for seconds, _ in paced(events, None)} == {0.0}


def test_the_demo_shortens_silences_only() -> None:
    for transcript in sample_conversations():
        events = transcript.events()
        short = shortened(events)
        gaps = [b.time_ms - a.time_ms for a, b in zip(events, short, strict=True)]
        assert len(gaps) == len(events)
        assert [e.text for e in short] == [e.text for e in events]
        steps = [b.time_ms - a.time_ms for a, b in itertools.pairwise(short)]
        assert max(steps) <= 15_000


STARTED = {"ContactId": "c-1", "Channel": "VOICE", "EventType": "STARTED"}
SEGMENTS = STARTED | {
    "EventType": "SEGMENTS",
    "Segments": [
        {
            "Transcript": {
                "Id": "t-1",
                "ParticipantRole": "CUSTOMER",
                "Content": "no hot [red]water[/]",
                "BeginOffsetMillis": 1_500,
            }
        },
        {"Categories": {}},
    ],
}


def payloads(tmp_path: Path, *lines: object) -> str:
    file = tmp_path / "payloads.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(file)


def test_source_check_shows_what_payloads_become(tmp_path: Path) -> None:
    file = payloads(tmp_path, STARTED, SEGMENTS)
    shown = invoke("source", "check", "--source", "contact-lens", file)
    assert shown.exit_code == 0, shown.output
    first, second, summary = map(json.loads, shown.output.splitlines())
    assert first["events"][0]["type"] == "session.started"
    assert second["events"][0]["text"] == "no hot [red]water[/]"
    assert second["events"][0]["offset_ms"] == 1_500
    (dropped,) = second["dropped"]
    assert (dropped["part"], dropped["reason"]) == ("Segments[1].Categories", "analysis")
    assert dropped["meaning"]
    assert summary["summary"] == {
        "payloads": 2,
        "conversations": 1,
        "events": {"session.started": 1, "utterance": 1},
        "dropped": {"analysis": 1},
        "rejected": {},
    }
    table = invoke("source", "check", "--table", file)
    assert table.exit_code == 0
    for part in ("session.started", "+1.5 s", "[red]water", "dropped: analysis", "not a turn"):
        assert part in table.output
    assert "1 more payloads" in invoke("source", "check", "--table", "--limit", "1", file).output


def test_source_check_fails_where_nothing_maps_or_something_is_invalid(tmp_path: Path) -> None:
    nothing = STARTED | {"EventType": "SEGMENTS", "Segments": [{"Categories": {}}]}
    assert invoke("source", "check", payloads(tmp_path, nothing)).exit_code == 1
    shown = invoke("source", "check", "--table", payloads(tmp_path, STARTED, {"hello": 1}))
    assert shown.exit_code == 1
    assert "rejected unknown_payload (1)" in shown.output
    assert invoke("source", "check", "nowhere.jsonl").exit_code == 2


def test_source_check_reads_what_kcat_prints(tmp_path: Path) -> None:
    printed = {
        "topic": "bus",
        "partition": 0,
        "offset": 7,
        "tstype": "create",
        "ts": 1_772_442_840_000,
        "headers": ["ce_specversion", "1.0", "ce_type", "com.example"],
        "key": "c-1",
        "payload": json.dumps(STARTED | {"EventType": "COMPLETED"}),
    }
    shown = invoke("source", "check", payloads(tmp_path, printed))
    assert shown.exit_code == 0, shown.output
    (event,) = json.loads(shown.output.splitlines()[0])["events"]
    assert (event["type"], event["time"]) == ("session.ended", "2026-03-02T09:14:00.000Z")


def test_source_check_takes_lists_single_documents_and_forms(tmp_path: Path) -> None:
    file = tmp_path / "payloads"
    for text, count in (
        (json.dumps([STARTED, SEGMENTS], indent=1), 2),
        (json.dumps(SEGMENTS, indent=1), 1),
        ("EventType=onMessageAdded&AccountSid=A&ConversationSid=C&MessageSid=M&Body=hi\n", 1),
    ):
        file.write_text(text)
        shown = invoke("source", "check", str(file))
        assert shown.exit_code == 0, shown.output
        summary = json.loads(shown.output.splitlines()[-1])["summary"]
        assert sum(summary["events"].values()) == count


def test_source_check_of_a_mapping(tmp_path: Path) -> None:
    mapping = tmp_path / "bus.yaml"
    mapping.write_text("version: 1\nrules:\n  - drop: all\n    when: kind == 'x'\n")
    file = payloads(tmp_path, {"kind": "x"})
    shown = invoke("source", "check", "--source", "mapping", file)
    assert shown.exit_code == 2
    assert "--mapping FILE must be given" in shown.output
    shown = invoke("source", "check", "--source", "mapping", "--mapping", str(mapping), file)
    assert shown.exit_code == 2
    assert f"{mapping}:4:11: when: \"kind == 'x'\" begins with 'kind'" in shown.output
    mapping.write_text("version: 1\nrules:\n  - drop: all\n    when: payload.kind == 'x'\n")
    shown = invoke("source", "check", "--source", "mapping", "--mapping", str(mapping), file)
    assert shown.exit_code == 1
    assert json.loads(shown.output.splitlines()[0])["dropped"][0]["part"] == "rule 1: all"


def test_the_analysis_of_a_contact_is_scored_and_labelled(tmp_path: Path) -> None:
    said = [("p-c", "My parcel came empty."), ("p-a", "Your parcel came empty, I am sorry.")]
    analysis = {
        "Version": "1.1.0",
        "Channel": "VOICE",
        "JobStatus": "COMPLETED",
        "LanguageCode": "en-US",
        "CustomerMetadata": {"ContactId": "contact-1"},
        "Participants": [
            {"ParticipantId": "p-c", "ParticipantRole": "CUSTOMER"},
            {"ParticipantId": "p-a", "ParticipantRole": "AGENT"},
        ],
        "Transcript": [
            {"Id": f"t{n}", "ParticipantId": who, "Content": text, "BeginOffsetMillis": n * 4_000}
            for n, (who, text) in enumerate(said)
        ],
    }
    file = tmp_path / "analysis.json"
    file.write_text(json.dumps(analysis, indent=2))
    record = json.loads(invoke("score", "--json", str(file)).output)
    assert record["session_id"] == "contact-1"
    assert record["judged"] is True
    assert record["turns"] == {"total": 2, "customer": 1, "agent": 1, "bot": 0}
    assert json.loads(invoke("label", str(file)).output)["id"] == "contact-1"

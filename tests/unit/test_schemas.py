"""Schemas, examples, pages and the AsyncAPI document agree with the code and with each other."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from schemas.generate import FOLDER, TOPICS, examples, files, schema
from stream.cli import main
from stream.events import Event, RejectReason, decode
from stream.settings import Settings
from stream.worker.topics import plan

ASYNCAPI: dict[str, Any] = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text())
ANSWER = ("rejected", "interactions", "gaps", "rollups")

each_topic = pytest.mark.parametrize("topic", sorted(TOPICS))


def validator(topic: str) -> Any:
    kind = jsonschema.Draft202012Validator
    return kind(schema(topic), format_checker=kind.FORMAT_CHECKER)


def test_what_is_generated_is_current() -> None:
    stale = [
        str(file.relative_to(FOLDER))
        for file, text in files()
        if not file.exists() or file.read_text() != text
    ]
    assert not stale, "run: python -m schemas.generate"


@each_topic
def test_the_schema_is_one_and_its_examples_are_valid(topic: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(topic))
    found = json.loads((FOLDER / "examples" / f"{topic}.json").read_text())
    assert found
    for example in found:
        validator(topic).validate(example)


@each_topic
def test_the_examples_show_every_required_field(topic: str) -> None:
    root = schema(topic)
    named = {name for example in examples(topic) for name in example}
    kinds = root.get("$defs", {}) if "oneOf" in root else {"": root}
    for kind in ("window", "drop") if "oneOf" in root else ("",):
        assert set(kinds[kind]["required"]) <= named


def test_the_example_events_become_the_example_record(tmp_path: Path) -> None:
    events = examples("conversation.events")
    for event in events:
        key = event["session_id"].encode()
        assert isinstance(decode(key, json.dumps(event).encode(), 100_000), Event)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    scored = CliRunner().invoke(main, ["score", "--json", str(file)])
    assert [json.loads(line) for line in scored.output.splitlines()] == examples(
        "empathy.interactions"
    )


def objects(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, list):
        return [each for part in found for each in objects(part)]
    if not isinstance(found, dict):
        return []
    inner = [each for part in found.values() for each in objects(part)]
    return [found, *inner] if "properties" in found and found.get("type") == "object" else inner


@pytest.mark.parametrize("topic", [t for t in sorted(TOPICS) if t != "conversation.events"])
def test_what_is_written_is_closed(topic: str) -> None:
    """A registry takes an optional field added to a closed object, and to no other."""
    for found in objects(schema(topic)):
        assert found["additionalProperties"] is False


def test_every_reason_of_rejection_is_told() -> None:
    told = schema("conversation.events.rejected")["properties"]["reason"]["examples"]
    assert told == [reason.value for reason in RejectReason]


# -- AsyncAPI --------------------------------------------------------------------------------------


def resolved(reference: str) -> Any:
    found: Any = ASYNCAPI
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(found: Any) -> list[str]:
    if isinstance(found, dict):
        own = [found["$ref"]] if "$ref" in found else []
        return own + [each for part in found.values() for each in references(part)]
    return [each for part in found for each in references(part)] if isinstance(found, list) else []


def test_every_reference_leads_somewhere() -> None:
    for reference in references(ASYNCAPI):
        if reference.startswith("#/"):
            resolved(reference)
        else:
            assert (FOLDER / reference).exists()


def test_every_public_topic_has_a_channel_an_operation_and_its_schema() -> None:
    settings = Settings()
    channels = ASYNCAPI["channels"]
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert channels.keys() == {"events", *ANSWER}
    actions = {
        each["channel"]["$ref"].rpartition("/")[2]: each["action"]
        for each in ASYNCAPI["operations"].values()
    }
    assert actions == {"events": "receive"} | dict.fromkeys(ANSWER, "send")
    for name, channel in channels.items():
        assert channel["address"] == getattr(settings, f"{name}_topic")
        (message,) = channel["messages"].values()
        message = resolved(message["$ref"])
        part = message["headers" if name == "rejected" else "payload"]
        assert part["schema"]["$ref"] == f"{channel['address']}.schema.json"
        assert part["schemaFormat"] == "application/schema+json;version=draft-2020-12"
        assert ("key" in message["bindings"]["kafka"]) is (name != "rejected")


def test_the_topics_settings_are_those_they_are_created_with() -> None:
    created = {topic.name: topic.config for topic in plan(Settings(), 4)}
    for channel in ASYNCAPI["channels"].values():
        told = channel.get("bindings", {"kafka": {}})["kafka"].get("topicConfiguration", {})
        said = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in told.items()
        }
        assert said == created.get(channel["address"], {})


def test_the_version_is_this_release() -> None:
    from stream import __version__

    assert ASYNCAPI["info"]["version"] == __version__


@pytest.mark.skipif(not shutil.which("npm"), reason="AsyncAPI's own schema comes by npm alone")
def test_asyncapis_own_schema_accepts_the_document(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("asyncapi")
    command = ["npm", "pack", "--silent", "@asyncapi/specs@6.11.1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the registry does not answer: {done.stderr[-200:]}")
    with tarfile.open(folder / done.stdout.strip()) as package:
        file = package.extractfile("package/schemas/3.0.0.json")
        assert file is not None
        official = json.load(file)
    jsonschema.Draft7Validator(official).validate(ASYNCAPI)
    broken = ASYNCAPI | {"channels": {"x": {"address": 3}}}
    assert not jsonschema.Draft7Validator(official).is_valid(broken)

"""``python -m schemas.generate`` writes what follows from the schemas and the code: a page for each
topic, and its examples, which are what the service makes of the bundled sample conversations.

``python -m schemas.generate --release`` also keeps the schemas as those of this version, which
later ones are held to (:mod:`schemas.evolution`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.reference import table
from stream import __version__
from stream.events import Event, Rejected, decode, encode
from stream.recognition import fast
from stream.samples import sample_conversations
from stream.session import ClosingRules, GapRules, SessionProcessor, score_events
from stream.settings import Settings
from stream.windows import Contribution, DropRules, QueueRollups, RollupRules
from stream.worker.sessions import rejection_headers

FOLDER = Path(__file__).parent
TOPICS = tuple(path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.schema.json"))
Example = dict[str, Any]


def schema(topic: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{topic}.schema.json").read_bytes())
    return found


# -- examples --------------------------------------------------------------------------------------

_SAMPLE = "sample-bank-03"
_HOUR_MS = 3_600_000


def examples(topic: str) -> list[Example]:
    """Messages of a topic, as the service reads or writes them."""
    return {
        "conversation.events": _events,
        "conversation.events.rejected": _rejected,
        "empathy.interactions": _interactions,
        "empathy.gaps": _gaps,
        "empathy.rollups": _rollups,
    }[topic]()


def _conversation() -> list[Event]:
    return next(t.events() for t in sample_conversations() if t.id == _SAMPLE)


def _events() -> list[Example]:
    return [json.loads(encode(event)) for event in _conversation()]


def _rejected() -> list[Example]:
    event = _events()[1] | {"speaker": "someone"}
    found = decode(_SAMPLE.encode(), json.dumps(event).encode(), Settings().max_event_bytes)
    assert isinstance(found, Rejected)
    headers = rejection_headers(found, Settings().events_topic, 0, 81)
    return [{name: value.decode() for name, value in headers}]


def _interactions() -> list[Example]:
    (closed,) = score_events(_conversation(), fast(), ClosingRules())
    return [json.loads(closed.value)]


def _gaps() -> list[Example]:
    processor = SessionProcessor(fast(), ClosingRules(), {}, GapRules())
    for offset, event in enumerate(_conversation()):
        processor.process(offset, event)
    processor.finish()
    return [json.loads(gap.value) for gap in processor.take().gaps]


def _rollups() -> list[Example]:
    """The last window of each length of a queue that soon drops, and that drop."""
    (closed,) = score_events(_conversation(), fast(), ClosingRules())
    one = Contribution.of(closed.record)
    processor = QueueRollups(RollupRules(drop=DropRules(min_history=100)), {})
    for number in range(300):
        first = number % 5 < 2 and number < 200
        made = one._replace(
            session=number,
            ended_ms=one.ended_ms + number * _HOUR_MS // 60,
            recognized_first=first,
            broke_at=None if first else one.broke_at,
        )
        processor.process(number, made)
    messages = [json.loads(emission.value) for emission in processor.take().records]
    found = {message.get("window", message["type"]): message for message in messages}
    return [found[name] for name in ("15m", "24h", "drop")]


# -- pages -----------------------------------------------------------------------------------------


def page(topic: str) -> str:
    """A topic's page, from its schema."""
    root = schema(topic)
    parts = [f"# {topic}\n", f"{root['title']}. {root['description']}\n"]
    parts += _sections(root, root, "")
    named = ", ".join(f"[{text}]({link})" for text, link in _links(topic))
    parts.append(f"{named}. Written by `python -m schemas.generate`.\n")
    return "\n".join(parts)


def _links(topic: str) -> Iterator[tuple[str, str]]:
    yield "JSON Schema", f"{topic}.schema.json"
    yield "examples", f"examples/{topic}.json"
    yield "all topics", "README.md"


def _sections(root: Example, found: Example, where: str) -> list[str]:
    """The fields of an object and of the objects within it; of alternatives one by one."""
    parts: list[str] = []
    for alternative in found.get("oneOf", ()):
        name = alternative["$ref"].rpartition("/")[2]
        parts += [f"## {name}\n", *_sections(root, _follow(root, alternative), "")]
    nested: dict[str, Example] = {}
    rows = []
    for name, field in found.get("properties", {}).items():
        rows.append(_row(root, name, field, name in found.get("required", ())))
        inner = _object(root, field)
        if inner is not None:
            nested[name] = inner
    if rows:
        if where:
            parts.append(f"### `{where}`\n")
        parts.append(table(("field", "required", "is", "meaning"), rows))
    for clause in found.get("allOf", ()):
        value = clause["if"]["properties"]["type"]["const"]
        then = clause["then"]
        rows = [
            _row(root, name, field, name in then.get("required", ()))
            for name, field in then["properties"].items()
        ]
        parts += [f"### Of `{value}`\n", table(("field", "required", "is", "meaning"), rows)]
    for name, inner in nested.items():
        parts += _sections(root, inner, f"{where}.{name}" if where else name)
    return parts


def _row(root: Example, name: str, field: Example, required: bool) -> tuple[str, ...]:
    about = field.get("description", "")
    if "default" in field:
        about = f"{about} Default: `{json.dumps(field['default'])}`.".strip()
    if "examples" in field:
        about += " So far: " + ", ".join(f"`{each}`" for each in field["examples"]) + "."
    return f"`{name}`", "yes" if required else "", _kind(root, field), about


def _follow(root: Example, found: Example) -> Example:
    while "$ref" in found:
        found = root["$defs"][found["$ref"].removeprefix("#/$defs/")]
    return found


def _object(root: Example, field: Example) -> Example | None:
    """The object within a field that has fields of its own, if there is one worth a table."""
    if "$ref" in field:
        return None
    if "properties" in field:
        return None if all("$ref" in each for each in field["properties"].values()) else field
    for inner in (field.get("items"), *field.get("oneOf", ())):
        if isinstance(inner, dict) and "properties" in inner:
            return inner
    return None


def _kind(root: Example, field: Example) -> str:
    """What a field is, in a few words."""
    if "$ref" in field:
        return (
            "object (" + ", ".join(f"`{name}`" for name in _follow(root, field)["properties"]) + ")"
        )
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{json.dumps(each)}`" for each in field["enum"])
    if "oneOf" in field:
        return " or ".join(_kind(root, each) for each in field["oneOf"])
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    words = " or ".join(types)
    if "properties" in field and all("$ref" in each for each in field["properties"].values()):
        (kind,) = {_kind(root, each) for each in field["properties"].values()}
        names = ", ".join(f"`{name}`" for name in field["properties"])
        return f"object of {names}, each an {kind}"
    if isinstance(field.get("additionalProperties"), dict):
        words += " of " + _kind(root, field["additionalProperties"])
    if "items" in field:
        words += " of " + _kind(root, field["items"])
    if "format" in field:
        words += f" ({field['format']})"
    low = field.get("minimum", field.get("minLength"))
    high = field.get("maximum", field.get("maxLength"))
    if high is None and "exclusiveMaximum" in field:
        high = field["exclusiveMaximum"] - 1
    unit = " characters" if "maxLength" in field else ""
    if low is not None and high is not None:
        return f"{words}, {low} to {high}{unit}"
    if high is not None:
        return f"{words}, at most {high}{unit}"
    if low and "minLength" in field:
        return f"{words}, not empty"
    return words if low is None else f"{words}, from {low}"


def files() -> Iterator[tuple[Path, str]]:
    """Every file that is generated, and what is to be in it."""
    for topic in sorted(TOPICS):
        text = json.dumps(examples(topic), indent=2, ensure_ascii=False) + "\n"
        yield FOLDER / "examples" / f"{topic}.json", text
        yield FOLDER / f"{topic}.md", page(topic)


if __name__ == "__main__":
    written = dict(files())
    if "--release" in sys.argv[1:]:
        for topic in TOPICS:
            path = FOLDER / f"{topic}.schema.json"
            written[FOLDER / "released" / __version__ / path.name] = path.read_text()
    for file, text in written.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

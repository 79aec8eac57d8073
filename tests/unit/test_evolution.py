"""Which changes of a schema need a new major version, and that this release made none of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.evolution import incompatible
from stream import __version__

SCHEMAS = Path(__file__).parents[2] / "schemas"
INPUTS = {"conversation.events.schema.json"}
Schema = dict[str, Any]


def load(folder: Path) -> dict[str, Schema]:
    return {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.schema.json")}


def major(version: str) -> int:
    return int(version.partition(".")[0])


RELEASES = [
    folder
    for folder in (SCHEMAS / "released").iterdir()
    if major(folder.name) == major(__version__)
]


@pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)
def test_nothing_incompatible_since_any_release_of_this_major(release: Path) -> None:
    before, now = load(release), load(SCHEMAS)
    assert before
    assert before.keys() <= now.keys(), "a topic's schema is gone"
    for name, schema in before.items():
        side: Any = "input" if name in INPUTS else "output"
        assert incompatible(schema, now[name], side) == [], f"{name}: needs a new major version"


def test_there_is_a_release_to_hold_to() -> None:
    assert RELEASES


# -- the rules, one by one -------------------------------------------------------------------------

OPEN: Schema = {
    "type": "object",
    "required": ["id", "kind"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 8},
        "kind": {"enum": ["a", "b"]},
        "count": {"type": "integer", "minimum": 0},
        "note": {"type": ["string", "null"]},
        "parts": {"type": "array", "items": {"type": "number"}},
        "either": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/pair"}]},
    },
    "allOf": [
        {
            "if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            "then": {"required": ["count"]},
        }
    ],
    "$defs": {"pair": {"type": "object", "properties": {"x": {"type": "number"}}}},
}
CLOSED = OPEN | {"additionalProperties": False}


def put(value: Any, *path: str | int) -> Callable[[Schema], None]:
    def change(schema: Any) -> None:
        for step in path[:-1]:
            schema = schema[step]
        schema[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Schema], None]:
    def change(schema: Any) -> None:
        for step in path[:-1]:
            schema = schema[step]
        del schema[path[-1]]

    return change


NEW_KIND = {
    "if": {"properties": {"kind": {"const": "c"}}, "required": ["kind"]},
    "then": {"required": ["parts"]},
}


def add_kind(schema: Schema) -> None:
    schema["properties"]["kind"]["enum"].append("c")
    schema["allOf"].append(NEW_KIND)


P = "properties"
RULES: list[tuple[str, Schema, Callable[[Schema], None], bool, bool]] = [
    ("nothing", OPEN, lambda schema: None, True, True),
    ("a description", OPEN, put("words", P, "id", "description"), True, True),
    ("optional property added", OPEN, put({"type": "string"}, P, "new"), True, True),
    ("optional property added, closed", CLOSED, put({"type": "string"}, P, "new"), True, True),
    ("required property added", OPEN, put(["id", "kind", "new"], "required"), False, False),
    ("property removed", OPEN, drop(P, "note"), True, False),
    ("property removed, closed", CLOSED, drop(P, "note"), False, False),
    ("no longer required", OPEN, put(["id"], "required"), True, False),
    ("newly required", OPEN, put(["id", "kind", "count"], "required"), False, False),
    ("type widened", OPEN, put("number", P, "count", "type"), True, False),
    ("null added", OPEN, put(["integer", "null"], P, "count", "type"), True, False),
    ("type narrowed", OPEN, put("string", P, "note", "type"), False, False),
    ("type changed", OPEN, put("string", P, "count", "type"), False, False),
    ("types in another order", OPEN, put(["null", "string"], P, "note", "type"), True, True),
    ("enum member added", OPEN, put(["a", "b", "c"], P, "kind", "enum"), True, False),
    ("enum member removed", OPEN, put(["a"], P, "kind", "enum"), False, False),
    ("enum opened", OPEN, put({"type": "string"}, P, "kind"), True, False),
    ("bound loosened", OPEN, put(9, P, "id", "maxLength"), True, False),
    ("bound dropped", OPEN, drop(P, "count", "minimum"), True, False),
    ("bound tightened", OPEN, put(7, P, "id", "maxLength"), False, False),
    ("bound added", OPEN, put(3, P, "count", "maximum"), False, False),
    ("pattern added", OPEN, put("^x", P, "id", "pattern"), False, False),
    ("closed", OPEN, put(False, "additionalProperties"), False, False),
    ("opened", CLOSED, drop("additionalProperties"), True, False),
    ("items narrowed", OPEN, put("integer", P, "parts", "items", "type"), False, False),
    ("behind a reference", OPEN, put("string", "$defs", "pair", P, "x", "type"), False, False),
    ("alternative removed", OPEN, put([{"type": "null"}], P, "either", "oneOf"), False, False),
    ("condition dropped", OPEN, drop("allOf"), True, False),
    ("condition tightened", OPEN, put(["count", "note"], "allOf", 0, "then", "required"), False,
     False),
    ("a kind with fields of its own", OPEN, add_kind, True, False),
    ("a condition on what there was", CLOSED, put([*OPEN["allOf"], OPEN["allOf"][0] | {
        "then": {"required": ["parts"]}}], "allOf"), False, False),
    ("a keyword unheard of", OPEN, put(2, P, "count", "multipleOf"), False, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "change", "read", "written"),
    [rule[1:] for rule in RULES],
    ids=[rule[0] for rule in RULES],
)
def test_the_rules(
    old: Schema, change: Callable[[Schema], None], read: bool, written: bool
) -> None:
    new = copy.deepcopy(old)
    change(new)
    assert (not incompatible(old, new, "input")) is read
    assert (not incompatible(old, new, "output")) is written


# -- what they promise -----------------------------------------------------------------------------

LEAVES: list[Any] = [
    True,
    False,
    {},
    {"type": "integer"},
    {"type": "number"},
    {"type": ["integer", "null"]},
    {"type": "string"},
    {"type": ["string", "null"], "maxLength": 1},
    {"type": "string", "minLength": 1},
    {"type": "string", "pattern": "^x"},
    {"type": "number", "minimum": 1},
    {"type": "number", "minimum": 2},
    {"type": "number", "minimum": 2, "maximum": 5},
    {"minimum": 1},
    {"exclusiveMinimum": 1},
    {"enum": [1, "x"]},
    {"enum": [1, "x", None]},
    {"const": "x"},
    {"const": True},
    {"enum": [1, "x"], "type": "string"},
    {"anyOf": [{"type": "string"}, {"const": 1}]},
    {"anyOf": [{"const": 1}, {"type": ["null", "string"]}]},
    {"oneOf": [{"type": "null"}, {"type": "number", "minimum": 1}]},
    {"oneOf": [{"type": "null"}, {"type": "number"}]},
    {"oneOf": [{"type": "number"}, {"minimum": 2}]},
    {"allOf": [{"type": "number"}, {"minimum": 1}]},
    {"allOf": [{"minimum": 1}]},
    {"if": {"type": "number"}, "then": {"minimum": 1}, "else": {"type": "null"}},
    {"if": {"type": "number"}, "then": {"minimum": 1}},
    {"if": {"const": "x"}, "then": {"const": 1}, "else": {"type": "string"}},
    {"type": "array", "items": {"type": "number"}},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
]
SCALARS: list[Any] = [None, True, 0, 1, 2, 2.5, 7, "", "x", "xy", [], [1], [1.5, 2], ["x"]]


def valid(schema: Any, value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


VALID = [[valid(leaf, value) for value in SCALARS] for leaf in LEAVES]


@pytest.mark.parametrize("old", range(len(LEAVES)), ids=lambda n: str(LEAVES[n]))
def test_values_go_on_being_accepted(old: int) -> None:
    for new, accepts in enumerate(VALID):
        narrowed = any(a and not b for a, b in zip(VALID[old], accepts, strict=True))
        if narrowed:
            assert incompatible(LEAVES[old], LEAVES[new], "input"), LEAVES[new]
        if VALID[old] != accepts:
            assert incompatible(LEAVES[old], LEAVES[new], "output"), LEAVES[new]
    assert not incompatible(LEAVES[old], LEAVES[old], "input")
    assert not incompatible(LEAVES[old], LEAVES[old], "output")


NAMES = ("a", "b")
objects = st.fixed_dictionaries(
    {"properties": st.dictionaries(st.sampled_from(NAMES), st.sampled_from(LEAVES))},
    optional={
        "required": st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
        "additionalProperties": st.sampled_from(LEAVES),
    },
)
DOCUMENTS: list[Schema] = [
    {} | ({} if a is ... else {"a": a}) | ({} if b is ... else {"b": b})
    for a in (..., None, 1, 2.5, "x", "xy")
    for b in (..., 1, "x", [1])
]


@st.composite
def evolutions(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """An object's schema and what one change made of it."""
    old, other = draw(objects), draw(objects)
    new = copy.deepcopy(old)
    keyword = draw(st.sampled_from(["properties", "required", "additionalProperties"]))
    if keyword == "properties":
        name = draw(st.sampled_from(NAMES))
        new["properties"].pop(name, None)
        if name in other["properties"]:
            new["properties"][name] = other["properties"][name]
    elif keyword in other:
        new[keyword] = other[keyword]
    else:
        new.pop(keyword, None)
    return old, new


@given(evolutions())
def test_documents_go_on_being_accepted(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    if incompatible(old, new, "input"):
        return
    # Of an open object, a name that was not defined is no promise.
    added = new["properties"].keys() - old["properties"].keys()
    for document in DOCUMENTS:
        is_open = old.get("additionalProperties", True) in (True, {})
        promised = not is_open or not added & document.keys()
        if promised and valid(old, document):
            assert valid(new, document), document


@given(evolutions())
def test_what_is_written_is_what_readers_know(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    if incompatible(old, new, "output"):
        return
    added = new["properties"].keys() - old["properties"].keys()
    for document in DOCUMENTS:
        if not added & document.keys():
            assert valid(old, document) == valid(new, document), document

"""What may change in a schema before the major version rises.

A topic's readers and writers are upgraded at other times than this service, and the interactions
are compacted: records of old releases stay beside those of new ones. So:

==================================  ==========================  ================================
change                              input (we read it)          output (we write it)
==================================  ==========================  ================================
optional property added             yes                         yes: readers ignore what they
                                                                do not know
property removed                    yes, where unknown ones     no
                                    are ignored
required property added             no                          no: records that are there lack it
property no longer required         yes                         no
property newly required             no                          no
type widened (``number`` for        yes                         no
``integer``, ``null`` added)
type narrowed                       no                          no
enum member added                   yes                         no: a reader may not know it
enum member removed                 no                          no
bound, pattern, format loosened     yes                         no
bound, pattern, format tightened    no                          no
``additionalProperties`` closed     no                          no
``additionalProperties`` opened     yes                         no
titles, descriptions, examples      yes                         yes
anything not understood here        no                          no
==================================  ==========================  ================================

In short: what we read, we go on reading; what we write only gains optional properties. The first
is promised of documents that use no property name that the schema does not define, but for names
that begin with ``x_``, which are left to the senders for ever.

Existing checkers know drafts before 2020-12 alone (``jsonsubschema``), or a registry's own rules,
which refuse a property added to an open object and take one that a closed one requires.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Side = Literal["input", "output"]
Schema = dict[str, Any]

_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples"}
)
_ONE = ("additionalProperties", "items", "propertyNames", "then", "else")
_MANY = ("allOf", "anyOf", "oneOf")
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_MISSING: Any = object()


def incompatible(old: Schema, new: Schema, side: Side) -> list[str]:
    """The changes from ``old`` to ``new`` that need a new major version: place and change."""
    compare = _input if side == "input" else _output
    return list(compare(_Node(old, old, "$"), _Node(new, new, "$")))


class _Node:
    """A schema within a document, its reference followed. ``True`` is the schema of everything."""

    def __init__(self, root: Schema, schema: Any, path: str) -> None:
        self.root = root
        self.path = path
        while isinstance(schema, dict) and "$ref" in schema:
            siblings = schema.keys() - _ANNOTATIONS - {"$ref"}
            assert not siblings, f"{path}: keywords beside $ref: {siblings}"
            schema = self._resolved(schema["$ref"])
        self.impossible = schema is False
        self.schema: Schema = schema if isinstance(schema, dict) else {}

    def _resolved(self, reference: str) -> Any:
        found: Any = self.root
        assert reference.startswith("#/"), f"{self.path}: {reference} is in another document"
        for part in reference[2:].split("/"):
            found = found[part]
        return found

    def get(self, keyword: str) -> Any:
        return self.schema.get(keyword, _MISSING)

    def at(self, keyword: str, key: str | int | None = None, default: Any = True) -> _Node:
        """The schema under a keyword, or under one of its keys."""
        found = self.schema.get(keyword, _MISSING)
        step = keyword if key is None else f"{keyword}.{key}"
        if found is not _MISSING and key is not None:
            found = found.get(key, _MISSING) if isinstance(found, dict) else found[int(key)]
        return _Node(self.root, default if found is _MISSING else found, f"{self.path}.{step}")

    @property
    def keywords(self) -> set[str]:
        return self.schema.keys() - _ANNOTATIONS

    @property
    def properties(self) -> set[str]:
        return set(self.schema.get("properties", ()))

    @property
    def required(self) -> set[str]:
        return set(self.schema.get("required", ()))

    @property
    def values(self) -> list[Any] | None:
        """The values that are allowed one by one; None where they are not counted."""
        if "const" in self.schema:
            return [self.schema["const"]]
        values: list[Any] | None = self.schema.get("enum")
        return values

    @property
    def types(self) -> set[str] | None:
        """The types that are allowed; None for any."""
        types = self.schema.get("type")
        if types is None:
            return None if self.values is None else set(map(_type, self.values))
        return {types} if isinstance(types, str) else set(types)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _same(a: Any, b: Any) -> bool:
    """Whether two values are the same in JSON, where ``true`` is not 1."""
    return _type(a) == _type(b) and bool(a == b)


def _among(value: Any, values: list[Any]) -> bool:
    return any(_same(value, other) for other in values)


# -- what we write ---------------------------------------------------------------------------------


def _output(old: _Node, new: _Node) -> Iterator[str]:
    if old.impossible != new.impossible:
        yield f"{new.path}: allowed what was impossible, or the other way round"
    for name in sorted(old.properties - new.properties):
        yield f"{new.path}: property {name} removed"
    for name in sorted(old.required - new.required):
        yield f"{new.path}: property {name} no longer required"
    for name in sorted(new.required - old.required):
        yield f"{new.path}: property {name} newly required"
    for name in sorted(old.properties & new.properties):
        yield from _output(old.at("properties", name), new.at("properties", name))
    for keyword in sorted((old.keywords | new.keywords) - {"properties", "required"}):
        before, after = old.get(keyword), new.get(keyword)
        both = before is not _MISSING and after is not _MISSING
        if keyword in _ONE and both:
            yield from _output(old.at(keyword), new.at(keyword))
        elif keyword in _MANY and both and len(before) == len(after):
            for n in range(len(after)):
                yield from _output(old.at(keyword, n), new.at(keyword, n))
        elif keyword in ("enum", "type") and both:
            # In any order.
            before, after = (each if isinstance(each, list) else [each] for each in (before, after))
            for each in before:
                if not _among(each, after):
                    yield f"{new.path}: {keyword} {each!r} removed"
            for each in after:
                if not _among(each, before):
                    yield f"{new.path}: {keyword} {each!r} added"
        elif not (both and _same(before, after)):
            yield f"{new.path}: {keyword} changed"


# -- what we read ----------------------------------------------------------------------------------


def _input(old: _Node, new: _Node) -> Iterator[str]:
    if old.impossible or not (new.schema or new.impossible):
        return
    if new.impossible:
        yield f"{new.path}: nothing is accepted any more"
        return
    yield from _values(old, new)
    yield from _object(old, new)
    for keyword in sorted(new.keywords):
        before, after = old.get(keyword), new.get(keyword)
        if keyword in _LOWER or keyword in _UPPER:
            smaller = before is not _MISSING and (
                after <= before if keyword in _LOWER else after >= before
            )
            if not smaller:
                yield f"{new.path}: {keyword} tightened"
        elif keyword in ("items", "propertyNames", "then", "else"):
            yield from _input(old.at(keyword), new.at(keyword))
        elif keyword == "if":
            if not (before is not _MISSING and _same(before, after)):
                yield f"{new.path}: condition added or changed"
        elif keyword in _MANY:
            yield from _combined(keyword, old, new)
        elif keyword not in _HANDLED and not (before is not _MISSING and _same(before, after)):
            yield f"{new.path}: {keyword} added or changed"


_HANDLED = frozenset({"type", "enum", "const", "properties", "required", "additionalProperties"})


def _values(old: _Node, new: _Node) -> Iterator[str]:
    if new.values is not None:
        if old.values is None:
            yield f"{new.path}: only some values are accepted any more"
        for value in old.values or ():
            if not _among(value, new.values):
                yield f"{new.path}: value {value!r} removed"
    if new.schema.get("type") is not None and new.types is not None:
        if old.types is None:
            yield f"{new.path}: only some types are accepted any more"
        wider = new.types | ({"integer"} if "number" in new.types else set())
        for kind in sorted((old.types or set()) - wider):
            yield f"{new.path}: type {kind} removed"


def _object(old: _Node, new: _Node) -> Iterator[str]:
    for name in sorted(new.required - old.required):
        yield f"{new.path}: property {name} newly required"
    others_before, others_after = old.at("additionalProperties"), new.at("additionalProperties")
    for name in sorted(old.properties):
        after = new.at("properties", name) if name in new.properties else others_after
        yield from _input(old.at("properties", name), after)
    for name in sorted(new.properties - old.properties):
        after = new.at("properties", name)
        # Of an open object the names that are not defined are ours to define.
        if others_before.schema or others_before.impossible or after.impossible:
            yield from _input(others_before, after)
    yield from _input(others_before, others_after)


def _combined(keyword: str, old: _Node, new: _Node) -> Iterator[str]:
    before = [old.at(keyword, n) for n in range(len(old.schema.get(keyword, ())))]
    after = [new.at(keyword, n) for n in range(len(new.schema[keyword]))]
    if keyword == "allOf":
        for clause in after:
            if not _vacuous(clause, old) and not any(_covers(clause, each) for each in before):
                yield f"{clause.path}: clause added or tightened"
    elif not before:
        yield f"{new.path}: {keyword} added"
    elif keyword == "oneOf" and len(before) != len(after):
        yield f"{new.path}: oneOf has other alternatives, which may exclude each other"
    else:
        for n, each in enumerate(before):
            others = after if keyword == "anyOf" else [after[n]]
            if not any(_covers(clause, each) for clause in others):
                yield f"{each.path}: alternative removed or tightened"


def _covers(new: _Node, old: _Node) -> bool:
    return next(_input(old, new), None) is None


def _vacuous(clause: _Node, old: _Node) -> bool:
    """Whether a conditional clause asks for a property's value that was not accepted before."""
    condition = clause.schema.get("if")
    if not isinstance(condition, dict) or "else" in clause.schema:
        return False
    for name in condition.get("required", ()):
        asked = condition.get("properties", {}).get(name, {}).get("const", _MISSING)
        known = old.at("properties", name).values
        if name in old.required and known is not None and asked is not _MISSING:
            return not _among(asked, known)
    return False

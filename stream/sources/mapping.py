"""Any other bus, by a mapping file: YAML whose values are JMESPath expressions.

::

    version: 1
    rules:                                   # the first rule that applies maps the payload
      - name: message                        # for messages; optional
        when: payload.kind == 'chat.message' # optional; null, false and empty mean no
        each: payload.messages               # optional: one event per element, named item
        event:
          type: utterance                    # an event type of the schema, or an expression
          session_id: payload.conversation.id
          event_id: item.id                  # the same whenever the payload is sent again
          time: item.sent_at                 # RFC 3339, or a number
          speaker: item.author.role
          text: item.body
          queue: payload.conversation.queue
        time_unit: seconds                   # of a number; default: milliseconds
        words:                               # the bus's words for the schema's; "*": any other
          speaker: {visitor: customer, operator: agent, "*": system}
      - when: payload.kind == 'typing'
        drop: typing indicators

Expressions see ``payload`` (out of its CloudEvents envelope), ``item`` (with ``each``), ``key``,
``headers`` (names in lower case), ``timestamp`` (the record's, in milliseconds) and ``cloudevent``
(``id``, ``type``, ``source``, ``time``). The fields of ``event`` are those of
``schemas/conversation.events.schema.json``. JMESPath: https://jmespath.org/specification.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jmespath
import jmespath.exceptions
import jmespath.functions
import yaml

from stream.events import EventType, RejectReason
from stream.events.decode import Refused, event_of
from stream.sources.base import Dropped, DropReason, Mapped, Payload, Vendor

_ROOTS = ("payload", "item", "key", "headers", "timestamp", "cloudevent")
_REQUIRED = ("type", "session_id", "event_id", "time")
_FIELDS = frozenset(
    {
        *_REQUIRED,
        "sequence",
        "channel",
        "queue",
        "language",
        "agent",
        "speaker",
        "text",
        "final",
        "target",
        "action",
    }
)
_NAMES = frozenset({"session_id", "event_id", "channel", "queue", "language", "agent", "target"})
"""Fields for which a number is taken as its digits."""
_TYPES = frozenset(member.value for member in EventType)
_UNITS = {"milliseconds": 1, "seconds": 1000}
_LARGEST_TIME = 10**15
_ANY = "*"
_OWN_CONTEXT = frozenset(
    {
        "subexpression",
        "index_expression",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
        "pipe",
    }
)
"""Nodes of JMESPath whose first child alone is evaluated where the whole is."""


class MappingError(ValueError):
    """A mapping file that cannot be used; names the file, the line and the expression."""


class _Rule(NamedTuple):
    label: str
    when: Any
    each: Any
    event: dict[str, Any]
    """Compiled expressions by field; a type that is a plain word stays a string."""
    unit_ms: int
    words: dict[str, dict[str, str]]
    drop: str


def load_mapping(file: str) -> Vendor:
    """Read and check a mapping file. Raises :class:`MappingError`."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise MappingError(f"{file}: cannot be read: {reason}") from None
    return parse_mapping(text, file)


def parse_mapping(text: str, file: str) -> Vendor:
    """The same from text; ``file`` is its name in messages."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise MappingError(f"{file}{where}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError:
        raise MappingError(f"{file}: not YAML: a character that YAML does not allow") from None
    reader = _Reader(file)
    if root is None:
        raise MappingError(f"{file}: empty; it must say 'version: 1' and list 'rules'")
    top = reader.table(root, "the file", {"version", "rules"}, needs=("version", "rules"))
    if reader.text(top["version"], "version") != "1":
        raise reader.wrong(top["version"], "version must be 1")
    nodes = reader.items(top["rules"], "rules")
    if not nodes:
        raise reader.wrong(top["rules"], "rules must hold at least one rule")
    rules = [reader.rule(node, n) for n, node in enumerate(nodes)]
    return Vendor("mapping", lambda payload: True, lambda payload: _translate(rules, payload))


class _Reader:
    """From YAML nodes, which know their lines, to checked rules."""

    def __init__(self, file: str) -> None:
        self._file = file

    def wrong(self, node: yaml.Node, message: str) -> MappingError:
        mark = node.start_mark
        return MappingError(f"{self._file}:{mark.line + 1}:{mark.column + 1}: {message}")

    def table(
        self, node: yaml.Node, what: str, allowed: set[str] | None, needs: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, f"{what} must be a mapping")
        out: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self.text(key_node, "a key")
            if allowed is not None and key not in allowed:
                raise self.wrong(
                    key_node, f"{key}: no such key; {what} takes {', '.join(sorted(allowed))}"
                )
            if key in out:
                raise self.wrong(key_node, f"{key} is given twice")
            out[key] = value
        for key in needs:
            if key not in out:
                raise self.wrong(node, f"{what} needs {key}")
        return out

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(node, f"{what} must be a list")
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.value == "":
            raise self.wrong(node, f"{what} must be text")
        return str(node.value)

    def rule(self, node: yaml.Node, n: int) -> _Rule:
        what = f"rule {n + 1}"
        keys = self.table(
            node, what, {"name", "when", "each", "event", "time_unit", "words", "drop"}
        )
        if ("event" in keys) == ("drop" in keys):
            raise self.wrong(node, f"{what} needs either event or drop")
        each = "each" in keys
        if "drop" in keys and (each or "words" in keys or "time_unit" in keys):
            raise self.wrong(node, f"{what} drops; only name and when go with it")
        unit = self.text(keys["time_unit"], "time_unit") if "time_unit" in keys else "milliseconds"
        if unit not in _UNITS:
            raise self.wrong(keys["time_unit"], f"time_unit must be one of {', '.join(_UNITS)}")
        return _Rule(
            f"rule {self.text(keys['name'], 'name')}" if "name" in keys else what,
            self.expression(keys["when"], "when", item=False) if "when" in keys else None,
            self.expression(keys["each"], "each", item=False) if each else None,
            self.event(keys["event"], what, item=each) if "event" in keys else {},
            _UNITS[unit],
            self.words(keys["words"]) if "words" in keys else {},
            self.text(keys["drop"], "drop") if "drop" in keys else "",
        )

    def event(self, node: yaml.Node, what: str, *, item: bool) -> dict[str, Any]:
        keys = self.table(node, f"{what}, event", set(_FIELDS), needs=_REQUIRED)
        out = {}
        for field, value in keys.items():
            if field == "type" and self.text(value, field) in _TYPES:
                out[field] = self.text(value, field)
            else:
                out[field] = self.expression(value, field, item=item)
        return out

    def words(self, node: yaml.Node) -> dict[str, dict[str, str]]:
        return {
            field: {
                word: self.text(meaning, word)
                for word, meaning in self.table(table, f"words, {field}", None).items()
            }
            for field, table in self.table(node, "words", set(_FIELDS)).items()
        }

    def expression(self, node: yaml.Node, field: str, *, item: bool) -> Any:
        text = self.text(node, field)
        try:
            compiled = jmespath.compile(text)
        except jmespath.exceptions.JMESPathError as error:
            reason = str(error).splitlines()[0].removesuffix(" for expression:").rstrip(":,")
            reason = reason.rpartition("jmespath expression: ")[2]
            raise self.wrong(node, f"{field}: {text!r} is no JMESPath: {reason}") from None
        for kind, used in _uses(compiled.parsed):
            if kind == "function_expression":
                if used not in jmespath.functions.Functions.FUNCTION_TABLE:
                    raise self.wrong(node, f"{field}: {text!r}: JMESPath has no function {used}()")
            elif used not in _ROOTS:
                raise self.wrong(
                    node,
                    f"{field}: {text!r} begins with {used!r}; expressions begin with one of "
                    + ", ".join(_ROOTS),
                )
            elif used == "item" and not item:
                raise self.wrong(node, f"{field}: {text!r} uses item, which only 'each' brings")
        return compiled


def _uses(node: Any) -> Iterator[tuple[str, str]]:
    """Functions that an expression calls, and names it looks up at its root."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield kind, node["value"]
        return
    if kind == "function_expression":
        yield kind, node["value"]
    if kind in _OWN_CONTEXT:
        children = children[:1]
    elif kind in ("literal", "identity", "current", "slice", "index", "expref"):
        return
    for child in children:
        if isinstance(child, dict):
            yield from _uses(child)


# -- payloads --------------------------------------------------------------------------------------


def _translate(rules: list[_Rule], payload: Payload) -> Mapped:
    document: dict[str, Any] = {
        "payload": payload.data,
        "key": payload.key.decode("utf-8", "replace") if payload.key is not None else None,
        "headers": payload.headers,
        "timestamp": payload.log_ms,
        "cloudevent": payload.envelope._asdict(),
    }
    for rule in rules:
        if rule.when is None or _truthy(_search(rule, "when", rule.when, document)):
            return _apply(rule, document)
    return Mapped([], [Dropped("payload", DropReason.NO_RULE)])


def _apply(rule: _Rule, document: dict[str, Any]) -> Mapped:
    if rule.drop:
        return Mapped([], [Dropped(f"{rule.label}: {rule.drop}", DropReason.RULE)])
    if rule.each is None:
        return Mapped([_event(rule, document)], [])
    found = _search(rule, "each", rule.each, document)
    if found is not None and not isinstance(found, list):
        raise Refused(RejectReason.WRONG_TYPE, f"{rule.label}: each does not give a list")
    if not found:
        return Mapped([], [Dropped(f"{rule.label}: each", DropReason.NO_TEXT)])
    events, rejected = [], None
    for n, item in enumerate(found):
        try:
            events.append(_event(rule, document | {"item": item}))
        except Refused as refused:
            reason, detail = refused.rejected
            rejected = rejected or Refused(reason, f"item[{n}]: {detail}").rejected
    return Mapped(events, [], rejected)


def _event(rule: _Rule, document: dict[str, Any]) -> Any:
    data: dict[str, Any] = {}
    for field, expression in rule.event.items():
        value = (
            expression
            if isinstance(expression, str)
            else _search(rule, field, expression, document)
        )
        if field in _NAMES and type(value) is int:
            value = str(value)
        if field in rule.words and isinstance(value, str):
            table = rule.words[field]
            value = table.get(value, table.get(_ANY, value))
        if field == "time":
            value = _time(value, rule.unit_ms)
        if value is not None:
            data[field] = value
    session_id = data.get("session_id")
    try:
        return event_of(session_id.encode() if isinstance(session_id, str) else b"", data)
    except Refused as refused:
        reason, detail = refused.rejected
        raise Refused(reason, f"{rule.label}: {detail}") from None


def _time(value: Any, unit_ms: int) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if type(value) in (int, float) and abs(value) < _LARGEST_TIME:
        return round(value * unit_ms)
    return value


def _search(rule: _Rule, field: str, expression: Any, document: dict[str, Any]) -> Any:
    try:
        return expression.search(document)
    except (
        jmespath.exceptions.JMESPathError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # What JMESPath says quotes the payload.
        raise Refused(
            RejectReason.INVALID_VALUE,
            f"{rule.label}: {field} cannot be evaluated ({type(error).__name__})",
        ) from None


def _truthy(value: Any) -> bool:
    """As JMESPath has it: 0 is true."""
    return value is not None and value is not False and value != "" and value != [] and value != {}

"""Compiles the lexicon's patterns into one tree that is walked word by word.

Looking up costs one dictionary access per word and open branch, whatever the size of the lexicon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

START = "^"
ANY = "*"

_ENDED: Mapping[str, Any] = {}


class Node(NamedTuple):
    """A place in the tree: what the words so far say, and how they can go on."""

    bits: int
    """Cues of the patterns that end here."""
    after: Mapping[str, Any]
    """Next word -> node; empty where every pattern has ended."""
    any: Any
    """The node after any word, None if no pattern asks for that."""


def pattern_lines(written: str) -> list[str]:
    """The patterns of a text: one a line, and a line that ends in ``|`` goes on in the next."""
    lines: list[str] = []
    open_line = ""
    for line in written.splitlines():
        open_line += line.strip()
        if not open_line.endswith("|"):
            if open_line:
                lines.append(open_line)
            open_line = ""
    return lines


class _Element(NamedTuple):
    """One place of a pattern."""

    words: tuple[str, ...]
    optional: bool


_Rest = tuple[_Element, ...]


def _element(written: str, lists: Mapping[str, str]) -> _Element:
    words: list[str] = []
    for word in written.rstrip("?").split("|"):
        words += lists[word].split("|") if word in lists else [word]
    return _Element(tuple(words), written.endswith("?"))


class Tree:
    """All patterns of a lexicon, by the words they can begin with.

    The branch under a first word is grown when that word is first met: a lexicon stands for far
    more word sequences than any stream of conversations ever touches.
    """

    def __init__(self, patterns: Mapping[Any, str], lists: Mapping[str, str]) -> None:
        self._patterns = patterns
        self._lists = lists
        self._anywhere: dict[str, list[tuple[int, _Rest]]] = {}
        self._at_start: dict[str, list[tuple[int, _Rest]]] = {}
        self._sorted = False

    def anywhere(self, word: str) -> Node | None:
        """The node after ``word``, of the patterns that can stand anywhere."""
        self._sort()
        return _grown(self._anywhere.get(word))

    def at_start(self, word: str) -> Node | None:
        """The node after ``word``, of the patterns tied to the start of a clause."""
        self._sort()
        return _grown(self._at_start.get(word))

    def _sort(self) -> None:
        """Sorts the patterns by their possible first words, once."""
        if self._sorted:
            return
        self._sorted = True
        elements: dict[str, _Element] = {}
        for cue, written in self._patterns.items():
            bit = int(cue)
            for line in pattern_lines(written):
                parts = line.split()
                by_first = self._anywhere
                if parts[0] == START:
                    by_first = self._at_start
                    del parts[0]
                for part in parts:
                    if part not in elements:
                        elements[part] = _element(part, self._lists)
                rest: _Rest = tuple(elements[part] for part in parts)
                while rest:
                    first, rest = rest[0], rest[1:]
                    for word in first.words:
                        by_first.setdefault(word, []).append((bit, rest))
                    if not first.optional:
                        break


def compile_patterns(patterns: Mapping[Any, str], lists: Mapping[str, str]) -> Tree:
    """The tree of all ``patterns`` (cue -> its patterns); ``lists`` are the words behind names."""
    return Tree(patterns, lists)


def _grown(patterns: list[tuple[int, _Rest]] | None) -> Node | None:
    if patterns is None:
        return None
    root: dict[str, Any] = {}
    for bit, rest in sorted(patterns, key=lambda pattern: len(pattern[1])):
        _grow(root, bit, rest)
    return _freeze(root)


def _grow(node: dict[str, Any], bit: int, rest: _Rest) -> None:
    if node.get("", 0) & bit:
        return  # a shorter pattern of this cue says it already
    if not rest:
        node[""] = node.get("", 0) | bit
        return
    element, rest = rest[0], rest[1:]
    if element.optional:
        _grow(node, bit, rest)
    for word in element.words:
        _grow(node.setdefault(word, {}), bit, rest)


def _freeze(node: dict[str, Any]) -> Node:
    bits = node.pop("", 0)
    anything = node.pop(ANY, None)
    after = {word: _freeze(child) for word, child in node.items()}
    return Node(bits, after or _ENDED, _freeze(anything) if anything is not None else None)


def walk(node: Node, words: list[str], at: int) -> int:
    """The cue bits of all patterns that begin at ``node`` and go on with ``words[at]``.

    ``words`` ends in an empty word, which no pattern holds.
    """
    bits, after, anything = node
    while True:
        word = words[at]
        if anything is not None and word and word[0].isalnum():
            bits |= walk(anything, words, at + 1)
        following = after.get(word)
        if following is None:
            return bits
        more, after, anything = following
        bits |= more
        at += 1

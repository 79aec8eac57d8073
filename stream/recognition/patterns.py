"""Compiles the lexicon's patterns into one tree that is walked word by word.

Looking up costs one dictionary access per word and open branch, whatever the size of the lexicon.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple, Optional

START = "^"
ANY = "*"


class Node(NamedTuple):
    """A place in the tree: what the words so far say, and how they can go on."""

    bits: int
    """Cues of the patterns that end here."""
    after: Optional[dict[str, Any]]  # noqa: UP045 - a string annotation does not run on 3.10
    """Next word -> node; None where every pattern has ended."""
    any: Any
    """The node after any word, None if no pattern asks for that."""


class Tree(NamedTuple):
    """All patterns of a lexicon."""

    anywhere: dict[str, Node]
    """First word -> node, of the patterns that can stand anywhere."""
    at_start: dict[str, Node]
    """First word -> node, of the patterns tied to the start of a clause."""


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


def _alternatives(element: str, lists: Mapping[str, str]) -> list[str]:
    """The words that an element of a pattern stands for; "" where it may be missing."""
    optional = element.endswith("?")
    found: list[str] = []
    for word in element.rstrip("?").split("|"):
        found += lists[word].split("|") if word in lists else [word]
    if optional:
        found.append("")
    return found


def expand(line: str, lists: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The word sequences that a pattern stands for."""
    choices = product(*(_alternatives(element, lists) for element in line.split()))
    return [tuple(word for word in choice if word) for choice in choices]


def _sequences(written: str, lists: Mapping[str, str]) -> set[tuple[str, ...]]:
    return {words for line in pattern_lines(written) for words in expand(line, lists)}


def compile_patterns(patterns: Mapping[Any, str], lists: Mapping[str, str]) -> Tree:
    """The tree of all ``patterns`` (cue -> its patterns); ``lists`` are the words behind names."""
    root: dict[str, Any] = {START: {}}
    for cue, written in patterns.items():
        bit = int(cue)
        for words in sorted(_sequences(written, lists), key=len):
            node = root
            for word in words:
                if node.get("", 0) & bit:
                    break  # a shorter pattern of this cue says it already
                node = node.setdefault(word, {})
            else:
                node[""] = node.get("", 0) | bit
    start = root.pop(START)
    return Tree(
        {word: _freeze(node) for word, node in root.items()},
        {word: _freeze(node) for word, node in start.items()},
    )


def _freeze(node: dict[str, Any]) -> Node:
    bits = node.pop("", 0)
    anything = node.pop(ANY, None)
    after = {word: _freeze(child) for word, child in node.items()}
    return Node(bits, after or None, _freeze(anything) if anything is not None else None)


def walk(node: Node, words: list[str], at: int) -> int:
    """The cue bits of all patterns that begin at ``node`` and go on with ``words[at]``.

    ``words`` ends in an empty word, which no pattern holds.
    """
    bits, after, anything = node
    while True:
        word = words[at]
        if anything is not None and word and word[0].isalnum():
            bits |= walk(anything, words, at + 1)
        if after is None:
            return bits
        following = after.get(word)
        if following is None:
            return bits
        more, after, anything = following
        bits |= more
        at += 1

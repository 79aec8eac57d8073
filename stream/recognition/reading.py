"""Readings: what a turn's words show, taken alone. They hold no text.

A reading keeps cue bits and, in order, the codes of the words. It is what the session stores, so
it has a compact wire form; the labels follow from readings alone, in any order of arrival.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from stream.recognition.customer_lexicon import PATTERNS as CUSTOMER_PATTERNS
from stream.recognition.customer_lexicon import Cue as CustomerCue
from stream.recognition.lexicon import LISTS, PATTERNS, Cue
from stream.recognition.patterns import Node, Tree, compile_patterns, walk
from stream.recognition.text import MAX_CHARS, NUMBER_CODES, code, names, tokens, vocabulary
from stream.recognition.weights import UNKNOWN, WEIGHTS

WIRE_VERSION = 1

_OPENS = int(Cue.OPENS)
_GREETING = int(Cue.GREETING)
_SORRY = int(Cue.SORRY)
_SENTENCE = int(Cue.SENTENCE)
_QUESTION = int(Cue.QUESTION)
_LINK = int(Cue.LINK)
_NUMBER = int(Cue.NUMBER)
_PLAIN = int(Cue.PLAIN)
_PLAINS = int(Cue.PLAINS)
_ASKING = int(Cue.WH | Cue.INVERTED)

_WH = int(Cue.WH)

_AUXILIARIES = vocabulary(
    "is are was were do does did has have had can could will would should you your i"
)
"""Words that follow an asking word within its clause: "which station did you"."""

_MARKS = frozenset(("", *"<#@^.?!;,:()\n… \t\r\f\v-–—/")) | frozenset(
    chr(mark)
    for first, last in ((0x2600, 0x27C0), (0x1F300, 0x1FB00))
    for mark in range(first, last)
)
"""What the first character of a token that is no word can be."""

_ASKED = int(CustomerCue.QUESTION)
_EXCLAIMS = int(CustomerCue.EXCLAIMS)
_SHOUTS = int(CustomerCue.SHOUTS)

_LOUD = re.compile(r"\b[A-Z]{4,}\b")

_STARTERS = vocabulary(
    "and so then okay ok right also just but now next first oh ah please pls kindly"
)
"""Words after which a clause is still at its start."""

_BINDERS = vocabulary(
    "i we you they he she it who what which where when how why that well ill im ive weve youve "
    "to so and or but if once as because since than until while before after not the a can could "
    "will would did do does is are was were have has had let lets us me how if whether also"
)
"""Words that bind what follows to their own clause."""


class Clause(NamedTuple):
    """A stretch of an agent turn that does one thing."""

    cues: int
    """Bits of :class:`stream.recognition.lexicon.Cue`."""
    start: int
    end: int
    """Its words are ``words[start:end]`` of the reading."""


class AgentReading(NamedTuple):
    """An agent turn, read alone."""

    clauses: tuple[Clause, ...]
    words: tuple[int, ...]

    def to_wire(self) -> list[Any]:
        """``[version, cues per clause, words per clause, word codes]``."""
        return [
            WIRE_VERSION,
            [cues for cues, _, _ in self.clauses],
            [end - start for _, start, end in self.clauses],
            _pack(self.words),
        ]

    @classmethod
    def from_wire(cls, wire: Sequence[Any]) -> AgentReading:
        """The reading that :meth:`to_wire` gave. :class:`ValueError` for another version."""
        # The deep recogniser's readings have more behind this, which is not needed here.
        version, cues, lengths, packed = wire[:4]
        _check(version)
        clauses = []
        start = 0
        for bits, length in zip(cues, lengths, strict=True):
            clauses.append(Clause(bits, start, start + length))
            start += length
        words = _unpack(packed)
        if start != len(words):
            raise ValueError("the clauses do not cover the words")
        return cls(tuple(clauses), words)


class CustomerReading(NamedTuple):
    """A customer turn, read alone."""

    cues: int
    """Bits of :class:`stream.recognition.customer_lexicon.Cue`."""
    words: tuple[int, ...]

    def to_wire(self) -> list[Any]:
        """``[version, cues, word codes]``."""
        return [WIRE_VERSION, self.cues, _pack(self.words)]

    @classmethod
    def from_wire(cls, wire: Sequence[Any]) -> CustomerReading:
        """The reading that :meth:`to_wire` gave. :class:`ValueError` for another version."""
        version, cues, packed = wire[:3]
        _check(version)
        return cls(cues, _unpack(packed))


def _check(version: object) -> None:
    if version != WIRE_VERSION:
        raise ValueError(f"a reading of version {version!r}, not {WIRE_VERSION}")


_MAX_KNOWN = 1 << 16
"""Words remembered, of each kind of memory; then it starts anew."""


class _Packed(dict[int, str]):
    """Word code -> its three bytes in base64, which are four characters whatever stands beside."""

    def __missing__(self, word: int) -> str:
        if len(self) >= _MAX_KNOWN:
            self.clear()
        packed = self[word] = base64.b64encode(word.to_bytes(3, "big")).decode()
        return packed


_PACKED = _Packed()


def _pack(words: Sequence[int]) -> str:
    return "".join([_PACKED[word] for word in words])


def _unpack(packed: str) -> tuple[int, ...]:
    raw = base64.b64decode(packed, validate=True)
    if len(raw) % 3:
        raise ValueError("word codes are three bytes each")
    whole = bytearray(len(raw) // 3 * 4)
    for place in range(3):
        whole[place + 1 :: 4] = raw[place::3]
    return struct.unpack(f">{len(raw) // 3}I", whole)


class _Word(NamedTuple):
    """What reading needs to know of a word, looked up once per word and process."""

    code: int
    weighty: int
    """1 for a word that says something about one case, 0 for others."""
    numeric: int
    """The cue of a number, 0 for others."""
    bits: int
    """Cues of the word alone."""
    branches: Node | None
    """Where patterns that begin with the word go on; None where they end with it."""
    at_start: Node | None
    starter: bool


class _Reader:
    """The words of one lexicon."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.known: dict[str, _Word] = {}

    def learn(self, token: str) -> _Word:
        if len(self.known) >= _MAX_KNOWN:
            self.known.clear()
        plain = "and" if token[0] == "&" else token.replace("-", "")
        number = code(plain)
        node = self._tree.anywhere(plain)
        numeric = number < NUMBER_CODES
        word = _Word(
            number,
            int(not numeric and WEIGHTS.get(number, UNKNOWN) == UNKNOWN),
            _NUMBER if numeric else 0,
            node.bits if node is not None else 0,
            node if node is not None and (node.after or node.any is not None) else None,
            self._tree.at_start(plain),
            plain in _STARTERS,
        )
        self.known[token] = word
        return word


_AGENT = _Reader(compile_patterns(PATTERNS, LISTS))
_CUSTOMER = _Reader(compile_patterns(CUSTOMER_PATTERNS, {}))


def read_agent(text: str) -> AgentReading:
    """Reads an agent turn into clauses with their cues."""
    marks, named = tokens(text), names(text)
    marks.append("")
    known = _AGENT.known
    clauses: list[Clause] = []
    words: list[int] = []
    bits, start = _SENTENCE, 0
    previous = ""
    at_start = True
    spoken = True
    k = 0
    for token in marks:
        k += 1
        word = known.get(token)
        if word is None:
            first = token[:1]
            if first in _MARKS:
                if first == "<":
                    bits |= _LINK
                elif first == "#":
                    words.append(code(token[1:]))
                elif first == ",":
                    spoken = False
                    at_start = True
                    if (bits & _GREETING and len(words) - start <= 4) or bits & _SORRY:
                        clauses.append(Clause(bits, start, len(words)))
                        bits, start = _SENTENCE, len(words)
                elif first not in "@^":
                    spoken = spoken and first not in ".?!"
                    at_start = True
                    question = _QUESTION if "?" in token else 0
                    if len(words) > start or bits & ~_SENTENCE:
                        clauses.append(Clause(bits | question, start, len(words)))
                        bits, start = _SENTENCE, len(words)
                    elif question and clauses:
                        last = clauses[-1]
                        clauses[-1] = Clause(last.cues | question, last.start, last.end)
                continue
            word = _AGENT.learn(token)
        number, weighty, numeric, found, branches, start_node, starter = word
        if branches is not None and (marks[k] in branches.after or branches.any is not None):
            found = walk(branches, marks, k)
        if found:
            if found & _OPENS:
                found ^= _OPENS
                if (
                    len(words) - start > 1
                    and previous not in _BINDERS
                    and marks[k][:1].isalnum()
                    and not (bits & _WH and len(words) - start <= 5 and token in _AUXILIARIES)
                ):
                    clauses.append(Clause(bits, start, len(words)))
                    bits, start = 0, len(words)
                    at_start = True
            bits |= found
        if at_start:
            if start_node is not None:
                bits |= walk(start_node, marks, k)
            at_start = starter
        if weighty:
            if token not in named:
                bits |= _PLAINS if bits & _PLAIN else _PLAIN
        else:
            bits |= numeric
        words.append(number)
        previous = token
    if len(words) > start or bits & ~_SENTENCE:
        clauses.append(Clause(bits, start, len(words)))
    if spoken:
        clauses = [
            Clause(clause.cues | _QUESTION, clause.start, clause.end)
            if clause.cues & _ASKING
            else clause
            for clause in clauses
        ]
    return AgentReading(tuple(clauses), tuple(words))


def read_customer(text: str) -> CustomerReading:
    """Reads a customer turn: its cues and words."""
    marks = tokens(text)
    marks.append("")
    known = _CUSTOMER.known
    words: list[int] = []
    bits = _SHOUTS if _shouts(text) else 0
    at_start = True
    k = 0
    for token in marks:
        k += 1
        word = known.get(token)
        if word is None:
            first = token[:1]
            if first in _MARKS:
                if first == "#":
                    words.append(code(token[1:]))
                elif first not in "@^<":
                    at_start = True
                    if "?" in token:
                        bits |= _ASKED
                    if "!" in token:
                        bits |= _EXCLAIMS | (_SHOUTS if len(token) > 1 else 0)
                continue
            word = _CUSTOMER.learn(token)
        number, _, _, found, branches, start_node, starter = word
        bits |= found
        if branches is not None and (marks[k] in branches.after or branches.any is not None):
            bits |= walk(branches, marks, k)
        if at_start:
            if start_node is not None:
                bits |= walk(start_node, marks, k)
            at_start = starter
        words.append(number)
    return CustomerReading(bits, tuple(words))


def _shouts(text: str) -> bool:
    """Whether words are written in capitals for weight."""
    return len(_LOUD.findall(text, 0, MAX_CHARS)) >= 2

"""Words, stems and patterns."""

from __future__ import annotations

import pytest

from stream.recognition.patterns import compile_patterns, pattern_lines, walk
from stream.recognition.text import NUMBER_CODES, code, names, tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("leaks", "leaking"),
        ("dropped", "drops"),
        ("cancelled", "cancellation"),
        ("broke", "broken"),
        ("parcel", "package"),
        ("charge", "charging"),
        ("batteries", "battery"),
        ("two", "2"),
        ("sent", "sending"),
    ],
)
def test_inflections_meet(one: str, other: str) -> None:
    assert code(one) == code(other)


def test_numbers_have_codes_of_their_own() -> None:
    assert code("48213") < NUMBER_CODES <= code("kettle")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't panic", ["dont", "panic"]),
        ("We’re on Wi-Fi", ["were", "on", "wi-fi"]),
        ("1/2 The lamp", ["the", "lamp"]),
        ("see https://example.org/a?b=c now", ["see", "<link>", "now"]),
        ("at 15.30", ["at", "15.30"]),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    assert tokens(text) == words


def test_names_are_told_by_their_capital_within_a_sentence() -> None:
    assert names("Sorry about that, Priya. The lamp broke") == {"priya"}


def test_a_pattern_line_goes_on_after_a_bar() -> None:
    assert pattern_lines("\n  a|\n  b c\n  d\n") == ["a|b c", "d"]


def test_walking_finds_all_patterns_from_a_word() -> None:
    tree = compile_patterns(
        {1: "call us|me\n call", 2: "call * back\n ^ call", 4: "NICE day"}, {"NICE": "good|great"}
    )
    anywhere, at_start = tree.anywhere("call"), tree.at_start("call")
    assert anywhere is not None
    assert at_start is not None
    assert walk(anywhere, ["call", "us", "back", ""], 1) == 3
    assert walk(anywhere, ["call", ",", "back", ""], 1) == 1
    assert walk(at_start, ["call", ""], 1) == 2
    great = tree.anywhere("great")
    assert great is not None
    assert walk(great, ["great", "day", ""], 1) == 4
    assert tree.anywhere("us") is None


def test_a_missing_first_word_lets_the_pattern_begin_with_the_next() -> None:
    tree = compile_patterns({1: "so? call us"}, {})
    for words in (["so", "call", "us", ""], ["call", "us", ""]):
        node = tree.anywhere(words[0])
        assert node is not None
        assert walk(node, words, 1) == 1

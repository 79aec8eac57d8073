"""Words, stems and patterns."""

from __future__ import annotations

import pytest

from stream.recognition.patterns import compile_patterns, pattern_lines, walk
from stream.recognition.text import NUMBER_CODES, code, tokens


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
    assert tokens(text)[0] == words


def test_names_are_told_by_their_capital_within_a_sentence() -> None:
    assert tokens("Sorry about that, Priya. The lamp broke")[1] == {"priya"}


def test_a_pattern_line_goes_on_after_a_bar() -> None:
    assert pattern_lines("\n  a|\n  b c\n  d\n") == ["a|b c", "d"]


def test_walking_finds_all_patterns_from_a_word() -> None:
    tree = compile_patterns(
        {1: "call us|me\n call", 2: "call * back\n ^ call", 4: "NICE day"}, {"NICE": "good|great"}
    )
    assert walk(tree.anywhere["call"], ["call", "us", "back", ""], 1) == 3
    assert walk(tree.anywhere["call"], ["call", ",", "back", ""], 1) == 1
    assert walk(tree.at_start["call"], ["call", ""], 1) == 2
    assert walk(tree.anywhere["great"], ["great", "day", ""], 1) == 4

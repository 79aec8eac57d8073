"""The corpus keeps its promises: format, size, balance, no near-duplicates, no leaks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import combinations

import pytest

from stream.recognition import PROCESS, RECOGNITION, SCENARIOS, label_names
from tests.training.corpus import SETS, Conversation, Turn, read_corpus, split

_RECOGNITION = set(label_names(RECOGNITION))
_PROCESS = set(label_names(PROCESS))


@pytest.fixture(scope="module")
def corpus() -> list[Conversation]:
    return read_corpus()


@pytest.fixture(scope="module")
def sets() -> list[Conversation]:
    return read_corpus(SETS)


@pytest.fixture(scope="module")
def contrasts(sets: list[Conversation]) -> list[Conversation]:
    """Those sets whose alternatives differ by whether they recognise."""
    return [c for c in sets if c.id[0] == "h"]


def test_sets_hold_alternatives(corpus: list[Conversation], sets: list[Conversation]) -> None:
    assert len(sets) >= 500
    assert len({c.id for c in [*corpus, *sets]}) == len(corpus) + len(sets)
    assert all(c.alternatives for c in sets)


def test_contrasts_hold_alternatives_of_both_kinds(contrasts: list[Conversation]) -> None:
    for c in contrasts:
        (place,) = {n for n, turns in c.alternatives.items() if turns[0].speaker == "agent"}
        assert place == len(c.turns), c.id
        kinds = Counter(bool(set(turn.labels) & _RECOGNITION) for turn in c.alternatives[place])
        assert kinds.total() >= 7, c.id
        assert min(kinds[True], kinds[False]) >= 3, c.id


def test_in_contrasts_neither_length_nor_borrowed_words_tell_recognition(
    contrasts: list[Conversation],
) -> None:
    """How often a recognising alternative has more of it than another of its set: by chance 0.5."""
    for measure in (length, borrowed):
        more = pairs = 0.0
        for c in contrasts:
            found = [
                (bool(set(turn.labels) & _RECOGNITION), measure(c, turn))
                for turn in c.alternatives[len(c.turns)]
            ]
            for one, a in found:
                for other, b in found:
                    if one and not other:
                        pairs += 1
                        more += 1.0 if a > b else 0.5 if a == b else 0.0
        assert 0.35 < more / pairs < 0.65, measure.__name__


def length(_: Conversation, turn: Turn) -> int:
    return len(words(turn.text))


def borrowed(c: Conversation, turn: Turn) -> int:
    """How many of its longer words the customer has said."""
    said = {word for t in c.turns if t.speaker == "customer" for word in words(t.text)}
    return len({word for word in words(turn.text) if len(word) > 3} & said)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def test_size_and_variety(corpus: list[Conversation]) -> None:
    assert len(corpus) >= 1_700
    assert len({c.id for c in corpus}) == len(corpus)
    assert {c.scenario for c in corpus} == set(SCENARIOS)
    assert {c.channel for c in corpus} == {"social", "chat", "email", "voice"}
    assert len({c.industry for c in corpus}) >= 40
    agent = [set(turn.labels) for c in corpus for turn in c.turns if turn.speaker == "agent"]
    recognising = sum(bool(labels & _RECOGNITION) for labels in agent) / len(agent)
    assert 0.15 < recognising < 0.25
    assert min(Counter(name for labels in agent for name in labels).values()) >= 100


def test_recognized_first_agrees_with_the_turns(corpus: list[Conversation]) -> None:
    for c in corpus:
        for turn in c.turns:
            labels = set(turn.labels)
            if labels & _RECOGNITION and labels & _PROCESS:
                break  # order within the turn decides: the annotator's answer stands
            if labels & (_RECOGNITION | _PROCESS):
                assert c.recognized_first == bool(labels & _RECOGNITION), c.id
                break
        else:
            assert not c.recognized_first, c.id


def grams(text: str, size: int = 4) -> set[tuple[str, ...]]:
    all_words = words(text)
    return {tuple(all_words[n : n + size]) for n in range(len(all_words) - size + 1)}


def test_no_near_duplicates_within_or_across_splits(
    corpus: list[Conversation], sets: list[Conversation]
) -> None:
    turns = [
        (c.id, turn.text, grams(turn.text)) for c in [*corpus, *sets] for turn, _ in c.in_order()
    ]
    turns = [turn for turn in turns if len(turn[2]) >= 8]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for n, (_, _, found) in enumerate(turns):
        for gram in found:
            holders[gram].append(n)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        shared.update(combinations(numbers, 2))
    alike = [
        (turns[a][0], turns[b][0], turns[a][1][:80])
        for (a, b), count in shared.items()
        if turns[a][0] != turns[b][0] and count / min(len(turns[a][2]), len(turns[b][2])) >= 0.6
    ]
    assert not alike


def test_splits_are_stable_and_disjoint(corpus: list[Conversation]) -> None:
    parts = split(corpus)
    ids = {name: {c.id for c in part} for name, part in parts.items()}
    assert sum(map(len, ids.values())) == len(corpus)
    assert not ids["train"] & ids["test"]
    assert ids == {name: {c.id for c in part} for name, part in split(reversed(corpus)).items()}
    assert len(ids["test"]) > 200
    assert len(ids["validation"]) > 130

"""The corpus keeps its promises: format, size, balance, no near-duplicates, no leaks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import combinations

import pytest

from stream.recognition import PROCESS, RECOGNITION, SCENARIOS, label_names
from tests.training.corpus import Conversation, read_corpus, split

_RECOGNITION = set(label_names(RECOGNITION))
_PROCESS = set(label_names(PROCESS))


@pytest.fixture(scope="module")
def corpus() -> list[Conversation]:
    return read_corpus()


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
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[n : n + size]) for n in range(len(words) - size + 1)}


def test_no_near_duplicates_within_or_across_splits(corpus: list[Conversation]) -> None:
    turns = [(c.id, turn.text, grams(turn.text)) for c in corpus for turn in c.turns]
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

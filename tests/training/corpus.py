"""The project's own labelled corpus: reading, splitting, writing in the evaluation format.

``python -m tests.training.corpus SPLIT FOLDER`` writes a split's transcripts and gold labels as
the files that ``empathy-stream evaluate`` takes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "corpus"
SETS = FOLDER / "sets"
"""Contrast sets: beginnings of conversations with other turns that could come next."""
SPLITS = ("train", "validation", "test")
VALIDATION, TEST = 0.11, 0.17
"""Shares of the conversations kept from training: to choose by, and to report by only."""

CODES = {
    "sit": "situation",
    "goal": "goal",
    "imp": "impact",
    "gen": "generic_empathy",
    "dr": "data_request",
    "res": "resolution",
    "pol": "policy",
    "tr": "transfer",
    "hold": "hold",
    "ns": "next_step",
    "rsn": "reason",
}
"""The corpus's short names of the codebook's labels, in codebook order."""

_CUSTOMER = re.compile(r"(\|?)C ([01])([012])([01]): (.+)")
_AGENT = re.compile(r"(\|?)A ([a-z,]+|-): (.+)")


@dataclass(frozen=True)
class Turn:
    """A turn with its gold labels; an agent's has ``labels``, a customer's the other three."""

    speaker: str
    text: str
    labels: tuple[str, ...] = ()
    concern: bool = False
    emotion: int = 0
    repeat: bool = False


@dataclass
class Conversation:
    id: str
    scenario: str
    channel: str
    industry: str
    queue: str
    recognized_first: bool
    felt_understood: int
    turns: list[Turn] = field(default_factory=list)
    alternatives: dict[int, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    """Of a contrast set: what else could stand after so many of ``turns``."""

    def in_order(self) -> Iterator[tuple[Turn, bool]]:
        """All turns, each after what it answers; and whether it is one of ``turns``."""
        for place in range(len(self.turns) + 1):
            for other in self.alternatives.get(place, ()):
                yield other, False
            if place < len(self.turns):
                yield self.turns[place], True

    def transcript(self) -> dict[str, Any]:
        """As ``empathy-stream`` reads it."""
        return {
            "id": self.id,
            "queue": self.queue,
            "channel": self.channel,
            "turns": [{"speaker": turn.speaker, "text": turn.text} for turn in self.turns],
        }

    def gold(self) -> dict[str, Any]:
        """Its gold labels in the codebook's format."""
        return {
            "id": self.id,
            "agent": {
                str(n): list(turn.labels)
                for n, turn in enumerate(self.turns)
                if turn.speaker == "agent"
            },
            "customer": {
                str(n): {"concern": turn.concern, "emotion": turn.emotion, "repeat": turn.repeat}
                for n, turn in enumerate(self.turns)
                if turn.speaker == "customer"
            },
            "scenario": self.scenario,
            "recognized_first": self.recognized_first,
            "felt_understood": self.felt_understood,
        }


def parse(lines: Iterable[str], where: str) -> list[Conversation]:
    """Conversations of one file; raises ``ValueError`` naming the line that breaks the format."""
    found: list[Conversation] = []
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\n")
        if not line.strip():
            continue
        if line.startswith("@ "):
            identity, *pairs = line[2:].split()
            about = dict(pair.split("=", 1) for pair in pairs)
            found.append(
                Conversation(
                    identity,
                    about["scenario"],
                    about["channel"],
                    about["industry"],
                    about["queue"],
                    about["rf"] == "1",
                    int(about["fu"]),
                )
            )
            continue
        if customer := _CUSTOMER.fullmatch(line):
            other, concern, emotion, repeat, text = customer.groups()
            turn = Turn("customer", text, (), concern == "1", int(emotion), repeat == "1")
        elif (agent := _AGENT.fullmatch(line)) and not {*agent[2].split(",")} - {*CODES, "-"}:
            other, codes, text = agent.groups()
            labels = tuple(CODES[code] for code in codes.split(",") if code != "-")
            turn = Turn("agent", text, labels)
        else:
            raise ValueError(f"{where}:{number}: not a line of the corpus: {line[:60]!r}")
        turns = found[-1].turns
        (found[-1].alternatives[len(turns)] if other else turns).append(turn)
    return found


def read_corpus(folder: Path = FOLDER) -> list[Conversation]:
    """All conversations, in the order of their files' names."""
    found: list[Conversation] = []
    for path in sorted(folder.glob("*.txt")):
        with path.open(encoding="utf-8") as lines:
            found += parse(lines, path.name)
    return found


def read_everything() -> dict[str, list[Conversation]]:
    """By split: all conversations, and all contrast sets."""
    whole, sets = split(read_corpus()), split(read_corpus(SETS))
    return {name: whole[name] + sets[name] for name in SPLITS}


def writer_of(conversation: Conversation) -> str:
    """``g`` had six writers, whom their ids' hundreds tell apart; those of ``h``, ``j`` and ``k``
    have one more letter."""
    return conversation.id[: {"g": 3, "h": 2, "j": 2, "k": 2}.get(conversation.id[0], 1)]


def split(conversations: Iterable[Conversation]) -> dict[str, list[Conversation]]:
    """By the hash of the id, within file (``j``, ``k``: writer) and channel."""
    strata: dict[tuple[str, str], list[Conversation]] = defaultdict(list)
    for conversation in conversations:
        file = conversation.id[0]
        stratum = writer_of(conversation) if file in "jk" else file
        strata[stratum, conversation.channel].append(conversation)
    parts: dict[str, list[Conversation]] = {name: [] for name in SPLITS}
    for stratum in strata.values():
        stratum.sort(key=lambda c: hashlib.sha256(c.id.encode()).digest())
        test = round(len(stratum) * TEST)
        kept = test + round(len(stratum) * VALIDATION)
        parts["test"] += stratum[:test]
        parts["validation"] += stratum[test:kept]
        parts["train"] += stratum[kept:]
    return {name: sorted(part, key=lambda c: c.id) for name, part in parts.items()}


def weight_of(conversation: Conversation) -> float:
    """What a conversation's turns weigh in training. Social media are what is measured on, and the
    people of ``g`` to ``k`` speak as real ones do."""
    return (1.5 if conversation.channel == "social" else 1.0) * (
        2.5 if conversation.id[0] in "ghjk" else 0.7
    )


def write(conversations: Iterable[Conversation], folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``name.jsonl`` (transcripts) and ``name.labels.jsonl`` (gold); returns both paths."""
    transcripts, labels = folder / f"{name}.jsonl", folder / f"{name}.labels.jsonl"
    with transcripts.open("w") as texts, labels.open("w") as golds:
        for conversation in conversations:
            texts.write(json.dumps(conversation.transcript()) + "\n")
            golds.write(json.dumps(conversation.gold()) + "\n")
    return transcripts, labels


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in SPLITS:
        sys.exit(f"usage: python -m tests.training.corpus {'|'.join(SPLITS)} FOLDER")
    for path in write(split(read_corpus())[sys.argv[1]], Path(sys.argv[2]), sys.argv[1]):
        print(path)


if __name__ == "__main__":
    main()

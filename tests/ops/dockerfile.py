"""The Dockerfile, read: its stages and what each step says."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import NamedTuple

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"


class Step(NamedTuple):
    instruction: str
    value: str

    def words(self) -> list[str]:
        """A command in exec form; raises ``ValueError`` for one in shell form."""
        return list(json.loads(self.value))

    def pairs(self) -> dict[str, str]:
        """Of ENV and LABEL: what is set."""
        return dict(pair.split("=", 1) for pair in shlex.split(self.value))


def stages() -> tuple[dict[str, str], list[list[Step]]]:
    """The arguments before the first stage with their defaults, and the steps of each stage."""
    with DOCKERFILE.open("rb") as file:
        found = [
            Step(each["instruction"], each["value"])
            for each in DockerfileParser(fileobj=file).structure
            if each["instruction"] != "COMMENT"
        ]
    begins = [n for n, step in enumerate(found) if step.instruction == "FROM"]
    arguments = dict(step.value.split("=", 1) for step in found[: begins[0]])
    ends = [*begins[1:], len(found)]
    return arguments, [found[a:b] for a, b in zip(begins, ends, strict=True)]


ARGUMENTS, (BUILD, FINAL) = stages()


def only(stage: list[Step], instruction: str) -> Step:
    """The one step of this kind."""
    (step,) = (step for step in stage if step.instruction == instruction)
    return step

"""The reference of settings and metrics: ``python -m deploy.reference`` writes ``reference.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from stream.ops.metrics import Metrics
from stream.settings import Settings, variable

FILE = Path(__file__).with_suffix(".md")

_HEAD = """\
# Reference

Written by `python -m deploy.reference`; a test holds that it is current.

## Settings

All are environment variables. A mistyped or contradictory one ends the start with code 2 and its
name. Where a setting is a secret, `NAME_FILE` may name a file that holds it.
`empathy-stream config` shows what is in effect, secrets masked.
"""

_METRICS = """\
## Metrics

On `/metrics` of the operations port. No metric has a label per agent or session; the label `queue`
has at most `EMPATHY_MAX_QUEUES` values, the rest counts as `other`. Of a histogram there are
`_bucket`, `_sum` and `_count`.
"""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _settings() -> str:
    shown = Settings().shown()
    groups: dict[str, list[tuple[str, ...]]] = {}
    for setting in fields(Settings):
        name = variable(setting.name)
        about = setting.metadata
        default = shown[name]
        text = str(default).lower() if isinstance(default, bool) else str(default)
        groups.setdefault(about["group"], []).append(
            (
                f"`{name}`",
                f"`{text}`" if text else "",
                about["allowed"] + (" (secret)" if about["secret"] else ""),
                about["help"],
            )
        )
    head = ("setting", "default", "allowed", "meaning")
    return "\n".join(f"### {group}\n\n{table(head, rows)}" for group, rows in groups.items())


def _metrics() -> str:
    return table(
        ("metric", "type", "labels", "meaning"),
        (
            (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), text)
            for name, kind, labels, text in Metrics("", 1).catalogue()
        ),
    )


def reference() -> str:
    """What is to be in the page."""
    return f"{_HEAD}\n{_settings()}\n{_METRICS}\n{_metrics()}"


if __name__ == "__main__":
    FILE.write_text(reference())

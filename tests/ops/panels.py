"""What the committed dashboards ask, as Grafana would ask it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DASHBOARDS = sorted(
    (Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards").glob("*.json")
)

BUILT_IN = {"__rate_interval": "1m"}
"""Grafana's own variables that the dashboards use, and a value."""


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels that show something."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def interpolated(expr: str, board: dict[str, Any]) -> str:
    """An expression with the values that the variables have when the dashboard is opened."""
    known = variables(board)

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in BUILT_IN:
            return BUILT_IN[name]
        variable = known[name]
        chosen = variable["current"]["value"]
        return str(variable["allValue"] if chosen == ["$__all"] else chosen)

    return re.sub(r"\$\{?(\w+)\}?", value, expr)

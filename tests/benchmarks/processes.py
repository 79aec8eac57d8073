"""What a process has used, from ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads and the children it has waited for.

    Raises :class:`ProcessLookupError`.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) * _TICK_SECONDS


def resident_bytes(pid: int) -> int:
    """Raises :class:`ProcessLookupError`."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)

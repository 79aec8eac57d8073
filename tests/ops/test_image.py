"""The image: linted, and its steps taken without an engine, up to a worker on a read-only disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stream import __version__
from stream.embedded import EmbeddedBroker
from stream.settings import Settings
from tests.ops.dockerfile import ARGUMENTS, BUILD, DOCKERFILE, FINAL, ROOT, only
from tests.pipeline import wait_for

CONSTRAINTS = ROOT / "deploy" / "constraints.txt"
CONSTRAINTS_DEEP = ROOT / "deploy" / "constraints-deep.txt"


def test_hadolint_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not (linter.exists() or os.environ.get("CI")):
        pytest.skip("hadolint has no package for this machine")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_base_is_one_python_in_a_pinned_version() -> None:
    builder, runtime = (
        re.fullmatch(r"python:(3\.\d+\.\d+)-(.+)", image) for image in ARGUMENTS.values()
    )
    assert builder
    assert runtime
    assert builder[1] == runtime[1]
    assert runtime[2] == f"slim-{builder[2]}"  # no compilers
    assert [only(stage, "FROM").value for stage in (BUILD, FINAL)] == [
        "${BUILDER} AS build",
        "${RUNTIME}",
    ]


def pins(file: Path) -> set[str]:
    return {line for line in file.read_text().splitlines() if line[0] != "#"}


def test_nothing_is_pinned_twice() -> None:
    base, deep = (
        {pin.split("==")[0] for pin in pins(file)} for file in (CONSTRAINTS, CONSTRAINTS_DEEP)
    )
    assert {"onnxruntime", "tokenizers", "numpy"} <= deep
    assert not base & deep


def test_it_runs_as_a_numbered_user_and_takes_signals_itself() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", only(FINAL, "USER").value)
    assert [*only(FINAL, "ENTRYPOINT").words(), *only(FINAL, "CMD").words()] == [
        "empathy-stream",
        "worker",
    ]
    assert only(FINAL, "STOPSIGNAL").value == "SIGTERM"
    assert not [step for step in FINAL if step.instruction == "RUN"]  # nothing is built there


def test_its_label_is_this_version() -> None:
    versions = [step.value for step in FINAL if step.value.startswith("VERSION=")]
    assert versions == [f"VERSION={__version__}"]


def test_the_port_is_the_settings() -> None:
    assert int(only(FINAL, "EXPOSE").value) == Settings().ops_port
    assert only(FINAL, "ENV").pairs()["EMPATHY_OPS_HOST"] == "0.0.0.0"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the build's steps have been taken as if it were ``/``."""
    if not os.environ.get("CI"):
        pytest.skip("the image's steps take a minute: CI takes them, and so do you with CI=true")
    root = tmp_path_factory.mktemp("image")
    base = root / "python"
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    environ = {"PATH": f"{base / 'bin'}:/usr/bin:/bin", "EXTRAS": ""}
    passed = "HOME", "PIP_", "SSL_", "XDG_"
    environ |= {name: value for name, value in os.environ.items() if name.startswith(passed)}
    for step in BUILD:
        value = re.sub(r"(?<![\w.])/(build|wheels|opt)\b", rf"{root}/\1", step.value)
        if step.instruction == "COPY":
            *sources, target = value.split()
            Path(target).mkdir(parents=True, exist_ok=True)
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(
                        ROOT / source,
                        target,
                        dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("__pycache__"),
                    )
                else:
                    shutil.copy(ROOT / source, target)
        elif step.instruction == "RUN":
            done = subprocess.run(
                ["/bin/sh", "-c", value],
                cwd=root / "build",
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{value}\n{done.stdout[-4000:]}"
    return root


def copied(root: Path) -> Path:
    """What the final stage takes over from the build."""
    source, target = only(FINAL, "COPY").value.removeprefix("--from=build ").split()
    assert source == target  # what pip wrote into scripts holds in the other place too
    return root / source.lstrip("/")


@pytest.mark.slow
def test_what_is_installed_is_what_is_pinned(root: Path) -> None:
    installed = subprocess.run(
        [root / "python" / "bin" / "pip", "--python", copied(root) / "bin" / "python", "freeze"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    dependencies = {line for line in installed if not line.startswith("empathy-stream")}
    pinned = pins(CONSTRAINTS)
    assert len(installed) == len(dependencies) + 1
    assert dependencies <= pinned
    python = ARGUMENTS["RUNTIME"].removeprefix("python:")
    if python.startswith(f"{sys.version_info.major}.{sys.version_info.minor}."):
        assert dependencies == pinned


READ_ONLY = """
for place in / /tmp /var/tmp /dev/shm /run; do
  ! mountpoint -q $place || mount -o remount,bind,ro $place || exit 96
done
! touch /tmp/written 2>/dev/null || exit 97
exec "$@"
"""


@pytest.fixture
def sealed() -> list[str]:
    """What runs a command that can write to no disk."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", READ_ONLY, "-"]
    try:
        done = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
        reason = done.stderr if done.returncode else ""
    except FileNotFoundError:
        reason = "there is no unshare here"
    if reason:
        assert not os.environ.get("CI"), reason
        pytest.skip(f"no read-only disk: {reason}")
    return unshare


@pytest.mark.slow
def test_a_worker_runs_on_a_read_only_disk_is_healthy_and_drains(
    root: Path, sealed: list[str], tmp_path: Path
) -> None:
    program = copied(root) / "bin"
    log = tmp_path / "worker.log"
    environ = only(FINAL, "ENV").pairs() | {"PATH": f"{program}:/usr/bin:/bin", "HOME": "/"}
    command = [*only(FINAL, "ENTRYPOINT").words(), *only(FINAL, "CMD").words()]
    health = json.loads(only(FINAL, "HEALTHCHECK").value.partition("CMD ")[2])

    def healthy(port: int, path: str = "/healthz") -> bool:
        assert "/healthz" in health[-1]
        asked = subprocess.run(
            [program / health[0], *health[1:-1], health[-1].replace("/healthz", path)],
            env=environ | {"EMPATHY_OPS_PORT": str(port)},
            capture_output=True,
            check=False,
        )
        return asked.returncode == 0

    def port() -> int | None:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
        opened = [line["port"] for line in lines if line["message"] == "operations port open"]
        assert worker.poll() is None, log.read_text()
        return opened[0] if opened else None

    with EmbeddedBroker() as broker, log.open("wb") as output:
        worker = subprocess.Popen(
            [*sealed, *command],
            env=environ
            | {
                "EMPATHY_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "EMPATHY_OPS_HOST": "127.0.0.1",
                "EMPATHY_OPS_PORT": "0",
            },
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            number = wait_for(port, "the operations port")
            wait_for(lambda: healthy(number), "healthy")
            wait_for(lambda: healthy(number, "/readyz"), "ready")
            worker.send_signal(getattr(signal, only(FINAL, "STOPSIGNAL").value))
            assert worker.wait(60) == 0, log.read_text()
        finally:
            worker.kill()
            worker.wait()
    assert not healthy(number)

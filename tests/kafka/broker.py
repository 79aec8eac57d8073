"""Apache Kafka brokers for tests: real ones, from the jars Maven resolves, without Docker.

:class:`KafkaCluster` runs one to three brokers in KRaft mode on loopback ports::

    with KafkaCluster(tmp_path) as kafka:
        run_worker(kafka.bootstrap_servers)
        kafka.kill(1)
        kafka.start(1)  # with what it held

The jars (``pom.xml`` beside this file) are copied once per machine into the user's cache. Needs
``mvn`` (for that first time only), Java 17 and, for TLS, ``openssl``; :class:`KafkaUnavailable`
says which of them is missing.

Where a broker's settings differ from Apache Kafka's defaults, it is to make tests quick: see
:meth:`KafkaCluster._properties`.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, Final, Literal, NamedTuple

# Private to the embedded broker, and the same need: a child that dies with us, by whatever death,
# and a Kafka request without a client that has retries of its own.
from stream.embedded import _ask, _spawn

__all__ = [
    "USERS",
    "Certificates",
    "KafkaCluster",
    "KafkaFailed",
    "KafkaUnavailable",
    "Mechanism",
    "Security",
    "broker_jars",
    "unsigned_token",
]

Security = Literal["PLAINTEXT", "SSL", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

USERS: Final[Mapping[str, str]] = MappingProxyType({"empathy": "empathy-secret"})
"""User names and passwords of a SASL_SSL cluster, the same for PLAIN and both SCRAM mechanisms."""

_HOST: Final = "127.0.0.1"
_JAVA: Final = 17
_MAVEN_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.02
_TAIL_BYTES: Final = 4_000

# Less memory and fewer threads, and a start that does not wait for the optimising compiler.
_JVM: Final = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

_LOG4J: Final = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
# It writes every setting, 1,500 lines at each start.
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = WARN
# Else the log ends where the shutdown begins.
shutdownHook = disable
"""


class KafkaUnavailable(Exception):  # noqa: N818  (a state of the machine, not an error)
    """Apache Kafka cannot be run on this machine; the message says what is missing."""


class KafkaFailed(RuntimeError):  # noqa: N818  (as it reads in a test's output)
    """A broker exited or did not answer in time; the message ends with the last of its log."""


# --- what the machine must have -----------------------------------------------------------------


def broker_jars() -> list[Path]:
    """The broker's jars, sorted; copied into the user's cache the first time.

    Raises:
        KafkaUnavailable: Maven is not installed, or cannot resolve the jars.
    """
    pom = Path(__file__).with_name("pom.xml")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "empathy-stream"
    # Another POM is another folder, so that a folder that exists is complete and current.
    jars = cache / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not jars.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "kafka.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes start at once
            if not jars.is_dir():
                _copy_jars(pom, jars)
    return sorted(jars.glob("*.jar"))


def _copy_jars(pom: Path, jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable("mvn is not installed; it resolves the jars of Apache Kafka")
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="kafka-resolving-") as folder:
        command = [
            *(maven, "--batch-mode", "--quiet", "--no-transfer-progress", "-f", os.fspath(pom)),
            *("dependency:copy-dependencies", "-DincludeScope=runtime"),
            f"-DoutputDirectory={folder}/jars",
        ]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_MAVEN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise KafkaUnavailable(
                f"mvn did not resolve the jars of Apache Kafka in {_MAVEN_SECONDS:.0f} seconds"
            ) from None
        if done.returncode != 0:
            raise KafkaUnavailable(
                f"mvn cannot resolve the jars of Apache Kafka: {done.stdout[-_TAIL_BYTES:].strip()}"
            )
        Path(folder, "jars").rename(jars)


def _java() -> str:
    """Path of a Java that can run the broker."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise KafkaUnavailable("java is not installed; Apache Kafka needs Java 17 or later")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _JAVA:
        raise KafkaUnavailable(
            f"Apache Kafka needs Java {_JAVA} or later, and {java} says: {said.strip()}"
        )
    return java


def _free_ports(count: int) -> list[int]:
    """Ports nothing listens on, and nothing will take while their broker is down.

    The kernel gives a client's end any free port of its own range, and a client that keeps trying
    to reach a broker that is down can even be connected to itself: a broker that is to come back
    on its port must have one below that range.
    """
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        highest = int(text.split()[0])
    except OSError:
        highest = 32_768
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        # Drawn without a seed: test processes that run side by side must not draw alike.
        for port in random.SystemRandom().sample(range(max(1024, highest - 20_000), highest), 500):
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((_HOST, port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise KafkaUnavailable(f"no {count} free ports below {highest}")


# --- credentials --------------------------------------------------------------------------------


class Certificates(NamedTuple):
    """PEM files: an authority, and what it signed for the brokers and for a client.

    A second set, made in another directory, is one that nobody who trusts the first will accept.
    """

    ca: Path
    server: Path
    """The brokers' key and certificate in one file, as Kafka reads them."""
    client_cert: Path
    client_key: Path

    @classmethod
    def make(cls, directory: Path) -> Certificates:
        """Make a set, valid for two days, in ``directory``.

        Raises:
            KafkaUnavailable: ``openssl`` is not installed.
        """
        openssl = shutil.which("openssl")
        if openssl is None:
            raise KafkaUnavailable("openssl is not installed; it makes the brokers' certificates")
        directory.mkdir(parents=True, exist_ok=True)
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

        def run(*arguments: str) -> None:
            done = subprocess.run(
                [openssl, *arguments], cwd=directory, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr

        # Python 3.13 checks strictly: the authority must say that it is one and for what, and
        # certificates whose key signed them.
        run(
            *("req", "-x509", "-days", "2", *new_key, "-subj", "/CN=empathy-stream tests"),
            *("-keyout", "ca.key", "-out", "ca.pem"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
            (directory / f"{name}.ext").write_text(
                f"subjectAltName=DNS:localhost,IP:{_HOST}\n"
                f"extendedKeyUsage={usage}\n"
                "keyUsage=critical,digitalSignature\n"
                "basicConstraints=critical,CA:FALSE\n"
                "subjectKeyIdentifier=hash\n"
                "authorityKeyIdentifier=keyid\n"
            )
            run(
                *("req", *new_key, "-subj", f"/CN=empathy-{name}"),
                *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
            )
            run(
                *("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-out", f"{name}.crt"),
                *("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
                *("-extfile", f"{name}.ext"),
            )
        both = (directory / "server.key").read_text() + (directory / "server.crt").read_text()
        (directory / "server.pem").write_text(both)
        return cls(
            directory / "ca.pem",
            directory / "server.pem",
            directory / "client.crt",
            directory / "client.key",
        )


def unsigned_token(subject: str, seconds: float = 3600) -> str:
    """An OAuth bearer token as a SASL_SSL cluster accepts it: unsigned, valid for ``seconds``."""
    now = time.time()
    claims = {"sub": subject, "iat": now, "exp": now + seconds, "scope": "kafka"}
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


# --- brokers ------------------------------------------------------------------------------------


class _Node:
    """One broker: its ports and files, which stay, and its process, which comes and goes."""

    def __init__(self, number: int, directory: Path, ports: list[int]) -> None:
        self.number = number
        self.client_port, self.internal_port, self.controller_port = ports
        self.config = directory / f"broker-{number}.properties"
        self.data = directory / f"broker-{number}"
        self.log = directory / f"broker-{number}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.paused = False

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class KafkaCluster:
    """Brokers 1 to ``brokers``, from entering the context to leaving it.

    What a broker holds is on disk, and its ports are its own: it comes back as it was. All die
    with this process, even by ``kill -9``. Configuration, data and logs (``broker-N.log``) stay
    in the directory.

    Each broker is a controller as well, except that of two only the first is: two controllers
    would stop when either does. With three, topics have three replicas by default, of which two
    must be in sync, so that any one broker may fail; with fewer, one.

    Clients' listener is as ``security`` says. Brokers talk to each other, and this class to them,
    over a plain listener of their own.
    """

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        security: Security = "PLAINTEXT",
        *,
        mutual_tls: bool = False,
        users: Mapping[str, str] = USERS,
        properties: Mapping[str, str] = MappingProxyType({}),
        start_seconds: float = 90.0,
        stop_seconds: float = 30.0,
    ) -> None:
        """Describe a cluster; nothing runs yet.

        Args:
            directory: Where everything it writes goes; made if missing, else empty.
            brokers: How many, 1 to 3.
            security: What clients must speak: PLAINTEXT; SSL; or SASL_SSL, with PLAIN,
                SCRAM-SHA-256 or SCRAM-SHA-512 as one of ``users``, or OAUTHBEARER with an
                :func:`unsigned_token`.
            mutual_tls: Whether clients must show a certificate as well.
            users: User names and passwords, with SASL_SSL.
            properties: Broker settings on top of, or instead of, ours.
            start_seconds: How long a broker may take to be ready.
            stop_seconds: How long :meth:`stop` waits after SIGTERM before SIGKILL.
        """
        if not 1 <= brokers <= 3:
            raise ValueError(f"1 to 3 brokers, not {brokers}")
        if mutual_tls and security == "PLAINTEXT":
            raise ValueError("mutual TLS needs SSL or SASL_SSL")
        self.directory = directory
        self.security: Security = security
        self.mutual_tls = mutual_tls
        self.users = users
        self.certificates: Certificates | None = None
        """The brokers' and the client's, with SSL and SASL_SSL, once entered."""
        self._count = brokers
        self._extra = properties
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._command: list[str] = []
        self._nodes: dict[int, _Node] = {}

    def __enter__(self) -> KafkaCluster:
        """Start all brokers and return once each knows all.

        Raises:
            KafkaUnavailable: This machine cannot run them.
            KafkaFailed: They did not start.
        """
        java = _java()
        jars = broker_jars()
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.security != "PLAINTEXT":
            self.certificates = Certificates.make(self.directory / "certificates")
        log4j = self.directory / "log4j2.properties"
        log4j.write_text(_LOG4J)
        self._command = [
            *(java, *_JVM, f"-Dlog4j2.configurationFile={log4j}"),
            *("-cp", os.pathsep.join(map(os.fspath, jars))),
        ]
        ports = _free_ports(3 * self._count)
        self._nodes = {
            n: _Node(n, self.directory, [ports.pop() for _ in range(3)])
            for n in range(1, self._count + 1)
        }
        for node in self._nodes.values():
            lines = (f"{name}={value}\n" for name, value in self._properties(node).items())
            node.config.write_text("".join(lines))
        try:
            self._format()
            self.start(*self._nodes)
        except BaseException:
            self._kill_all()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill all: an orderly end takes longer, and what they hold is not needed again."""
        self._kill_all()

    # -- what clients need -----------------------------------------------------------------------

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers, ``host:port``, separated by commas."""
        return ",".join(f"{_HOST}:{node.client_port}" for node in self._nodes.values())

    def client_settings(self, mechanism: Mechanism = "SCRAM-SHA-512") -> dict[str, Any]:
        """Fields of :class:`stream.settings.Settings` that reach this cluster.

        With SASL_SSL, as the first of ``users`` by ``mechanism``.
        """
        found: dict[str, Any] = {
            "bootstrap_servers": tuple(self.bootstrap_servers.split(",")),
            "security_protocol": self.security,
        }
        if self.certificates is not None:
            found["ssl_ca_file"] = str(self.certificates.ca)
            if self.mutual_tls:
                found["ssl_cert_file"] = str(self.certificates.client_cert)
                found["ssl_key_file"] = str(self.certificates.client_key)
        if self.security == "SASL_SSL":
            found["sasl_mechanism"] = mechanism
            if mechanism != "OAUTHBEARER":
                user, password = next(iter(self.users.items()))
                found |= {"sasl_username": user, "sasl_password": password}
        return found

    def log(self, n: int) -> Path:
        """File that holds what broker ``n`` wrote, over all its lives."""
        return self._nodes[n].log

    def pid(self, n: int) -> int:
        """Process id of broker ``n``; raises KafkaFailed if it does not run."""
        process = self._nodes[n].process
        if process is None or process.poll() is not None:
            raise KafkaFailed(f"broker {n} does not run")
        return process.pid

    def running(self, n: int) -> bool:
        """Whether broker ``n`` has a process, paused or not."""
        return self._nodes[n].running

    # -- what can happen to a broker -------------------------------------------------------------

    def start(self, *numbers: int) -> None:
        """Start brokers that do not run; returns once they are ready.

        Ready means: each answers, knows every other broker that runs, and is in sync for all its
        replicas that have a leader. After :meth:`kill` that can take as long as the controller
        believes in the broker's previous life (2 seconds).

        Raises:
            KafkaFailed: One exited or did not get there; those started are killed.
        """
        nodes = [self._nodes[n] for n in numbers]
        for node in nodes:
            if node.running:
                raise KafkaFailed(f"broker {node.number} runs already")
        try:
            for node in nodes:
                with node.log.open("ab") as log:
                    node.process = self._run(log, "kafka.Kafka", os.fspath(node.config))
                node.paused = False
            deadline = time.monotonic() + self._start_seconds
            for node in nodes:
                self._await_ready(node, deadline)
        except BaseException:
            for node in nodes:
                self._end(node)
            raise

    def stop(self, n: int) -> None:
        """End broker ``n`` in good order: SIGTERM, on which it hands over what it leads."""
        node = self._nodes[n]
        pid = self.pid(n)
        self.resume(n)
        os.kill(pid, signal.SIGTERM)
        assert node.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            node.process.wait(self._stop_seconds)
        self._end(node)

    def restart(self, n: int) -> None:
        """:meth:`stop`, then :meth:`start`."""
        self.stop(n)
        self.start(n)

    def kill(self, n: int) -> None:
        """End broker ``n`` without warning: SIGKILL; returns when it is gone."""
        self.pid(n)
        self._end(self._nodes[n])

    def pause(self, n: int) -> None:
        """SIGSTOP: its connections stay open and nothing answers on them."""
        os.kill(self.pid(n), signal.SIGSTOP)
        self._nodes[n].paused = True

    def resume(self, n: int) -> None:
        """SIGCONT, at once, whether it was paused or not."""
        os.kill(self.pid(n), signal.SIGCONT)
        self._nodes[n].paused = False

    # -- inside ----------------------------------------------------------------------------------

    def _properties(self, node: _Node) -> dict[str, str]:
        replicas = str(self._count if self._count == 3 else 1)
        in_sync = "2" if self._count == 3 else "1"
        controllers = [n for n in self._nodes if n == 1 or self._count == 3]
        voters = (f"{n}@{_HOST}:{self._nodes[n].controller_port}" for n in controllers)
        listeners = {"CLIENT": node.client_port, "INTERNAL": node.internal_port}
        roles = "broker"
        if node.number in controllers:
            roles = "broker,controller"
            listeners["CONTROLLER"] = node.controller_port
        protocols = {"CLIENT": self.security, "INTERNAL": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        found = {
            "node.id": str(node.number),
            "process.roles": roles,
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "listeners": ",".join(f"{n}://{_HOST}:{port}" for n, port in listeners.items()),
            "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
            "log.dirs": os.fspath(node.data),
            # A topic nobody created is a mistake that a test must see.
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": "1",
            # By default a new group waits 3 seconds for more members; and a session timeout of
            # less than 6 seconds, with which a test of a dead member is quick, is refused.
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # A broker that was killed cannot register again before its old session ends (9
            # seconds by default), nor is what it led given to others.
            "broker.heartbeat.interval.ms": "200",
            "broker.session.timeout.ms": "2000",
            # Small: the default is 8 threads per kind, and 128 MB for the log cleaner.
            "num.network.threads": "2",
            "num.io.threads": "2",
            "num.recovery.threads.per.data.dir": "1",
            "background.threads": "2",
            "log.cleaner.dedupe.buffer.size": "4194304",
            "log.cleaner.io.buffer.size": "65536",
        }
        found |= self._security()
        return found | dict(self._extra)

    def _security(self) -> dict[str, str]:
        """Properties of the clients' listener."""
        if self.certificates is None:
            return {}
        listener = "listener.name.client"
        found = {
            f"{listener}.ssl.keystore.type": "PEM",
            f"{listener}.ssl.keystore.location": os.fspath(self.certificates.server),
            f"{listener}.ssl.truststore.type": "PEM",
            f"{listener}.ssl.truststore.location": os.fspath(self.certificates.ca),
            f"{listener}.ssl.client.auth": "required" if self.mutual_tls else "none",
        }
        if self.security == "SASL_SSL":
            module = "org.apache.kafka.common.security"
            plain = " ".join(f'user_{user}="{word}"' for user, word in self.users.items())
            scram = f"{module}.scram.ScramLoginModule required;"
            # Its validator takes unsigned tokens, which Kafka offers for tests alone.
            bearer = f"{module}.oauthbearer.OAuthBearerLoginModule required"
            modules: dict[Mechanism, str] = {
                "PLAIN": f"{module}.plain.PlainLoginModule required {plain};",
                "SCRAM-SHA-256": scram,
                "SCRAM-SHA-512": scram,
                "OAUTHBEARER": f'{bearer} unsecuredLoginStringClaim_sub="broker";',
            }
            found[f"{listener}.sasl.enabled.mechanisms"] = ",".join(modules)
            for mechanism, configured in modules.items():
                found[f"{listener}.{mechanism.lower()}.sasl.jaas.config"] = configured
        return found

    def _format(self) -> None:
        """Format every broker's storage, side by side: each takes a JVM of its own."""
        cluster = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
        # An option's value must not begin with a dash.
        cluster = cluster.replace("-", "A")
        scram = []
        if self.security == "SASL_SSL":
            scram = [
                f"--add-scram={mechanism}=[name={user},password={password}]"
                for user, password in self.users.items()
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            ]
        formatting = []
        for node in self._nodes.values():
            arguments = ["format", "--cluster-id", cluster, "--config", os.fspath(node.config)]
            with node.log.open("ab") as log:
                process = self._run(log, "kafka.tools.StorageTool", *arguments, *scram)
            formatting.append((node, process))
        deadline = time.monotonic() + self._start_seconds
        failed: _Node | None = None
        for node, process in formatting:
            try:
                code = process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            if code != 0:
                failed = failed or node
        if failed is not None:
            raise self._failed(failed, "could not format its storage")

    def _run(self, output: IO[bytes], main: str, *arguments: str) -> subprocess.Popen[bytes]:
        return _spawn([*self._command, main, *arguments], output)

    def _await_ready(self, node: _Node, deadline: float) -> None:
        while not self._ready(node):
            if not node.running:
                raise self._failed(node, "exited before it was ready")
            if time.monotonic() > deadline:
                raise self._failed(node, f"was not ready in {self._start_seconds:g} seconds")
            time.sleep(_POLL_SECONDS)

    def _ready(self, node: _Node) -> bool:
        expected = {other.number for other in self._nodes.values() if not other.paused}
        expected = {n for n in expected if self._nodes[n].running}
        try:
            known, lagging = _metadata(node.internal_port, node.number)
        except (OSError, struct.error):
            return False
        return known >= expected and not lagging

    def _failed(self, node: _Node, what: str) -> KafkaFailed:
        tail = node.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip()
        return KafkaFailed(f"Kafka broker {node.number} {what}\n--- {node.log} ---\n{tail}")

    def _end(self, node: _Node) -> None:
        if node.process is not None:
            node.process.kill()
            node.process.wait()
            node.process = None
            node.paused = False

    def _kill_all(self) -> None:
        for node in self._nodes.values():
            self._end(node)


def _metadata(port: int, number: int) -> tuple[set[int], bool]:
    """Ask the broker on ``port``: the brokers it knows, and whether ``number`` lags in any
    partition."""
    answer = _ask(port, 3, 2, struct.pack(">i", -1), timeout=1.0)  # all topics
    brokers = set()
    for _ in range(answer.int32()):
        brokers.add(answer.int32())
        answer.string()  # host
        answer.int32()  # port
        answer.string()  # rack
    answer.string()  # cluster id
    answer.int32()  # controller
    lagging = False
    for _ in range(answer.int32()):
        answer.take(">h")  # error
        answer.string()  # name
        answer.take(">b")  # internal
        for _ in range(answer.int32()):
            _error, _partition, leader = answer.take(">hii")
            replicas = {answer.int32() for _ in range(answer.int32())}
            in_sync = {answer.int32() for _ in range(answer.int32())}
            lagging |= leader >= 0 and number in replicas - in_sync
    return brokers, lagging

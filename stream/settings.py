"""Every setting, read once from ``EMPATHY_*`` environment variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

PREFIX = "EMPATHY_"

_KEY_CHARS = 16
"""Fewest of a key that cannot be found by trying."""

_NEEDED = {"deep": ("numpy", "onnxruntime", "tokenizers")}
"""What a recogniser needs beyond the package's own dependencies."""

T = TypeVar("T")

_group = ""
"""What the settings being defined are about."""


class SettingError(ValueError):
    """A setting that cannot be used; the message names it and what is allowed."""


def _about(group: str) -> None:
    """The settings from here on are about ``group``: a heading of the reference."""
    global _group
    _group = group


def _setting(
    default: Any,
    help: str,
    parse: Callable[[str], Any],
    allowed: str,
    *,
    secret: bool = False,
) -> Any:
    return field(
        default=default,
        repr=not secret,
        metadata={
            "help": help,
            "parse": parse,
            "allowed": allowed,
            "secret": secret,
            "group": _group,
        },
    )


def _text(
    default: str,
    help: str,
    *,
    allowed: str = "text",
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    def parse(raw: str) -> str:
        if choices and raw not in choices:
            raise ValueError
        return raw

    named = "one of " + ", ".join(choices) if choices else allowed
    return _setting(default, help, parse, named, secret=secret)


def _integer(default: int, help: str, low: int, high: int) -> Any:
    def parse(raw: str) -> int:
        value = int(raw)
        if not low <= value <= high:
            raise ValueError
        return value

    return _setting(default, help, parse, f"a whole number from {low} to {high}")


def _number(default: float, help: str, low: float, high: float, unit: str = "a number") -> Any:
    def parse(raw: str) -> float:
        value = float(raw)
        if not low <= value <= high:
            raise ValueError
        return value

    return _setting(default, help, parse, f"{unit} from {low:.15g} to {high:.15g}")


def _seconds(default: float, help: str, low: float, high: float) -> Any:
    return _number(default, help, low, high, "seconds")


def _ratio(default: float, help: str) -> Any:
    return _number(default, help, 0, 1)


def _flag(default: bool, help: str) -> Any:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def parse(raw: str) -> bool:
        try:
            return words[raw.strip().lower()]
        except KeyError:
            raise ValueError from None

    return _setting(default, help, parse, "true or false")


def _names(default: tuple[str, ...], help: str) -> Any:
    def parse(raw: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in raw.split(",") if part.strip())

    return _setting(default, help, parse, "names separated by commas")


@dataclass(frozen=True)
class Settings:
    """The effective settings. Field ``x_y`` is the environment variable ``EMPATHY_X_Y``."""

    _about("Brokers")
    bootstrap_servers: tuple[str, ...] = _names(
        ("localhost:9092",), "Kafka brokers to start from, host:port, separated by commas."
    )
    group_id: str = _text(
        "empathy-stream", "Consumer group; also the prefix of the state's changelog topic."
    )
    _about("Topics")
    events_topic: str = _text("conversation.events", "Topic the conversation events come from.")
    rejected_topic: str = _text(
        "conversation.events.rejected", "Topic for events that cannot be used, with the reason."
    )
    _about("What the events topic holds")
    source: str = _text(
        "events",
        "What the events topic holds: canonical events, a vendor's payloads, those of a mapping "
        "file, or (auto) any of them but the last, by each payload's marks.",
        choices=("events", "contact-lens", "genesys", "twilio", "mapping", "auto"),
    )
    mapping_file: str = _text(
        "", "YAML file by which EMPATHY_SOURCE=mapping reads payloads.", allowed="a path"
    )
    _about("Schema Registry")
    schema_registry_url: str = _text(
        "",
        "Confluent Schema Registry, or one with its API: events in its wire format are read, "
        "beside plain ones.",
        allowed="an http:// or https:// address",
    )
    schema_registry_username: str = _text("", "User name for the registry, or API key.")
    schema_registry_password: str = _text(
        "", "Password for the registry, or API secret.", secret=True
    )
    schema_registry_ca_file: str = _text(
        "", "PEM file of the authorities that sign the registry's certificate.", allowed="a path"
    )
    schema_registry_output: bool = _flag(
        False, "Write records, gaps and rollups in Confluent's wire format."
    )
    schema_registry_register: bool = _flag(
        True, "Register the schemas of what is written; otherwise they must be registered already."
    )

    _about("Topics")
    interactions_topic: str = _text(
        "empathy.interactions", "Topic for the empathy record of each closed session."
    )
    gaps_topic: str = _text(
        "empathy.gaps", "Topic for what a conversation lacks while it is still going on."
    )
    rollups_topic: str = _text(
        "empathy.rollups", "Topic for the queues' windows and the drops of their rates."
    )
    create_topics: bool = _flag(
        True, "Create missing topics; otherwise a missing topic stops the start."
    )
    partitions: int = _integer(
        4, "Partitions of topics that are created; existing topics keep theirs.", 1, 10_000
    )
    replication_factor: int = _integer(
        -1, "Replicas of topics that are created; -1 takes the broker's default.", -1, 32
    )
    _about("Brokers")
    security_protocol: str = _text(
        "PLAINTEXT",
        "How to talk to the brokers.",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    )
    ssl_ca_file: str = _text("", "PEM file of the authorities that sign the brokers' certificates.")
    ssl_cert_file: str = _text("", "PEM file of this client's certificate, for mutual TLS.")
    ssl_key_file: str = _text("", "PEM file of this client's private key, for mutual TLS.")
    ssl_key_password: str = _text("", "Password of an encrypted private key.", secret=True)
    sasl_mechanism: str = _text(
        "PLAIN",
        "SASL mechanism.",
        choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"),
    )
    sasl_username: str = _text("", "SASL user name.")
    sasl_password: str = _text("", "SASL password.", secret=True)
    sasl_oauth_token_file: str = _text(
        "", "File with the OAUTHBEARER token; read anew for every connection."
    )
    sasl_oauth_provider: str = _text(
        "",
        "Instead of a file, package.module:name of what gives, called without arguments, an "
        "aiokafka.abc.AbstractTokenProvider.",
    )

    _about("Sessions")
    linger_seconds: float = _seconds(
        0.1, "How long after session.ended its last events may still arrive.", 0, 3600
    )
    inactivity_seconds: float = _seconds(
        900, "A session without an event for this long is closed.", 1, 2_592_000
    )
    max_age_seconds: float = _seconds(
        86_400, "A session is closed this long after its first event.", 1, 2_592_000
    )
    grace_seconds: float = _seconds(
        3600,
        "How long a closed session is remembered, so that late events cannot reopen it.",
        0,
        2_592_000,
    )
    max_session_events: int = _integer(
        2000, "A session is closed at this many events.", 10, 100_000
    )
    _about("Limits")
    max_event_bytes: int = _integer(262_144, "Larger events are rejected.", 1024, 16_777_216)
    max_rejected_ratio: float = _ratio(
        0.5, "The worker stops when more than this share of the last 1000 events is rejected."
    )
    max_poll_records: int = _integer(
        4000, "Most events of all partitions that are processed as one batch.", 1, 100_000
    )
    max_queues: int = _integer(
        200, "Queues with metrics of their own; further ones count as 'other'.", 1, 10_000
    )
    _about("Rollups and drops")
    min_judged: int = _integer(
        20, "A window with fewer judged interactions of a queue states no ratio.", 1, 100_000
    )
    drop_false_alarms: float = _number(
        0.9,
        "False alarms of a drop to expect of a queue in four weeks: fewer are found later.",
        0.01,
        100,
    )
    _about("Judgement")
    languages: tuple[str, ...] = _names(
        ("en",), "Languages that are judged (primary subtags); a session without one is judged."
    )
    recognizer: str = _text(
        "fast",
        "Which recogniser reads the turns; deep, a small transformer, agrees better with people, "
        "takes some ms per turn and needs the extra of its name.",
        choices=("fast", "deep"),
    )

    _about("Privacy")
    pseudonyms: str = _text(
        "none",
        "Which references are replaced by keyed pseudonyms in all that the worker writes, but for "
        "rejected events; 'score' does the same.",
        choices=("none", "agents", "agents_and_sessions"),
    )
    pseudonym_key: str = _text(
        "",
        "Key of the pseudonyms; who has it can tell whose they are.",
        allowed="at least 16 characters",
        secret=True,
    )

    _about("Delivery and recovery")
    processing_guarantee: str = _text(
        "at_least_once",
        "exactly_once: results, state and offset in one transaction, on brokers that have them; "
        "readers with isolation.level=read_committed see each record once.",
        choices=("at_least_once", "exactly_once"),
    )
    _about("Live gaps")
    gap_turns: int = _integer(
        2,
        "Agent turns after which an unrecognised concern is a gap; half as many, at least 1, "
        "where the customer is strongly negative.",
        1,
        1000,
    )
    gap_seconds: float = _seconds(
        60,
        "The same in seconds since an agent could answer; half as long where the customer is "
        "strongly negative.",
        1,
        86_400,
    )
    gap_settle_seconds: float = _seconds(
        2,
        "How long a hold or transfer that the agent's tools report waits for its explanation: "
        "transcription may come after it.",
        0,
        60,
    )

    _about("Delivery and recovery")
    standby_replicas: int = _integer(
        0,
        "Other workers that keep a copy of each partition's state, so that it moves at once; each "
        "costs the state's memory.",
        0,
        16,
    )
    session_timeout_seconds: float = _seconds(
        10, "A worker silent for this long loses its partitions.", 1, 1800
    )
    commit_interval_seconds: float = _seconds(1, "How often offsets are committed.", 0.05, 600)
    drain_seconds: float = _seconds(
        30, "How long a stopping worker may take to finish its batch and commit.", 1, 3600
    )
    _about("Operations")
    ops_host: str = _text("127.0.0.1", "Address of the operations port; 0.0.0.0 opens it to all.")
    ops_port: int = _integer(
        9464,
        "Operations port: the board at /, /metrics, /healthz, /readyz; 0 takes a free one.",
        0,
        65_535,
    )
    stuck_seconds: float = _seconds(
        60, "/healthz fails when the worker has made no progress for this long.", 1, 3600
    )
    log_level: str = _text(
        "INFO", "Least severe log line.", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    log_format: str = _text(
        "auto",
        "Log lines as JSON or for people; auto: for people on a terminal.",
        choices=("auto", "json", "text"),
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings. A secret may also come from the file that ``EMPATHY_X_FILE`` names.

        Raises :class:`SettingError` for a value that is not allowed and for an ``EMPATHY_*``
        variable that is no setting, since that is most likely a typing error.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        known: set[str] = set()
        for setting in fields(cls):
            name = variable(setting.name)
            known.add(name)
            raw = environ.get(name)
            if setting.metadata["secret"]:
                known.add(f"{name}_FILE")
                raw = _secret(name, raw, environ.get(f"{name}_FILE"))
            if raw is None or raw == "":
                continue
            try:
                values[setting.name] = setting.metadata["parse"](raw)
            except ValueError:
                shown = "the given value" if setting.metadata["secret"] else repr(raw)
                raise SettingError(
                    f"{name}: {shown} is not allowed; it must be {setting.metadata['allowed']}"
                ) from None
        unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
        if unknown:
            (meant,) = get_close_matches(unknown[0], known, 1) or [""]
            hint = f"; did you mean {meant}?" if meant else "; deploy/reference.md lists them"
            raise SettingError(f"{unknown[0]}: no such setting{hint}")
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        missing = [name for name in _NEEDED.get(self.recognizer, ()) if find_spec(name) is None]
        if missing:
            raise SettingError(
                f"{variable('recognizer')}: {self.recognizer} needs {', '.join(missing)}; "
                f"pip install 'empathy-stream[{self.recognizer}]'"
            )
        if not self.bootstrap_servers:
            raise SettingError(f"{PREFIX}BOOTSTRAP_SERVERS: name at least one broker, host:port")
        if self.max_age_seconds < self.inactivity_seconds:
            raise SettingError(
                f"{PREFIX}MAX_AGE_SECONDS: must be at least {PREFIX}INACTIVITY_SECONDS "
                f"({self.inactivity_seconds:g})"
            )
        if (self.source == "mapping") != bool(self.mapping_file):
            raise SettingError(
                f"{PREFIX}MAPPING_FILE: must be given with {PREFIX}SOURCE=mapping, and only then"
            )
        if (self.pseudonyms != "none") != bool(self.pseudonym_key):
            raise SettingError(
                f"{variable('pseudonym_key')}: must be given with {variable('pseudonyms')}=agents "
                "or agents_and_sessions, and only then"
            )
        if self.pseudonym_key and len(self.pseudonym_key) < _KEY_CHARS:
            raise SettingError(
                f"{variable('pseudonym_key')}: shorter than {_KEY_CHARS} characters; "
                "'openssl rand -hex 32' makes one"
            )
        if bool(self.ssl_cert_file) != bool(self.ssl_key_file):
            raise SettingError(
                f"{PREFIX}SSL_CERT_FILE and {PREFIX}SSL_KEY_FILE: give both or neither"
            )
        self._check_credentials()
        self._check_registry()

    def _check_credentials(self) -> None:
        """What is needed must be given, and what is given must be used: a typing error must not
        leave a connection less guarded than was meant."""
        encrypted, authenticated = (word in self.security_protocol for word in ("SSL", "SASL"))
        oauth = authenticated and self.sasl_mechanism == "OAUTHBEARER"
        chosen = f"{variable('security_protocol')}={self.security_protocol}"
        if authenticated:
            chosen += f" and {variable('sasl_mechanism')}={self.sasl_mechanism}"
        used = {
            "ssl_ca_file": encrypted,
            "ssl_cert_file": encrypted,
            "sasl_username": authenticated and not oauth,
            "sasl_oauth_token_file": oauth,
            "sasl_oauth_provider": oauth,
        }
        for name, is_used in used.items():
            if getattr(self, name) and not is_used:
                raise SettingError(f"{variable(name)}: has no effect with {chosen}")
        if oauth and bool(self.sasl_oauth_token_file) == bool(self.sasl_oauth_provider):
            raise SettingError(
                f"{variable('sasl_oauth_token_file')} or {variable('sasl_oauth_provider')}: "
                f"give one of them with {chosen}"
            )
        if authenticated and not oauth:
            for name in ("sasl_username", "sasl_password"):
                if not getattr(self, name):
                    raise SettingError(f"{variable(name)}: must be given with {chosen}")

    def _check_registry(self) -> None:
        url = self.schema_registry_url
        if url and not url.startswith(("http://", "https://")):
            raise SettingError(
                f"{variable('schema_registry_url')}: must begin with http:// or https://"
            )
        for name in ("username", "password", "ca_file", "output"):
            if getattr(self, f"schema_registry_{name}") and not url:
                raise SettingError(
                    f"{variable(f'schema_registry_{name}')}: has no effect without "
                    f"{variable('schema_registry_url')}"
                )
        if self.schema_registry_ca_file and not url.startswith("https://"):
            raise SettingError(
                f"{variable('schema_registry_ca_file')}: has no effect with an http:// address"
            )
        if bool(self.schema_registry_username) != bool(self.schema_registry_password):
            raise SettingError(
                f"{variable('schema_registry_username')} and "
                f"{variable('schema_registry_password')}: give both or neither"
            )

    def shown(self) -> dict[str, Any]:
        """Settings by environment variable, secrets masked."""
        out: dict[str, Any] = {}
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.metadata["secret"]:
                value = "********" if value else ""
            out[variable(setting.name)] = ",".join(value) if isinstance(value, tuple) else value
        return out

    @property
    def changelog_topic(self) -> str:
        """The topic that holds the open sessions' state."""
        return f"{self.group_id}-sessions-changelog"

    @property
    def repartition_topic(self) -> str:
        """The topic that regroups interactions by queue."""
        return f"{self.group_id}-rollups-repartition"

    @property
    def rollups_changelog_topic(self) -> str:
        """The topic that holds the queues' state."""
        return f"{self.group_id}-rollups-changelog"

    @property
    def internal_topics(self) -> tuple[str, ...]:
        """The group's own topics, each with the partitions of the events topic."""
        return self.changelog_topic, self.repartition_topic, self.rollups_changelog_topic


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _secret(name: str, raw: str | None, file: str | None) -> str | None:
    if not file:
        return raw
    if raw:
        raise SettingError(f"{name} and {name}_FILE: give one of them")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{name}_FILE: cannot read {file}: {error.strerror}") from None

"""Connections to the brokers, from the settings."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from faust import OAuthCredentials, SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from stream.embedded import end_offsets, is_embedded
from stream.settings import SettingError, Settings, variable

_CONNECT_SECONDS = 10
"""How long one broker may take to answer before the next is tried."""

_TLS_ALERT = 0x1503
"""How a TLS record that holds an alert begins."""

_NAME_MISMATCH = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


class TokenError(OSError):
    """No OAUTHBEARER token is to be had: as good as no connection, and tried again like one."""


class TokenSource(AbstractTokenProvider):  # type: ignore[misc]
    """OAUTHBEARER tokens, asked for anew for every connection: from ``file``, which whoever
    issues the tokens replaces before they expire, or else from ``provider``.

    Raises :class:`TokenError` whatever is wrong with either.
    """

    def __init__(self, setting: str, file: Path | None, provider: Any = None) -> None:
        self._setting = setting
        self._file = file
        self._provider = provider

    async def token(self) -> str:
        try:
            if self._file is None:
                token = await self._provider.token()
            else:
                token = await asyncio.to_thread(self._file.read_text, "ascii")
            token = token.strip()
            if not token:
                raise ValueError("the token is empty")
        except Exception as error:
            # What a provider says may hold the token.
            said = str(error) if self._file is not None else type(error).__name__
            raise TokenError(f"{variable(self._setting)}: {said}") from None
        return str(token)

    def extensions(self) -> dict[str, str]:
        return {} if self._provider is None else dict(self._provider.extensions())


def token_source(settings: Settings) -> TokenSource | None:
    """Where OAUTHBEARER tokens come from; None with another mechanism.

    Raises :class:`SettingError`.
    """
    if settings.sasl_mechanism != "OAUTHBEARER":
        return None
    if settings.sasl_oauth_token_file:
        return TokenSource("sasl_oauth_token_file", Path(settings.sasl_oauth_token_file))
    module, _, name = settings.sasl_oauth_provider.partition(":")
    try:
        provider = getattr(importlib.import_module(module), name)()
    except Exception as error:
        raise SettingError(
            f"{variable('sasl_oauth_provider')}: cannot make {settings.sasl_oauth_provider}: "
            f"{type(error).__name__}: {error}"
        ) from None
    if not isinstance(provider, AbstractTokenProvider):
        raise SettingError(
            f"{variable('sasl_oauth_provider')}: {settings.sasl_oauth_provider} gives no "
            "aiokafka.abc.AbstractTokenProvider"
        )
    return TokenSource("sasl_oauth_provider", None, provider)


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context, or None for a plain connection. Raises :class:`SettingError`."""
    if "SSL" not in settings.security_protocol:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"{variable('ssl_ca_file')}: {error}") from None
    if settings.ssl_cert_file:
        try:
            # A function: given none, OpenSSL would ask for the password on the terminal.
            context.load_cert_chain(
                settings.ssl_cert_file, settings.ssl_key_file, lambda: settings.ssl_key_password
            )
        except (OSError, ssl.SSLError) as error:
            raise SettingError(
                f"{variable('ssl_cert_file')}, {variable('ssl_key_file')} or "
                f"{variable('ssl_key_password')}: {error}"
            ) from None
    return context


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes. Raises :class:`SettingError`."""
    return {"bootstrap_servers": list(settings.bootstrap_servers), **_credentials(settings)}


def _credentials(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        source = token_source(settings)
        if source is None:
            options["sasl_plain_username"] = settings.sasl_username
            options["sasl_plain_password"] = settings.sasl_password
        else:
            options["sasl_oauth_token_provider"] = source
    return options


def faust_credentials(settings: Settings) -> Any:
    """The same as Faust's credentials; None for a plain connection."""
    context = ssl_context(settings)
    if not settings.security_protocol.startswith("SASL"):
        return None if context is None else SSLCredentials(context=context)
    source = token_source(settings)
    if source is None:
        credentials = SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            ssl_context=context,
            mechanism=SASLMechanism(settings.sasl_mechanism),
        )
    else:
        credentials = OAuthCredentials(oauth_cb=source, ssl_context=context)
    credentials.protocol = AuthProtocol(settings.security_protocol)
    return credentials


# -- why a connection does not come about ---------------------------------------------------------


async def reach(settings: Settings) -> None:
    """Connect to one of the brokers, as whoever the settings say, and ask it something.

    The clients take a refusal for one more broker that is down and try for ever, so this comes
    first. Raises :class:`SettingError`, which names the setting, where no broker lets us in and
    one refuses us; ``OSError`` where none answers.
    """
    credentials = _credentials(settings)
    refused: SettingError | None = None
    silent: list[str] = []
    for host, port, _ in collect_hosts(list(settings.bootstrap_servers)):
        try:
            await _greet(host, port, settings, credentials)
        except SettingError as error:
            refused = refused or error
        except OSError as error:
            silent.append(f"{host}:{port}: {error}")
        else:
            return
    raise refused or OSError("; ".join(silent))


async def _greet(
    host: str, port: int, settings: Settings, credentials: dict[str, Any], again: bool = True
) -> None:
    broker = f"broker {host}:{port}"
    connection: Any = None
    try:
        connection = await create_conn(
            host, port, request_timeout_ms=_CONNECT_SECONDS * 1000, **credentials
        )
        answer = await connection.send(MetadataRequest([]))
    except TokenError as error:
        raise SettingError(str(error)) from None
    except (KafkaError, OSError, asyncio.TimeoutError) as error:
        refusal = _refusal(error, settings)
        if refusal:
            raise SettingError(f"{refusal} ({broker})") from None
        said = str(error) or type(error).__name__
        if not isinstance(error, (KafkaConnectionError, ConnectionResetError)):
            raise OSError(said) from None
        protocol = f"{variable('security_protocol')}={settings.security_protocol}"
        if connection is None:
            raise OSError(f"hung up on {protocol}: {said}") from None
        # It answered what anybody may ask and hung up on the next. One that is about to stop
        # does so once.
        if not again:
            raise SettingError(
                f"{protocol}: hung up on, SASL is most likely wanted ({broker})"
            ) from None
        await _greet(host, port, settings, credentials, again=False)
        return
    finally:
        if connection is not None:
            connection.close()
    if settings.sasl_mechanism == "OAUTHBEARER" and not answer.brokers:
        # aiokafka takes the broker's objection to the token for its consent; the broker then
        # answers with an error, which has no brokers in it.
        raise SettingError(f"{_who(settings)}: token not accepted ({broker})")


def _who(settings: Settings) -> str:
    """The settings that say who we are."""
    if settings.sasl_mechanism != "OAUTHBEARER":
        return f"{variable('sasl_username')}, {variable('sasl_password')}"
    from_file = settings.sasl_oauth_token_file
    return variable("sasl_oauth_token_file" if from_file else "sasl_oauth_provider")


def _refusal(error: BaseException, settings: Settings) -> str:
    """The setting that keeps us out, and why; empty where the broker may be just down."""
    if isinstance(error, (SaslAuthenticationFailed, AuthenticationFailedError)):
        return f"{_who(settings)}: not accepted by {settings.sasl_mechanism}"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"{variable('sasl_mechanism')}: {settings.sasl_mechanism} is not offered"
    if isinstance(error, IllegalSaslStateError):
        return f"{variable('security_protocol')}: SASL is not offered"
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        name = "bootstrap_servers" if cause.verify_code in _NAME_MISMATCH else "ssl_ca_file"
        return f"{variable(name)}: certificate not accepted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        reason = (cause.reason or "").replace("_", " ").lower()
        if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
            given = "another" if settings.ssl_cert_file else "a"
            return f"{variable('ssl_cert_file')}: {given} client certificate is wanted: {reason}"
        if cause.reason == "WRONG_VERSION_NUMBER":
            return f"{variable('security_protocol')}: TLS is not spoken"
    # A TLS alert, read as the length of an answer.
    if isinstance(cause, asyncio.IncompleteReadError) and (cause.expected or 0) >> 16 == _TLS_ALERT:
        return f"{variable('security_protocol')}: TLS is wanted"
    return ""


async def assignment_ends(
    consumer: AIOKafkaConsumer, bootstrap_servers: str
) -> dict[TopicPartition, int]:
    """The offset that the next record of each assigned partition will get, on any broker: the
    embedded one's own answer is wrong (:mod:`stream.embedded`, whose errors are raised too)."""
    partitions = list(consumer.assignment())
    if await asyncio.to_thread(is_embedded, bootstrap_servers):
        found = await asyncio.to_thread(end_offsets, bootstrap_servers, partitions)
        return {TopicPartition(*tp): offset for tp, offset in found.items()}
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    return ends

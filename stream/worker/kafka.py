"""Connections to the brokers, from the settings."""

from __future__ import annotations

import ssl
from typing import Any

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from stream.settings import SettingError, Settings, variable


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
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingError(f"{variable('ssl_cert_file')}: {error}") from None
    return context


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes. Raises :class:`SettingError`."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password,
        }
    return options


def faust_credentials(settings: Settings) -> Any:
    """The same as Faust's credentials; None for a plain connection."""
    context = ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        credentials = SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            ssl_context=context,
            mechanism=SASLMechanism(settings.sasl_mechanism),
        )
        credentials.protocol = AuthProtocol(settings.security_protocol)
        return credentials
    return None if context is None else SSLCredentials(context=context)

"""Credentials as the clients are given them, and where OAuth tokens come from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka.abc import AbstractTokenProvider

from stream.settings import SettingError, Settings
from stream.worker.kafka import TokenError, client_options, faust_credentials, token_source


class Provider(AbstractTokenProvider):  # type: ignore[misc]
    """What users write."""

    async def token(self) -> str:
        return "a-token"

    def extensions(self) -> dict[str, str]:
        return {"logicalCluster": "one"}


class Failing(AbstractTokenProvider):  # type: ignore[misc]
    async def token(self) -> str:
        raise RuntimeError("the secret is s3cret")


def oauth(**given: str) -> Settings:
    return Settings(security_protocol="SASL_PLAINTEXT", sasl_mechanism="OAUTHBEARER", **given)


def token(settings: Settings) -> str:
    source = token_source(settings)
    assert source is not None
    return asyncio.run(source.token())


def test_a_token_file_is_read_anew_for_every_connection(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = oauth(sasl_oauth_token_file=str(file))
    source = token_source(settings)
    assert source is not None
    file.write_text("first\n")
    assert asyncio.run(source.token()) == "first"
    file.write_text("second")
    assert asyncio.run(source.token()) == "second"
    assert source.extensions() == {}


@pytest.mark.parametrize("content", [None, b"", b"  \n", "\u00e9".encode()])
def test_a_token_file_that_holds_none_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TokenError, match=r"^EMPATHY_SASL_OAUTH_TOKEN_FILE: "):
        token(oauth(sasl_oauth_token_file=str(file)))


def test_a_provider_of_ones_own() -> None:
    settings = oauth(sasl_oauth_provider="tests.unit.test_kafka:Provider")
    assert token(settings) == "a-token"
    source = token_source(settings)
    assert source is not None
    assert source.extensions() == {"logicalCluster": "one"}
    assert client_options(settings)["sasl_oauth_token_provider"].extensions() == {
        "logicalCluster": "one"
    }
    assert faust_credentials(settings).oauth_cb.extensions() == {"logicalCluster": "one"}


def test_what_a_provider_says_when_it_fails_is_not_repeated() -> None:
    with pytest.raises(TokenError) as error:
        token(oauth(sasl_oauth_provider="tests.unit.test_kafka:Failing"))
    assert str(error.value) == "EMPATHY_SASL_OAUTH_PROVIDER: RuntimeError"


@pytest.mark.parametrize(
    "name",
    ["nowhere:Provider", "tests.unit.test_kafka:Nobody", "tests.unit.test_kafka", "os:getcwd"],
)
def test_a_provider_that_is_none_is_named(name: str) -> None:
    with pytest.raises(SettingError, match=f"^EMPATHY_SASL_OAUTH_PROVIDER: .*{name}"):
        token_source(oauth(sasl_oauth_provider=name))


def test_faust_and_our_own_clients_get_the_same() -> None:
    settings = Settings(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_username="user",
        sasl_password="word",
    )
    options, credentials = client_options(settings), faust_credentials(settings)
    assert options["security_protocol"] == credentials.protocol.value == "SASL_SSL"
    assert options["sasl_mechanism"] == credentials.mechanism.value == "SCRAM-SHA-256"
    assert options["sasl_plain_username"] == credentials.username
    assert options["sasl_plain_password"] == credentials.password
    assert options["ssl_context"].check_hostname
    assert credentials.ssl_context.check_hostname
    assert "word" not in repr(credentials)
    assert faust_credentials(Settings()) is None

"""Settings: read once, checked, and never showing a secret."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from stream.settings import SettingError, Settings, variable
from stream.sources import SOURCES


def test_defaults_without_environment() -> None:
    settings = Settings.from_environment({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.ops_host == "127.0.0.1"


def test_every_setting_comes_from_its_variable() -> None:
    settings = Settings.from_environment(
        {
            "EMPATHY_BOOTSTRAP_SERVERS": "a:1, b:2",
            "EMPATHY_LINGER_SECONDS": "2.5",
            "EMPATHY_CREATE_TOPICS": "false",
            "EMPATHY_MAX_QUEUES": "7",
        }
    )
    assert settings.bootstrap_servers == ("a:1", "b:2")
    assert settings.linger_seconds == 2.5
    assert settings.create_topics is False
    assert settings.max_queues == 7


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("EMPATHY_MAX_QUEUES", "many", "a whole number from 1 to 10000"),
        ("EMPATHY_MAX_QUEUES", "0", "a whole number from 1 to 10000"),
        ("EMPATHY_LINGER_SECONDS", "nan", "seconds from 0 to 3600"),
        ("EMPATHY_SECURITY_PROTOCOL", "TLS", "PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("EMPATHY_CREATE_TOPICS", "maybe", "true or false"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingError) as error:
        Settings.from_environment({name: value})
    assert name in str(error.value)
    assert allowed in str(error.value)


def test_a_mistyped_variable_stops_the_start() -> None:
    with pytest.raises(SettingError, match=r"SERVER: .* mean EMPATHY_BOOTSTRAP_SERVERS\?"):
        Settings.from_environment({"EMPATHY_BOOTSTRAP_SERVER": "a:1"})
    with pytest.raises(SettingError, match=r"XYZZY: no such setting; deploy/reference\.md"):
        Settings.from_environment({"EMPATHY_XYZZY": "1"})


SASL = {
    "EMPATHY_SECURITY_PROTOCOL": "SASL_SSL",
    "EMPATHY_SASL_USERNAME": "u",
    "EMPATHY_SASL_PASSWORD": "p",
}
OAUTH = {"EMPATHY_SECURITY_PROTOCOL": "SASL_SSL", "EMPATHY_SASL_MECHANISM": "OAUTHBEARER"}


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"EMPATHY_MAX_AGE_SECONDS": "10"}, "EMPATHY_MAX_AGE_SECONDS: must be at least"),
        (SASL | {"EMPATHY_SASL_USERNAME": ""}, "EMPATHY_SASL_USERNAME: must be given"),
        (SASL | {"EMPATHY_SASL_PASSWORD": ""}, "EMPATHY_SASL_PASSWORD: must be given"),
        (SASL | {"EMPATHY_SSL_KEY_FILE": "k"}, "EMPATHY_SSL_CERT_FILE and EMPATHY_SSL_KEY_FILE"),
        (SASL | {"EMPATHY_SASL_OAUTH_TOKEN_FILE": "t"}, "EMPATHY_SASL_OAUTH_TOKEN_FILE: has no"),
        (OAUTH, "EMPATHY_SASL_OAUTH_TOKEN_FILE or EMPATHY_SASL_OAUTH_PROVIDER: give one"),
        (
            OAUTH | {"EMPATHY_SASL_OAUTH_TOKEN_FILE": "t", "EMPATHY_SASL_OAUTH_PROVIDER": "m:n"},
            "EMPATHY_SASL_OAUTH_TOKEN_FILE or EMPATHY_SASL_OAUTH_PROVIDER: give one",
        ),
        (
            OAUTH | {"EMPATHY_SASL_OAUTH_PROVIDER": "m:n", "EMPATHY_SASL_USERNAME": "u"},
            "EMPATHY_SASL_USERNAME: has no effect",
        ),
        ({"EMPATHY_PSEUDONYMS": "agents"}, "EMPATHY_PSEUDONYM_KEY: must be given with"),
        ({"EMPATHY_PSEUDONYM_KEY": "k" * 16}, "EMPATHY_PSEUDONYM_KEY: must be given with"),
        (
            {"EMPATHY_PSEUDONYMS": "agents", "EMPATHY_PSEUDONYM_KEY": "short"},
            "EMPATHY_PSEUDONYM_KEY: shorter than 16 characters",
        ),
        (
            {"EMPATHY_SCHEMA_REGISTRY_OUTPUT": "true"},
            "EMPATHY_SCHEMA_REGISTRY_OUTPUT: has no effect without EMPATHY_SCHEMA_REGISTRY_URL",
        ),
        ({"EMPATHY_SCHEMA_REGISTRY_URL": "registry:8081"}, "EMPATHY_SCHEMA_REGISTRY_URL: must beg"),
        (
            {
                "EMPATHY_SCHEMA_REGISTRY_URL": "http://r",
                "EMPATHY_SCHEMA_REGISTRY_CA_FILE": "ca.pem",
            },
            "EMPATHY_SCHEMA_REGISTRY_CA_FILE: has no effect with an http",
        ),
        (
            {
                "EMPATHY_SCHEMA_REGISTRY_URL": "http://r",
                "EMPATHY_SCHEMA_REGISTRY_USERNAME": "u",
            },
            "EMPATHY_SCHEMA_REGISTRY_USERNAME and EMPATHY_SCHEMA_REGISTRY_PASSWORD: give both",
        ),
        # Meant to be guarded, and would not be.
        ({"EMPATHY_SSL_CA_FILE": "ca"}, "EMPATHY_SSL_CA_FILE: has no effect with EMPATHY_SEC"),
        ({"EMPATHY_SASL_USERNAME": "u"}, "EMPATHY_SASL_USERNAME: has no effect with EMPATHY_SEC"),
        (
            {"EMPATHY_SASL_OAUTH_PROVIDER": "m:n", "EMPATHY_SASL_MECHANISM": "OAUTHBEARER"},
            "EMPATHY_SASL_OAUTH_PROVIDER: has no effect with EMPATHY_SECURITY_PROTOCOL=PLAINTEXT",
        ),
    ],
)
def test_settings_that_contradict_each_other(environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingError, match=f"^{complaint}"):
        Settings.from_environment(environ)


@pytest.mark.parametrize(
    "environ",
    [SASL, OAUTH | {"EMPATHY_SASL_OAUTH_PROVIDER": "m:n"}, {"EMPATHY_SECURITY_PROTOCOL": "SSL"}],
)
def test_complete_credentials(environ: dict[str, str]) -> None:
    assert Settings.from_environment(environ).security_protocol in ("SSL", "SASL_SSL")


def test_a_secret_is_masked_and_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    settings = Settings.from_environment({"EMPATHY_SASL_PASSWORD_FILE": str(file)})
    assert settings.sasl_password == "hunter2"
    assert "hunter2" not in str(settings.shown())
    assert "hunter2" not in repr(settings)
    with pytest.raises(SettingError, match="EMPATHY_SASL_PASSWORD_FILE"):
        Settings.from_environment({"EMPATHY_SASL_PASSWORD_FILE": str(tmp_path / "none")})


def test_a_wrong_secret_is_not_shown() -> None:
    secrets = [setting for setting in fields(Settings) if setting.metadata["secret"]]
    assert [setting.name for setting in secrets] == [
        "schema_registry_password",
        "ssl_key_password",
        "sasl_password",
        "pseudonym_key",
    ]


def test_shown_settings_read_back_to_the_same() -> None:
    settings = Settings(bootstrap_servers=("a:1", "b:2"), linger_seconds=3.0, create_topics=False)
    shown = {name: str(value) for name, value in settings.shown().items()}
    assert Settings.from_environment(shown) == settings
    assert all(
        name == variable(setting.name)
        for name, setting in zip(shown, fields(settings), strict=True)
    )


@pytest.mark.parametrize("source", ["events", "mapping"])
def test_a_mapping_file_goes_with_the_mapping_source(source: str) -> None:
    environ = {"EMPATHY_SOURCE": source}
    if source != "mapping":
        environ["EMPATHY_MAPPING_FILE"] = "bus.yaml"
    with pytest.raises(SettingError, match="EMPATHY_MAPPING_FILE: must be given with"):
        Settings.from_environment(environ)


def test_the_sources_a_setting_names_are_those_there_are() -> None:
    (setting,) = (field for field in fields(Settings) if field.name == "source")
    assert setting.metadata["allowed"] == "one of " + ", ".join(SOURCES)

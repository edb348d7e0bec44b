"""Reading settings: precedence, kinds of values, and every mistake named."""

from datetime import timedelta
from pathlib import Path

import pytest

from homeport.config import SettingsError, load_settings
from homeport.config.load import definitions
from homeport.config.reference import settings_page
from homeport.config.values import format_duration, parse_duration, parse_list, parse_switch, parse_url, split_address


@pytest.mark.requirement("CONFIG-SOURCES-01")
def test_flags_win_over_homeport_over_coder_over_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "homeport.toml"
    file.write_text('http_address = "127.0.0.1:1"\n')
    layers = {"CODER_HTTP_ADDRESS": "127.0.0.1:2"}
    assert load_settings(environment={}).http_address == "127.0.0.1:3000"
    assert load_settings(environment={}, file=file).http_address == "127.0.0.1:1"
    assert load_settings(environment=layers, file=file).http_address == "127.0.0.1:2"
    layers["HOMEPORT_HTTP_ADDRESS"] = "127.0.0.1:3"
    assert load_settings(environment=layers, file=file).http_address == "127.0.0.1:3"
    flags = {"http_address": "127.0.0.1:4"}
    assert load_settings(environment=layers, file=file, flags=flags).http_address == "127.0.0.1:4"


@pytest.mark.requirement("CONFIG-ERRORS-01")
def test_every_mistake_is_reported_at_once_with_the_name_that_was_written(tmp_path: Path) -> None:
    file = tmp_path / "homeport.toml"
    file.write_text('sesion_duration = "1h"\nprovisioner_daemons = "many"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={"HOMEPORT_HTP_ADDRESS": "x", "CODER_ACCESS_URL": "ftp://x"}, file=file)
    text = str(caught.value)
    assert "HOMEPORT_HTP_ADDRESS: unknown setting. Did you mean HTTP_ADDRESS?" in text
    assert "unknown setting 'sesion_duration'. Did you mean SESSION_DURATION?" in text
    assert "provisioner_daemons: 'many' is not a whole number" in text
    assert "CODER_ACCESS_URL: 'ftp://x' is not an absolute http or https address" in text
    assert len(caught.value.problems) == 4


@pytest.mark.requirement("CONFIG-ERRORS-01")
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HOMEPORT_TLS_ENABLE": "true"}, "TLS_CERT_FILE"),
        ({"HOMEPORT_TLS_CERT_FILE": "/x"}, "no effect without TLS_ENABLE"),
        (
            {"HOMEPORT_DEFAULT_TOKEN_LIFETIME": "48h", "HOMEPORT_MAX_TOKEN_LIFETIME": "24h"},
            "longer than MAX_TOKEN_LIFETIME",
        ),
        ({"HOMEPORT_SESSION_DURATION": "0"}, "longer than zero"),
        ({"HOMEPORT_PROVISIONER_DAEMONS": "-1"}, "at least 0"),
        ({"HOMEPORT_PG_CONNECTION_URL": "mysql://x"}, "must begin with postgres://"),
        ({"HOMEPORT_EXTERNAL_TOKEN_ENCRYPTION_KEYS": "c2hvcnQ="}, "key 1 is not 32 bytes"),
        ({"HOMEPORT_SSH_CONFIG_OPTIONS": "Bogus"}, "not of the form Key=value"),
        ({"HOMEPORT_OAUTH2_DYNAMIC_CLIENT_LIMIT": "-1"}, "OAUTH2_DYNAMIC_CLIENT_LIMIT must be at least 0"),
        ({"HOMEPORT_OAUTH2_TOKEN_RATE_LIMIT": "0"}, "OAUTH2_TOKEN_RATE_LIMIT must be at least 1"),
        ({"HOMEPORT_OAUTH2_ACCESS_TOKEN_LIFETIME": "0"}, "OAUTH2_ACCESS_TOKEN_LIFETIME must be longer than zero"),
        ({"HOMEPORT_OAUTH2_CLIENT_METADATA_DOMAINS": "https://claude.ai"}, "'https://claude.ai' is an address"),
        ({"HOMEPORT_OAUTH2_CLIENT_METADATA_PRIVATE_HOSTS": "localhost:1/x"}, "'localhost:1/x' is an address"),
        (
            {"HOMEPORT_QUIET_HOURS_DEFAULT_SCHEDULE": "0 0 * * 1"},
            "QUIET_HOURS_DEFAULT_SCHEDULE: It holds for every day",
        ),
        ({"HOMEPORT_QUIET_HOURS_DEFAULT_SCHEDULE": ""}, "QUIET_HOURS_DEFAULT_SCHEDULE: Write five"),
        ({"HOMEPORT_ACCOUNT_DORMANCY_PERIOD": "-1h"}, "is not a duration"),
        ({"HOMEPORT_PROVISIONER_ISOLATION": "yes"}, "'yes' is none of auto, bubblewrap, none"),
    ],
)
def test_contradictions_stop_the_start(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings(environment=environment)


def test_names_of_other_programs_are_no_mistakes() -> None:
    load_settings(
        environment={"HOMEPORT_URL": "http://x", "HOMEPORT_SESSION_TOKEN": "y", "CODER_ANYTHING": "z", "PATH": "/bin"}
    )


@pytest.mark.parametrize("content", ["= 1", "\xff", "[http]\naddress = 1"])
def test_a_file_that_is_no_settings_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "homeport.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"homeport\.toml"):
        load_settings(environment={}, file=file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(environment={}, file=tmp_path / "none.toml")


def test_the_access_address_follows_from_the_listen_address() -> None:
    assert load_settings(environment={"HOMEPORT_HTTP_ADDRESS": "0.0.0.0:80"}).access_url == "http://localhost:80"
    assert load_settings(environment={"HOMEPORT_HTTP_ADDRESS": "[::1]:80"}).access_url == "http://[::1]:80"
    settings = load_settings(environment={"HOMEPORT_ACCESS_URL": "https://dev.example.com/"})
    assert settings.access_url == "https://dev.example.com"
    assert settings.has_secure_cookies


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("7d", 604800), ("0", 0), ("1.5h", 5400), ("500ms", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "1x", "-1h", "1h 30m", "1h30"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["24h", "1h30m", "90s", "0"])
def test_durations_round_trip(text: str) -> None:
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


def test_other_kinds_of_values() -> None:
    assert parse_switch(" Yes ") is True
    assert parse_switch("off") is False
    assert parse_list("a, b,,c") == ("a", "b", "c")
    assert split_address("[::1]:8080") == ("::1", 8080)
    assert parse_url("https://a.example/x/") == "https://a.example/x"


@pytest.mark.parametrize("text", ["localhost", "localhost:", "localhost:x", "localhost:70000"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        split_address(text)


@pytest.mark.requirement("CONFIG-REFERENCE-01")
def test_the_reference_page_names_every_setting_and_no_secret_default() -> None:
    page = settings_page()
    for item in definitions():
        assert f"`{item.environment}`" in page
        assert item.about.help


@pytest.mark.requirement("CONFIG-SOURCES-01")
@pytest.mark.parametrize(("given", "value"), [({}, "auto"), ({"HOMEPORT_PROVISIONER_ISOLATION": " None "}, "none")])
def test_a_setting_may_be_one_of_a_few_words(given: dict[str, str], value: str) -> None:
    assert load_settings(environment=given).provisioner_isolation == value


@pytest.mark.requirement("ENGINE-ISOLATION-01")
def test_workspaces_never_see_what_the_server_itself_keeps(tmp_path: Path) -> None:
    file = tmp_path / "homeport.toml"
    file.write_text(
        f'tls_enable = true\ntls_cert_file = "/c.pem"\ntls_key_file = "/k.pem"\ndata_dir = "{tmp_path}/data"\n'
    )
    settings = load_settings(environment={"HOMEPORT_PROVISIONER_HIDE": "/opt/secrets,/srv"}, file=file)
    assert settings.provisioner_hide == ("/opt/secrets", "/srv", f"{tmp_path}/data", str(file), "/k.pem")

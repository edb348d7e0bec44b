"""Settings of signing in by GitHub: what contradicts itself stops the start, with names."""

import pytest

from homeport.config.load import SettingsError, load_settings

WHOLE = {"CLIENT_ID": "id", "CLIENT_SECRET": "secret", "ALLOWED_ORGS": "harbour, docks"}


def load(**settings: str) -> list[str]:
    """Return what is wrong with these settings."""
    try:
        load_settings(environment={f"CODER_OAUTH2_GITHUB_{name}": value for name, value in settings.items()})
    except SettingsError as error:
        return error.problems
    return []


@pytest.mark.requirement("GITHUB-SETTINGS-01")
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"DEFAULT_PROVIDER_ENABLE": "false"},
        WHOLE,
        {**WHOLE, "DEFAULT_PROVIDER_ENABLE": "true"},
        {**WHOLE, "ALLOWED_TEAMS": "HARBOUR/pilots,docks/a_b.c"},
        {**WHOLE, "ENTERPRISE_BASE_URL": "https://github.corp.test/"},
        {"CLIENT_ID": "id", "CLIENT_SECRET": "s", "ALLOW_EVERYONE": "true", "ALLOW_SIGNUPS": "true"},
        {"CLIENT_ID": "id", "DEVICE_FLOW": "true", "ALLOW_EVERYONE": "true"},
    ],
)
def test_what_fits_together_starts(settings: dict[str, str]) -> None:
    assert load(**settings) == []


@pytest.mark.requirement("GITHUB-SETTINGS-01")
@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"CLIENT_SECRET": "s"}, ["CLIENT_SECRET", "CLIENT_ID"]),
        ({"DEVICE_FLOW": "true"}, ["DEVICE_FLOW", "CLIENT_ID"]),
        ({"ALLOWED_ORGS": "x"}, ["ALLOWED_ORGS", "CLIENT_ID"]),
        ({"DEFAULT_PROVIDER_ENABLE": "true"}, ["DEFAULT_PROVIDER_ENABLE", "CLIENT_ID"]),
        ({"CLIENT_ID": "id", "ALLOW_EVERYONE": "true"}, ["CLIENT_ID", "CLIENT_SECRET", "DEVICE_FLOW"]),
        ({"CLIENT_ID": "id", "CLIENT_SECRET": "s"}, ["ALLOWED_ORGS", "ALLOW_EVERYONE"]),
        ({**WHOLE, "ALLOW_EVERYONE": "true"}, ["ALLOW_EVERYONE", "ALLOWED_ORGS"]),
        ({**WHOLE, "ALLOWED_TEAMS": "pilots"}, ["ALLOWED_TEAMS"]),
        ({**WHOLE, "ALLOWED_TEAMS": "harbour/pi lots"}, ["ALLOWED_TEAMS"]),
        ({**WHOLE, "ALLOWED_TEAMS": "elsewhere/pilots"}, ["ALLOWED_TEAMS", "ALLOWED_ORGS"]),
        ({**WHOLE, "ALLOWED_ORGS": "https://github.com/harbour"}, ["ALLOWED_ORGS"]),
        ({**WHOLE, "ENTERPRISE_BASE_URL": "https://github.com"}, ["ENTERPRISE_BASE_URL"]),
        ({**WHOLE, "ENTERPRISE_BASE_URL": "https://github.corp.test/api/v3"}, ["ENTERPRISE_BASE_URL"]),
        ({**WHOLE, "ENTERPRISE_BASE_URL": "github.corp.test"}, ["ENTERPRISE_BASE_URL"]),
    ],
)
def test_what_contradicts_itself_does_not_start(settings: dict[str, str], names: list[str]) -> None:
    problems = load(**settings)
    assert len(problems) == 1
    assert all(f"OAUTH2_GITHUB_{name}" in problems[0] for name in names)

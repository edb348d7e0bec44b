"""Settings of what claims mean: JSON mappings, and what stops the start."""

import pytest

from homeport.config.load import SettingsError, load_settings
from homeport.config.values import mapping_of
from homeport.organizations.service.syncing.defaults import defaults_of

ID = "5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10"


@pytest.mark.requirement("SYNC-SETTING-01")
def test_mappings_are_read_from_json_with_one_target_or_several() -> None:
    settings = load_settings(
        environment={
            "CODER_OIDC_ORGANIZATION_FIELD": "orgs",
            "CODER_OIDC_ORGANIZATION_MAPPING": f'{{"CN=a,OU=b": ["{ID}"], "c": "{ID}"}}',
            "HOMEPORT_OIDC_GROUP_FIELD": "groups",
            "HOMEPORT_OIDC_GROUP_MAPPING": '{"g-1": "dev"}',
            "HOMEPORT_OIDC_ALLOWED_GROUPS": "dev,ops",
            "HOMEPORT_OIDC_USER_ROLE_FIELD": "roles",
            "HOMEPORT_OIDC_USER_ROLE_MAPPING": '{"boss": ["owner", "auditor"]}',
            "HOMEPORT_OIDC_USER_ROLE_DEFAULT": "auditor",
        }
    )
    found = defaults_of(settings)
    assert {value: [str(one) for one in ids] for value, ids in found.organizations.mapping.items()} == {
        "CN=a,OU=b": [ID],
        "c": [ID],
    }
    assert (found.organizations.assign_default, found.groups.legacy_group_name_mapping) == (True, {"g-1": "dev"})
    assert (found.allowed_groups, found.site_roles_of_all) == (("dev", "ops"), ("auditor",))
    assert found.site_roles.mapping == {"boss": ["owner", "auditor"]}
    assert mapping_of("") == {}


@pytest.mark.requirement("SYNC-SETTING-01")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"OIDC_GROUP_MAPPING": "g-1=dev"}, "OIDC_GROUP_MAPPING: this is not a JSON object"),
        ({"OIDC_GROUP_MAPPING": '{"a": 1}'}, "OIDC_GROUP_MAPPING: this is not a JSON object"),
        ({"OIDC_GROUP_FIELD": "g", "OIDC_GROUP_MAPPING": '{"a": ["b", "c"]}'}, "must lead to one name"),
        ({"OIDC_ORGANIZATION_FIELD": "o", "OIDC_ORGANIZATION_MAPPING": '{"a": "red"}'}, "is no id of an organization"),
        ({"OIDC_GROUP_MAPPING": '{"a": "b"}'}, "no effect without OIDC_GROUP_FIELD"),
        ({"OIDC_USER_ROLE_MAPPING": '{"a": "b"}'}, "no effect without OIDC_USER_ROLE_FIELD"),
        ({"OIDC_ORGANIZATION_MAPPING": f'{{"a": "{ID}"}}'}, "no effect without OIDC_ORGANIZATION_FIELD"),
        ({"OIDC_ALLOWED_GROUPS": "dev"}, "OIDC_ALLOWED_GROUPS needs OIDC_GROUP_FIELD"),
        ({"OIDC_USER_ROLE_DEFAULT": "auditor"}, "no effect without OIDC_USER_ROLE_FIELD"),
        ({"OIDC_GROUP_REGEX_FILTER": "(a"}, "OIDC_GROUP_REGEX_FILTER: this pattern cannot be used"),
        ({"OIDC_GROUP_REGEX_FILTER": r"(a)\1"}, "OIDC_GROUP_REGEX_FILTER: this pattern cannot be used"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(settings: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match="The settings cannot be used") as error:
        load_settings(environment={f"HOMEPORT_{name}": value for name, value in settings.items()})
    assert words in str(error.value)

"""The field table of audit (authorization-and-data 24) against what the rooms declare."""

import pytest

from homeport import openapi
from homeport.audit.types import RESOURCE_TYPES, declarations

# Tracked fields by resource type; a name after "S" is secret. Of types that nothing here makes yet nothing is asked.
TABLE = {
    "organization_member": "username user_id created_at updated_at roles",
    "custom_role": "name display_name site_permissions org_permissions user_permissions",
    "git_ssh_key": "user_id public_key S private_key",
    "template": (
        "id name display_name provisioner active_version_id description icon default_ttl autostart_block_days_of_week"
        " autostop_requirement_days_of_week autostop_requirement_weeks created_by group_acl user_acl allow_user_autostart"
        " allow_user_autostop allow_user_cancel_workspace_jobs failure_ttl time_til_dormant time_til_dormant_autodelete"
        " require_active_version deprecated max_port_sharing_level activity_bump use_classic_parameter_flow"
    ),
    "template_version": "id template_id name readme created_by archived",
    "user": (
        "id email username status rbac_roles login_type deleted quiet_hours_schedule name is_system"
        " one_time_passcode_expires_at S hashed_password"
    ),
    "workspace": (
        "id owner_id template_id name autostart_schedule ttl dormant_at deleting_at automatic_updates favorite next_start_at"
    ),
    "workspace_build": "template_version_id",
    "group": "id name display_name avatar_url quota_allowance members",
    "api_key": "user_id last_used expires_at created_at",
    "convert_login": "created_at expires_at from_login_type to_login_type user_id",
    "oauth2_provider_app": "name icon callback_url redirect_uris client_type dynamically_registered",
    "oauth2_provider_app_secret": "",
    "organization": "name description updated_at is_default display_name icon deleted",
    "idp_sync_settings_organization": "field mapping assign_default",
    "idp_sync_settings_group": "field mapping regex_filter auto_create_missing_groups",
    "idp_sync_settings_role": "field mapping",
}
# Ours are stored sealed, under a name that says so.
CALLED = {("git_ssh_key", "private_key"): "private_key_sealed"}
# Tracked beyond the table: what only Homeport has, or what a reader would miss.
MORE = {
    "template": "cors_behavior",
    "template_version": "message",
    "api_key": "audience",
    "user": "S hashed_one_time_passcode",
    "oauth2_provider_app": (
        "id kind metadata_url service_user_id client_secret_expires_at grant_types response_types token_endpoint_auth_method"
        " application_type scope is_scope_limit contacts client_uri logo_uri tos_uri policy_uri jwks_uri jwks software_id"
        " software_version registration_ip S registration_access_token"
    ),
    "convert_login": "S state",
    "oauth2_provider_app_secret": "id app_id display_secret S hashed_secret",
    "idp_sync_settings_group": "legacy_group_name_mapping",
}
# Types of the reference that nothing here makes yet.
NOT_YET = {
    "license", "health_settings", "notifications_settings", "prebuilds_settings", "workspace_proxy",
    "notification_template",
    "workspace_app", "task",
}  # fmt: skip


def split(resource_type: str, words: str) -> tuple[set[str], set[str]]:
    """Return tracked and secret fields under the names of our columns."""
    tracked, _, secret = f" {words} ".partition(" S ")
    return tuple(  # type: ignore[return-value]
        {CALLED.get((resource_type, name), name) for name in part.split()} for part in (tracked, secret)
    )


@pytest.mark.requirement("AUDIT-FIELDS-01")
def test_the_declarations_hold_the_table() -> None:
    assert openapi.__doc__, "imports every room, and with them their declarations"
    # What identity providers say of users and groups has declarations of its own, of the same types.
    rows = [one for one in declarations() if one.row.__module__.startswith("homeport.")]
    declared = {one.resource_type: one for one in rows if not one.row.__module__.startswith("homeport.scim.")}
    problems = []
    for resource_type, words in TABLE.items():
        tracked, secret = split(resource_type, words)
        more, more_secret = split(resource_type, MORE.get(resource_type, ""))
        found = declared[resource_type]
        if found.tracked != tracked | more or found.secret != secret | more_secret:
            problems.append(
                (resource_type, sorted(found.tracked ^ (tracked | more)), sorted(found.secret ^ (secret | more_secret)))
            )
    assert problems == []


@pytest.mark.requirement("AUDIT-FIELDS-01")
def test_every_resource_type_is_declared_or_made_by_nothing_yet() -> None:
    declared = {one.resource_type for one in declarations()}
    assert set(RESOURCE_TYPES) - declared == NOT_YET


@pytest.mark.requirement("AUDIT-FIELDS-01")
def test_no_column_with_a_secret_in_it_is_tracked() -> None:
    words = ("secret", "password", "hash", "private", "sealed", "token", "refresh")
    harmless = {"display_secret", "client_secret_expires_at", "token_endpoint_auth_method", "app_secret_id"}
    found = {
        (one.resource_type, field)
        for one in declarations()
        if one.row.__module__.startswith("homeport.")
        for field in one.tracked - harmless
        if any(word in field for word in words)
    }
    assert found == set()

"""Bodies that are accepted, by the name of their schema; `{name}` stands for what `Deployment.furnish` has made."""

from collections.abc import Mapping
from typing import Any

from tests.support.names import unique_email, unique_name

PASSWORD = "a-Long-Passphrase-4711"
MOMENT = "2026-01-01T00:00:00Z"

_RESOURCE = {
    "type": "process",
    "name": "machine",
    "metadata": [{"key": "k", "value": "v"}],
    "agents": [
        {
            "name": "main",
            "env": {"A": "b"},
            "display_apps": ["ssh_helper"],
            "apps": [{"slug": "web", "healthcheck": {"url": "http://x", "interval": 1, "threshold": 1}}],
            "scripts": [{"display_name": "S", "script": "true"}],
            "metadata": [{"key": "k", "display_name": "K", "script": "true"}],
            "devcontainers": [{"name": "d", "workspace_folder": "/src"}],
        }
    ],
}
_PRESET = {
    "name": "quick", "parameters": [{"name": "size", "value": "s"}],
    "prebuilds": {"instances": 1, "schedules": [{"cron": "* 8-18 * * 1-5", "instances": 2}]},
}  # fmt: skip
_PARAMETER = {"name": "size", "default_value": "s", "required": False, "options": [{"name": "a", "value": "s"}]}
_TIMING = {"started_at": MOMENT, "ended_at": MOMENT, "stage": "apply"}

_SAMPLES: dict[str, Any] = {
    "AcquireJobRequest": {
        "name": "{unique}", "version": "v1", "provisioners": ["container"], "wait_seconds": 0, "tags": {"a": "b"},
    },
    "AgentStats": {"rx_bytes": 1},
    "ArchiveTemplateVersionsRequest": {"all": True},
    "AuthorizationRequest": {
        "checks": {"can-read": {"object": {"resource_type": "template", "resource_id": "{template}"}, "action": "read"}},
    },
    "CSPViolation": {"csp-report": {"effective-directive": "img-src"}},
    "ChangePasswordWithOneTimePasscodeRequest": {
        "email": "nobody@homeport.test", "one_time_passcode": "{random_id}", "password": PASSWORD,
    },
    "CommitQuotaRequest": {"daily_cost": 0},
    "CompleteJobRequest": {},
    "ConvertLoginRequest": {"to_type": "oidc", "password": PASSWORD},
    "CreateFirstUserRequest": {"email": "{email}", "username": "{unique}", "password": PASSWORD},
    "CreateGroupRequest": {"name": "{unique}"},
    "CreateOrganizationRequest": {"name": "{unique}"},
    "CreateProvisionerKeyRequest": {"name": "{unique}", "tags": {"a": "b"}},
    "CreateSubAgentRequest": {
        "name": "{unique}", "directory": "/", "apps": [{"slug": "web", "healthcheck": {"url": "http://x"}}], "display_apps": [0],
    },
    "CreateTemplateRequest": {
        "name": "{unique}", "template_version_id": "{fresh_version}", "autostop_requirement": {"days_of_week": [], "weeks": 0},
        "autostart_requirement": {"days_of_week": ["monday"]},
    },
    "CreateTemplateVersionDryRunRequest": {
        "workspace_name": "dev", "rich_parameter_values": [{"name": "size", "value": "small"}],
        "user_variable_values": [{"name": "a", "value": "b"}],
    },
    "CreateTemplateVersionRequest": {
        "provisioner": "echo", "file_id": "{file_id}", "tags": {"a": "b"}, "name": "{unique}",
        "user_variable_values": [{"name": "a", "value": "b"}],
    },
    "DynamicParametersRequest": {"id": 1, "inputs": {"size": "small"}},
    "CreateTokenRequest": {"token_name": "{unique}", "scopes": ["workspace:read"], "allow_list": [{"type": "*", "id": "*"}]},
    "CreateUserRequestWithOrgs": {"email": "{email}", "username": "{unique}", "login_type": "none", "organization_ids": None},
    "CreateWorkspaceBuildRequest": {
        "transition": "start", "rich_parameter_values": [{"name": "size", "value": "small"}],
    },
    "CreateWorkspaceRequest": {
        "name": "{unique}", "template_id": "{template}", "rich_parameter_values": [{"name": "size", "value": "small"}],
    },
    "CustomRoleRequest": {
        "name": "{unique}",
        "organization_permissions": [{"negate": False, "resource_type": "template", "action": "read"}],
    },
    "FailJobRequest": {"error": "it broke", "workspace_build": {"state": "c3RhdGU="}},
    "LoginWithPasswordRequest": {"email": "nobody@homeport.test", "password": PASSWORD},
    "PatchAppStatus": {"app_slug": "web", "state": "working", "message": "at it"},
    "GroupSyncSettings": {
        "field": "groups", "mapping": {"a": ["{group}"]}, "regex_filter": "^a", "legacy_group_name_mapping": {"b": "c"},
    },
    "OrganizationSyncSettings": {"field": "orgs", "mapping": {}, "organization_assign_default": True},
    "PatchGroupIDPSyncConfigRequest": {"field": "groups"},
    "PatchGroupIDPSyncMappingRequest": {"add": [{"given": "a", "gets": "{group}"}], "Remove": [{"Given": "b", "Gets": "{random_id}"}]},
    "PatchOrganizationIDPSyncConfigRequest": {"field": "orgs", "assign_default": True},
    "PatchOrganizationIDPSyncMappingRequest": {"remove": [{"given": "a", "gets": "{random_id}"}], "Add": []},
    "PatchRoleIDPSyncConfigRequest": {"field": ""},
    "PatchRoleIDPSyncMappingRequest": {"add": [{"given": "a", "gets": "organization-admin"}]},
    "RoleSyncSettings": {"field": "roles", "mapping": {"a": ["organization-admin"]}},
    "PatchGroupRequest": {"display_name": "Better"},
    "PatchLogs": {"logs": [{"output": "line", "created_at": MOMENT}]},
    "PatchTemplateVersionRequest": {"message": "better"},
    "PostAppHealthRequest": {"healths": {"{app_id}": "healthy"}},
    "PostLifecycleRequest": {"state": "starting", "changed_at": MOMENT},
    "PostLogSourceRequest": {"id": "{random_id}", "display_name": "Mine"},
    "PostMetadataRequest": {"metadata": [{"key": "load", "value": "1", "collected_at": MOMENT}]},
    "PostOAuth2ProviderAppRequest": {
        "name": "{unique}", "redirect_uris": ["https://client.example/callback"], "grant_types": ["authorization_code"],
        "scope": "coder:workspaces.read", "client_uri": "https://client.example",
    },
    "PostStartupRequest": {"version": "v1.0.0", "subsystems": ["envbox"]},
    "PostWorkspaceUsageRequest": {"agent_id": "{workspaceagent}", "app_name": "ssh"},
    "PutExtendWorkspaceRequest": {"deadline": "2999-01-01T00:00:00Z"},
    "PutOAuth2ProviderAppRequest": {"name": "{unique}", "redirect_uris": ["https://client.example/callback"]},
    "PutOAuth2ProviderSettingsRequest": {"dynamic_client_registration_enabled": True},
    "RequestOneTimePasscodeRequest": {"email": "nobody@homeport.test"},
    "ScriptTimingRequest": {
        "script_id": "{script_id}", "started_at": MOMENT, "ended_at": MOMENT, "exit_code": 0, "stage": "start", "status": "ok",
    },
    "UpdateActiveTemplateVersion": {"id": "{templateversion}"},
    "UpdateJobRequest": {
        "logs": [{"output": "line", "created_at": MOMENT}], "variables": [{"name": "a"}], "readme": "words",
    },
    "UpdateOrganizationRequest": {"description": "better"},
    "UpdateRoles": {"roles": []},
    "UpdateTemplateACL": {"user_perms": {}, "group_perms": {}},
    "UpdateTemplateMeta": {
        "description": "better", "autostop_requirement": {"days_of_week": [], "weeks": 0},
        "autostart_requirement": {"days_of_week": ["monday"]},
    },
    "UpdateUserAppearanceSettingsRequest": {"theme_preference": "dark", "terminal_font": ""},
    "UpdateUserPasswordRequest": {"password": PASSWORD, "old_password": "not-the-one"},
    "UpdateUserProfileRequest": {"username": "{unique}", "name": "Ada"},
    "UpdateWorkspaceAutomaticUpdatesRequest": {"automatic_updates": "always"},
    "UpdateUserQuietHoursScheduleRequest": {"schedule": "CRON_TZ=UTC 30 2 * * *"},
    "UpdateWorkspaceAutostartRequest": {"schedule": "30 9 * * 1-5"},
    "UpdateWorkspaceBuildStateRequest": {"state": "c3RhdGU="},
    "UpdateWorkspaceDormancy": {"dormant": True},
    "UpdateWorkspaceRequest": {"name": "{unique}"},
    "UpdateWorkspaceTTLRequest": {"ttl_ms": 3_600_000},
    "ValidateUserPasswordRequest": {"password": PASSWORD},
}  # fmt: skip

# What a daemon may report at the end of a job; which one belongs to a job depends on the job's type.
RESULTS: dict[str, Any] = {
    "template_import": {
        "start_resources": [_RESOURCE],
        "stop_resources": [],
        "parameters": [_PARAMETER],
        "presets": [_PRESET],
    },
    "dry_run": {"resources": [_RESOURCE]},
    "workspace_build": {"state": "c3RhdGU=", "resources": [_RESOURCE], "timings": [_TIMING]},
}


def sample(name: str, places: Mapping[str, str]) -> Any:
    """Return the body of this schema with its blanks filled in."""
    return fill(_SAMPLES[name], {**places, "unique": unique_name(), "email": unique_email()})


def fill(value: Any, words: Mapping[str, str]) -> Any:
    """Return a body with its blanks filled in."""
    if isinstance(value, str):
        return words[value[1:-1]] if value.startswith("{") else value
    if isinstance(value, list):
        return [fill(one, words) for one in value]
    if isinstance(value, dict):
        return {fill(key, words): fill(one, words) for key, one in value.items()}
    return value

"""What the reference system's API looks like where this one stands for it: names of fields, paths, statuses.

A name that ends in `?` may be left out. Facts of the wire; see the OpenAPI document for what is ours alone.
"""

from typing import NamedTuple

MODELS: dict[str, str] = {
    "Response": "message detail? validations?",
    "User": "id username name email avatar_url created_at updated_at last_seen_at status login_type theme_preference "
    "organization_ids roles",
    "GetUsersResponse": "users count",
    "UserRoles": "roles organization_roles",
    "UserLoginType": "login_type",
    "UserAppearanceSettings": "theme_preference terminal_font",
    "UserQuietHoursScheduleResponse": "raw_schedule user_set user_can_set time timezone next",
    "GetUserStatusCountsResponse": "status_counts",
    "GitSSHKey": "user_id created_at updated_at public_key",
    "AuthMethods": "terms_of_service_url? password github oidc",
    "CreateFirstUserResponse": "user_id organization_id",
    "LoginWithPasswordResponse": "session_token",
    "ValidateUserPasswordResponse": "valid details",
    "APIKey": "id user_id last_used expires_at created_at updated_at login_type scope scopes token_name lifetime_seconds "
    "allow_list username?",
    "GenerateAPIKeyResponse": "key",
    "TokenConfig": "max_token_lifetime",
    "ExternalAPIKeyScopes": "external",
    "Organization": "id name display_name description icon created_at updated_at is_default",
    "OrganizationMember": "user_id organization_id created_at updated_at roles",
    "OrganizationMemberWithUserData": "user_id organization_id created_at updated_at roles username name avatar_url email "
    "global_roles",
    "PaginatedMembersResponse": "members count",
    "Role": "name organization_id? display_name site_permissions user_permissions organization_permissions "
    "organization_member_permissions",
    "AssignableRoles": "name organization_id? display_name site_permissions user_permissions organization_permissions "
    "organization_member_permissions assignable built_in",
    "UploadResponse": "hash",
    "Template": "id created_at updated_at organization_id organization_name organization_display_name organization_icon name "
    "display_name provisioner active_version_id active_user_count build_time_stats description deprecated "
    "deprecation_message icon default_ttl_ms activity_bump_ms autostop_requirement autostart_requirement created_by_id "
    "created_by_name allow_user_autostart allow_user_autostop allow_user_cancel_workspace_jobs failure_ttl_ms "
    "time_til_dormant_ms time_til_dormant_autodelete_ms require_active_version max_port_share_level cors_behavior "
    "use_classic_parameter_flow",
    "Group": "id name display_name organization_id organization_name organization_display_name members total_member_count "
    "avatar_url quota_allowance source",
    "TemplateACL": "users group",
    "ACLAvailable": "users groups",
    "TemplateExample": "id url name description icon tags markdown",
    "TemplateVersion": "id template_id? organization_id? created_at updated_at name message job readme created_by archived "
    "warnings? matched_provisioners? has_external_agent",
    "TemplateVersionParameter": "name display_name? description description_plaintext type form_type mutable default_value "
    "icon options validation_error? validation_regex? validation_min? validation_max? validation_monotonic? required "
    "ephemeral",
    "TemplateVersionVariable": "name description type value default_value required sensitive",
    "ArchiveTemplateVersionsResponse": "template_id archived_ids",
    "MatchedProvisioners": "count available most_recently_seen?",
    "ProvisionerJob": "id created_at started_at? completed_at? canceled_at? error? error_code? status worker_id? worker_name? "
    "file_id tags queue_position queue_size organization_id initiator_id input type available_workers? metadata "
    "logs_overflowed",
    "ProvisionerJobLog": "id created_at log_source log_level stage output",
    "ProvisionerDaemon": "id organization_id key_id created_at last_seen_at? name version api_version provisioners tags "
    "key_name? status? current_job? previous_job? isolation?",
    "ProvisionerKey": "id created_at organization name tags",
    "ProvisionerKeyDaemons": "key daemons",
    "CreateProvisionerKeyResponse": "key",
    "Workspace": "id created_at updated_at owner_id owner_name owner_avatar_url organization_id organization_name template_id "
    "template_name template_display_name template_icon template_allow_user_cancel_workspace_jobs "
    "template_active_version_id template_require_active_version template_use_classic_parameter_flow latest_build "
    "latest_app_status? outdated name autostart_schedule? ttl_ms? last_used_at deleting_at? dormant_at? health "
    "automatic_updates allow_renames favorite next_start_at? is_prebuild task_id? shared_with?",
    "WorkspacesResponse": "workspaces count",
    "WorkspaceQuota": "credits_consumed budget",
    "ResolveAutostartResponse": "parameter_mismatch",
    "WorkspaceBuild": "id created_at updated_at workspace_id workspace_name workspace_owner_id workspace_owner_name "
    "workspace_owner_avatar_url template_version_id template_version_name build_number transition initiator_id "
    "initiator_name job reason resources deadline? max_deadline? status daily_cost matched_provisioners? "
    "template_version_preset_id? has_ai_task? has_external_agent?",
    "WorkspaceBuildParameter": "name value",
    "WorkspaceBuildTimings": "provisioner_timings agent_script_timings agent_connection_timings",
    "WorkspaceResource": "id created_at job_id workspace_transition type name hide icon agents? metadata? daily_cost",
    "WorkspaceAgent": "id parent_id created_at updated_at first_connected_at? last_connected_at? disconnected_at? started_at? "
    "ready_at? status lifecycle_state name resource_id instance_id? architecture environment_variables operating_system "
    "logs_length logs_overflowed directory? expanded_directory? version api_version apps latency? "
    "connection_timeout_seconds troubleshooting_url subsystems health display_apps log_sources scripts "
    "startup_script_behavior",
    "WorkspaceAgentLog": "id created_at output level source_id",
    "WorkspaceAgentLogSource": "workspace_agent_id id created_at display_name icon",
    "AgentConnectionInfo": "derp_map derp_force_websockets disable_direct_connections hostname_suffix?",
    "AgentGitSSHKey": "public_key private_key",
    "ConnectionLogResponse": "connection_logs count",
    "AuditLogResponse": "audit_logs count",
    "BuildInfoResponse": "external_url version dashboard_url telemetry workspace_proxy agent_api_version "
    "provisioner_api_version upgrade_message deployment_id webpush_public_key?",
    "DeploymentConfig": "config options",
    "SSHConfigResponse": "hostname_prefix hostname_suffix ssh_config_options",
    "HealthcheckReport": "time healthy severity coder_version derp access_url websocket database workspace_proxy "
    "provisioner_daemons",
    "AuthorizationResponse": "can-read",
    "AvailableExperiments": "safe",
    "UpdateCheckResponse": "current version url",
    "ListSubAgentsResponse": "agents",
    "OAuth2ProviderApp": "id name callback_url icon endpoints client_id? kind? client_type? redirect_uris? grant_types? "
    "token_endpoint_auth_method? dynamically_registered? created_at? updated_at? scope? scope_limit? client_uri? jwks_uri? "
    "service_user_id? last_used_at?",
    "OAuth2ProviderAppSecret": "id client_secret_truncated last_used_at?",
    "OAuth2ProviderAppSecretFull": "id client_secret_full",
    "OAuth2ProviderSettings": "dynamic_client_registration_enabled",
}


class Call(NamedTuple):
    """One call that is answered: `answer` is a model's name, in brackets for a list of them, or a content type, or nothing."""

    method: str
    path: str
    status: int = 200
    answer: str = ""
    body: object = None


NAMES = {"name": "{unique}"}
USER = {"email": "{email}", "username": "{unique}", "login_type": "none"}
WISH = {"name": "{unique}", "template_id": "{template}"}
VERSION = {"provisioner": "echo", "storage_method": "file", "file_id": "{file_id}", "template_id": "{template}"}

# In the order in which they are called: what takes something away comes last.
CALLS: tuple[Call, ...] = (
    Call("GET", "/", 200, "Response"),
    Call("GET", "/buildinfo", 200, "BuildInfoResponse"),
    Call("GET", "/updatecheck", 200, "UpdateCheckResponse"),
    Call("GET", "/experiments", 200, "[]"),
    Call("GET", "/experiments/available", 200, "AvailableExperiments"),
    Call("GET", "/deployment/config", 200, "DeploymentConfig"),
    Call("GET", "/deployment/ssh", 200, "SSHConfigResponse"),
    Call("GET", "/debug/health", 200, "HealthcheckReport"),
    Call("GET", "/debug/metrics", 200, "text/plain"),
    Call("GET", "/audit", 200, "AuditLogResponse"),
    Call("GET", "/connectionlog", 200, "ConnectionLogResponse"),
    Call("GET", "/auth/scopes", 200, "ExternalAPIKeyScopes"),
    Call("POST", "/authcheck", 200, "AuthorizationResponse",
         {"checks": {"can-read": {"object": {"resource_type": "template"}, "action": "read"}}}),
    Call("POST", "/csp/reports", 200, "Response", {"csp-report": {"blocked-uri": "https://evil.test/"}}),
    Call("GET", "/users/authmethods", 200, "AuthMethods"),
    Call("GET", "/users/first", 200, "Response"),
    Call("POST", "/users/validate-password", 200, "ValidateUserPasswordResponse", {"password": "x"}),
    Call("GET", "/users", 200, "GetUsersResponse"),
    Call("POST", "/users", 201, "User", USER),
    Call("GET", "/users/roles", 200, "[AssignableRoles]"),
    Call("GET", "/users/me", 200, "User"),
    Call("GET", "/users/{user}", 200, "User"),
    Call("GET", "/users/{user}/roles", 200, "UserRoles"),
    Call("PUT", "/users/{user}/roles", 200, "User", {"roles": ["auditor"]}),
    Call("GET", "/users/{user}/login-type", 200, "UserLoginType"),
    Call("GET", "/users/{user}/appearance", 200, "UserAppearanceSettings"),
    Call("PUT", "/users/{user}/appearance", 200, "UserAppearanceSettings", {"theme_preference": "dark"}),
    Call("GET", "/users/{user}/quiet-hours", 200, "UserQuietHoursScheduleResponse"),
    Call("PUT", "/users/{user}/quiet-hours", 200, "UserQuietHoursScheduleResponse", {"schedule": "CRON_TZ=UTC 30 2 * * *"}),
    Call("GET", "/insights/user-status-counts", 200, "GetUserStatusCountsResponse"),
    Call("GET", "/users/{user}/gitsshkey", 200, "GitSSHKey"),
    Call("PUT", "/users/{user}/gitsshkey", 200, "GitSSHKey"),
    Call("PUT", "/users/{user}/profile", 200, "User", {"username": "{unique}", "name": "Ada"}),
    Call("POST", "/users/{user}/keys", 201, "GenerateAPIKeyResponse"),
    Call("POST", "/users/{user}/keys/tokens", 201, "GenerateAPIKeyResponse", {"token_name": "{unique}"}),
    Call("GET", "/users/{user}/keys/tokens", 200, "[APIKey]"),
    Call("GET", "/users/{user}/keys/tokens/tokenconfig", 200, "TokenConfig"),
    Call("GET", "/users/{user}/keys/tokens/{keyname}", 200, "APIKey"),
    Call("GET", "/users/{user}/keys/{keyid}", 200, "APIKey"),
    Call("GET", "/users/{user}/organizations", 200, "[Organization]"),
    Call("GET", "/users/{user}/organizations/{organizationname}", 200, "Organization"),
    Call("DELETE", "/users/{user}/keys/{new_key}", 204),
    Call("PUT", "/users/{user}/password", 204, "", {"password": "a-Long-Passphrase-4711"}),
    Call("PUT", "/users/{user}/status/suspend", 200, "User"),
    Call("PUT", "/users/{user}/status/activate", 200, "User"),
    Call("GET", "/organizations", 200, "[Organization]"),
    Call("POST", "/organizations", 201, "Organization", NAMES),
    Call("GET", "/organizations/{organization}", 200, "Organization"),
    Call("PATCH", "/organizations/{organization}", 200, "Organization", {"description": "better"}),
    Call("GET", "/organizations/{organization}/members", 200, "[OrganizationMemberWithUserData]"),
    Call("GET", "/organizations/{organization}/paginated-members", 200, "PaginatedMembersResponse"),
    Call("GET", "/organizations/{organization}/members/roles", 200, "[AssignableRoles]"),
    Call("POST", "/organizations/{organization}/members/roles", 200, "[Role]", NAMES),
    Call("PUT", "/organizations/{organization}/members/roles", 200, "[Role]", {"name": "{rolename}"}),
    Call("PUT", "/organizations/{organization}/members/{user}/roles", 200, "OrganizationMember", {"roles": []}),
    Call("GET", "/organizations/{organization}/members/{user}/workspace-quota", 200, "WorkspaceQuota"),
    Call("GET", "/workspace-quota/{user}", 200, "WorkspaceQuota"),
    Call("GET", "/groups", 200, "[Group]"),
    Call("GET", "/groups?organization={organization}&has_member={user}&group_ids={group}", 200, "[Group]"),
    Call("GET", "/organizations/{organization}/groups", 200, "[Group]"),
    Call("POST", "/organizations/{organization}/groups", 201, "Group", NAMES),
    Call("GET", "/organizations/{organization}/groups/{groupname}", 200, "Group"),
    Call("GET", "/groups/{group}", 200, "Group"),
    Call("PATCH", "/groups/{group}", 200, "Group", {"quota_allowance": 1, "remove_users": ["{user}"]}),
    Call("DELETE", "/groups/{group}", 200, "Response"),
    Call("GET", "/files/{file_id}", 200, "application/x-tar"),
    Call("GET", "/organizations/{organization}/provisionerjobs", 200, "[ProvisionerJob]"),
    Call("GET", "/organizations/{organization}/provisionerjobs/{job}", 200, "ProvisionerJob"),
    Call("GET", "/organizations/{organization}/provisionerdaemons?offline=true", 200, "[ProvisionerDaemon]"),
    Call("GET", "/organizations/{organization}/provisionerkeys", 200, "[ProvisionerKey]"),
    Call("POST", "/organizations/{organization}/provisionerkeys", 201, "CreateProvisionerKeyResponse", NAMES),
    Call("GET", "/organizations/{organization}/provisionerkeys/daemons", 200, "[ProvisionerKeyDaemons]"),
    Call("GET", "/templates", 200, "[Template]"),
    Call("GET", "/templates/examples", 200, "[TemplateExample]"),
    Call("GET", "/organizations/{organization}/templates/examples", 200, "[TemplateExample]"),
    Call("GET", "/organizations/{organization}/templates", 200, "[Template]"),
    Call("POST", "/organizations/{organization}/templates", 201, "Template",
         {"name": "{unique}", "template_version_id": "{fresh_version}"}),
    Call("GET", "/organizations/{organization}/templates/{templatename}", 200, "Template"),
    Call("GET", "/organizations/{organization}/templates/{templatename}/versions/{templateversionname}", 200,
         "TemplateVersion"),
    Call("POST", "/organizations/{organization}/templateversions", 201, "TemplateVersion", VERSION),
    Call("GET", "/templates/{template}", 200, "Template"),
    Call("PATCH", "/templates/{template}", 200, "Template", {"description": "better"}),
    Call("GET", "/templates/{template}/acl", 200, "TemplateACL"),
    Call("PATCH", "/templates/{template}/acl", 200, "Response", {}),
    Call("GET", "/templates/{template}/acl/available", 200, "ACLAvailable"),
    Call("GET", "/templates/{template}/versions", 200, "[TemplateVersion]"),
    Call("PATCH", "/templates/{template}/versions", 200, "Response", {"id": "{templateversion}"}),
    Call("GET", "/templates/{template}/versions/{templateversionname}", 200, "TemplateVersion"),
    Call("POST", "/templates/{template}/versions/archive", 200, "ArchiveTemplateVersionsResponse", {"all": True}),
    Call("GET", "/templateversions/{templateversion}", 200, "TemplateVersion"),
    Call("PATCH", "/templateversions/{templateversion}", 200, "TemplateVersion", {"message": "better"}),
    Call("GET", "/templateversions/{templateversion}/rich-parameters", 200, "[TemplateVersionParameter]"),
    Call("GET", "/templateversions/{templateversion}/variables", 200, "[TemplateVersionVariable]"),
    Call("GET", "/templateversions/{templateversion}/presets", 200, "[]"),
    Call("GET", "/templateversions/{templateversion}/external-auth", 200, "[]"),
    Call("GET", "/templateversions/{templateversion}/resources", 200, "[WorkspaceResource]"),
    Call("GET", "/templateversions/{templateversion}/logs", 200, "[ProvisionerJobLog]"),
    Call("GET", "/templateversions/{templateversion}/logs?format=text", 200, "text/plain"),
    Call("GET", "/organizations/{organization}/templates/{templatename}/versions/{new_versionname}/previous", 200,
         "TemplateVersion"),
    Call("POST", "/templateversions/{templateversion}/dry-run", 201, "ProvisionerJob", {}),
    Call("GET", "/templateversions/{templateversion}/dry-run/{job}", 200, "ProvisionerJob"),
    Call("GET", "/templateversions/{templateversion}/dry-run/{job}/logs", 200, "[ProvisionerJobLog]"),
    Call("GET", "/templateversions/{templateversion}/dry-run/{job}/resources", 200, "[WorkspaceResource]"),
    Call("GET", "/templateversions/{templateversion}/dry-run/{job}/matched-provisioners", 200, "MatchedProvisioners"),
    Call("PATCH", "/templateversions/{templateversion}/dry-run/{new_job}/cancel", 200, "Response"),
    Call("GET", "/workspaces", 200, "WorkspacesResponse"),
    Call("POST", "/users/{user}/workspaces", 201, "Workspace", WISH),
    Call("POST", "/organizations/{organization}/members/{user}/workspaces", 201, "Workspace", WISH),
    Call("GET", "/workspaces/{workspace}", 200, "Workspace"),
    Call("GET", "/users/{user}/workspace/{workspacename}", 200, "Workspace"),
    Call("GET", "/users/{user}/workspace/{workspacename}/builds/{buildnumber}", 200, "WorkspaceBuild"),
    Call("GET", "/workspaces/{workspace}/watch", 200, "text/event-stream"),
    Call("GET", "/workspaces/{workspace}/resolve-autostart", 200, "ResolveAutostartResponse"),
    Call("PUT", "/workspaces/{workspace}/autostart", 204, "", {"schedule": "30 9 * * 1-5"}),
    Call("PUT", "/workspaces/{workspace}/ttl", 204, "", {"ttl_ms": 3_600_000}),
    Call("PUT", "/workspaces/{workspace}/autoupdates", 204, "", {"automatic_updates": "always"}),
    Call("PUT", "/workspaces/{workspace}/dormant", 200, "Workspace", {"dormant": False}),
    Call("POST", "/workspaces/{workspace}/usage", 204, "", {}),
    Call("PATCH", "/workspaces/{workspace}", 204, "", NAMES),
    Call("PUT", "/workspaces/{workspace}/extend", 200, "Response", {"deadline": "2999-01-01T00:00:00Z"}),
    Call("GET", "/workspaces/{workspace}/timings", 200, "WorkspaceBuildTimings"),
    Call("GET", "/workspaces/{workspace}/builds", 200, "[WorkspaceBuild]"),
    Call("GET", "/workspacebuilds/{workspacebuild}", 200, "WorkspaceBuild"),
    Call("GET", "/workspacebuilds/{workspacebuild}/parameters", 200, "[WorkspaceBuildParameter]"),
    Call("GET", "/workspacebuilds/{workspacebuild}/resources", 200, "[WorkspaceResource]"),
    Call("GET", "/workspacebuilds/{workspacebuild}/logs", 200, "[ProvisionerJobLog]"),
    Call("GET", "/workspacebuilds/{workspacebuild}/logs?format=text", 200, "text/plain"),
    Call("GET", "/workspacebuilds/{workspacebuild}/state", 200, "application/octet-stream"),
    Call("PUT", "/workspacebuilds/{workspacebuild}/state", 204, "", {"state": "c3RhdGU="}),
    Call("GET", "/workspacebuilds/{workspacebuild}/timings", 200, "WorkspaceBuildTimings"),
    Call("GET", "/workspaceagents/connection", 200, "AgentConnectionInfo"),
    Call("GET", "/workspaceagents/{workspaceagent}", 200, "WorkspaceAgent"),
    Call("GET", "/workspaceagents/{workspaceagent}/connection", 200, "AgentConnectionInfo"),
    Call("GET", "/workspaceagents/{workspaceagent}/logs", 200, "[WorkspaceAgentLog]"),
    Call("GET", "/workspaceagents/{workspaceagent}/watch-metadata", 200, "text/event-stream"),
    Call("PATCH", "/workspaceagents/me/logs", 200, "Response", {"logs": [{"output": "line"}]}),
    Call("POST", "/workspaceagents/me/log-source", 201, "WorkspaceAgentLogSource",
         {"id": "{random_id}", "display_name": "Mine"}),
    Call("PATCH", "/workspaceagents/me/app-status", 200, "Response",
         {"app_slug": "web", "state": "working", "message": "at it"}),
    Call("GET", "/workspaceagents/me/gitsshkey", 200, "AgentGitSSHKey"),
    Call("GET", "/workspaceagents/me/subagents", 200, "ListSubAgentsResponse"),
    Call("DELETE", "/workspaceagents/me/subagents/{subagent}", 204),
    Call("GET", "/oauth2-provider/apps", 200, "[OAuth2ProviderApp]"),
    Call("GET", "/oauth2-provider/apps?user_id={user}", 200, "[OAuth2ProviderApp]"),
    Call("POST", "/oauth2-provider/apps", 201, "OAuth2ProviderApp",
         {"name": "{unique}", "callback_url": "https://client.example/callback", "icon": ""}),
    Call("GET", "/oauth2-provider/apps/{app}", 200, "OAuth2ProviderApp"),
    Call("PUT", "/oauth2-provider/apps/{app}", 200, "OAuth2ProviderApp",
         {"name": "{unique}", "callback_url": "https://client.example/callback"}),
    Call("GET", "/oauth2-provider/apps/{app}/secrets", 200, "[OAuth2ProviderAppSecret]"),
    Call("POST", "/oauth2-provider/apps/{app}/secrets", 201, "OAuth2ProviderAppSecretFull"),
    Call("DELETE", "/oauth2-provider/apps/{app}/secrets/{secret}", 204),
    Call("GET", "/oauth2-provider/settings", 200, "OAuth2ProviderSettings"),
    Call("PUT", "/oauth2-provider/settings", 200, "OAuth2ProviderSettings", {}),
    Call("DELETE", "/oauth2-provider/apps/{new_app}", 204),
    Call("POST", "/workspaces/{workspace}/builds", 201, "WorkspaceBuild", {"transition": "stop"}),
    Call("PATCH", "/workspacebuilds/{new_build}/cancel", 200, "Response"),
    Call("PATCH", "/templateversions/{new_version}/cancel", 200, "Response"),
    Call("POST", "/templateversions/{new_version}/archive", 200, "Response"),
    Call("POST", "/templateversions/{new_version}/unarchive", 200, "Response"),
    Call("DELETE", "/organizations/{organization}/provisionerkeys/{provisionerkey}", 204),
    Call("DELETE", "/organizations/{organization}/members/roles/{rolename}", 200, "[Role]"),
    Call("DELETE", "/organizations/{organization}", 400, "Response"),
    Call("DELETE", "/organizations/{new_organization}", 200, "Response"),
    Call("POST", "/organizations/{organization}/members/{new_user}", 409, "Response"),
    Call("DELETE", "/organizations/{organization}/members/{new_user}", 204),
    Call("POST", "/organizations/{organization}/members/{new_user}", 200, "OrganizationMember"),
    Call("DELETE", "/users/{new_user}", 200),
    Call("DELETE", "/templates/{new_template}", 200, "Response"),
    Call("POST", "/users/logout", 200, "Response"),
)  # fmt: skip

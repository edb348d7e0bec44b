"""The wire types of the API, generated from openapi.json by `make docs`."""

from __future__ import annotations
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from msgspec import Meta, Struct, field


class ACLAvailable(Struct, kw_only=True):
    groups: list[Group]
    users: list[ReducedUser]


class APIAllowListTarget(Struct, kw_only=True):
    id: str
    type: str


class APIKey(Struct, kw_only=True):
    allow_list: list[APIAllowListTarget]
    created_at: datetime
    expires_at: datetime
    id: str
    last_used: datetime
    lifetime_seconds: int
    login_type: str
    scope: str
    scopes: list[str]
    token_name: str
    updated_at: datetime
    user_id: str


class APIKeyWithOwner(Struct, kw_only=True):
    allow_list: list[APIAllowListTarget]
    created_at: datetime
    expires_at: datetime
    id: str
    last_used: datetime
    lifetime_seconds: int
    login_type: str
    scope: str
    scopes: list[str]
    token_name: str
    updated_at: datetime
    user_id: str
    username: str


class AccessURLReport(Struct, kw_only=True):
    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    access_url: str = ""
    error: str | None = None
    healthz_response: str = ""
    reachable: bool = False
    status_code: int = 0


class AcquireJobRequest(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64, min_length=1)]
    provisioners: Annotated[
        list[Literal["terraform", "echo", "process", "container"]], Meta(max_length=8, min_length=1)
    ]
    version: Annotated[str, Meta(max_length=256)]
    api_version: Annotated[str, Meta(pattern="^\\d{1,4}\\.\\d{1,4}$")] = "1.0"
    daemon_id: str | None = None
    isolation: Literal["", "none", "bubblewrap"] = ""
    tags: dict[str, str] | None = None
    wait_seconds: Annotated[float, Meta(ge=0.0, le=30.0)] = 30


class AcquiredJob(Struct, kw_only=True):
    access_url: str
    created_at: datetime
    daemon_id: str
    file_id: str | None
    initiator_username: str
    input: ImportInput | DryRunInput | BuildInput
    job_id: str
    job_token: str
    organization_id: str
    provisioner: str
    type: Literal["template_version_import", "template_version_dry_run", "workspace_build"]
    most_state_bytes: int = 0
    silence_seconds: float = 180.0


class AgentConnectionInfo(Struct, kw_only=True):
    derp_force_websockets: bool = True
    derp_map: dict[str, dict[str, str]] | None = None
    disable_direct_connections: bool = True
    hostname_suffix: str = ""


class AgentConnectionTiming(Struct, kw_only=True):
    ended_at: datetime
    stage: str
    started_at: datetime
    workspace_agent_id: str
    workspace_agent_name: str


class AgentGitSSHKey(Struct, kw_only=True):
    private_key: str
    public_key: str


class AgentLogLine(Struct, kw_only=True):
    output: str
    created_at: datetime | None = None
    level: str = "info"


class AgentManifest(Struct, kw_only=True):
    access_url: str
    agent_id: str
    agent_name: str
    apps: list[AgentManifestApp]
    devcontainers: list[AgentManifestDevcontainer]
    directory: str
    display_apps: list[str]
    environment_variables: dict[str, str]
    heartbeat_seconds: int
    metadata: list[AgentManifestMetadata]
    motd_path: str
    owner_email: str
    owner_name: str
    owner_username: str
    parent_id: str | None
    resources_monitoring: AgentManifestMonitoring | None
    scripts: list[WorkspaceAgentScript]
    ssh: AgentManifestSSH
    workspace_id: str
    workspace_name: str


class AgentManifestApp(Struct, kw_only=True):
    health: Literal["disabled", "initializing", "healthy", "unhealthy"]
    healthcheck: AgentManifestHealthcheck
    id: str
    slug: str
    url: str


class AgentManifestDevcontainer(Struct, kw_only=True):
    config_path: str
    id: str
    name: str
    workspace_folder: str


class AgentManifestHealthcheck(Struct, kw_only=True):
    interval: int
    threshold: int
    url: str


class AgentManifestMetadata(Struct, kw_only=True):
    display_name: str
    interval: int
    key: str
    script: str
    timeout: int


class AgentManifestMonitor(Struct, kw_only=True):
    enabled: bool
    threshold: int
    path: str = ""


class AgentManifestMonitoring(Struct, kw_only=True):
    memory: AgentManifestMonitor | None = None
    volumes: list[AgentManifestMonitor] | None = None


class AgentManifestSSH(Struct, kw_only=True):
    client_public_key: str


class AgentScriptTiming(Struct, kw_only=True):
    display_name: str
    ended_at: datetime
    exit_code: int
    stage: str
    started_at: datetime
    status: str
    workspace_agent_id: str
    workspace_agent_name: str


class AgentStats(Struct, kw_only=True):
    connection_count: int = 0
    rx_bytes: int = 0
    session_count_jetbrains: int = 0
    session_count_reconnecting_pty: int = 0
    session_count_ssh: int = 0
    session_count_vscode: int = 0
    tx_bytes: int = 0


class AgentStatsResponse(Struct, kw_only=True):
    report_interval: int


class AppCreationError(Struct, kw_only=True):
    error: str
    index: int
    field_: str | None = field(name="field", default=None)


class ArchiveTemplateVersionsRequest(Struct, kw_only=True):
    all: bool = False


class ArchiveTemplateVersionsResponse(Struct, kw_only=True):
    archived_ids: list[str]
    template_id: str


class AssignableRoles(Struct, kw_only=True):
    assignable: bool
    built_in: bool
    name: str
    organization_member_permissions: list[Permission]
    organization_permissions: list[Permission]
    site_permissions: list[Permission]
    user_permissions: list[Permission]
    display_name: str | None = None
    organization_id: str = ""


class AuditLog(Struct, kw_only=True):
    action: str
    additional_fields: dict[str, Any]
    description: str
    diff: dict[str, Any]
    id: str
    ip: str
    is_deleted: bool
    organization_id: str
    request_id: str
    resource_icon: str
    resource_id: str
    resource_link: str
    resource_target: str
    resource_type: str
    status_code: int
    time: datetime
    user_agent: str
    organization: AuditLogOrganization | None = None
    user: AuditLogUser | None = None


class AuditLogOrganization(Struct, kw_only=True):
    display_name: str
    icon: str
    id: str
    name: str


class AuditLogResponse(Struct, kw_only=True):
    audit_logs: list[AuditLog]
    count: int


class AuditLogUser(Struct, kw_only=True):
    avatar_url: str
    created_at: datetime | None
    email: str
    id: str
    last_seen_at: datetime | None
    login_type: str
    name: str
    status: str
    username: str


class AuthMethod(Struct, kw_only=True):
    enabled: bool


class AuthMethods(Struct, kw_only=True):
    github: GithubAuthMethod
    oidc: OIDCAuthMethod
    password: AuthMethod
    terms_of_service_url: str = ""


class AuthorizationCheck(Struct, kw_only=True):
    action: str
    object: AuthorizationObject


class AuthorizationObject(Struct, kw_only=True):
    resource_type: str
    any_org: bool = False
    organization_id: str = ""
    owner_id: str = ""
    resource_id: str = ""


class AuthorizationRequest(Struct, kw_only=True):
    checks: Annotated[dict[str, AuthorizationCheck], Meta(description="At most 1000 checks, by names of your choice.")]


class AvailableExperiments(Struct, kw_only=True):
    safe: list[str]


class BuildInfoResponse(Struct, kw_only=True):
    agent_api_version: str
    dashboard_url: str
    deployment_id: str
    external_url: str
    provisioner_api_version: str
    telemetry: bool
    upgrade_message: str
    version: str
    workspace_proxy: bool


class BuildInput(Struct, kw_only=True, tag_field="kind", tag="build"):
    build_number: int
    organization: BuildOrganization
    owner: BuildOwner
    template: BuildTemplate
    transition: Literal["start", "stop", "delete"]
    workspace_build_id: str
    workspace_id: str
    workspace_name: str
    agent_tokens: dict[str, str] | None = None
    log_level: str = ""
    may_lack_isolation: bool = False
    previous_parameter_values: list[NamedValue] | None = None
    rich_parameter_values: list[NamedValue] | None = None
    state: str = ""
    variables: list[JobVariableValue] | None = None


class BuildOrganization(Struct, kw_only=True):
    id: str
    name: str


class BuildOwner(Struct, kw_only=True):
    email: str
    groups: list[str]
    id: str
    name: str
    ssh_public_key: str
    username: str
    login_type: str = ""
    oidc_access_token: str = ""
    roles: list[OwnerRole] | None = None
    session_token: str = ""
    ssh_private_key: str = ""


class BuildResult(Struct, kw_only=True):
    is_state_packed: bool = False
    resources: list[ProvisionedResource] | None = None
    state: str = ""
    timings: list[ProvisionedTiming] | None = None


class BuildTemplate(Struct, kw_only=True):
    id: str
    name: str
    version_id: str
    version_name: str


class CSPViolation(Struct, kw_only=True):
    csp_report: dict[str, Any] = field(name="csp-report")


class ChangePasswordWithOneTimePasscodeRequest(Struct, kw_only=True):
    email: str
    one_time_passcode: str
    password: str


class CommitQuotaRequest(Struct, kw_only=True):
    daily_cost: Annotated[int, Meta(ge=0, le=2147483647)]


class CommitQuotaResponse(Struct, kw_only=True):
    budget: int
    credits_consumed: int
    ok: bool


class CompleteJobRequest(Struct, kw_only=True):
    dry_run: DryRunResult | None = None
    sequence: Annotated[int, Meta(ge=0, le=2147483647)] = 0
    template_import: ImportResult | None = None
    workspace_build: BuildResult | None = None


class ConnectionLog(Struct, kw_only=True):
    agent_name: str
    connect_time: datetime
    id: str
    ip: str
    organization: AuditLogOrganization
    type: Literal["ssh", "vscode", "jetbrains", "reconnecting_pty", "workspace_app", "port_forwarding"]
    workspace_id: str
    workspace_name: str
    workspace_owner_id: str
    workspace_owner_username: str
    ssh_info: ConnectionLogSSHInfo | None = None
    web_info: ConnectionLogWebInfo | None = None


class ConnectionLogResponse(Struct, kw_only=True):
    connection_logs: list[ConnectionLog]
    count: int


class ConnectionLogSSHInfo(Struct, kw_only=True):
    connection_id: str
    disconnect_reason: str
    disconnect_time: datetime | None
    exit_code: int | None
    user_agent: str
    user: AuditLogUser | None = None


class ConnectionLogWebInfo(Struct, kw_only=True):
    slug_or_port: str
    status_code: int
    user_agent: str
    user: AuditLogUser | None = None


class ConvertLoginRequest(Struct, kw_only=True):
    password: str
    to_type: str


class CreateFirstUserRequest(Struct, kw_only=True):
    email: str
    password: str
    username: str
    name: str = ""
    trial: bool = False
    trial_info: TrialInfo | None = None


class CreateFirstUserResponse(Struct, kw_only=True):
    organization_id: str
    user_id: str


class CreateGroupRequest(Struct, kw_only=True):
    name: str
    avatar_url: str = ""
    display_name: str = ""
    quota_allowance: Annotated[int, Meta(ge=0, le=2147483647)] = 0


class CreateOrganizationRequest(Struct, kw_only=True):
    name: str
    description: str = ""
    display_name: str = ""
    icon: str = ""


class CreateProvisionerKeyRequest(Struct, kw_only=True):
    name: str
    tags: dict[str, str] | None = None


class CreateProvisionerKeyResponse(Struct, kw_only=True):
    key: str


class CreateSubAgentRequest(Struct, kw_only=True):
    apps: list[SubAgentAppRequest] | None = None
    architecture: str = ""
    directory: str = ""
    display_apps: list[int | str] | None = None
    id: str | None = None
    name: str = ""
    operating_system: str = ""


class CreateSubAgentResponse(Struct, kw_only=True):
    agent: SubAgent
    app_creation_errors: list[AppCreationError]


class CreateTemplateRequest(Struct, kw_only=True):
    name: str
    template_version_id: str
    activity_bump_ms: int | None = None
    allow_user_autostart: bool | None = None
    allow_user_autostop: bool | None = None
    allow_user_cancel_workspace_jobs: bool | None = None
    autostart_requirement: TemplateAutostartRequirement | None = None
    autostop_requirement: TemplateAutostopRequirement | None = None
    cors_behavior: Literal["simple", "passthru"] | None = None
    default_ttl_ms: int | None = None
    delete_ttl_ms: int | None = None
    description: str = ""
    disable_everyone_group_access: bool = False
    display_name: str = ""
    dormant_ttl_ms: int | None = None
    failure_ttl_ms: int | None = None
    icon: str = ""
    max_port_share_level: Literal["owner", "authenticated", "organization", "public"] | None = None
    require_active_version: bool = False
    template_use_classic_parameter_flow: bool | None = None


class CreateTemplateVersionDryRunRequest(Struct, kw_only=True):
    rich_parameter_values: RichParameterValues | RichParameterValues1 | None = None
    user_variable_values: UserVariableValues | UserVariableValues1 | None = None
    workspace_name: str = ""


class CreateTemplateVersionRequest(Struct, kw_only=True):
    provisioner: Literal["terraform", "echo", "process", "container"]
    example_id: str = ""
    file_id: str | None = None
    message: str = ""
    name: str = ""
    storage_method: Literal["file"] = "file"
    tags: dict[str, str] | None = None
    template_id: str | None = None
    user_variable_values: UserVariableValues | UserVariableValues1 | None = None


class CreateTokenRequest(Struct, kw_only=True):
    allow_list: list[APIAllowListTarget] | None = None
    lifetime: int = 0
    scope: str = ""
    scopes: list[str] | None = None
    token_name: str = ""


class CreateUserRequestWithOrgs(Struct, kw_only=True):
    email: str
    username: str
    login_type: Literal["", "password", "github", "oidc", "token", "none"] = ""
    name: str = ""
    organization_ids: list[str] | None = None
    password: str = ""
    user_status: Literal["active", "dormant", "suspended"] | None = None


class CreateWorkspaceBuildRequest(Struct, kw_only=True):
    transition: Literal["start", "stop", "delete"]
    dry_run: bool = False
    log_level: Literal["", "debug"] = ""
    orphan: bool = False
    reason: Literal["", "dashboard", "cli", "ssh_connection", "vscode_connection", "jetbrains_connection"] = ""
    rich_parameter_values: list[WorkspaceBuildParameter] | None = None
    state: str | None = None
    template_version_id: str | None = None
    template_version_preset_id: str | None = None


class CreateWorkspaceRequest(Struct, kw_only=True):
    name: str
    automatic_updates: Literal["", "always", "never"] = ""
    autostart_schedule: str | None = None
    rich_parameter_values: list[WorkspaceBuildParameter] | None = None
    template_id: str | None = None
    template_version_id: str | None = None
    template_version_preset_id: str | None = None
    ttl_ms: int | None = None


class CustomRoleRequest(Struct, kw_only=True):
    name: str
    display_name: str = ""
    organization_id: str = ""
    organization_member_permissions: list[Permission] | None = None
    organization_permissions: list[Permission] | None = None
    site_permissions: list[Permission] | None = None
    user_permissions: list[Permission] | None = None


class DERPReport(Struct, kw_only=True):
    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None
    regions: dict[str, Any] | None = None


class DatabaseReport(Struct, kw_only=True):
    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None
    latency: int = 0
    latency_ms: int = 0
    reachable: bool = False
    threshold_ms: int = 0


class DeclaredVariable(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64, min_length=1)]
    default_value: Annotated[str, Meta(max_length=65536)] = ""
    description: Annotated[str, Meta(max_length=65536)] = ""
    required: bool = False
    sensitive: bool = False
    type: Literal["string", "number", "bool"] = "string"


class DeploymentConfig(Struct, kw_only=True):
    config: dict[str, Any]
    options: list[DeploymentOption]


class DeploymentOption(Struct, kw_only=True):
    default: str
    description: str
    env: str
    flag: str
    group: str
    name: str
    value: Any


class DeviceSignIn(Struct, kw_only=True):
    redirect_url: str


class DryRunInput(Struct, kw_only=True, tag_field="kind", tag="dry_run"):
    template_version_id: str
    workspace_name: str
    rich_parameter_values: list[NamedValue] | None = None
    template_name: str = ""
    variables: list[JobVariableValue] | None = None


class DryRunResult(Struct, kw_only=True):
    resources: list[ProvisionedResource] | None = None


class DynamicParametersRequest(Struct, kw_only=True):
    id: Annotated[int, Meta(ge=-2147483648, le=2147483647)] = 0
    inputs: dict[str, str] | None = None
    owner_id: str | None = None
    workspace_id: str | None = None


class DynamicParametersResponse(Struct, kw_only=True):
    diagnostics: list[FriendlyDiagnostic]
    id: int
    parameters: list[PreviewParameter]


class EndedSessions(Struct, kw_only=True):
    applications: bool
    sessions: int
    tokens: int


class ExternalAPIKeyScopes(Struct, kw_only=True):
    external: list[str]


class ExternalAuthDevice(Struct, kw_only=True):
    device_code: str
    expires_in: int
    interval: int
    user_code: str
    verification_uri: str


class FailJobRequest(Struct, kw_only=True):
    canceled: bool = False
    error: str = ""
    error_code: Literal["", "REQUIRED_TEMPLATE_VARIABLES", "INSUFFICIENT_QUOTA"] = ""
    sequence: Annotated[int, Meta(ge=0, le=2147483647)] = 0
    workspace_build: FailedBuild | None = None


class FailedBuild(Struct, kw_only=True):
    is_state_packed: bool = False
    state: str | None = None


class FieldError(Struct, kw_only=True):
    detail: str
    field_: str = field(name="field")


class FriendlyDiagnostic(Struct, kw_only=True):
    detail: str
    extra: FriendlyDiagnosticExtra
    severity: Literal["error", "warning"]
    summary: str


class FriendlyDiagnosticExtra(Struct, kw_only=True):
    code: str


class GenerateAPIKeyResponse(CreateProvisionerKeyResponse, kw_only=True):
    pass


class GetUserStatusCountsResponse(Struct, kw_only=True):
    status_counts: dict[str, list[UserStatusChangeCount]]


class GetUsersResponse(Struct, kw_only=True):
    count: int
    users: list[User]


class GitSSHKey(Struct, kw_only=True):
    created_at: datetime
    public_key: str
    updated_at: datetime
    user_id: str


class GithubAuthMethod(Struct, kw_only=True):
    default_provider_configured: bool
    enabled: bool


class Group(Struct, kw_only=True):
    avatar_url: str
    display_name: str
    id: str
    members: list[ReducedUser]
    name: str
    organization_display_name: str
    organization_id: str
    organization_name: str
    quota_allowance: int
    source: Literal["user", "oidc"]
    total_member_count: int


class GroupSyncSettings(Struct, kw_only=True):
    auto_create_missing_groups: bool = False
    field_: str = field(name="field", default="")
    legacy_group_name_mapping: dict[str, str] | None = None
    mapping: dict[str, list[str]] | None = None
    regex_filter: str | None = None


class HealthMessage(Struct, kw_only=True):
    code: str
    message: str


class HealthcheckReport(Struct, kw_only=True):
    access_url: AccessURLReport
    coder_version: str
    database: DatabaseReport
    derp: DERPReport
    healthy: bool
    provisioner_daemons: ProvisionerDaemonsReport
    severity: str
    time: datetime
    websocket: WebsocketReport
    workspace_proxy: WorkspaceProxyReport


class IDPSyncMapping(Struct, kw_only=True):
    Gets: str = ""
    Given: str = ""
    gets: str = ""
    given: str = ""


class ImportInput(Struct, kw_only=True, tag_field="kind", tag="import"):
    template_version_id: str
    template_name: str = ""
    variables: list[JobVariableValue] | None = None


class ImportResult(Struct, kw_only=True):
    external_auth: Annotated[list[ProvisionedExternalAuth], Meta(max_length=100)] | None = None
    has_ai_task: bool = False
    has_external_agent: bool = False
    owner_secrets: OwnerSecrets | OwnerSecrets1 | None = None
    parameters: list[ProvisionedParameter] | None = None
    presets: Annotated[list[ProvisionedPreset], Meta(max_length=1000)] | None = None
    readme: Readme | Readme1 | None = None
    start_resources: list[ProvisionedResource] | None = None
    stop_resources: list[ProvisionedResource] | None = None


InstanceId: TypeAlias = Annotated[str, Meta(max_length=256)]


class JobVariableValue(Struct, kw_only=True):
    name: str
    value: str
    sensitive: bool = False


class ListSubAgentsResponse(Struct, kw_only=True):
    agents: list[SubAgent]


class LogLine(Struct, kw_only=True):
    output: str
    created_at: datetime | None = None
    level: Literal["trace", "debug", "info", "warn", "error"] = "info"
    source: Literal["provisioner_daemon", "provisioner"] = "provisioner"
    stage: str = ""


class LoginWithPasswordRequest(Struct, kw_only=True):
    email: str
    password: str


class LoginWithPasswordResponse(Struct, kw_only=True):
    session_token: str


class MatchedProvisioners(Struct, kw_only=True):
    available: int | None = None
    count: int | None = None
    most_recently_seen: datetime | None = None


class MetadataReport(Struct, kw_only=True):
    key: str
    collected_at: datetime | None = None
    error: str = ""
    value: str = ""


class MinimalUser(Struct, kw_only=True):
    id: str
    username: str
    avatar_url: str = ""
    name: str = ""


class NamedValue(Struct, kw_only=True):
    name: str
    value: str


class NullHCLString(Struct, kw_only=True):
    valid: bool
    value: str


class OAuth2AppEndpoints(Struct, kw_only=True):
    authorization: str
    device_authorization: str
    token: str
    token_revoke: str


class OAuth2AuthorizationServerMetadata(Struct, kw_only=True):
    authorization_endpoint: str
    authorization_response_iss_parameter_supported: bool
    code_challenge_methods_supported: list[str]
    device_authorization_endpoint: str
    grant_types_supported: list[str]
    introspection_endpoint: str
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    issuer: str
    protected_resources: list[str]
    response_modes_supported: list[str]
    response_types_supported: list[str]
    revocation_endpoint: str
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    scopes_supported: list[str]
    token_endpoint: str
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    client_id_metadata_document_supported: bool = False
    registration_endpoint: str = ""


class OAuth2ClientInformation(Struct, kw_only=True):
    application_type: str
    client_id: str
    client_id_issued_at: int
    client_name: str
    grant_types: list[str]
    redirect_uris: list[str]
    registration_access_token: str
    registration_client_uri: str
    response_types: list[str]
    token_endpoint_auth_method: str
    client_secret: str = ""
    client_secret_expires_at: int | None = None
    client_uri: str = ""
    contacts: list[str] | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    scope: str = ""
    software_id: str = ""
    software_version: str = ""
    tos_uri: str = ""


class OAuth2DeviceResponse(Struct, kw_only=True):
    device_code: str
    expires_in: int
    interval: int
    user_code: str
    verification_uri: str
    verification_uri_complete: str


class OAuth2ErrorBody(Struct, kw_only=True):
    error: str
    error_description: str


class OAuth2IntrospectionResponse(Struct, kw_only=True):
    active: bool
    aud: str = ""
    client_id: str = ""
    exp: int = 0
    iat: int = 0
    iss: str = ""
    scope: str = ""
    sub: str = ""
    token_type: str = ""
    username: str = ""


class OAuth2ProtectedResourceMetadata(Struct, kw_only=True):
    authorization_servers: list[str]
    bearer_methods_supported: list[str]
    resource: str
    resource_name: str
    scopes_supported: list[str]


class OAuth2ProviderApp(Struct, kw_only=True):
    callback_url: str
    client_id: str
    client_type: str
    created_at: datetime
    dynamically_registered: bool
    endpoints: OAuth2AppEndpoints
    grant_types: list[str]
    icon: str
    id: str
    kind: str
    name: str
    redirect_uris: list[str]
    token_endpoint_auth_method: str
    updated_at: datetime
    client_uri: str = ""
    jwks_uri: str = ""
    last_used_at: datetime | None = None
    scope: str = ""
    scope_limit: str = ""
    service_user_id: str | None = None


class OAuth2ProviderAppSecret(Struct, kw_only=True):
    client_secret_truncated: str
    id: str
    last_used_at: datetime | None = None


class OAuth2ProviderAppSecretFull(Struct, kw_only=True):
    client_secret_full: str
    id: str


class OAuth2ProviderGrant(Struct, kw_only=True):
    app_id: str
    client_id: str
    client_kind: str
    client_name: str
    client_type: str
    created_at: datetime
    id: str
    redirect_hosts: list[str]
    resource: str
    scopes: list[str]
    updated_at: datetime
    user_id: str
    username: str
    last_used_at: datetime | None = None


class OAuth2ProviderSettings(Struct, kw_only=True):
    dynamic_client_registration_enabled: bool


class OAuth2TokenResponse(Struct, kw_only=True):
    access_token: str
    expires_in: int
    expiry: datetime
    scope: str
    token_type: str
    refresh_token: str = ""


class OAuthConversionResponse(Struct, kw_only=True):
    expires_at: datetime
    state_string: str
    to_type: str
    user_id: str


class OIDCAuthMethod(Struct, kw_only=True):
    enabled: bool
    iconUrl: str = ""
    signInText: str = ""


class Organization(Struct, kw_only=True):
    created_at: datetime
    description: str
    display_name: str
    icon: str
    id: str
    is_default: bool
    name: str
    updated_at: datetime
    deleted: bool | None = None


class OrganizationMember(Struct, kw_only=True):
    created_at: datetime
    organization_id: str
    roles: list[SlimRole]
    updated_at: datetime
    user_id: str


class OrganizationMemberWithUserData(Struct, kw_only=True):
    avatar_url: str
    created_at: datetime
    email: str
    global_roles: list[SlimRole]
    name: str
    organization_id: str
    roles: list[SlimRole]
    updated_at: datetime
    user_id: str
    username: str


class OrganizationSyncSettings(Struct, kw_only=True):
    field_: str = field(name="field", default="")
    mapping: dict[str, list[str]] | None = None
    organization_assign_default: bool = False


class OwnerRole(Struct, kw_only=True):
    name: str
    organization_id: str = ""


OwnerSecrets: TypeAlias = Annotated[list[str], Meta(max_length=100)]


class PaginatedMembersResponse(Struct, kw_only=True):
    count: int
    members: list[OrganizationMemberWithUserData]


class PatchAppStatus(Struct, kw_only=True):
    app_slug: str
    message: str
    state: Literal["working", "idle", "complete", "failure"]
    icon: str = ""
    needs_user_attention: bool = False
    uri: str = ""


class PatchGroupIDPSyncConfigRequest(Struct, kw_only=True):
    auto_create_missing_groups: bool = False
    field_: str = field(name="field", default="")
    regex_filter: str | None = None


class PatchGroupIDPSyncMappingRequest(Struct, kw_only=True):
    Add: list[IDPSyncMapping] | None = None
    Remove: list[IDPSyncMapping] | None = None
    add: list[IDPSyncMapping] | None = None
    remove: list[IDPSyncMapping] | None = None


class PatchGroupRequest(Struct, kw_only=True):
    add_users: list[str] | None = None
    avatar_url: str | None = None
    display_name: str | None = None
    name: str = ""
    quota_allowance: int | None = None
    remove_users: list[str] | None = None


class PatchLogs(Struct, kw_only=True):
    logs: list[AgentLogLine]
    log_source_id: str = "00000000-0000-0000-0000-000000000000"


class PatchOrganizationIDPSyncConfigRequest(Struct, kw_only=True):
    assign_default: bool = False
    field_: str = field(name="field", default="")


class PatchOrganizationIDPSyncMappingRequest(PatchGroupIDPSyncMappingRequest, kw_only=True):
    pass


class PatchRoleIDPSyncConfigRequest(Struct, kw_only=True):
    field_: str = field(name="field", default="")


class PatchRoleIDPSyncMappingRequest(PatchGroupIDPSyncMappingRequest, kw_only=True):
    pass


class PatchTemplateVersionRequest(Struct, kw_only=True):
    message: str | None = None
    name: str | None = None


class Permission(Struct, kw_only=True):
    action: str
    resource_type: str
    negate: bool = False


class PostAppHealthRequest(Struct, kw_only=True):
    healths: dict[str, Literal["disabled", "initializing", "healthy", "unhealthy"]]


class PostLifecycleRequest(Struct, kw_only=True):
    state: Literal[
        "created",
        "starting",
        "start_timeout",
        "start_error",
        "ready",
        "shutting_down",
        "shutdown_timeout",
        "shutdown_error",
        "off",
    ]
    changed_at: datetime | None = None


class PostLogSourceRequest(Struct, kw_only=True):
    display_name: str
    id: str
    icon: str = ""


class PostMetadataRequest(Struct, kw_only=True):
    metadata: list[MetadataReport]


class PostOAuth2ProviderAppRequest(Struct, kw_only=True):
    name: str
    callback_url: str = ""
    client_type: str = "confidential"
    client_uri: str = ""
    grant_types: list[str] | None = None
    icon: str = ""
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""
    redirect_uris: list[str] | None = None
    scope: str = ""
    service_organization: str = ""
    service_user: str = ""
    token_endpoint_auth_method: str = ""


class PostStartupRequest(Struct, kw_only=True):
    version: str
    architecture: str = ""
    expanded_directory: str = ""
    operating_system: str = ""
    ssh_host_key: str = ""
    subsystems: list[str] | None = None


class PostWorkspaceUsageRequest(Struct, kw_only=True):
    agent_id: str | None = None
    app_name: Literal["vscode", "jetbrains", "reconnecting-pty", "ssh"] | Literal[""] = ""


class PrebuildSchedule(Struct, kw_only=True):
    cron: Annotated[str, Meta(max_length=256)]
    instances: Annotated[int, Meta(ge=0, le=2147483647)]


class Preset(Struct, kw_only=True):
    Default: bool
    Description: str
    ID: str
    Icon: str
    Name: str
    Parameters: list[PresetParameter]
    DesiredPrebuildInstances: int | None = None


class PresetParameter(Struct, kw_only=True):
    Name: str
    Value: str


class PresetValue(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=256)]
    value: Annotated[str, Meta(max_length=65536)]


class PreviewParameter(Struct, kw_only=True):
    default_value: NullHCLString
    description: str
    diagnostics: list[FriendlyDiagnostic]
    display_name: str
    ephemeral: bool
    form_type: str
    icon: str
    mutable: bool
    name: str
    options: list[PreviewParameterOption]
    order: int
    required: bool
    styling: PreviewParameterStyling
    type: Literal["string", "number", "bool", "list(string)"]
    validations: list[PreviewParameterValidation]
    value: NullHCLString


class PreviewParameterOption(Struct, kw_only=True):
    description: str
    icon: str
    name: str
    value: NullHCLString


class PreviewParameterStyling(Struct, kw_only=True):
    disabled: bool | None = None
    label: str | None = None
    mask_input: bool | None = None
    placeholder: str | None = None


class PreviewParameterValidation(Struct, kw_only=True):
    validation_error: str
    validation_max: int | None
    validation_min: int | None
    validation_monotonic: str | None
    validation_regex: str | None


class ProvisionedAgent(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64, min_length=1)]
    api_key_scope: Literal["all", "no_user_data"] = "all"
    apps: list[ProvisionedApp] | None = None
    architecture: Annotated[str, Meta(max_length=256)] = ""
    connection_timeout_seconds: Annotated[int, Meta(ge=0, le=2147483647)] = 120
    devcontainers: list[ProvisionedDevcontainer] | None = None
    directory: Annotated[str, Meta(max_length=65536)] = ""
    display_apps: list[str] | None = None
    env: dict[str, str] | None = None
    instance_id: InstanceId | InstanceId1 | None = None
    metadata: list[ProvisionedAgentMetadata] | None = None
    motd_file: Annotated[str, Meta(max_length=65536)] = ""
    operating_system: Annotated[str, Meta(max_length=256)] = ""
    order: Annotated[int, Meta(ge=-2147483648, le=2147483647)] = 0
    resources_monitoring: ProvisionedMonitoring | None = None
    scripts: list[ProvisionedScript] | None = None
    token: Token | Token1 | None = None
    troubleshooting_url: Annotated[str, Meta(max_length=65536)] = ""


class ProvisionedAgentMetadata(Struct, kw_only=True):
    display_name: Annotated[str, Meta(max_length=256)]
    key: Annotated[str, Meta(max_length=256)]
    script: Annotated[str, Meta(max_length=65536)]
    interval: Annotated[int, Meta(ge=0, le=2147483647)] = 0
    order: Annotated[int, Meta(ge=-2147483648, le=2147483647)] = 0
    timeout: Annotated[int, Meta(ge=0, le=2147483647)] = 0


class ProvisionedApp(Struct, kw_only=True):
    slug: Annotated[str, Meta(max_length=64, min_length=1)]
    command: Annotated[str, Meta(max_length=65536)] = ""
    display_name: Annotated[str, Meta(max_length=256)] = ""
    external: bool = False
    group: Annotated[str, Meta(max_length=256)] = ""
    healthcheck: ProvisionedHealthcheck | None = None
    hidden: bool = False
    icon: Annotated[str, Meta(max_length=256)] = ""
    open_in: Literal["slim-window", "tab"] = "slim-window"
    order: Annotated[int, Meta(ge=-2147483648, le=2147483647)] = 0
    share: Literal["owner", "authenticated", "organization", "public"] = "owner"
    subdomain: bool = False
    tooltip: Annotated[str, Meta(max_length=65536)] = ""
    url: Annotated[str, Meta(max_length=65536)] = ""


class ProvisionedDevcontainer(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64, min_length=1)]
    workspace_folder: Annotated[str, Meta(max_length=65536)]
    config_path: Annotated[str, Meta(max_length=65536)] = ""


class ProvisionedExternalAuth(Struct, kw_only=True):
    id: Annotated[str, Meta(max_length=256)]
    optional: bool = False


class ProvisionedHealthcheck(Struct, kw_only=True):
    interval: Annotated[int, Meta(ge=0, le=2147483647)]
    threshold: Annotated[int, Meta(ge=0, le=2147483647)]
    url: Annotated[str, Meta(max_length=65536)]


class ProvisionedMetadata(Struct, kw_only=True):
    key: Annotated[str, Meta(max_length=256)]
    sensitive: bool = False
    value: Value | Value1 | None = None


class ProvisionedMonitor(Struct, kw_only=True):
    enabled: bool = True
    path: Annotated[str, Meta(max_length=65536)] = ""
    threshold: Annotated[int, Meta(ge=0, le=100)] = 80


class ProvisionedMonitoring(Struct, kw_only=True):
    memory: ProvisionedMonitor | None = None
    volumes: Annotated[list[ProvisionedMonitor], Meta(max_length=64)] | None = None


class ProvisionedOption(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=256)]
    value: Annotated[str, Meta(max_length=65536)]
    description: Annotated[str, Meta(max_length=65536)] = ""
    icon: Annotated[str, Meta(max_length=256)] = ""


class ProvisionedParameter(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64, min_length=1)]
    default_value: Annotated[str, Meta(max_length=65536)] = ""
    description: Annotated[str, Meta(max_length=65536)] = ""
    display_name: Annotated[str, Meta(max_length=256)] = ""
    ephemeral: bool = False
    form_type: Annotated[str, Meta(max_length=256)] = ""
    icon: Annotated[str, Meta(max_length=256)] = ""
    mutable: bool = True
    options: list[ProvisionedOption] | None = None
    order: Annotated[int, Meta(ge=-2147483648, le=2147483647)] = 0
    required: bool = True
    styling: ProvisionedStyling | None = None
    type: Literal["string", "number", "bool", "list(string)"] = "string"
    validation_error: Annotated[str, Meta(max_length=65536)] = ""
    validation_max: ValidationMax | ValidationMax1 | None = None
    validation_min: ValidationMin | ValidationMin1 | None = None
    validation_monotonic: Literal["", "increasing", "decreasing"] = ""
    validation_regex: Annotated[str, Meta(max_length=65536)] = ""


class ProvisionedPrebuilds(Struct, kw_only=True):
    instances: Annotated[int, Meta(ge=0, le=2147483647)]
    schedules: Annotated[list[PrebuildSchedule], Meta(max_length=100)] | None = None
    timezone: Annotated[str, Meta(max_length=256)] = ""
    ttl_seconds: Annotated[int, Meta(ge=0, le=2147483647)] = 0


class ProvisionedPreset(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=256)]
    default: bool = False
    description: Annotated[str, Meta(max_length=65536)] = ""
    icon: Annotated[str, Meta(max_length=256)] = ""
    parameters: Annotated[list[PresetValue], Meta(max_length=1000)] | None = None
    prebuilds: ProvisionedPrebuilds | None = None


class ProvisionedResource(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=256)]
    type: Annotated[str, Meta(max_length=256)]
    agents: list[ProvisionedAgent] | None = None
    daily_cost: Annotated[int, Meta(ge=0, le=2147483647)] = 0
    hide: bool = False
    icon: Annotated[str, Meta(max_length=256)] = ""
    instance_type: Annotated[str, Meta(max_length=256)] = ""
    metadata: list[ProvisionedMetadata] | None = None
    module_path: Annotated[str, Meta(max_length=256)] = ""


class ProvisionedScript(Struct, kw_only=True):
    display_name: Annotated[str, Meta(max_length=256)]
    script: Annotated[str, Meta(max_length=65536)]
    cron: Annotated[str, Meta(max_length=256)] = ""
    icon: Annotated[str, Meta(max_length=256)] = ""
    log_path: Annotated[str, Meta(max_length=256)] = ""
    run_on_start: bool = False
    run_on_stop: bool = False
    start_blocks_login: bool = False
    timeout: Annotated[int, Meta(ge=0, le=2147483647)] = 0


class ProvisionedStyling(Struct, kw_only=True):
    disabled: bool | None = None
    label: Label | Label1 | None = None
    mask_input: bool | None = None
    placeholder: Placeholder | Placeholder1 | None = None


class ProvisionedTiming(Struct, kw_only=True):
    ended_at: datetime
    stage: Annotated[str, Meta(max_length=256)]
    started_at: datetime
    action: Annotated[str, Meta(max_length=256)] = ""
    resource: Annotated[str, Meta(max_length=256)] = ""
    source: Annotated[str, Meta(max_length=256)] = ""


class ProvisionerDaemon(Struct, kw_only=True):
    api_version: str
    created_at: datetime
    id: str
    key_id: str
    name: str
    organization_id: str
    provisioners: list[str]
    tags: dict[str, str]
    version: str
    current_job: ProvisionerDaemonJob | None = None
    isolation: Literal["", "none", "bubblewrap"] = ""
    key_name: str | None = None
    last_seen_at: datetime | None = None
    previous_job: ProvisionerDaemonJob | None = None
    status: Literal["offline", "idle", "busy"] | None = None


class ProvisionerDaemonJob(Struct, kw_only=True):
    id: str
    status: Literal["pending", "running", "succeeded", "canceling", "canceled", "failed", "unknown"]
    template_display_name: str
    template_icon: str
    template_name: str


class ProvisionerDaemonsReport(Struct, kw_only=True):
    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None
    items: list[dict[str, Any]] | None = None


class ProvisionerJob(Struct, kw_only=True):
    created_at: datetime
    file_id: str
    id: str
    initiator_id: str
    input: ProvisionerJobInput
    logs_overflowed: bool
    metadata: ProvisionerJobMetadata
    organization_id: str
    queue_position: int
    queue_size: int
    status: Literal["pending", "running", "succeeded", "canceling", "canceled", "failed", "unknown"]
    tags: dict[str, str]
    type: Literal["template_version_import", "template_version_dry_run", "workspace_build"]
    available_workers: list[str] | None = None
    canceled_at: datetime | None = None
    completed_at: datetime | None = None
    error: str = ""
    error_code: str = ""
    started_at: datetime | None = None
    wait: ProvisionerJobWait | None = None
    worker_id: str | None = None
    worker_name: str = ""


class ProvisionerJobInput(Struct, kw_only=True):
    error: str = ""
    template_version_id: str | None = None
    workspace_build_id: str | None = None


class ProvisionerJobLog(Struct, kw_only=True):
    created_at: datetime
    id: int
    log_level: Literal["trace", "debug", "info", "warn", "error"]
    log_source: Literal["provisioner_daemon", "provisioner"]
    output: str
    stage: str


class ProvisionerJobMetadata(Struct, kw_only=True):
    template_display_name: str | None = None
    template_icon: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    template_version_name: str | None = None
    workspace_id: str | None = None
    workspace_name: str = ""


class ProvisionerJobWait(Struct, kw_only=True):
    message: str
    reason: Literal["no_daemons", "none_alive", "engine", "tags", "busy", "next"]
    ahead: int = 0
    missing_tags: dict[str, str] | None = None


class ProvisionerKey(Struct, kw_only=True):
    created_at: datetime
    id: str
    name: str
    organization: str
    tags: dict[str, str]


class ProvisionerKeyDaemons(Struct, kw_only=True):
    daemons: list[ProvisionerDaemon]
    key: ProvisionerKey


class ProvisionerTiming(Struct, kw_only=True):
    action: str
    ended_at: datetime
    job_id: str
    resource: str
    source: str
    stage: str
    started_at: datetime


class PutExtendWorkspaceRequest(Struct, kw_only=True):
    deadline: datetime


class PutOAuth2ProviderAppRequest(Struct, kw_only=True):
    name: str
    callback_url: str = ""
    client_uri: str | None = None
    grant_types: list[str] | None = None
    icon: str = ""
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    redirect_uris: list[str] | None = None
    scope: str | None = None
    service_organization: str = ""
    service_user: str | None = None
    token_endpoint_auth_method: str | None = None


class PutOAuth2ProviderSettingsRequest(Struct, kw_only=True):
    dynamic_client_registration_enabled: bool | None = None


Readme: TypeAlias = Annotated[str, Meta(max_length=1048576)]
Readme2: TypeAlias = Readme


class ReducedUser(Struct, kw_only=True):
    avatar_url: str
    created_at: datetime
    email: str
    id: str
    last_seen_at: datetime
    login_type: str
    name: str
    status: Literal["active", "dormant", "suspended"]
    updated_at: datetime
    username: str
    theme_preference: str = ""


class RequestOneTimePasscodeRequest(Struct, kw_only=True):
    email: str


class ResolveAutostartResponse(Struct, kw_only=True):
    parameter_mismatch: bool


class ResourceMetadata(Struct, kw_only=True):
    key: str
    sensitive: bool
    value: str


class Response(Struct, kw_only=True):
    message: str
    detail: str = ""
    validations: list[FieldError] | None = None


RichParameterValues1: TypeAlias = None
InstanceId1: TypeAlias = RichParameterValues1
Label1: TypeAlias = RichParameterValues1
OwnerSecrets1: TypeAlias = RichParameterValues1
Placeholder1: TypeAlias = RichParameterValues1
Readme1: TypeAlias = RichParameterValues1
Readme3: TypeAlias = RichParameterValues1


class Role(Struct, kw_only=True):
    name: str
    organization_member_permissions: list[Permission]
    organization_permissions: list[Permission]
    site_permissions: list[Permission]
    user_permissions: list[Permission]
    display_name: str | None = None
    organization_id: str = ""


class RoleSyncSettings(Struct, kw_only=True):
    field_: str = field(name="field", default="")
    mapping: dict[str, list[str]] | None = None


class SSHConfigResponse(Struct, kw_only=True):
    hostname_prefix: str
    hostname_suffix: str
    ssh_config_options: dict[str, str]


class ScriptTimingRequest(Struct, kw_only=True):
    ended_at: datetime
    exit_code: int
    script_id: str
    stage: Literal["start", "stop", "cron"]
    started_at: datetime
    status: Literal["ok", "exit_failure", "timed_out", "pipes_left_open"]


class SharedWorkspaceActor(Struct, kw_only=True):
    actor_type: Literal["group", "user"]
    avatar_url: str
    id: str
    name: str
    roles: list[str]


class SlimRole(Struct, kw_only=True):
    display_name: str
    name: str
    organization_id: str = ""


class SubAgent(Struct, kw_only=True):
    auth_token: str
    id: str
    name: str


class SubAgentAppHealthcheck(Struct, kw_only=True):
    interval: int = 0
    threshold: int = 0
    url: str = ""


class SubAgentAppRequest(Struct, kw_only=True):
    slug: str
    command: str = ""
    display_name: str = ""
    external: bool = False
    group: str = ""
    healthcheck: SubAgentAppHealthcheck | None = None
    hidden: bool = False
    icon: str = ""
    open_in: int | str = 0
    order: int = 0
    share: int | str = 0
    subdomain: bool = False
    url: str = ""


class Template(Struct, kw_only=True):
    active_user_count: int
    active_version_id: str
    activity_bump_ms: int
    allow_user_autostart: bool
    allow_user_autostop: bool
    allow_user_cancel_workspace_jobs: bool
    autostart_requirement: TemplateAutostartRequirement
    autostop_requirement: TemplateAutostopRequirement
    build_time_stats: dict[str, TransitionStats]
    cors_behavior: Literal["simple", "passthru"]
    created_at: datetime
    created_by_id: str
    created_by_name: str
    default_ttl_ms: int
    deprecated: bool
    deprecation_message: str
    description: str
    display_name: str
    failure_ttl_ms: int
    icon: str
    id: str
    max_port_share_level: Literal["owner", "authenticated", "organization", "public"]
    name: str
    organization_display_name: str
    organization_icon: str
    organization_id: str
    organization_name: str
    provisioner: str
    require_active_version: bool
    time_til_dormant_autodelete_ms: int
    time_til_dormant_ms: int
    updated_at: datetime
    use_classic_parameter_flow: bool


class TemplateACL(Struct, kw_only=True):
    group: list[TemplateGroup]
    users: list[TemplateUser]


class TemplateAutostartRequirement(Struct, kw_only=True):
    days_of_week: list[str] | None = None


class TemplateAutostopRequirement(Struct, kw_only=True):
    days_of_week: list[str] | None = None
    weeks: int = 0


class TemplateExample(Struct, kw_only=True):
    description: str
    icon: str
    id: str
    markdown: str
    name: str
    tags: list[str]
    url: str


class TemplateGroup(Struct, kw_only=True):
    avatar_url: str
    display_name: str
    id: str
    members: list[ReducedUser]
    name: str
    organization_display_name: str
    organization_id: str
    organization_name: str
    quota_allowance: int
    role: Literal["admin", "use", ""]
    source: Literal["user", "oidc"]
    total_member_count: int


class TemplateUser(Struct, kw_only=True):
    avatar_url: str
    created_at: datetime
    email: str
    id: str
    last_seen_at: datetime
    login_type: str
    name: str
    organization_ids: list[str]
    role: Literal["admin", "use", ""]
    roles: list[SlimRole]
    status: Literal["active", "dormant", "suspended"]
    updated_at: datetime
    username: str
    theme_preference: str = ""


class TemplateVersion(Struct, kw_only=True):
    archived: bool
    created_at: datetime
    created_by: MinimalUser
    has_external_agent: bool
    id: str
    job: ProvisionerJob
    message: str
    name: str
    readme: str
    updated_at: datetime
    matched_provisioners: MatchedProvisioners | None = None
    organization_id: str | None = None
    template_id: str | None = None
    warnings: list[Literal["UNSUPPORTED_WORKSPACES", "DEPRECATED_PARAMETERS"]] | None = None


class TemplateVersionExternalAuth(Struct, kw_only=True):
    authenticate_url: str
    authenticated: bool
    display_icon: str
    display_name: str
    id: str
    type: str
    optional: bool = False


class TemplateVersionParameter(Struct, kw_only=True):
    default_value: str
    description: str
    description_plaintext: str
    ephemeral: bool
    form_type: str
    icon: str
    mutable: bool
    name: str
    options: list[TemplateVersionParameterOption]
    required: bool
    type: Literal["string", "number", "bool", "list(string)"]
    display_name: str = ""
    validation_error: str = ""
    validation_max: int | None = None
    validation_min: int | None = None
    validation_monotonic: str = ""
    validation_regex: str = ""


class TemplateVersionParameterOption(Struct, kw_only=True):
    description: str
    icon: str
    name: str
    value: str


class TemplateVersionVariable(Struct, kw_only=True):
    default_value: str
    description: str
    name: str
    required: bool
    sensitive: bool
    type: str
    value: str


Token: TypeAlias = InstanceId
Token1: TypeAlias = RichParameterValues1


class TokenConfig(Struct, kw_only=True):
    max_token_lifetime: int


class TransitionStats(Struct, kw_only=True):
    p50: int | None = None
    p95: int | None = None


class TrialInfo(Struct, kw_only=True):
    company_name: str = ""
    country: str = ""
    developers: str = ""
    first_name: str = ""
    job_title: str = ""
    last_name: str = ""
    phone_number: str = ""


class UpdateActiveTemplateVersion(Struct, kw_only=True):
    id: str


class UpdateCheckResponse(Struct, kw_only=True):
    current: bool
    url: str
    version: str


class UpdateJobRequest(Struct, kw_only=True):
    logs: Annotated[list[LogLine], Meta(max_length=10000)] | None = None
    readme: Readme2 | Readme3 | None = None
    sequence: Annotated[int, Meta(ge=0, le=2147483647)] = 0
    variables: Variables | Variables1 | None = None


class UpdateJobResponse(Struct, kw_only=True):
    canceled: bool
    force: bool
    variable_values: list[JobVariableValue] | None = None


class UpdateOrganizationRequest(Struct, kw_only=True):
    description: str | None = None
    display_name: str | None = None
    icon: str | None = None
    name: str | None = None


class UpdateRoles(Struct, kw_only=True):
    roles: list[str]


class UpdateTemplateACL(Struct, kw_only=True):
    group_perms: dict[str, Literal["admin", "use", ""]] | None = None
    user_perms: dict[str, Literal["admin", "use", ""]] | None = None


class UpdateTemplateMeta(Struct, kw_only=True):
    activity_bump_ms: int | None = None
    allow_user_autostart: bool | None = None
    allow_user_autostop: bool | None = None
    allow_user_cancel_workspace_jobs: bool | None = None
    autostart_requirement: TemplateAutostartRequirement | None = None
    autostop_requirement: TemplateAutostopRequirement | None = None
    cors_behavior: Literal["simple", "passthru"] | None = None
    default_ttl_ms: int | None = None
    deprecation_message: str | None = None
    description: str | None = None
    disable_everyone_group_access: bool | None = None
    display_name: str | None = None
    failure_ttl_ms: int | None = None
    icon: str | None = None
    max_port_share_level: Literal["owner", "authenticated", "organization", "public"] | None = None
    name: str | None = None
    require_active_version: bool | None = None
    time_til_dormant_autodelete_ms: int | None = None
    time_til_dormant_ms: int | None = None
    update_workspace_dormant_at: bool = False
    update_workspace_last_used_at: bool = False
    use_classic_parameter_flow: bool | None = None


class UpdateUserAppearanceSettingsRequest(Struct, kw_only=True):
    theme_preference: str
    terminal_font: Literal["", "ibm-plex-mono", "fira-code", "source-code-pro", "jetbrains-mono"] = ""


class UpdateUserPasswordRequest(Struct, kw_only=True):
    password: str
    old_password: str = ""


class UpdateUserProfileRequest(Struct, kw_only=True):
    username: str
    name: str = ""


class UpdateUserQuietHoursScheduleRequest(Struct, kw_only=True):
    schedule: str


class UpdateWorkspaceAutomaticUpdatesRequest(Struct, kw_only=True):
    automatic_updates: Literal["always", "never"]


class UpdateWorkspaceAutostartRequest(Struct, kw_only=True):
    schedule: str | None = None


class UpdateWorkspaceBuildStateRequest(Struct, kw_only=True):
    state: str


class UpdateWorkspaceDormancy(Struct, kw_only=True):
    dormant: bool


class UpdateWorkspaceRequest(Struct, kw_only=True):
    name: str = ""


class UpdateWorkspaceTTLRequest(Struct, kw_only=True):
    ttl_ms: int | None = None


class UploadResponse(Struct, kw_only=True):
    hash: str


class User(Struct, kw_only=True):
    avatar_url: str
    created_at: datetime
    email: str
    id: str
    last_seen_at: datetime
    login_type: str
    name: str
    organization_ids: list[str]
    roles: list[SlimRole]
    status: Literal["active", "dormant", "suspended"]
    updated_at: datetime
    username: str
    theme_preference: str = ""


class UserAppearanceSettings(Struct, kw_only=True):
    terminal_font: Literal["", "ibm-plex-mono", "fira-code", "source-code-pro", "jetbrains-mono"]
    theme_preference: str


class UserLoginType(Struct, kw_only=True):
    login_type: str


class UserQuietHoursScheduleResponse(Struct, kw_only=True):
    next: datetime
    raw_schedule: str
    time: str
    timezone: str
    user_can_set: bool
    user_set: bool


class UserRoles(Struct, kw_only=True):
    organization_roles: dict[str, list[str]]
    roles: list[str]


class UserSession(Struct, kw_only=True):
    created_at: datetime
    expires_at: datetime
    id: str
    ip_address: str
    is_current: bool
    kind: Literal["session", "token"]
    last_used: datetime | None
    login_type: str
    scopes: list[str]
    token_name: str


class UserStatusChangeCount(Struct, kw_only=True):
    count: int
    date: datetime


UserVariableValues1: TypeAlias = RichParameterValues1


class ValidateUserPasswordRequest(Struct, kw_only=True):
    password: str


class ValidateUserPasswordResponse(Struct, kw_only=True):
    details: str
    valid: bool


ValidationMax: TypeAlias = Annotated[int, Meta(ge=-9223372036854775808, le=9223372036854775807)]
ValidationMax1: TypeAlias = RichParameterValues1
ValidationMin: TypeAlias = ValidationMax
ValidationMin1: TypeAlias = RichParameterValues1
Value: TypeAlias = Annotated[str, Meta(max_length=65536)]
Label: TypeAlias = Value
Placeholder: TypeAlias = Value
Value1: TypeAlias = RichParameterValues1


class VariableValue(Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64, min_length=1)]
    value: Annotated[str, Meta(max_length=65536)]


RichParameterValues: TypeAlias = Annotated[list[VariableValue], Meta(max_length=1000)]
UserVariableValues: TypeAlias = RichParameterValues
Variables: TypeAlias = Annotated[list[DeclaredVariable], Meta(max_length=1000)]
Variables1: TypeAlias = RichParameterValues1


class WebsocketReport(Struct, kw_only=True):
    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    body: str = ""
    code: int = 0
    error: str | None = None


class Workspace(Struct, kw_only=True):
    allow_renames: bool
    automatic_updates: Literal["always", "never"]
    autostart_schedule: str | None
    created_at: datetime
    deleting_at: datetime | None
    dormant_at: datetime | None
    favorite: bool
    health: WorkspaceHealth
    id: str
    is_prebuild: bool
    last_used_at: datetime
    latest_app_status: WorkspaceAppStatus | None
    latest_build: WorkspaceBuild
    name: str
    next_start_at: datetime | None
    organization_id: str
    organization_name: str
    outdated: bool
    owner_avatar_url: str
    owner_id: str
    owner_name: str
    template_active_version_id: str
    template_allow_user_cancel_workspace_jobs: bool
    template_display_name: str
    template_icon: str
    template_id: str
    template_name: str
    template_require_active_version: bool
    template_use_classic_parameter_flow: bool
    ttl_ms: int | None
    updated_at: datetime
    shared_with: list[SharedWorkspaceActor] | None = None
    task_id: str | None = None


class WorkspaceAgent(Struct, kw_only=True):
    api_version: str
    apps: list[WorkspaceApp]
    architecture: str
    connection_timeout_seconds: int
    created_at: datetime
    directory: str
    disconnected_at: datetime | None
    display_apps: list[str]
    environment_variables: dict[str, str]
    expanded_directory: str
    first_connected_at: datetime | None
    health: WorkspaceAgentHealth
    id: str
    instance_id: str | None
    last_connected_at: datetime | None
    latency: dict[str, WorkspaceAgentLatency]
    lifecycle_state: Literal[
        "created",
        "starting",
        "start_timeout",
        "start_error",
        "ready",
        "shutting_down",
        "shutdown_timeout",
        "shutdown_error",
        "off",
    ]
    log_sources: list[WorkspaceAgentLogSource]
    logs_length: int
    logs_overflowed: bool
    name: str
    operating_system: str
    parent_id: str | None
    ready_at: datetime | None
    resource_id: str
    scripts: list[WorkspaceAgentScript]
    started_at: datetime | None
    startup_script_behavior: str
    status: Literal["connecting", "connected", "disconnected", "timeout"]
    subsystems: list[str]
    troubleshooting_url: str
    updated_at: datetime
    version: str


class WorkspaceAgentHealth(Struct, kw_only=True):
    healthy: bool
    reason: str = ""


class WorkspaceAgentLatency(Struct, kw_only=True):
    latency_ms: float
    preferred: bool


class WorkspaceAgentListeningPort(Struct, kw_only=True):
    network: str
    port: int
    process_name: str


class WorkspaceAgentListeningPortsResponse(Struct, kw_only=True):
    ports: list[WorkspaceAgentListeningPort]


class WorkspaceAgentLog(Struct, kw_only=True):
    created_at: datetime
    id: int
    level: str
    output: str
    source_id: str


class WorkspaceAgentLogSource(Struct, kw_only=True):
    created_at: datetime
    display_name: str
    icon: str
    id: str
    workspace_agent_id: str


class WorkspaceAgentScript(Struct, kw_only=True):
    cron: str
    display_name: str
    id: str
    log_path: str
    log_source_id: str
    run_on_start: bool
    run_on_stop: bool
    script: str
    start_blocks_login: bool
    timeout: int


class WorkspaceApp(Struct, kw_only=True):
    command: str | None
    display_name: str
    external: bool
    group: str | None
    health: Literal["disabled", "initializing", "healthy", "unhealthy"]
    healthcheck: WorkspaceAppHealthcheck | None
    hidden: bool
    icon: str | None
    id: str
    open_in: Literal["slim-window", "tab"]
    sharing_level: Literal["owner", "authenticated", "organization", "public"]
    slug: str
    statuses: list[WorkspaceAppStatus]
    subdomain: bool
    subdomain_name: str | None
    tooltip: str | None
    url: str | None


class WorkspaceAppHealthcheck(AgentManifestHealthcheck, kw_only=True):
    pass


class WorkspaceAppStatus(Struct, kw_only=True):
    agent_id: str
    app_id: str
    created_at: datetime
    id: str
    message: str
    state: str
    uri: str
    workspace_id: str
    icon: str = ""
    needs_user_attention: bool = False


class WorkspaceBuild(Struct, kw_only=True):
    build_number: int
    created_at: datetime
    daily_cost: int
    deadline: datetime | None
    id: str
    initiator_id: str
    initiator_name: str
    job: ProvisionerJob
    max_deadline: datetime | None
    reason: Literal[
        "initiator",
        "autostart",
        "autostop",
        "dormancy",
        "failedstop",
        "autodelete",
        "dashboard",
        "cli",
        "ssh_connection",
        "vscode_connection",
        "jetbrains_connection",
    ]
    resources: list[WorkspaceResource]
    status: Literal[
        "pending",
        "starting",
        "running",
        "stopping",
        "stopped",
        "failed",
        "canceling",
        "canceled",
        "deleting",
        "deleted",
    ]
    template_version_id: str
    template_version_name: str
    transition: Literal["start", "stop", "delete"]
    updated_at: datetime
    workspace_id: str
    workspace_name: str
    workspace_owner_avatar_url: str
    workspace_owner_id: str
    workspace_owner_name: str
    has_ai_task: bool = False
    has_external_agent: bool = False
    matched_provisioners: MatchedProvisioners | None = None
    template_version_preset_id: str | None = None


class WorkspaceBuildParameter(NamedValue, kw_only=True):
    pass


class WorkspaceBuildTimings(Struct, kw_only=True):
    agent_connection_timings: list[AgentConnectionTiming]
    agent_script_timings: list[AgentScriptTiming]
    provisioner_timings: list[ProvisionerTiming]


class WorkspaceHealth(Struct, kw_only=True):
    failing_agents: list[str]
    healthy: bool


class WorkspaceProxyReport(Struct, kw_only=True):
    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None
    workspace_proxies: dict[str, Any] | None = None


class WorkspaceQuota(Struct, kw_only=True):
    budget: int
    credits_consumed: int


class WorkspaceResource(Struct, kw_only=True):
    agents: list[WorkspaceAgent]
    created_at: datetime
    daily_cost: int
    hide: bool
    icon: str
    id: str
    job_id: str
    metadata: list[ResourceMetadata]
    name: str
    type: str
    workspace_transition: Literal["start", "stop", "delete"]


class WorkspacesResponse(Struct, kw_only=True):
    count: int
    workspaces: list[Workspace]

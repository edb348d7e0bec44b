"""The wire types of the API, generated from openapi.json by `make docs`."""

from __future__ import annotations
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from msgspec import Meta, Struct, field


class APIAllowListTarget(Struct, kw_only=True):
    """
    One entry of a key's allow-list: objects of `type` with this id; `*` stands for all.
    """

    id: str
    type: str


class APIKey(Struct, kw_only=True):
    """
    An API key without its secret. `scope` is the legacy single scope.
    """

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
    """
    An API key in a list that may hold several users' keys.
    """

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
    """
    Whether the access address leads back to this server.
    """

    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    access_url: str = ""
    error: str | None = None
    healthz_response: str = ""
    reachable: bool = False
    status_code: int = 0


class AgentConnectionInfo(Struct, kw_only=True):
    """
    How clients reach agents. There is no peer-to-peer network here: every stream goes through the server.
    """

    derp_force_websockets: bool = True
    derp_map: dict[str, dict[str, str]] | None = None
    disable_direct_connections: bool = True
    hostname_suffix: str = ""


class AgentConnectionTiming(Struct, kw_only=True):
    """
    From the end of the build to the first contact of an agent.
    """

    ended_at: datetime
    stage: str
    started_at: datetime
    workspace_agent_id: str
    workspace_agent_name: str


class AgentLogLine(Struct, kw_only=True):
    """
    One line; a level that does not exist counts as info.
    """

    output: str
    created_at: datetime | None = None
    level: str = "info"


class AgentManifest(Struct, kw_only=True):
    """
    Everything an agent needs to know to serve its workspace.
    """

    access_url: str
    agent_id: str
    agent_name: str
    apps: list[AgentManifestApp]
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
    scripts: list[WorkspaceAgentScript]
    ssh: AgentManifestSSH
    workspace_id: str
    workspace_name: str


class AgentManifestApp(Struct, kw_only=True):
    """
    An app of the agent.
    """

    health: Literal["disabled", "healthy", "initializing", "unhealthy"]
    healthcheck: AgentManifestHealthcheck
    id: str
    slug: str
    url: str


class AgentManifestHealthcheck(Struct, kw_only=True):
    """
    How to ask an app for its health: seconds between requests, failures until it counts as unhealthy.
    """

    interval: int
    threshold: int
    url: str


class AgentManifestMetadata(Struct, kw_only=True):
    """
    A value to collect: `script` every `interval` seconds (0: once), at most `timeout` seconds.
    """

    display_name: str
    interval: int
    key: str
    script: str
    timeout: int


class AgentManifestSSH(Struct, kw_only=True):
    """
    The one public key that may log in on the tunnel, in OpenSSH form.
    """

    client_public_key: str


class AgentScriptTiming(Struct, kw_only=True):
    """
    How long one script of an agent ran, and how it ended.
    """

    display_name: str
    ended_at: datetime
    exit_code: int
    stage: str
    started_at: datetime
    status: str
    workspace_agent_id: str
    workspace_agent_name: str


class AgentStats(Struct, kw_only=True):
    """
    Traffic and sessions since the last report.
    """

    connection_count: int = 0
    rx_bytes: int = 0
    session_count_jetbrains: int = 0
    session_count_reconnecting_pty: int = 0
    session_count_ssh: int = 0
    session_count_vscode: int = 0
    tx_bytes: int = 0


class AgentStatsResponse(Struct, kw_only=True):
    """
    Nanoseconds until the next report is wanted.
    """

    report_interval: int


class AppCreationError(Struct, kw_only=True):
    """
    Why the app at `index` of the request was left out.
    """

    error: str
    index: int
    field_: str | None = field(name="field", default=None)


class ArchiveTemplateVersionsRequest(Struct, kw_only=True):
    """
    Which unused versions to archive: all of them, or only those whose import has failed.
    """

    all: bool = False


class ArchiveTemplateVersionsResponse(Struct, kw_only=True):
    """
    The versions that were archived.
    """

    archived_ids: list[str]
    template_id: str


class AssignableRoles(Struct, kw_only=True):
    """
    A role as the caller sees it: whether the caller may give it away, and whether it is built in.
    """

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
    """
    One entry: who did what to which object, and what changed.
    """

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
    """
    The organization of the object.
    """

    display_name: str
    icon: str
    id: str
    name: str


class AuditLogResponse(Struct, kw_only=True):
    """
    One page of the log, newest first. `count` stops at 10,000.
    """

    audit_logs: list[AuditLog]
    count: int


class AuditLogUser(Struct, kw_only=True):
    """
    The actor as far as the log shows it.
    """

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
    """
    Whether a way to sign in is on.
    """

    enabled: bool


class AuthMethods(Struct, kw_only=True):
    """
    The ways to sign in.
    """

    github: GithubAuthMethod
    oidc: OIDCAuthMethod
    password: AuthMethod
    terms_of_service_url: str = ""


class AvailableExperiments(Struct, kw_only=True):
    """
    Experiments that may be switched on.
    """

    safe: list[str]


class BuildInfoResponse(Struct, kw_only=True):
    """
    Version and addresses of this deployment.
    """

    agent_api_version: str
    dashboard_url: str
    deployment_id: str
    external_url: str
    provisioner_api_version: str
    telemetry: bool
    upgrade_message: str
    version: str
    workspace_proxy: bool


class CreateFirstUserRequest(Struct, kw_only=True):
    """
    The account that becomes owner of a fresh deployment.
    """

    email: str
    password: str
    username: str
    name: str = ""
    trial: bool = False
    trial_info: TrialInfo | None = None


class CreateFirstUserResponse(Struct, kw_only=True):
    """
    The first user and the organization it belongs to.
    """

    organization_id: str
    user_id: str


class CreateProvisionerKeyRequest(Struct, kw_only=True):
    """
    A new key; its daemons carry these tags.
    """

    name: str
    tags: dict[str, TagsAdditionalProperty] | None = None


class CreateProvisionerKeyResponse(Struct, kw_only=True):
    """
    The new key's secret, shown this once.
    """

    key: str


class CreateSubAgentRequest(Struct, kw_only=True):
    """
    A sub-agent to make, or with `id` a declared one to take over. `display_apps` are names or numbers.
    """

    apps: list[SubAgentAppRequest] = field(default_factory=list)
    architecture: str = ""
    directory: str = ""
    display_apps: list[int | str] = field(default_factory=list)
    id: str | None = None
    name: str = ""
    operating_system: str = ""


class CreateSubAgentResponse(Struct, kw_only=True):
    """
    The sub-agent, and the apps that were not made.
    """

    agent: SubAgent
    app_creation_errors: list[AppCreationError]


class CreateTemplateRequest(Struct, kw_only=True):
    """
    A new template, made of an imported version that belongs to none.
    """

    name: str
    template_version_id: str
    activity_bump_ms: int | None = None
    allow_user_autostart: bool | None = None
    allow_user_autostop: bool | None = None
    allow_user_cancel_workspace_jobs: bool | None = None
    autostart_requirement: TemplateAutostartRequirement | None = None
    autostop_requirement: TemplateAutostopRequirement | None = None
    cors_behavior: Literal["passthru", "simple"] | None = None
    default_ttl_ms: int | None = None
    delete_ttl_ms: int | None = None
    description: str = ""
    disable_everyone_group_access: bool = False
    display_name: str = ""
    dormant_ttl_ms: int | None = None
    failure_ttl_ms: int | None = None
    icon: str = ""
    max_port_share_level: Literal["authenticated", "organization", "owner", "public"] | None = None
    require_active_version: bool = False
    template_use_classic_parameter_flow: bool | None = None


class CreateTemplateVersionDryRunRequest(Struct, kw_only=True):
    """
    A trial of what a start would make.
    """

    rich_parameter_values: RichParameterValues | None = None
    user_variable_values: UserVariableValues | None = None
    workspace_name: str = ""


class CreateTemplateVersionRequest(Struct, kw_only=True):
    """
    A new version from an uploaded file or an example; it is imported by a job.
    """

    provisioner: Literal["container", "echo", "process", "terraform"]
    example_id: str = ""
    file_id: str | None = None
    message: str = ""
    name: str = ""
    storage_method: Literal["file"] = "file"
    tags: dict[str, str] | None = None
    template_id: str | None = None
    user_variable_values: UserVariableValues | None = None


class CreateTokenRequest(Struct, kw_only=True):
    """
    A new token. `lifetime` is in nanoseconds, 0 asks for the default; `scope` is the legacy form of `scopes`.
    """

    allow_list: list[APIAllowListTarget] | None = None
    lifetime: int = 0
    scope: str = ""
    scopes: list[str] | None = None
    token_name: str = ""


class CreateUserRequestWithOrgs(Struct, kw_only=True):
    """
    A new account; without `organization_ids` it joins the default organization.
    """

    email: str
    username: str
    login_type: Literal["", "github", "none", "oidc", "password", "token"] = ""
    name: str = ""
    organization_ids: list[str] | None = None
    password: str = ""
    user_status: Literal["active", "dormant", "suspended"] | None = None


class CreateWorkspaceBuildRequest(Struct, kw_only=True):
    """
    Asks for a build. `state` replaces the carried state, `orphan` drops it (delete only).
    """

    transition: Literal["delete", "start", "stop"]
    dry_run: bool = False
    log_level: Literal["", "debug"] = ""
    orphan: bool = False
    reason: Literal["", "cli", "dashboard", "jetbrains_connection", "ssh_connection", "vscode_connection"] = ""
    rich_parameter_values: list[WorkspaceBuildParameter] = field(default_factory=list)
    state: str | None = None
    template_version_id: str | None = None
    template_version_preset_id: str | None = None


class CreateWorkspaceRequest(Struct, kw_only=True):
    """
    Asks for a workspace from the active version of a template, or from one version.
    """

    name: str
    automatic_updates: Literal["", "always", "never"] = ""
    autostart_schedule: str | None = None
    rich_parameter_values: list[WorkspaceBuildParameter] = field(default_factory=list)
    template_id: str | None = None
    template_version_id: str | None = None
    template_version_preset_id: str | None = None
    ttl_ms: int | None = None


class DatabaseReport(Struct, kw_only=True):
    """
    Whether the database answers, and how fast (median of five, in nanoseconds and milliseconds).
    """

    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None
    latency: int = 0
    latency_ms: int = 0
    reachable: bool = False
    threshold_ms: int = 0


class DeploymentConfig(Struct, kw_only=True):
    """
    All settings of the running server; values of secret ones are left out.
    """

    config: dict[str, Any]
    options: list[DeploymentOption]


class DeploymentOption(Struct, kw_only=True):
    """
    One setting: its names, where it belongs, and its value unless it is secret.
    """

    default: str
    description: str
    env: str
    flag: str
    group: str
    name: str
    value: Any


class ExternalAPIKeyScopes(Struct, kw_only=True):
    """
    Names of the scopes that a token may ask for.
    """

    external: list[str]


class FieldError(Struct, kw_only=True):
    """
    What is wrong with one field: its JSON name and a sentence.
    """

    detail: str
    field_: str = field(name="field")


class GenerateAPIKeyResponse(Struct, kw_only=True):
    """
    A new key's full secret, shown this once.
    """

    key: str


class GetUsersResponse(Struct, kw_only=True):
    """
    A page of users, and how many match in total.
    """

    count: int
    users: list[User]


class GitSSHKey(Struct, kw_only=True):
    """
    The owner's key for git hosts.
    """

    private_key: str
    public_key: str


class GithubAuthMethod(Struct, kw_only=True):
    """
    Sign-in by GitHub.
    """

    default_provider_configured: bool
    enabled: bool


class HealthMessage(Struct, kw_only=True):
    """
    A warning with its code.
    """

    code: str
    message: str


class HealthSection(Struct, kw_only=True):
    """
    One part's health: severity ok, warning or error.
    """

    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None


class HealthcheckReport(Struct, kw_only=True):
    """
    Health of the whole deployment.
    """

    access_url: AccessURLReport
    coder_version: str
    database: DatabaseReport
    healthy: bool
    provisioner_daemons: ProvisionerDaemonsReport
    severity: str
    time: datetime


class ListSubAgentsResponse(Struct, kw_only=True):
    """
    The caller's live sub-agents.
    """

    agents: list[SubAgent]


class LoginWithPasswordRequest(Struct, kw_only=True):
    """
    Sign-in by password.
    """

    email: str
    password: str


class LoginWithPasswordResponse(Struct, kw_only=True):
    """
    The session's token; the session cookie holds the same.
    """

    session_token: str


class MatchedProvisioners(Struct, kw_only=True):
    """
    How many daemons could take a job, how many of them are alive, and when the last of them was seen.
    """

    available: int | None = None
    count: int | None = None
    most_recently_seen: datetime | None = None


class MetadataEvent(Struct, kw_only=True):
    """
    A `ServerSentEvent` of the metadata stream: all values at each change.
    """

    type: Literal["data", "error", "ping"]
    data: list[WorkspaceAgentMetadata] | None = None


class MetadataReport(Struct, kw_only=True):
    """
    One collected value, or why there is none. The server notes the time.
    """

    key: str
    collected_at: datetime | None = None
    error: str = ""
    value: str = ""


class MinimalOrganization(Struct, kw_only=True):
    """
    What other objects show of an organization.
    """

    display_name: str
    icon: str
    id: str
    name: str


class MinimalUser(Struct, kw_only=True):
    """
    What other objects show of a user.
    """

    id: str
    username: str
    avatar_url: str = ""
    name: str = ""


class OIDCAuthMethod(Struct, kw_only=True):
    """
    Sign-in by OpenID Connect.
    """

    enabled: bool
    iconUrl: str = ""
    signInText: str = ""


class Organization(Struct, kw_only=True):
    """
    An organization.
    """

    created_at: datetime
    description: str
    display_name: str
    icon: str
    id: str
    is_default: bool
    name: str
    updated_at: datetime


class OrganizationMember(Struct, kw_only=True):
    """
    A user's place in an organization, with the roles held there beyond the implied one.
    """

    created_at: datetime
    organization_id: str
    roles: list[SlimRole]
    updated_at: datetime
    user_id: str


class OrganizationMemberWithUserData(Struct, kw_only=True):
    """
    A member with what a list shows of the person.
    """

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


class Page(Struct, kw_only=True):
    """
    A window on a list: at most `limit` rows, after `after_id` (keyset) or skipping `offset`.
    """

    after_id: str | None = None
    limit: int = 100
    offset: int = 0


class PaginatedMembersResponse(Struct, kw_only=True):
    """
    A page of members, and how many there are in total.
    """

    count: int
    members: list[OrganizationMemberWithUserData]


class PatchAppStatus(Struct, kw_only=True):
    """
    What a task behind an app says about itself.
    """

    app_slug: str
    message: str
    state: Literal["complete", "failure", "idle", "working"]
    icon: str = ""
    needs_user_attention: bool = False
    uri: str = ""


class PatchLogs(Struct, kw_only=True):
    """
    Lines of one log source; the nil id is the source called External.
    """

    logs: list[AgentLogLine]
    log_source_id: str = "00000000-0000-0000-0000-000000000000"


class PatchTemplateVersionRequest(Struct, kw_only=True):
    """
    A new name or message; what is absent, null or (for the name) empty stays as it is.
    """

    message: str | None = None
    name: str | None = None


class Permission(Struct, kw_only=True):
    """
    One vote of a role.
    """

    action: str
    negate: bool
    resource_type: str


class PostAppHealthRequest(Struct, kw_only=True):
    """
    Health by app id.
    """

    healths: dict[str, Literal["disabled", "healthy", "initializing", "unhealthy"]]


class PostLifecycleRequest(Struct, kw_only=True):
    """
    A step in the agent's life; without a time, now.
    """

    state: Literal[
        "created",
        "off",
        "ready",
        "shutdown_error",
        "shutdown_timeout",
        "shutting_down",
        "start_error",
        "start_timeout",
        "starting",
    ]
    changed_at: datetime | None = None


class PostLogSourceRequest(Struct, kw_only=True):
    """
    A source that the agent makes up for its own lines.
    """

    display_name: str
    id: str
    icon: str = ""


class PostMetadataRequest(Struct, kw_only=True):
    """
    Collected values.
    """

    metadata: list[MetadataReport]


class PostStartupRequest(Struct, kw_only=True):
    """
    What the agent is; `version` is a semantic version with a leading v.
    """

    version: str
    architecture: str = ""
    expanded_directory: str = ""
    operating_system: str = ""
    ssh_host_key: str = ""
    subsystems: list[str] = field(default_factory=list)


class PostWorkspaceUsageRequest(Struct, kw_only=True):
    """
    Says that somebody uses the workspace now, and by which app.
    """

    agent_id: str | None = None
    app_name: Literal["jetbrains", "reconnecting-pty", "ssh", "vscode"] | Literal[""] = ""


class Preset(Struct, kw_only=True):
    """
    A named set of values; the reference spells its fields with capitals.
    """

    Default: bool
    Description: str
    ID: str
    Icon: str
    Name: str
    Parameters: list[PresetParameter]
    DesiredPrebuildInstances: int | None = None


class PresetParameter(Struct, kw_only=True):
    """
    A value that a preset sets.
    """

    Name: str
    Value: str


class ProvisionerDaemon(Struct, kw_only=True):
    """
    A daemon. `key_id` is one of three fixed ids where no key of people vouches for it.
    """

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
    key_name: str | None = None
    last_seen_at: datetime | None = None
    previous_job: ProvisionerDaemonJob | None = None
    status: Literal["busy", "idle", "offline"] | None = None


class ProvisionerDaemonJob(Struct, kw_only=True):
    """
    A job as a list of daemons shows it.
    """

    id: str
    status: Literal["canceled", "canceling", "failed", "pending", "running", "succeeded", "unknown"]
    template_display_name: str
    template_icon: str
    template_name: str


class ProvisionerDaemonsReport(Struct, kw_only=True):
    """
    Whether a provisioner daemon was seen lately.
    """

    dismissed: bool
    healthy: bool
    severity: str
    warnings: list[HealthMessage]
    error: str | None = None
    items: list[dict[str, Any]] = field(default_factory=list)


class ProvisionerJob(Struct, kw_only=True):
    """
    A job. `queue_position` counts from 1 among pending jobs that some live daemon could take; 0 of 0 otherwise.
    """

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
    status: Literal["canceled", "canceling", "failed", "pending", "running", "succeeded", "unknown"]
    tags: dict[str, str]
    type: Literal["template_version_dry_run", "template_version_import", "workspace_build"]
    available_workers: list[str] | None = None
    canceled_at: datetime | None = None
    completed_at: datetime | None = None
    error: str = ""
    error_code: str = ""
    started_at: datetime | None = None
    worker_id: str | None = None
    worker_name: str = ""


class ProvisionerJobInput(Struct, kw_only=True):
    """
    What a job is about.
    """

    error: str = ""
    template_version_id: str | None = None
    workspace_build_id: str | None = None


class ProvisionerJobLog(Struct, kw_only=True):
    """
    One line of a job's log.
    """

    created_at: datetime
    id: int
    log_level: Literal["debug", "error", "info", "trace", "warn"]
    log_source: Literal["provisioner", "provisioner_daemon"]
    output: str
    stage: str


class ProvisionerJobMetadata(Struct, kw_only=True):
    """
    Names around a job for people who read a list of jobs. Empty where the job stands inside its build or version.
    """

    template_display_name: str | None = None
    template_icon: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    template_version_name: str | None = None
    workspace_id: str | None = None
    workspace_name: str = ""


class ProvisionerKey(Struct, kw_only=True):
    """
    A key of remote daemons, without its secret.
    """

    created_at: datetime
    id: str
    name: str
    organization: str
    tags: dict[str, str]


class ProvisionerKeyDaemons(Struct, kw_only=True):
    """
    A key and the daemons that hold it.
    """

    daemons: list[ProvisionerDaemon]
    key: ProvisionerKey


class ProvisionerTiming(Struct, kw_only=True):
    """
    How long one step of a job took.
    """

    action: str
    ended_at: datetime
    job_id: str
    resource: str
    source: str
    stage: str
    started_at: datetime


class PtyInput(Struct, kw_only=True):
    """
    What the browser sends on the terminal's WebSocket: keys, or a new window size.
    """

    data: str | None = None
    height: int | None = None
    width: int | None = None


class PutExtendWorkspaceRequest(Struct, kw_only=True):
    """
    The moment at which the workspace shall stop.
    """

    deadline: datetime


class ReducedUser(Struct, kw_only=True):
    """
    A user without roles and organizations.
    """

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


class ResolveAutostartResponse(Struct, kw_only=True):
    """
    Whether the next autostart would need parameter values that nobody has given.
    """

    parameter_mismatch: bool


class ResourceMetadata(Struct, kw_only=True):
    """
    One fact about a resource; the value of a sensitive one is kept back by clients until asked for.
    """

    key: str
    sensitive: bool
    value: str


class Response(Struct, kw_only=True):
    """
    The reference's answer body for errors and for "done" answers.
    """

    message: str
    detail: str = ""
    validations: list[FieldError] = field(default_factory=list)


class Role(Struct, kw_only=True):
    """
    A role with its permissions on each level.
    """

    name: str
    organization_member_permissions: list[Permission]
    organization_permissions: list[Permission]
    site_permissions: list[Permission]
    user_permissions: list[Permission]
    display_name: str | None = None
    organization_id: str = ""


class SSHConfigResponse(Struct, kw_only=True):
    """
    How OpenSSH names reach workspaces.
    """

    hostname_prefix: str
    hostname_suffix: str
    ssh_config_options: dict[str, str]


class ScriptTimingRequest(Struct, kw_only=True):
    """
    How one run of a script went.
    """

    ended_at: datetime
    exit_code: int
    script_id: str
    stage: Literal["cron", "start", "stop"]
    started_at: datetime
    status: Literal["exit_failure", "ok", "pipes_left_open", "timed_out"]


class ServerSentEvent(Struct, kw_only=True):
    """
    One message of a stream of updates.
    """

    type: Literal["data", "error", "ping"]
    data: Any | None = None


class SharedWorkspaceActor(Struct, kw_only=True):
    """
    A user or group with which a workspace is shared.
    """

    actor_type: Literal["group", "user"]
    avatar_url: str
    id: str
    name: str
    roles: list[str]


class SlimRole(Struct, kw_only=True):
    """
    A role by name; `organization_id` is absent for roles of the whole deployment.
    """

    display_name: str
    name: str
    organization_id: str = ""


class SubAgent(Struct, kw_only=True):
    """
    A sub-agent and its own token.
    """

    auth_token: str
    id: str
    name: str


class SubAgentAppHealthcheck(Struct, kw_only=True):
    """
    How to ask a sub-agent's app for its health.
    """

    interval: int = 0
    threshold: int = 0
    url: str = ""


class SubAgentAppRequest(Struct, kw_only=True):
    """
    An app of a sub-agent. `share` and `open_in` are names, or the numbers of the reference's protocol.
    """

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


TagsAdditionalProperty: TypeAlias = Annotated[str, Meta(max_length=256)]


class Template(Struct, kw_only=True):
    """
    A template. `active_user_count` is -1 while it is not known.
    """

    active_user_count: int
    active_version_id: str
    activity_bump_ms: int
    allow_user_autostart: bool
    allow_user_autostop: bool
    allow_user_cancel_workspace_jobs: bool
    autostart_requirement: TemplateAutostartRequirement
    autostop_requirement: TemplateAutostopRequirement
    build_time_stats: dict[str, TransitionStats]
    cors_behavior: Literal["passthru", "simple"]
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
    max_port_share_level: Literal["authenticated", "organization", "owner", "public"]
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


class TemplateAutostartRequirement(Struct, kw_only=True):
    """
    On which days workspaces may start by themselves.
    """

    days_of_week: list[str] = field(default_factory=list)


class TemplateAutostopRequirement(Struct, kw_only=True):
    """
    On which days, every how many weeks, workspaces must stop.
    """

    days_of_week: list[str] = field(default_factory=list)
    weeks: int = 0


class TemplateExample(Struct, kw_only=True):
    """
    A template that comes with the server.
    """

    description: str
    icon: str
    id: str
    markdown: str
    name: str
    tags: list[str]
    url: str


class TemplateVersion(Struct, kw_only=True):
    """
    A version of a template, with the job that imports it.
    """

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
    warnings: list[Literal["DEPRECATED_PARAMETERS", "UNSUPPORTED_WORKSPACES"]] = field(default_factory=list)


class TemplateVersionExternalAuth(Struct, kw_only=True):
    """
    A sign-in elsewhere that workspaces of this version need.
    """

    authenticate_url: str
    authenticated: bool
    display_icon: str
    display_name: str
    id: str
    type: str
    optional: bool = False


class TemplateVersionParameter(Struct, kw_only=True):
    """
    A parameter of the workspaces of this version.
    """

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
    type: Literal["bool", "list(string)", "number", "string"]
    display_name: str = ""
    validation_error: str = ""
    validation_max: int | None = None
    validation_min: int | None = None
    validation_monotonic: str = ""
    validation_regex: str = ""


class TemplateVersionParameterOption(Struct, kw_only=True):
    """
    One choice of a parameter.
    """

    description: str
    icon: str
    name: str
    value: str


class TemplateVersionVariable(Struct, kw_only=True):
    """
    A variable of this version; the values of sensitive ones are not shown.
    """

    default_value: str
    description: str
    name: str
    required: bool
    sensitive: bool
    type: str
    value: str


class TokenConfig(Struct, kw_only=True):
    """
    The longest life that a token of this user may have, in nanoseconds.
    """

    max_token_lifetime: int


class TransitionStats(Struct, kw_only=True):
    """
    How long builds of one transition took lately, in milliseconds; null without any.
    """

    p50: int | None = None
    p95: int | None = None


class TrialInfo(Struct, kw_only=True):
    """
    What the reference's sign-up form asks; accepted and not kept.
    """

    company_name: str = ""
    country: str = ""
    developers: str = ""
    first_name: str = ""
    job_title: str = ""
    last_name: str = ""
    phone_number: str = ""


class UpdateActiveTemplateVersion(Struct, kw_only=True):
    """
    The version that new workspaces get.
    """

    id: str


class UpdateCheckResponse(Struct, kw_only=True):
    """
    Whether a newer version is known; the server never calls home, so it knows its own only.
    """

    current: bool
    url: str
    version: str


class UpdateRoles(Struct, kw_only=True):
    """
    All roles that the user shall have; implied ones are left out.
    """

    roles: list[str]


class UpdateTemplateMeta(Struct, kw_only=True):
    """
    New settings; what is absent or null stays as it is.
    """

    activity_bump_ms: int | None = None
    allow_user_autostart: bool | None = None
    allow_user_autostop: bool | None = None
    allow_user_cancel_workspace_jobs: bool | None = None
    autostart_requirement: TemplateAutostartRequirement | None = None
    autostop_requirement: TemplateAutostopRequirement | None = None
    cors_behavior: Literal["passthru", "simple"] | None = None
    default_ttl_ms: int | None = None
    deprecation_message: str | None = None
    description: str | None = None
    disable_everyone_group_access: bool | None = None
    display_name: str | None = None
    failure_ttl_ms: int | None = None
    icon: str | None = None
    max_port_share_level: Literal["authenticated", "organization", "owner", "public"] | None = None
    name: str | None = None
    require_active_version: bool | None = None
    time_til_dormant_autodelete_ms: int | None = None
    time_til_dormant_ms: int | None = None
    update_workspace_dormant_at: bool = False
    update_workspace_last_used_at: bool = False
    use_classic_parameter_flow: bool | None = None


class UpdateUserAppearanceSettingsRequest(Struct, kw_only=True):
    """
    A new look.
    """

    theme_preference: str
    terminal_font: Literal["", "fira-code", "ibm-plex-mono", "jetbrains-mono", "source-code-pro"] = ""


class UpdateUserPasswordRequest(Struct, kw_only=True):
    """
    A new password; people who change their own give the old one as well.
    """

    password: str
    old_password: str = ""


class UpdateUserProfileRequest(Struct, kw_only=True):
    """
    New names.
    """

    username: str
    name: str = ""


class UpdateWorkspaceAutomaticUpdatesRequest(Struct, kw_only=True):
    """
    Whether each start takes the template's active version.
    """

    automatic_updates: Literal["always", "never"]


class UpdateWorkspaceAutostartRequest(Struct, kw_only=True):
    """
    A cron schedule; None or empty switches autostart off.
    """

    schedule: str | None = None


class UpdateWorkspaceBuildStateRequest(Struct, kw_only=True):
    """
    Replaces the state of a build.
    """

    state: str


class UpdateWorkspaceDormancy(Struct, kw_only=True):
    """
    Lays a workspace to rest or wakes it.
    """

    dormant: bool


class UpdateWorkspaceRequest(Struct, kw_only=True):
    """
    A new name; empty leaves it.
    """

    name: str = ""


class UpdateWorkspaceTTLRequest(Struct, kw_only=True):
    """
    Milliseconds from start to stop; None or 0 means never.
    """

    ttl_ms: int | None = None


class UploadResponse(Struct, kw_only=True):
    """
    The uploaded file's id; the reference calls it `hash`.
    """

    hash: str


class User(Struct, kw_only=True):
    """
    A user.
    """

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
    """
    How the dashboard looks for this user.
    """

    terminal_font: Literal["", "fira-code", "ibm-plex-mono", "jetbrains-mono", "source-code-pro"]
    theme_preference: str


class UserLoginType(Struct, kw_only=True):
    """
    How a user signs in.
    """

    login_type: str


class UserRoles(Struct, kw_only=True):
    """
    Names of a user's roles: of the deployment, and by organization.
    """

    organization_roles: dict[str, list[str]]
    roles: list[str]


class ValidateUserPasswordRequest(Struct, kw_only=True):
    """
    A password to judge.
    """

    password: str


class ValidateUserPasswordResponse(Struct, kw_only=True):
    """
    Whether a password is strong enough, and why not.
    """

    details: str
    valid: bool


class VariableValue(Struct, kw_only=True):
    """
    A value for a variable of the template.
    """

    name: Annotated[str, Meta(max_length=64, min_length=1)]
    value: Annotated[str, Meta(max_length=65536)]


RichParameterValues: TypeAlias = Annotated[list[VariableValue], Meta(max_length=1000)]
UserVariableValues: TypeAlias = RichParameterValues


class Workspace(Struct, kw_only=True):
    """
    A workspace with its latest build.
    """

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
    shared_with: list[SharedWorkspaceActor] = field(default_factory=list)
    task_id: str | None = None


class WorkspaceAgent(Struct, kw_only=True):
    """
    An agent with the status that its columns and the clock give.
    """

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
        "off",
        "ready",
        "shutdown_error",
        "shutdown_timeout",
        "shutting_down",
        "start_error",
        "start_timeout",
        "starting",
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
    status: Literal["connected", "connecting", "disconnected", "timeout"]
    subsystems: list[str]
    troubleshooting_url: str
    updated_at: datetime
    version: str


class WorkspaceAgentHealth(Struct, kw_only=True):
    """
    Whether the agent does what it should, and if not, why.
    """

    healthy: bool
    reason: str = ""


class WorkspaceAgentLatency(Struct, kw_only=True):
    """
    Round trip to one region, in milliseconds.
    """

    latency_ms: float
    preferred: bool


class WorkspaceAgentListeningPort(Struct, kw_only=True):
    """
    A TCP port that a process of the workspace listens on.
    """

    network: str
    port: int
    process_name: str


class WorkspaceAgentListeningPortsResponse(Struct, kw_only=True):
    """
    The ports, in order.
    """

    ports: list[WorkspaceAgentListeningPort]


class WorkspaceAgentLog(Struct, kw_only=True):
    """
    One line of an agent's log.
    """

    created_at: datetime
    id: int
    level: str
    output: str
    source_id: str


class WorkspaceAgentLogSource(Struct, kw_only=True):
    """
    Where lines of an agent's log come from.
    """

    created_at: datetime
    display_name: str
    icon: str
    id: str
    workspace_agent_id: str


class WorkspaceAgentMetadata(Struct, kw_only=True):
    """
    A value and its description.
    """

    description: WorkspaceAgentMetadataDescription
    result: WorkspaceAgentMetadataResult


class WorkspaceAgentMetadataDescription(Struct, kw_only=True):
    """
    What is collected; `interval` and `timeout` in seconds.
    """

    display_name: str
    interval: int
    key: str
    script: str
    timeout: int


class WorkspaceAgentMetadataResult(Struct, kw_only=True):
    """
    A collected value; `age` in seconds.
    """

    age: int
    collected_at: datetime
    error: str
    value: str


class WorkspaceAgentScript(Struct, kw_only=True):
    """
    A script of an agent; `timeout` in seconds, 0 is none.
    """

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
    """
    An app of an agent. `subdomain_name` is the label under the wildcard host, None for path apps.
    """

    command: str | None
    display_name: str
    external: bool
    group: str | None
    health: Literal["disabled", "healthy", "initializing", "unhealthy"]
    healthcheck: WorkspaceAppHealthcheck | None
    hidden: bool
    icon: str | None
    id: str
    open_in: Literal["slim-window", "tab"]
    sharing_level: Literal["authenticated", "organization", "owner", "public"]
    slug: str
    statuses: list[WorkspaceAppStatus]
    subdomain: bool
    subdomain_name: str | None
    tooltip: str | None
    url: str | None


class WorkspaceAppHealthcheck(Struct, kw_only=True):
    """
    How an app's health is asked for: seconds between tries, failed tries until it counts as unhealthy.
    """

    interval: int
    threshold: int
    url: str


class WorkspaceAppStatus(Struct, kw_only=True):
    """
    What a task that runs behind an app last said about itself.
    """

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
    """
    One build of a workspace.
    """

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
        "autodelete",
        "autostart",
        "autostop",
        "cli",
        "dashboard",
        "dormancy",
        "failedstop",
        "initiator",
        "jetbrains_connection",
        "ssh_connection",
        "vscode_connection",
    ]
    resources: list[WorkspaceResource]
    status: Literal[
        "canceled",
        "canceling",
        "deleted",
        "deleting",
        "failed",
        "pending",
        "running",
        "starting",
        "stopped",
        "stopping",
    ]
    template_version_id: str
    template_version_name: str
    transition: Literal["delete", "start", "stop"]
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


class WorkspaceBuildParameter(Struct, kw_only=True):
    """
    One parameter and the value that a build was given.
    """

    name: str
    value: str


class WorkspaceBuildTimings(Struct, kw_only=True):
    """
    Where the time of a build went.
    """

    agent_connection_timings: list[AgentConnectionTiming]
    agent_script_timings: list[AgentScriptTiming]
    provisioner_timings: list[ProvisionerTiming]


class WorkspaceHealth(Struct, kw_only=True):
    """
    Healthy unless an agent of the latest build fails.
    """

    failing_agents: list[str]
    healthy: bool


class WorkspaceQuota(Struct, kw_only=True):
    """
    Credits spent a day by a user's workspaces of an organization; a budget of -1 is unlimited.
    """

    budget: int
    credits_consumed: int


class WorkspaceResource(Struct, kw_only=True):
    """
    A resource of a build, an import or a dry run.
    """

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
    workspace_transition: Literal["delete", "start", "stop"]


class WorkspacesResponse(Struct, kw_only=True):
    """
    A page of workspaces and how many there are in all (see README: the count stops at a limit).
    """

    count: int
    workspaces: list[Workspace]

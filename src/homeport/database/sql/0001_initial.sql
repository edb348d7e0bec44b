-- The first schema: identity, organizations, audit, files, templates, the job queue, workspaces and agents.
-- Column names follow the reference system where it has the thing (spec: authorization-and-data 17).

create type user_status as enum ('active', 'dormant', 'suspended');
create type login_type as enum ('password', 'github', 'oidc', 'token', 'none', 'oauth2_provider_app');
create type provisioner_job_type as enum ('template_version_import', 'template_version_dry_run', 'workspace_build');
create type provisioner_job_status as enum ('pending', 'running', 'succeeded', 'canceling', 'canceled', 'failed', 'unknown');
create type log_level as enum ('trace', 'debug', 'info', 'warn', 'error');
create type log_source as enum ('provisioner_daemon', 'provisioner');
create type workspace_transition as enum ('start', 'stop', 'delete');
create type build_reason as enum (
    'initiator', 'autostart', 'autostop', 'dormancy', 'failedstop', 'autodelete',
    'dashboard', 'cli', 'ssh_connection', 'vscode_connection', 'jetbrains_connection'
);
create type automatic_updates as enum ('always', 'never');
create type agent_lifecycle_state as enum (
    'created', 'starting', 'start_timeout', 'start_error', 'ready', 'shutting_down', 'shutdown_timeout', 'shutdown_error', 'off'
);
create type app_sharing_level as enum ('owner', 'authenticated', 'organization', 'public');
create type app_health as enum ('disabled', 'initializing', 'healthy', 'unhealthy');
create type app_open_in as enum ('slim-window', 'tab');

-- One row per key: deployment id, default settings, sealed server keys.
create table site_configs (
    key text primary key,
    value text not null,
    updated_at timestamptz not null default now()
);

-- Running servers; an agent's tunnel names the one that holds it.
create table replicas (
    id uuid primary key,
    hostname text not null,
    version text not null,
    relay_address text not null default '',
    started_at timestamptz not null,
    updated_at timestamptz not null,
    stopped_at timestamptz
);

create table users (
    id uuid primary key,
    email text not null,
    username text not null check (length(username) >= 1),
    name text not null default '',
    hashed_password text not null default '',
    status user_status not null default 'dormant',
    rbac_roles text[] not null default '{}',
    login_type login_type not null default 'password',
    avatar_url text not null default '',
    is_system boolean not null default false,
    deleted boolean not null default false,
    quiet_hours_schedule text not null default '',
    theme_preference text not null default '',
    terminal_font text not null default '',
    last_seen_at timestamptz not null default 'epoch',
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index users_email_key on users (lower(email)) where not deleted;
create unique index users_username_key on users (lower(username)) where not deleted;
create index users_created_at_idx on users (created_at, id) where not deleted;

create table organizations (
    id uuid primary key,
    name text not null,
    display_name text not null default '',
    description text not null default '',
    icon text not null default '',
    is_default boolean not null default false,
    deleted boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index organizations_name_key on organizations (lower(name)) where not deleted;
create unique index organizations_default_key on organizations (is_default) where is_default;

create table organization_members (
    user_id uuid not null references users (id) on delete cascade,
    organization_id uuid not null references organizations (id) on delete cascade,
    roles text[] not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (organization_id, user_id)
);
create index organization_members_user_idx on organization_members (user_id);

create table groups (
    id uuid primary key,
    organization_id uuid not null references organizations (id) on delete cascade,
    name text not null,
    display_name text not null default '',
    avatar_url text not null default '',
    quota_allowance integer not null default 0,
    source text not null default 'user' check (source in ('user', 'oidc')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index groups_name_key on groups (organization_id, lower(name));

create table group_members (
    group_id uuid not null references groups (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    primary key (group_id, user_id)
);
create index group_members_user_idx on group_members (user_id);

create table custom_roles (
    id uuid primary key,
    name text not null,
    display_name text not null default '',
    organization_id uuid references organizations (id) on delete cascade,
    site_permissions jsonb not null default '[]',
    org_permissions jsonb not null default '[]',
    user_permissions jsonb not null default '[]',
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index custom_roles_name_key on custom_roles (lower(name), coalesce(organization_id, '00000000-0000-0000-0000-000000000000'));

create table api_keys (
    id text primary key check (length(id) = 10),
    hashed_secret bytea not null,
    user_id uuid not null references users (id) on delete cascade,
    login_type login_type not null,
    token_name text not null default '',
    scopes text[] not null default '{all}',
    allow_list text[] not null default '{*:*}',
    lifetime_seconds bigint not null default 86400,
    ip_address text not null default '0.0.0.0',
    last_used timestamptz not null default 'epoch',
    expires_at timestamptz not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index api_keys_user_idx on api_keys (user_id);
create index api_keys_expires_idx on api_keys (expires_at);
create unique index api_keys_token_name_key on api_keys (user_id, lower(token_name)) where login_type = 'token';

create table git_ssh_keys (
    user_id uuid primary key references users (id) on delete cascade,
    public_key text not null,
    private_key_sealed bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table audit_logs (
    id uuid primary key,
    time timestamptz not null,
    user_id uuid not null,
    organization_id uuid not null,
    ip text not null,
    user_agent text not null,
    resource_type text not null,
    resource_id uuid not null,
    resource_target text not null,
    resource_icon text not null default '',
    action text not null,
    diff jsonb not null,
    status_code integer not null,
    additional_fields jsonb not null default '{}',
    request_id uuid not null
);
create index audit_logs_time_idx on audit_logs (time desc, id);
create index audit_logs_user_idx on audit_logs (user_id, time desc);
create index audit_logs_organization_idx on audit_logs (organization_id, time desc);
create index audit_logs_resource_idx on audit_logs (resource_id, time desc);

create table files (
    id uuid primary key,
    hash bytea not null,
    organization_id uuid references organizations (id) on delete cascade,
    created_by uuid not null references users (id) on delete cascade,
    mimetype text not null,
    size bigint not null,
    data bytea not null,
    created_at timestamptz not null
);
-- The archive is compressed already or small; keep PostgreSQL from compressing it again.
alter table files alter column data set storage external;
create unique index files_hash_key on files (hash, created_by);

create table provisioner_keys (
    id uuid primary key,
    organization_id uuid not null references organizations (id) on delete cascade,
    name text not null,
    hashed_secret bytea not null unique,
    tags jsonb not null default '{}',
    -- The installation whose built-in daemons hold the key; null for keys that people made.
    builtin_of text,
    -- Keys of the server's own daemons expire; keys made by people do not.
    expires_at timestamptz,
    created_at timestamptz not null
);
create unique index provisioner_keys_name_key on provisioner_keys (organization_id, lower(name));

create table provisioner_daemons (
    id uuid primary key,
    organization_id uuid not null references organizations (id) on delete cascade,
    key_id uuid references provisioner_keys (id) on delete cascade,
    -- Who vouches for the daemon.
    kind text not null check (kind in ('key', 'psk', 'user-auth')),
    name text not null,
    version text not null,
    api_version text not null default '1.0',
    provisioners text[] not null,
    tags jsonb not null default '{}',
    created_at timestamptz not null,
    last_seen_at timestamptz
);
create unique index provisioner_daemons_name_key on provisioner_daemons (organization_id, name, lower(coalesce(tags ->> 'owner', '')));

create table provisioner_jobs (
    id uuid primary key,
    organization_id uuid not null references organizations (id) on delete cascade,
    initiator_id uuid not null,
    provisioner text not null,
    type provisioner_job_type not null,
    file_id uuid references files (id),
    -- What the job is about; provisioning stores it and never looks into it.
    input jsonb not null default '{}',
    tags jsonb not null,
    -- Human jobs (0) go before those of background loops (1).
    priority smallint not null default 0,
    worker_id uuid references provisioner_daemons (id) on delete set null,
    worker_name text not null default '',
    -- Held by the worker that acquired the job; every report of progress must bring it.
    token_hash bytea,
    error text not null default '',
    error_code text not null default '',
    logs_length integer not null default 0,
    logs_overflowed boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    canceled_at timestamptz,
    completed_at timestamptz,
    job_status provisioner_job_status not null generated always as (
        case
            when completed_at is not null then
                case
                    when error <> '' then 'failed'::provisioner_job_status
                    when canceled_at is not null then 'canceled'::provisioner_job_status
                    else 'succeeded'::provisioner_job_status
                end
            when error <> '' then 'failed'::provisioner_job_status
            when canceled_at is not null then 'canceling'::provisioner_job_status
            when started_at is null then 'pending'::provisioner_job_status
            else 'running'::provisioner_job_status
        end
    ) stored
);
-- The queue's own order; acquire walks it.
create index provisioner_jobs_pending_idx on provisioner_jobs (organization_id, priority, created_at, id)
    where started_at is null and completed_at is null;
create index provisioner_jobs_running_idx on provisioner_jobs (updated_at) where started_at is not null and completed_at is null;
create index provisioner_jobs_worker_idx on provisioner_jobs (worker_id, organization_id, completed_at desc);
create index provisioner_jobs_organization_idx on provisioner_jobs (organization_id, created_at desc, id);

create table provisioner_job_logs (
    id bigint generated always as identity primary key,
    job_id uuid not null references provisioner_jobs (id) on delete cascade,
    created_at timestamptz not null,
    source log_source not null,
    level log_level not null,
    stage text not null,
    output text not null
);
create index provisioner_job_logs_job_idx on provisioner_job_logs (job_id, id);

create table provisioner_job_timings (
    job_id uuid not null references provisioner_jobs (id) on delete cascade,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    stage text not null,
    source text not null default '',
    action text not null default '',
    resource text not null default ''
);
create index provisioner_job_timings_job_idx on provisioner_job_timings (job_id);

create table templates (
    id uuid primary key,
    organization_id uuid not null references organizations (id) on delete cascade,
    name text not null,
    display_name text not null default '',
    description text not null default '',
    icon text not null default '',
    provisioner text not null,
    active_version_id uuid not null,
    created_by uuid not null references users (id),
    -- All durations are nanoseconds, as on the wire of the reference.
    default_ttl bigint not null default 604800000000000,
    activity_bump bigint not null default 3600000000000,
    failure_ttl bigint not null default 0,
    time_til_dormant bigint not null default 0,
    time_til_dormant_autodelete bigint not null default 0,
    autostop_requirement_days_of_week smallint not null default 0,
    autostop_requirement_weeks bigint not null default 0,
    autostart_block_days_of_week smallint not null default 0,
    allow_user_autostart boolean not null default true,
    allow_user_autostop boolean not null default true,
    allow_user_cancel_workspace_jobs boolean not null default true,
    require_active_version boolean not null default false,
    deprecated text not null default '',
    max_port_sharing_level app_sharing_level not null default 'owner',
    use_classic_parameter_flow boolean not null default false,
    cors_behavior text not null default 'simple' check (cors_behavior in ('simple', 'passthru')),
    user_acl jsonb not null default '{}',
    group_acl jsonb not null default '{}',
    deleted boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index templates_name_key on templates (organization_id, lower(name)) where not deleted;

create table template_versions (
    id uuid primary key,
    template_id uuid references templates (id) on delete cascade,
    organization_id uuid not null references organizations (id) on delete cascade,
    name text not null,
    message text not null default '',
    readme text not null default '',
    job_id uuid not null unique references provisioner_jobs (id),
    created_by uuid not null references users (id),
    archived boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index template_versions_name_key on template_versions (template_id, lower(name));
create index template_versions_created_idx on template_versions (template_id, created_at desc, id);

create table template_version_parameters (
    template_version_id uuid not null references template_versions (id) on delete cascade,
    name text not null,
    display_name text not null default '',
    description text not null default '',
    type text not null,
    form_type text not null default '',
    mutable boolean not null default true,
    default_value text not null default '',
    icon text not null default '',
    options jsonb not null default '[]',
    validation_regex text not null default '',
    validation_min bigint,
    validation_max bigint,
    validation_monotonic text not null default '',
    validation_error text not null default '',
    required boolean not null default true,
    ephemeral boolean not null default false,
    display_order integer not null default 0,
    primary key (template_version_id, name)
);

create table template_version_variables (
    template_version_id uuid not null references template_versions (id) on delete cascade,
    name text not null,
    description text not null default '',
    type text not null default 'string',
    -- A sensitive value is sealed and stands in value_sealed; value is then empty.
    value text not null default '',
    value_sealed bytea,
    default_value text not null default '',
    required boolean not null default false,
    sensitive boolean not null default false,
    primary key (template_version_id, name)
);

create table workspaces (
    id uuid primary key,
    owner_id uuid not null references users (id),
    organization_id uuid not null references organizations (id),
    template_id uuid not null references templates (id),
    name text not null check (length(name) between 1 and 64),
    autostart_schedule text,
    -- Nanoseconds; null when the workspace never stops by itself.
    ttl bigint,
    last_used_at timestamptz not null,
    dormant_at timestamptz,
    deleting_at timestamptz,
    automatic_updates automatic_updates not null default 'never',
    favorite boolean not null default false,
    next_start_at timestamptz,
    deleted boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index workspaces_name_key on workspaces (owner_id, lower(name)) where not deleted;
-- The order of every listing: newest use first. Keeps a page of 50 flat in the total.
create index workspaces_last_used_idx on workspaces (last_used_at desc, id) where not deleted;
create index workspaces_owner_last_used_idx on workspaces (owner_id, last_used_at desc, id) where not deleted;
create index workspaces_organization_last_used_idx on workspaces (organization_id, last_used_at desc, id) where not deleted;
create index workspaces_template_idx on workspaces (template_id) where not deleted;

create table workspace_builds (
    id uuid primary key,
    workspace_id uuid not null references workspaces (id) on delete cascade,
    template_version_id uuid not null references template_versions (id),
    build_number integer not null,
    transition workspace_transition not null,
    initiator_id uuid not null,
    -- Sealed with the server's key.
    provisioner_state bytea,
    job_id uuid not null unique references provisioner_jobs (id),
    deadline timestamptz,
    max_deadline timestamptz,
    reason build_reason not null default 'initiator',
    daily_cost integer not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (workspace_id, build_number),
    check (max_deadline is null or (deadline is not null and deadline <= max_deadline))
);
create index workspace_builds_version_idx on workspace_builds (template_version_id);
create index workspace_builds_created_idx on workspace_builds (created_at, id);

create table workspace_build_parameters (
    workspace_build_id uuid not null references workspace_builds (id) on delete cascade,
    name text not null,
    value text not null,
    primary key (workspace_build_id, name)
);

create table workspace_resources (
    id uuid primary key,
    job_id uuid not null references provisioner_jobs (id) on delete cascade,
    transition workspace_transition not null,
    type text not null,
    name text not null,
    hide boolean not null default false,
    icon text not null default '',
    instance_type text not null default '',
    module_path text not null default '',
    daily_cost integer not null default 0,
    created_at timestamptz not null
);
create index workspace_resources_job_idx on workspace_resources (job_id);

create table workspace_resource_metadata (
    id bigint generated always as identity primary key,
    workspace_resource_id uuid not null references workspace_resources (id) on delete cascade,
    key text not null,
    value text,
    sensitive boolean not null default false,
    unique (workspace_resource_id, key)
);

create table workspace_agents (
    id uuid primary key,
    parent_id uuid references workspace_agents (id) on delete cascade,
    resource_id uuid not null references workspace_resources (id) on delete cascade,
    name text not null,
    auth_token_hash bytea not null unique,
    auth_token_sealed bytea not null,
    auth_instance_id text,
    architecture text not null default '',
    operating_system text not null default '',
    environment_variables jsonb not null default '{}',
    directory text not null default '',
    expanded_directory text not null default '',
    version text not null default '',
    api_version text not null default '',
    connection_timeout_seconds integer not null default 120,
    troubleshooting_url text not null default '',
    motd_file text not null default '',
    display_apps text[] not null default '{}',
    subsystems text[] not null default '{}',
    api_key_scope text not null default 'all' check (api_key_scope in ('all', 'no_user_data')),
    display_order integer not null default 0,
    lifecycle_state agent_lifecycle_state not null default 'created',
    logs_length integer not null default 0 check (logs_length <= 1048576),
    logs_overflowed boolean not null default false,
    first_connected_at timestamptz,
    last_connected_at timestamptz,
    disconnected_at timestamptz,
    -- Why the last connection ended or never came, in words for people.
    disconnect_reason text not null default '',
    last_connected_replica_id uuid,
    started_at timestamptz,
    ready_at timestamptz,
    -- Public half of the agent's own SSH host key, made by the agent and reported when it starts.
    ssh_host_key text not null default '',
    deleted boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index workspace_agents_resource_idx on workspace_agents (resource_id);
create index workspace_agents_parent_idx on workspace_agents (parent_id) where parent_id is not null;

create table workspace_agent_scripts (
    id uuid primary key,
    workspace_agent_id uuid not null references workspace_agents (id) on delete cascade,
    log_source_id uuid not null,
    display_name text not null,
    icon text not null default '',
    log_path text not null default '',
    script text not null,
    cron text not null default '',
    run_on_start boolean not null default false,
    run_on_stop boolean not null default false,
    start_blocks_login boolean not null default false,
    timeout_seconds integer not null default 0,
    created_at timestamptz not null
);
create index workspace_agent_scripts_agent_idx on workspace_agent_scripts (workspace_agent_id);

create table workspace_agent_script_timings (
    script_id uuid not null references workspace_agent_scripts (id) on delete cascade,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    exit_code integer not null,
    stage text not null check (stage in ('start', 'stop', 'cron')),
    status text not null check (status in ('ok', 'exit_failure', 'timed_out', 'pipes_left_open'))
);
create index workspace_agent_script_timings_script_idx on workspace_agent_script_timings (script_id);

create table workspace_agent_log_sources (
    id uuid not null,
    workspace_agent_id uuid not null references workspace_agents (id) on delete cascade,
    display_name text not null,
    icon text not null default '',
    created_at timestamptz not null,
    primary key (workspace_agent_id, id)
);

create table workspace_agent_logs (
    id bigint generated always as identity primary key,
    agent_id uuid not null references workspace_agents (id) on delete cascade,
    created_at timestamptz not null,
    output text not null,
    level log_level not null default 'info',
    log_source_id uuid not null
);
create index workspace_agent_logs_agent_idx on workspace_agent_logs (agent_id, id);

create table workspace_agent_metadata (
    workspace_agent_id uuid not null references workspace_agents (id) on delete cascade,
    key text not null,
    display_name text not null,
    script text not null,
    value text not null default '',
    error text not null default '',
    interval_seconds integer not null default 0,
    timeout_seconds integer not null default 0,
    display_order integer not null default 0,
    collected_at timestamptz not null default 'epoch',
    primary key (workspace_agent_id, key)
);

create table workspace_agent_stats (
    id bigint generated always as identity primary key,
    agent_id uuid not null references workspace_agents (id) on delete cascade,
    created_at timestamptz not null,
    connection_count integer not null default 0,
    rx_bytes bigint not null default 0,
    tx_bytes bigint not null default 0,
    session_count_vscode integer not null default 0,
    session_count_jetbrains integer not null default 0,
    session_count_reconnecting_pty integer not null default 0,
    session_count_ssh integer not null default 0
);
create index workspace_agent_stats_agent_idx on workspace_agent_stats (agent_id, created_at desc);

create table workspace_apps (
    id uuid primary key,
    agent_id uuid not null references workspace_agents (id) on delete cascade,
    slug text not null,
    display_name text not null default '',
    icon text not null default '',
    command text not null default '',
    url text not null default '',
    external boolean not null default false,
    subdomain boolean not null default false,
    sharing_level app_sharing_level not null default 'owner',
    open_in app_open_in not null default 'slim-window',
    display_group text not null default '',
    display_order integer not null default 0,
    hidden boolean not null default false,
    tooltip text not null default '',
    healthcheck_url text not null default '',
    healthcheck_interval integer not null default 0,
    healthcheck_threshold integer not null default 0,
    health app_health not null default 'disabled',
    created_at timestamptz not null,
    unique (agent_id, slug)
);

create table workspace_app_statuses (
    id uuid primary key,
    workspace_id uuid not null references workspaces (id) on delete cascade,
    agent_id uuid not null references workspace_agents (id) on delete cascade,
    app_id uuid not null references workspace_apps (id) on delete cascade,
    state text not null check (state in ('working', 'idle', 'complete', 'failure')),
    message text not null default '',
    uri text not null default '',
    created_at timestamptz not null
);
create index workspace_app_statuses_workspace_idx on workspace_app_statuses (workspace_id, created_at desc);

-- The default organization (spec: authorization-and-data 11), its Everyone group, and the system user (12).
insert into organizations (id, name, display_name, description, is_default, created_at, updated_at)
values ('5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10', 'coder', 'Default', 'The organization that exists from the start.', true, now(), now());
insert into groups (id, organization_id, name, display_name, created_at, updated_at)
values ('5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10', '5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10', 'Everyone', 'Everyone', now(), now());
insert into users (id, email, username, name, status, login_type, is_system, created_at, updated_at)
values ('c42fdf75-3097-471c-8c33-fb52454d81c0', 'prebuilds@system', 'prebuilds', 'Prebuilds Owner', 'active', 'none', true, now(), now());
insert into organization_members (user_id, organization_id, created_at, updated_at)
values ('c42fdf75-3097-471c-8c33-fb52454d81c0', '5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10', now(), now());

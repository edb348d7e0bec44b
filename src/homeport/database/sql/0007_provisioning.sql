-- Templates and provisioning in full: a fair queue, logs that keep their beginning and their end.

-- The queue's order is priority, turn, created_at, id. A job's turn is given when it is posted and never changes: see
-- provisioning/README.md. `tags_key` makes jobs that the same daemons can take neighbours in the indexes below.
alter table provisioner_jobs add column turn bigint not null default 0;
alter table provisioner_jobs add column tags_key bigint not null generated always as (jsonb_hash_extended(tags, 0)) stored;

-- Daemons find what they can take kind by kind (engine and tags), and in each kind the first: of one organization, or of all.
drop index provisioner_jobs_pending_idx;
drop index provisioner_jobs_queue_idx;
create index provisioner_jobs_pending_idx on provisioner_jobs
    (organization_id, priority, provisioner, tags_key, turn, created_at, id)
    where started_at is null and completed_at is null;
create index provisioner_jobs_queue_idx on provisioner_jobs (priority, provisioner, tags_key, turn, created_at, id)
    where started_at is null and completed_at is null;
-- How far the queue has come, and how far each asker. Whoever holds a token was acquired; what was canceled before that never counts.
create index provisioner_jobs_turn_idx on provisioner_jobs (turn desc) where token_hash is not null;
create index provisioner_jobs_asker_idx on provisioner_jobs (initiator_id, turn desc)
    where token_hash is not null or completed_at is null;
-- What shall stop and has not.
create index provisioner_jobs_canceling_idx on provisioner_jobs (canceled_at)
    where canceled_at is not null and completed_at is null;

-- Daemons of the same name with different keys are different daemons: a key's end is the end of its own daemons' jobs.
drop index provisioner_daemons_name_key;
create unique index provisioner_daemons_name_key on provisioner_daemons
    (organization_id, name, lower(coalesce(tags ->> 'owner', '')), coalesce(key_id, '00000000-0000-0000-0000-000000000000'));

-- A log that is too long loses its middle: the line of this id says so, and how many lines are gone.
alter table provisioner_jobs add column logs_gap_id bigint;
alter table provisioner_jobs add column logs_left_out integer not null default 0;
-- The number of the last report that was taken from the daemon that has the job: what comes again under it counts once.
alter table provisioner_jobs add column last_report integer not null default 0;

-- What an import finds beside parameters and variables. Presets: named sets of values; `prebuilds` says how many ready workspaces
-- there shall be of one, and for how long.
create table template_version_presets (
    id uuid primary key,
    template_version_id uuid not null references template_versions (id) on delete cascade,
    name text not null,
    description text not null default '',
    icon text not null default '',
    is_default boolean not null default false,
    -- Null where the template asks for no ready workspaces.
    desired_instances integer,
    ttl_seconds integer not null default 0,
    timezone text not null default '',
    -- Of each: cron, instances.
    schedules jsonb not null default '[]',
    display_order integer not null default 0,
    unique (template_version_id, name)
);
create unique index template_version_presets_default_key on template_version_presets (template_version_id) where is_default;

-- Names that the version does not have as parameters are kept too: the template's author is warned, nobody is held up.
create table template_version_preset_parameters (
    preset_id uuid not null references template_version_presets (id) on delete cascade,
    name text not null,
    value text not null,
    primary key (preset_id, name)
);

-- Accounts elsewhere that owners of workspaces must, or may, have linked.
create table template_version_external_auth (
    template_version_id uuid not null references template_versions (id) on delete cascade,
    provider_id text not null,
    optional boolean not null default false,
    display_order integer not null default 0,
    primary key (template_version_id, provider_id)
);

-- How forms show a parameter: placeholder, disabled, label, mask_input, each where the template says so.
alter table template_version_parameters add column styling jsonb not null default '{}';

-- What the template's text says of tags for its daemons (null: nothing): expressions, held against variables and a build's values.
alter table template_versions add column tag_source jsonb;
alter table template_versions add column has_ai_task boolean not null default false;
alter table template_versions add column has_external_agent boolean not null default false;
-- Which secrets of its owner a workspace's template reads: session_token, oidc_access_token. Null: not known, so it may be all.
alter table template_versions add column owner_secrets text[];

alter table workspace_builds add column template_version_preset_id uuid references template_version_presets (id) on delete set null;
create index workspace_builds_preset_idx on workspace_builds (template_version_preset_id)
    where template_version_preset_id is not null;

-- Dev containers that an agent starts by itself.
create table workspace_agent_devcontainers (
    id uuid primary key,
    workspace_agent_id uuid not null references workspace_agents (id) on delete cascade,
    name text not null,
    workspace_folder text not null,
    config_path text not null default '',
    created_at timestamptz not null,
    unique (workspace_agent_id, name)
);

-- What the agent is to watch of its machine: memory {enabled, threshold}, volumes [{path, enabled, threshold}]; null: nothing.
alter table workspace_agents add column resources_monitoring jsonb;

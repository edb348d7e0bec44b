-- Organizations, people and their groups as an enterprise runs them: history of statuses, the connection log, SCIM.

-- What became of each account and when (triggers write it: spec authorization-and-data 18).
create table user_status_changes (
    id bigint generated always as identity primary key,
    user_id uuid not null references users (id) on delete cascade,
    new_status user_status not null,
    changed_at timestamptz not null
);
create index user_status_changes_time_idx on user_status_changes (changed_at);
create index user_status_changes_user_idx on user_status_changes (user_id, changed_at);
create table user_deleted (
    id bigint generated always as identity primary key,
    user_id uuid not null unique references users (id) on delete cascade,
    deleted_at timestamptz not null
);
create index user_deleted_time_idx on user_deleted (deleted_at);
-- Lists of users are in the order of their names; few are suspended, and few hold a role of the deployment.
create index users_status_idx on users (status, lower(username)) where not deleted;
create index users_roles_idx on users (lower(username)) where not deleted and rbac_roles <> '{}';
insert into user_status_changes (user_id, new_status, changed_at) select id, status, created_at from users;
insert into user_deleted (user_id, deleted_at) select id, updated_at from users where deleted;

-- Who entered which workspace, by which way, from where, and until when. Apart from audit: there are far more of them.
create table connection_logs (
    id uuid primary key,
    connect_time timestamptz not null,
    organization_id uuid not null references organizations (id) on delete cascade,
    workspace_owner_id uuid not null references users (id) on delete cascade,
    workspace_id uuid not null references workspaces (id) on delete cascade,
    workspace_name text not null,
    agent_name text not null,
    type text not null check (type in ('ssh', 'vscode', 'jetbrains', 'reconnecting_pty', 'workspace_app', 'port_forwarding')),
    ip text not null,
    -- Who came: the nil id where nobody had signed in (public applications).
    user_id uuid not null,
    user_agent text not null default '',
    -- Of web connections: the application's slug or the port, and the answer's status.
    slug_or_port text not null default '',
    status_code integer,
    -- Of connections that last: one id from end to end, and how it ended.
    connection_id uuid unique,
    disconnect_time timestamptz,
    disconnect_reason text not null default '',
    exit_code integer,
    -- The server process that carries it, and writes its end. What a dead one has left open is closed by another.
    replica_id uuid
);
create index connection_logs_time_idx on connection_logs (connect_time desc, id desc);
create index connection_logs_organization_idx on connection_logs (organization_id, connect_time desc, id desc);
create index connection_logs_owner_idx on connection_logs (workspace_owner_id, connect_time desc, id desc);
create index connection_logs_workspace_idx on connection_logs (workspace_id, connect_time desc, id desc);
create index connection_logs_user_idx on connection_logs (user_id, connect_time desc, id desc);
create index connection_logs_open_idx on connection_logs (connect_time desc, id desc) where connection_id is not null and disconnect_time is null;

-- A page of the audit log costs the same for each of its filters, however long the log is: every one has an index that ends
-- with the time. Names are compared without case and byte by byte, so that the index also knows what begins with a word.
drop index audit_logs_time_idx;
create index audit_logs_time_idx on audit_logs (time desc, id desc);
create index audit_logs_action_idx on audit_logs (action, time desc);
create index audit_logs_type_idx on audit_logs (resource_type, time desc);
create index audit_logs_target_idx on audit_logs ((lower(resource_target) collate "C"), time desc);
create index audit_logs_request_idx on audit_logs (request_id);
create index audit_logs_build_reason_idx on audit_logs ((additional_fields ->> 'build_reason'), time desc)
    where resource_type = 'workspace_build';
-- Searches of both logs find what deleted accounts did.
create index users_deleted_username_idx on users (lower(username)) where deleted;
create index users_deleted_email_idx on users (lower(email)) where deleted;

-- Which accounts and groups an identity provider keeps by SCIM, the provider's own ids of them (RFC 7643, 3.1), and what it says
-- of people that `users` has no place for. `user_name` is the provider's name of an account; `users.username` was made from it.
create table scim_users (
    user_id uuid primary key references users (id) on delete cascade,
    user_name text not null,
    external_id text not null default '',
    given_name text not null default '',
    family_name text not null default '',
    formatted_name text not null default '',
    email_type text not null default 'work',
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index scim_users_name_key on scim_users (lower(user_name));
create unique index scim_users_external_key on scim_users (external_id) where external_id <> '';
create table scim_groups (
    group_id uuid primary key references groups (id) on delete cascade,
    external_id text not null default '',
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index scim_groups_external_key on scim_groups (external_id) where external_id <> '';

-- A template's workspaces in the order of every listing, as those of an owner and of an organization are since the start.
create index workspaces_template_last_used_idx on workspaces (template_id, last_used_at desc, id) where not deleted;
drop index workspaces_template_idx;

-- Whether the daemon that took a job keeps workspaces apart from its machine: into one that is not only site owners may go,
-- whatever roles and access lists say. Of jobs of the past only the need is known.
alter table provisioner_jobs add column is_isolated boolean not null default false;
update provisioner_jobs set is_isolated = needs_isolation where started_at is not null;

-- The server's own daemons work for every organization, those of people for theirs. Both walk the queue in its order.
alter table provisioner_daemons add column is_shared boolean not null default false;
create index provisioner_jobs_queue_idx on provisioner_jobs (priority, created_at, id)
    where started_at is null and completed_at is null;

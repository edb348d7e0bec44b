-- Sign-in through identity providers: links with what the provider says, attempts counted across servers, passcodes by mail,
-- what claims mean for organizations, groups and roles, and the hosts of workspace proxies.

-- An account at a provider (spec: authorization-and-data 25). Tokens are sealed; the key id names the key that sealed them.
create table user_links (
    user_id uuid not null references users (id) on delete cascade,
    login_type login_type not null,
    -- The provider's own name of the person: '<issuer>||<sub>' (OIDC) or the decimal id (GitHub); '' in rows of old.
    linked_id text not null default '',
    access_token_sealed bytea,
    refresh_token_sealed bytea,
    token_key_id text not null default '',
    -- When the provider's token ends; null: never.
    oauth_expiry timestamptz,
    claims jsonb not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- A server is refreshing the tokens, and has until then; the others wait for what comes out.
    refreshing_until timestamptz,
    primary key (user_id, login_type)
);
create unique index user_links_linked_key on user_links (linked_id, login_type) where linked_id <> '';

alter table users add column github_com_user_id bigint;
alter table users add column hashed_one_time_passcode text;
alter table users add column one_time_passcode_expires_at timestamptz;
alter table users add constraint users_passcode_whole
    check ((hashed_one_time_passcode is null) = (one_time_passcode_expires_at is null));

-- Somebody has asked for a one-time passcode. The answer is the same for everybody; what comes of it is found out afterwards.
create table passcode_requests (
    id uuid primary key,
    email text not null,
    ip_address text not null,
    user_agent text not null,
    request_id uuid not null,
    created_at timestamptz not null
);
create index passcode_requests_created_idx on passcode_requests (created_at);

-- Mails that are to be sent, written in the transaction of what they tell of and deleted once a mail server has taken them.
create table mails (
    id uuid primary key,
    kind text not null,
    recipient text not null,
    -- Subject and texts: they may hold what opens an account.
    content_sealed bytea not null,
    created_at timestamptz not null,
    -- Of no use to anybody afterwards.
    expires_at timestamptz not null,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    -- A server is sending it, and has until then; the others leave it alone.
    sending_until timestamptz
);
create index mails_due_idx on mails (next_attempt_at);

-- Attempts to sign in of one window, counted by all servers together: of an address all, of an account those that failed or
-- are under way. `subject` is a digest.
create table login_attempts (
    kind text not null,
    subject text not null,
    window_start timestamptz not null,
    attempts integer not null,
    primary key (kind, subject, window_start)
);
create index login_attempts_time_idx on login_attempts (window_start);

-- What claims mean: kind 'organization' for the deployment (organization_id is null), 'group' and 'role' per organization.
create table idp_sync_settings (
    id uuid primary key,
    kind text not null check (kind in ('organization', 'group', 'role')),
    organization_id uuid references organizations (id) on delete cascade,
    settings jsonb not null,
    updated_at timestamptz not null,
    check ((kind = 'organization') = (organization_id is null))
);
create unique index idp_sync_settings_key on idp_sync_settings
    (kind, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'));

-- Workspace proxies, as far as browsers must be told of them: where they are and which hosts their applications have.
create table workspace_proxies (
    id uuid primary key,
    name text not null,
    display_name text not null default '',
    icon text not null default '',
    url text not null default '',
    wildcard_hostname text not null default '',
    token_hash bytea not null,
    version text not null default '',
    last_seen_at timestamptz,
    deleted boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index workspace_proxies_name_key on workspace_proxies (lower(name)) where not deleted;

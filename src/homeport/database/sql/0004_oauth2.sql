-- The OAuth 2.1 authorization server: clients, codes, grants, families of tokens, device codes (spec: identity 11).
-- Every random value is found by the SHA-256 of its first part (prefix) and proved by that of its second.

create type oauth2_client_kind as enum ('registered', 'dynamic', 'metadata_document');

create table oauth2_provider_apps (
    id uuid primary key,
    name varchar(64) not null,
    icon varchar(256) not null default '',
    callback_url text not null default '',
    redirect_uris text[] not null default '{}',
    client_type text not null default 'confidential' check (client_type in ('confidential', 'public')),
    dynamically_registered boolean not null default false,
    kind oauth2_client_kind not null default 'registered',
    -- The https URL that is the client_id of a client with a metadata document; nobody else has one.
    metadata_url text unique check ((metadata_url is not null) = (kind = 'metadata_document')),
    -- In whose name client_credentials works; null: this client has no identity of its own.
    service_user_id uuid references users (id) on delete set null,
    created_by uuid references users (id) on delete set null,
    client_secret_expires_at timestamptz,
    grant_types text[] not null default '{authorization_code,refresh_token}',
    response_types text[] not null default '{code}',
    token_endpoint_auth_method text not null default 'client_secret_post',
    application_type text not null default 'web' check (application_type in ('web', 'native')),
    -- The scopes that the client names for itself, and whether they are the most that it may be granted (empty: no limit).
    -- What a client says when it registers, or in its document, is no limit: libraries put the scope of the first challenge
    -- there and ask for more later. What an owner says is one, and what a client sets by an update (RFC 7592).
    scope text not null default '',
    is_scope_limit boolean not null default true,
    contacts text[] not null default '{}',
    client_uri text not null default '',
    logo_uri text not null default '',
    tos_uri text not null default '',
    policy_uri text not null default '',
    jwks_uri text not null default '',
    jwks jsonb,
    software_id text not null default '',
    software_version text not null default '',
    registration_access_token bytea,
    registration_ip text not null default '',
    -- What was last fetched for a client with a metadata document, and until when it may be used.
    metadata_fetched_at timestamptz,
    metadata_expires_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index oauth2_provider_apps_name_idx on oauth2_provider_apps (name, id);
create index oauth2_provider_apps_unregistered_idx on oauth2_provider_apps (created_at) where kind <> 'registered';

create table oauth2_provider_app_secrets (
    id uuid primary key,
    app_id uuid not null references oauth2_provider_apps (id) on delete cascade,
    secret_prefix bytea not null unique,
    hashed_secret bytea not null,
    display_secret text not null,
    last_used_at timestamptz,
    created_at timestamptz not null
);
create index oauth2_provider_app_secrets_app_idx on oauth2_provider_app_secrets (app_id);

-- What a person has allowed a client: remembered, listed, revoked. One per person, client and resource.
create table oauth2_provider_grants (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    app_id uuid not null references oauth2_provider_apps (id) on delete cascade,
    -- The canonical resource; empty: the deployment itself.
    resource_uri text not null default '',
    scopes text[] not null,
    -- Hosts of the redirect addresses that were shown when this was allowed.
    redirect_hosts text[] not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (user_id, app_id, resource_uri)
);
create index oauth2_provider_grants_app_idx on oauth2_provider_grants (app_id);

create table oauth2_provider_app_codes (
    id uuid primary key,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    secret_prefix bytea not null unique,
    hashed_secret bytea not null,
    user_id uuid not null references users (id) on delete cascade,
    app_id uuid not null references oauth2_provider_apps (id) on delete cascade,
    grant_id uuid not null references oauth2_provider_grants (id) on delete cascade,
    scopes text[] not null check (scopes <> '{}'),
    resource_uri text,
    code_challenge text,
    code_challenge_method text,
    state_hash text,
    redirect_uri text
);
create index oauth2_provider_app_codes_grant_idx on oauth2_provider_app_codes (grant_id);
create index oauth2_provider_app_codes_app_user_idx on oauth2_provider_app_codes (app_id, user_id);
create index oauth2_provider_app_codes_expires_idx on oauth2_provider_app_codes (expires_at);

-- All tokens that descend from one code (or one device's approval): what reuse ends as a whole.
create table oauth2_provider_token_families (
    id uuid primary key,
    grant_id uuid not null references oauth2_provider_grants (id) on delete cascade,
    app_id uuid not null references oauth2_provider_apps (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    -- The code that began it, so that a second use of the code is recognised after its row is gone.
    code_prefix bytea unique,
    code_hash bytea,
    code_challenge text,
    scopes text[] not null,
    audience text,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index oauth2_provider_token_families_grant_idx on oauth2_provider_token_families (grant_id);
create index oauth2_provider_token_families_app_idx on oauth2_provider_token_families (app_id);
create index oauth2_provider_token_families_user_idx on oauth2_provider_token_families (user_id);
create index oauth2_provider_token_families_expires_idx on oauth2_provider_token_families (expires_at);

-- One pair of refresh token and access token (an API key). Tokens of client_credentials have neither family nor refresh token.
create table oauth2_provider_app_tokens (
    id uuid primary key,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    hash_prefix bytea unique,
    refresh_hash bytea,
    app_id uuid not null references oauth2_provider_apps (id) on delete cascade,
    app_secret_id uuid references oauth2_provider_app_secrets (id) on delete cascade,
    api_key_id text not null unique references api_keys (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    family_id uuid references oauth2_provider_token_families (id) on delete cascade,
    scopes text[] not null,
    audience text
);
create index oauth2_provider_app_tokens_family_idx on oauth2_provider_app_tokens (family_id);
create index oauth2_provider_app_tokens_app_idx on oauth2_provider_app_tokens (app_id);
create index oauth2_provider_app_tokens_secret_idx on oauth2_provider_app_tokens (app_secret_id);
create index oauth2_provider_app_tokens_user_idx on oauth2_provider_app_tokens (user_id);
create index oauth2_provider_app_tokens_expires_idx on oauth2_provider_app_tokens (expires_at);

-- Refresh tokens that were rotated: a retry within the grace is answered, a later use ends the family.
create table oauth2_provider_spent_refresh_tokens (
    hash_prefix bytea primary key,
    refresh_hash bytea not null,
    family_id uuid not null references oauth2_provider_token_families (id) on delete cascade,
    -- When this token was first rotated, and how often a retry was answered since.
    rotated_at timestamptz not null,
    retries integer not null default 0
);
create index oauth2_provider_spent_refresh_tokens_family_idx on oauth2_provider_spent_refresh_tokens (family_id);
create index oauth2_provider_spent_refresh_tokens_rotated_idx on oauth2_provider_spent_refresh_tokens (rotated_at);

create table oauth2_provider_device_codes (
    id uuid primary key,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    secret_prefix bytea not null unique,
    hashed_secret bytea not null,
    user_code text not null unique,
    app_id uuid not null references oauth2_provider_apps (id) on delete cascade,
    scopes text[] not null,
    resource_uri text,
    interval_seconds integer not null,
    last_polled_at timestamptz,
    status text not null default 'pending' check (status in ('pending', 'approved', 'denied')),
    -- Who answered, and the grant that an approval made.
    user_id uuid references users (id) on delete cascade,
    grant_id uuid references oauth2_provider_grants (id) on delete cascade
);
create index oauth2_provider_device_codes_expires_idx on oauth2_provider_device_codes (expires_at);

-- How often a person has lately typed a device's code that nobody has: codes are short, so guessing is limited.
create table oauth2_provider_device_attempts (
    user_id uuid primary key references users (id) on delete cascade,
    begun_at timestamptz not null,
    failures integer not null
);

-- What may count once only: consent forms, ids of client assertions. Hashed; gone after its expiry.
create table oauth2_provider_single_uses (
    hash bytea primary key,
    expires_at timestamptz not null
);
create index oauth2_provider_single_uses_expires_idx on oauth2_provider_single_uses (expires_at);

-- The protected resource that a key is for (RFC 8707); null: keys of people, and tokens asked for without a resource.
alter table api_keys add column audience text;

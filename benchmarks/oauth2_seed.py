"""Clients with families of tokens, put into the database in numbers, so that benchmarks know the secrets of some of them."""

import asyncpg

PREFIX_LENGTH, SECRET_LENGTH = 10, 32
CLIENTS, PEOPLE = 100, 1_000

# The secrets follow from a number: `hp_rt_<10 digits>_<32 digits>`, keys are `<10 digits>-<22 digits>`.
SEED_PEOPLE = """
insert into users (id, email, username, status, created_at, updated_at)
select gen_random_uuid(), 'oauth' || n || '@example.com', 'oauth' || n, 'active', now(), now() from generate_series(1, $1::int) n
"""
SEED_CLIENTS = """
with apps as (
    insert into oauth2_provider_apps (
        id, name, redirect_uris, grant_types, scope, service_user_id, last_used_at, created_at, updated_at
    )
    select gen_random_uuid(), 'bench' || n, '{https://client.example/callback}',
           '{authorization_code,refresh_token,client_credentials}', 'coder:workspaces.read',
           (select id from users where username = 'oauth' || n), now(), now(), now()
    from generate_series(1, $1::int) n
    returning *
)
insert into oauth2_provider_app_secrets (id, app_id, secret_prefix, hashed_secret, display_secret, last_used_at, created_at)
select gen_random_uuid(), id, sha256(lpad(substr(name, 6), 10, '0')::bytea), sha256(lpad(substr(name, 6), 32, '0')::bytea), '', now(), now()
from apps
"""
SEED_TOKENS = """
with numbered as (
    select n, u.id as user_id, a.id as app_id, s.id as secret_id, gen_random_uuid() as grant_id, gen_random_uuid() as family_id
    from generate_series($1::int, $2::int) n
    join users u on u.username = 'oauth' || (n % $3::int + 1)
    join oauth2_provider_apps a on a.name = 'bench' || (n % $4::int + 1)
    join oauth2_provider_app_secrets s on s.app_id = a.id
), grants as (
    insert into oauth2_provider_grants (id, user_id, app_id, resource_uri, scopes, created_at, updated_at)
    select grant_id, user_id, app_id, 'https://resource.example/' || n, '{coder:workspaces.read}', now(), now() from numbered
), families as (
    insert into oauth2_provider_token_families (id, grant_id, app_id, user_id, scopes, created_at, expires_at)
    select family_id, grant_id, app_id, user_id, '{coder:workspaces.read}', now(), now() + interval '180 days' from numbered
), spent as (
    insert into oauth2_provider_spent_refresh_tokens (hash_prefix, refresh_hash, family_id, rotated_at)
    select sha256(('used' || n)::bytea), sha256(('used' || n)::bytea), family_id, now() - interval '1 hour' from numbered
), keys as (
    insert into api_keys (
        id, hashed_secret, user_id, login_type, token_name, scopes, lifetime_seconds, last_used, expires_at, created_at, updated_at
    )
    select lpad(n::text, 10, '0'), sha256(lpad(n::text, 22, '0')::bytea), user_id, 'oauth2_provider_app', '',
           '{coder:workspaces.read}', 3600, now(), now() + interval '30 days', now(), now()
    from numbered
)
insert into oauth2_provider_app_tokens (
    id, created_at, expires_at, hash_prefix, refresh_hash, app_id, app_secret_id, api_key_id, user_id, family_id, scopes
)
select gen_random_uuid(), now(), now() + interval '30 days', sha256(lpad(n::text, 10, '0')::bytea),
       sha256(lpad(n::text, 32, '0')::bytea), app_id, secret_id, lpad(n::text, 10, '0'), user_id, family_id,
       '{coder:workspaces.read}'
from numbered
"""
CLIENT_IDS = "select name, id from oauth2_provider_apps where name like 'bench%'"


class Seeds:
    """What is in the database, and how its secrets are spelled."""

    def __init__(self, client_ids: dict[str, str]) -> None:
        self._client_ids = client_ids

    def connection(self, number: int) -> dict[str, str]:
        """Return what a client needs to work with token `number`."""
        client = number % CLIENTS + 1
        return {
            "client_id": self._client_ids[f"bench{client}"],
            "client_secret": f"hp_cs_{client:0{PREFIX_LENGTH}}_{client:0{SECRET_LENGTH}}",
            "refresh_token": f"hp_rt_{number:0{PREFIX_LENGTH}}_{number:0{SECRET_LENGTH}}",
            "access_token": f"{number:010}-{number:022}",
        }


async def seed(url: str, first: int, last: int) -> Seeds:
    """Insert the tokens of these numbers; with the first ones their people and clients."""
    connection = await asyncpg.connect(url)
    try:
        if first == 1:
            await connection.execute(SEED_PEOPLE, PEOPLE)
            await connection.execute(SEED_CLIENTS, CLIENTS)
        # What is inserted fits together: checking a million foreign keys would only take long.
        await connection.execute("set session_replication_role = replica")
        for begin in range(first, last + 1, 50_000):
            await connection.execute(SEED_TOKENS, begin, min(begin + 49_999, last), PEOPLE, CLIENTS)
        await connection.execute("analyze")
        rows = await connection.fetch(CLIENT_IDS)
    finally:
        await connection.close()
    return Seeds({row["name"]: str(row["id"]) for row in rows})
